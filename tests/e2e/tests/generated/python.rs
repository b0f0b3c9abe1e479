//! The OpenAPI document is valid, and the client that is generated from it uploads a file.

use std::path::Path;
use std::process::Command;

use e2e::{OwnHost, POLICY};

/// Its own program names the folder that it was installed in, so Python is told what that does.
const GENERATE: &str = "import sys; from openapi_python_client.cli import app; sys.exit(app())";

/// Python with what `tests/python/requirements.txt` lists. Tools that it starts are beside it.
fn python() -> Command {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test command hands over the interpreter it prepared"
    )]
    let (python, path) = (
        std::env::var("CONSIGN_PYTHON")
            .expect("CONSIGN_PYTHON must name a Python: `cargo xtask test` sets it"),
        std::env::var("PATH").unwrap_or_default(),
    );
    let folder = Path::new(&python).parent().expect("it is in a folder");
    let mut command = Command::new(&python);
    command.env("PATH", format!("{}:{path}", folder.display()));
    command
}

fn run(command: &mut Command) {
    let output = command.output().expect("Python starts");
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test]
async fn the_client_that_is_generated_uploads_a_file() {
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
