//! TypeScript: `openapi-typescript` makes types of the document. A client with these types uploads a file, and the page in
//! `web` is checked against them.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use e2e::{OwnHost, POLICY};
use tempfile::TempDir;

use crate::{complaints, given, run};

/// A folder with sources, the packages of npm, and the types of a document.
struct Project(TempDir);

impl Project {
    /// The files of `tests/typescript`.
    fn client(document: &str) -> Self {
        Self::of("../typescript", "api.d.ts", document)
    }

    /// The files of `web`.
    fn page(document: &str) -> Self {
        Self::of("../../web", "types/api.d.ts", document)
    }

    fn of(sources: &str, types: &str, document: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join(sources);
        for entry in std::fs::read_dir(sources).expect("the sources are there") {
            let source = entry.expect("it is read").path();
            if let Some(name) = source.file_name().filter(|_| source.is_file()) {
                std::fs::copy(&source, folder.path().join(name)).expect("it is copied");
            }
        }
        // TypeScript and Node look for packages beside the sources.
        let packages = Path::new(&given("CONSIGN_TYPESCRIPT")).join("node_modules");
        symlink(packages, folder.path().join("node_modules")).expect("it is linked");
        std::fs::write(folder.path().join("openapi.json"), document).expect("it is written");
        let project = Self(folder);
        run(project
            .node("node_modules/openapi-typescript/bin/cli.js")
            .args(["openapi.json", "--output", types]));
        project
    }

    fn node(&self, program: &str) -> Command {
        let mut command = Command::new(given("CONSIGN_NODE"));
        command.current_dir(self.0.path()).arg(program);
        command
    }

    /// The compiler as `tsconfig.json` sets it: it checks the types, and writes JavaScript where it is told to.
    fn compiler(&self) -> Command {
        let mut compiler = self.node("node_modules/typescript/bin/tsc");
        compiler.args(["--project", "."]);
        compiler
    }
}

/// The document with other names for `fields`.
fn without(fields: &[&str]) -> String {
    fields
        .iter()
        .fold(health::OPENAPI.to_owned(), |document, field| {
            let quoted = format!("\"{field}\"");
            assert!(document.contains(&quoted), "the document has {field}");
            document.replace(&quoted, &format!("\"{field}_renamed\""))
        })
}

/// The compiler names every field that the document does not have.
fn assert_missed(project: &Project, fields: &[&str]) {
    let complaints = complaints(&mut project.compiler()).unwrap_or_default();
    for field in fields {
        let named = format!("'{field}'");
        assert!(
            complaints.lines().any(|line| line.contains(&named)),
            "{field} is missed in:\n{complaints}"
        );
    }
}

#[tokio::test]
async fn the_client_in_typescript_uploads_a_file() {
    let host = OwnHost::embedded(POLICY).await;
    let project = Project::client(health::OPENAPI);
    run(&mut project.compiler());
    run(project
        .node("out/upload.js")
        .args([&host.base_url, &host.token("ann", None)]));
}

#[test]
fn a_client_with_a_field_that_the_document_does_not_have_is_refused() {
    let fields = ["file_size_bytes", "upload_url", "row_count", "errors"];
    assert_missed(&Project::client(&without(&fields)), &fields);
}

#[test]
fn the_page_keeps_to_the_document() {
    run(&mut Project::page(health::OPENAPI).compiler());
}

#[test]
fn a_page_with_a_field_that_the_document_does_not_have_is_refused() {
    let asked = ["file_size_bytes", "variant", "limit"];
    let told = [
        "upload_url",
        "form_fields",
        "part_size_bytes",
        "expires_at",
        "row_count",
        "uploaded_at",
        "request_id",
    ];
    let fields = [&asked[..], &told].concat();
    assert_missed(&Project::page(&without(&fields)), &fields);
}
