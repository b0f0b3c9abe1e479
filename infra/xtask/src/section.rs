//! The sections of `cargo xtask test`.

use clap::ValueEnum;

/// A section of the checks, in the order in which they run: the quick ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Section {
    /// Formatting
    Fmt,
    /// Lints
    Clippy,
    /// Licences, sources and advisories of the dependencies
    Deny,
    /// Dependencies that no source names
    Shear,
    /// The wasm32 build of what Workers mount
    Wasm,
    /// The template of the deployment to AWS
    Templates,
    /// Tests
    Tests,
    /// Tables beside other readers and writers
    Differential,
    /// Attacks on a process of their own
    Hostile,
    /// The black-box suite over MinIO
    E2eMinio,
    /// The black-box suite over Lambda functions
    E2eLambda,
    /// The Worker in workerd
    Workerd,
    /// The page in a browser
    Browser,
    /// Coverage of the rules
    Coverage,
    /// Fuzz targets
    Fuzz,
}

impl Section {
    /// The name on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    /// The heading.
    pub(crate) fn title(self) -> String {
        self.to_possible_value()
            .and_then(|value| value.get_help().map(ToString::to_string))
            .unwrap_or_default()
    }
}
