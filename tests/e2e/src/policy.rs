//! The policies that the suite runs with; known up front, so that a host can be set up before it.

/// A policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The suite's own.
    Suite,
    /// The one of `examples/reconciliation`.
    Reconciliation,
}

/// The policy that the suite expects.
pub const POLICY: Policy = Policy::Suite;
/// The policy of `examples/reconciliation`.
pub const RECONCILIATION: Policy = Policy::Reconciliation;

/// The only bucket of the suite's own policy.
pub(crate) const SUITE_BUCKET: &str = "e2e-files";

impl Policy {
    /// As it is written, over a store that a host may put another in place of.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Suite => include_str!("../policy.toml"),
            Self::Reconciliation => {
                include_str!("../../../examples/reconciliation/consign.toml")
            }
        }
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Suite => "suite",
            Self::Reconciliation => "reconciliation",
        }
    }

    /// As a table, to be changed.
    pub(crate) fn table(self) -> toml::Table {
        self.text().parse().expect("the policy is TOML")
    }
}

/// Gives every bucket of a policy another name.
pub(crate) fn rename_buckets(policy: &mut toml::Table, rename: impl Fn(&str) -> String) {
    let categories = policy
        .get_mut("category")
        .and_then(toml::Value::as_table_mut);
    for (_, category) in categories.expect("it has categories") {
        for name in ["bucket", "output_bucket"] {
            let bucket = category
                .get(name)
                .and_then(toml::Value::as_str)
                .map(&rename);
            if let (Some(bucket), Some(category)) = (bucket, category.as_table_mut()) {
                category.insert(name.to_owned(), bucket.into());
            }
        }
    }
}
