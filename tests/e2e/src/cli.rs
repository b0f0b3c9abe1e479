//! The command line, as a person at a machine of their own uses it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::Host;

/// A folder to work in, where unfinished uploads are remembered too, and whose token.
#[derive(Debug)]
pub struct Cli {
    folder: tempfile::TempDir,
    url: String,
    token: String,
}

impl Cli {
    /// For a user of the host.
    #[must_use]
    pub fn new(host: &Host, owner: &str) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            url: host.base_url.clone(),
            token: host.token(owner, None),
        }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A command, ready to be started.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(args)
            .current_dir(self.folder())
            .env("CONSIGN_URL", &self.url)
            .env("CONSIGN_TOKEN", &self.token)
            .env("XDG_CACHE_HOME", self.folder().join("cache"));
        command
    }

    /// Runs a command to its end.
    #[must_use]
    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the program starts")
    }

    /// Runs a command that has to succeed; what it printed.
    pub fn succeed(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "consign {}: {complaints}",
            args.join(" ")
        );
        String::from_utf8(output.stdout).expect("it prints text")
    }
}

/// The path of the program `consign`, built as these tests are.
#[must_use]
pub fn program() -> PathBuf {
    // Cargo builds a package's programs before its tests run, two folders above them: `<target>/<profile>/deps/<test>`.
    let test = std::env::current_exe().expect("this test has a path");
    let folder = test
        .ancestors()
        .nth(2)
        .expect("cargo puts it two folders deep");
    folder.join("consign-under-test")
}
