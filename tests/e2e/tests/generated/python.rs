//! Python: the document is valid, and the client that `openapi-python-client` makes of it uploads a file.

use std::path::Path;
use std::process::Command;

use e2e::{OwnHost, POLICY};

use crate::{given, run};

/// Its own program names the folder that it was installed in, so Python is told what that does.
const GENERATE: &str = "import sys; from openapi_python_client.cli import app; sys.exit(app())";

/// Python with what `tests/python/requirements.txt` lists. Tools that it starts are beside it.
fn python() -> Command {
    let python = given("CONSIGN_PYTHON");
    let path = given("PATH");
    let folder = Path::new(&python).parent().expect("it is in a folder");
    let mut command = Command::new(&python);
    command.env("PATH", format!("{}:{path}", folder.display()));
    command
}

#[tokio::test]
async fn the_client_in_python_uploads_a_file() {
    let host = OwnHost::embedded(POLICY).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let document = folder.path().join("openapi.json");
    std::fs::write(&document, health::OPENAPI).expect("it is written");
    run(python()
        .args(["-m", "openapi_spec_validator"])
        .arg(&document));
    run(python()
        .args(["-c", GENERATE, "generate", "--fail-on-warning", "--path"])
        .arg(&document)
        .args(["--meta", "none", "--output-path"])
        .arg(folder.path().join("consign_client")));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../python/upload.py");
    run(python().env("PYTHONPATH", folder.path()).args([
        script,
        &host.base_url,
        &host.token("ann", None),
    ]));
}
