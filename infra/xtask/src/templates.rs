//! `template.yaml`, checked by AWS's own programs. They are offline, and know the resources' schemas.

use crate::cache::{self, Item};
use crate::host::Workspace;
use crate::process;
use crate::tools;
use anyhow::Result;
use std::path::PathBuf;

/// Runs `cfn-lint` and `sam validate --lint`; a warning fails as an error does.
///
/// # Errors
/// When a program cannot be had, or finds something.
pub(crate) fn check(host: &Workspace) -> Result<()> {
    let python = python(host)?;
    process::run(host.command(&python).args([
        "-c",
        "import sys; from cfnlint.runner import main; sys.exit(main())",
        "--include-checks",
        "I",
        "--non-zero-exit-code",
        "informational",
        "--",
        "template.yaml",
    ]))?;
    println!("cfn-lint has nothing to say");
    let settings = host.cache.join("aws-sam");
    cache::create(&settings)?;
    process::run(
        host.command(&python)
            .args(["-m", "samcli", "validate", "--lint"])
            .args(["--template-file", "template.yaml"])
            .env("SAM_CLI_TELEMETRY", "0")
            .env("__SAM_CLI_APP_DIR", &settings)
            // It wants a region to speak of, and nobody's account.
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", settings.join("no-config"))
            .env(
                "AWS_SHARED_CREDENTIALS_FILE",
                settings.join("no-credentials"),
            )
            .env_remove("AWS_PROFILE"),
    )
}

/// An interpreter that has both: not the tests', since they pin libraries that the tests have too.
fn python(host: &Workspace) -> Result<PathBuf> {
    let item = Item {
        name: "aws-sam-cli",
        version: "",
        purpose: "checks the template of the deployment to AWS",
        usual_s: 100,
    };
    tools::python_environment(host, item, "infra/aws/requirements.txt")
}
