//! What the policy wants of each bucket.

use consign_aws::Cleaning;
use consign_core::policy::{Category, DELETED_PREFIX, Policy};
use consign_core::upload::PARTS_ABORT_DAYS;

/// After how many days the probe of a health check goes that could not remove it itself.
const PROBE_DAYS: i32 = 1;
/// How long the sweep, which purges deleted files, may be away before the store does it instead, in days.
const SWEEP_AWAY_DAYS: u64 = 30;
const DAY_S: u64 = 86_400;

/// One bucket.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) bucket: &'a str,
    /// Where uploads arrive; none of them begins like another.
    pub(super) prefixes: Vec<&'a str>,
    /// After how many days deleted files go, whatever happens.
    deleted_days: i32,
}

impl<'a> Plan<'a> {
    /// Every bucket of the policy.
    pub(super) fn of(policy: &'a Policy) -> Vec<Self> {
        let plan = |bucket: &'a str| {
            let here = || policy.categories().filter(move |c| c.bucket == bucket);
            let kept_s = here().map(|category| category.deleted_retention_s).max();
            let days = kept_s
                .unwrap_or(0)
                .div_ceil(DAY_S)
                .saturating_add(SWEEP_AWAY_DAYS);
            Self {
                bucket,
                prefixes: shortest(here().map(|category| prefix(category)).collect()),
                deleted_days: i32::try_from(days).unwrap_or(i32::MAX),
            }
        };
        policy.buckets().into_iter().map(plan).collect()
    }

    /// What the store shall remove by itself, each with what it is for a person.
    pub(super) fn cleanings(&self) -> [(&'static str, Cleaning<'static>); 3] {
        [
            (
                "abandoned parts",
                Cleaning::Parts {
                    days: i32::try_from(PARTS_ABORT_DAYS).unwrap_or(i32::MAX),
                },
            ),
            (
                "deleted files",
                Cleaning::Objects {
                    name: "deleted",
                    prefix: DELETED_PREFIX,
                    days: self.deleted_days,
                },
            ),
            (
                "health probes",
                Cleaning::Objects {
                    name: "probes",
                    prefix: router::health::PROBE_PREFIX,
                    days: PROBE_DAYS,
                },
            ),
        ]
    }
}

fn prefix(category: &Category) -> &str {
    category.key.literal_prefix()
}

/// Without those that begin like another: S3 takes no two rules for one object.
fn shortest(mut prefixes: Vec<&str>) -> Vec<&str> {
    prefixes.sort_unstable();
    let mut kept: Vec<&str> = Vec::new();
    for prefix in prefixes {
        if !kept.last().is_some_and(|last| prefix.starts_with(last)) {
            kept.push(prefix);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_prefix_begins_like_another() {
        assert_eq!(shortest(vec!["in/", "in/a/", "b/", "in/"]), ["b/", "in/"]);
        assert_eq!(shortest(vec!["x/", ""]), [""]);
        assert!(shortest(Vec::new()).is_empty());
    }
}
