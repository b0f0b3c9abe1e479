//! Requests made from `/openapi.json` by schemathesis, as it says and otherwise: none ends in a fault, and every answer is
//! one that the document has.

use std::process::Command;

use e2e::{OwnHost, POLICY};

/// What every answer is held to.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,unsupported_method,allow_header_conformance";
/// Its own program names the folder that it was installed in, so Python is told what that does.
const MAIN: &str =
    "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())";

#[tokio::test]
async fn every_answer_is_one_that_the_document_has() {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test command hands over the interpreter it prepared"
    )]
    let python = std::env::var("CONSIGN_PYTHON").expect(
        "CONSIGN_PYTHON must name a Python that has schemathesis: `cargo xtask test` sets it",
    );
    let host = OwnHost::embedded(POLICY).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = Command::new(python)
        .args(["-c", MAIN, "run"])
        .arg(format!("{}/openapi.json", host.base_url))
        .args([
            "--header",
            &format!("authorization: Bearer {}", host.token("ann", None)),
        ])
        .args(["--checks", CHECKS, "--max-examples", "20", "--seed", "1"])
        .args([
            "--continue-on-failure",
            "--no-color",
            "--generation-database",
            "none",
        ])
        .current_dir(folder.path())
        .output()
        .expect("CONSIGN_PYTHON starts");
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("Tested: 8"), "every operation is tried");
}
