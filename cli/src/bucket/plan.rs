//! The setup that the policy requires of each bucket.

use consign_aws::Cleaning;
use consign_core::operations::{HEALTH_OBJECT_DAYS, PARTS_ABORT_DAYS, deleted_days};
use consign_core::policy::{Category, DELETED_PREFIX, HEALTH_PREFIX, Policy};

/// One bucket.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) bucket: &'a str,
    /// The prefixes of uploads. None is a prefix of another.
    pub(super) prefixes: Vec<&'a str>,
    /// The days after which deleted files are removed in any case.
    deleted_days: i32,
}

impl<'a> Plan<'a> {
    /// Returns the plan of every bucket in the policy.
    pub(super) fn of(policy: &'a Policy) -> Vec<Self> {
        let plan = |bucket: &'a str| {
            let here = || policy.categories().filter(move |c| c.bucket == bucket);
            let kept_s = here().map(|category| category.deleted_retention_s).max();
            Self {
                bucket,
                prefixes: shortest(here().map(|category| prefix(category)).collect()),
                deleted_days: days(deleted_days(kept_s.unwrap_or(0))),
            }
        };
        policy.buckets().into_iter().map(plan).collect()
    }

    /// Returns the lifecycle rules, each with a name for the table.
    pub(super) fn cleanings(&self) -> [(&'static str, Cleaning<'static>); 3] {
        [
            (
                "abandoned parts",
                Cleaning::Parts {
                    days: days(PARTS_ABORT_DAYS),
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
                    prefix: HEALTH_PREFIX,
                    days: days(HEALTH_OBJECT_DAYS),
                },
            ),
        ]
    }
}

fn days(days: u64) -> i32 {
    i32::try_from(days).unwrap_or(i32::MAX)
}

fn prefix(category: &Category) -> &str {
    category.key.literal_prefix()
}

/// Removes prefixes that are covered by another: S3 refuses two rules for one object.
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

    #[test]
    fn a_bucket_removes_by_itself_only_what_the_sweep_has_given_up() {
        const POLICY: &str = "[auth]\nissuer = \"i\"\naudience = \"a\"\n[[auth.keys]]\nalg = \"HS256\"\nsecret_env = \"S\"\n\
            [store]\nprovider = \"s3\"\n";
        for (line, kept_days) in [
            ("", 30),
            ("deleted_retention = 0", 0),
            ("deleted_retention = \"100 d\"", 100),
        ] {
            let category = format!(
                "{POLICY}[category.a]\nbucket = \"files\"\nkey = \"in/{{owner}}/{{file_id}}\"\ningest = \"verify\"\nextensions = [\"csv\"]\nsize_max = 1\n{line}\n"
            );
            let secret = |_: &str| Some("s".repeat(32));
            let config = consign_core::config::Config::parse(&category, &secret).unwrap();
            let plans = Plan::of(&config.policy);
            let days: Vec<i32> = plans[0]
                .cleanings()
                .iter()
                .map(|(_, cleaning)| match cleaning {
                    Cleaning::Parts { days } | Cleaning::Objects { days, .. } => *days,
                })
                .collect();
            let wanted = [
                PARTS_ABORT_DAYS,
                deleted_days(kept_days * 86_400),
                HEALTH_OBJECT_DAYS,
            ]
            .map(super::days);
            assert_eq!(days, wanted);
            assert!(u64::try_from(days[1]).unwrap() > kept_days);
        }
    }
}
