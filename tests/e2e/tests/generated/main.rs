//! Clients that are generated from the OpenAPI document upload a file, and the page keeps to the document.

mod python;
mod typescript;

use std::process::Command;

/// A variable that the test command sets.
fn given(name: &str) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test command hands over the interpreters that it prepared"
    )]
    let value = std::env::var(name).unwrap_or_default();
    assert!(
        !value.is_empty(),
        "{name} must be set: `cargo xtask test` sets it"
    );
    value
}

/// Runs `command`, which must succeed.
fn run(command: &mut Command) {
    let complaints = complaints(command);
    assert!(
        complaints.is_none(),
        "{command:?} failed:\n{}",
        complaints.unwrap_or_default()
    );
}

/// Runs `command`; what it wrote where it fails.
fn complaints(command: &mut Command) -> Option<String> {
    let output = command.output().expect("it starts");
    (!output.status.success()).then(|| {
        format!(
            "{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    })
}
