//! The configuration of the simulated system: its policies, its keys, its signer. Read once for all runs.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use consign_core::auth::Authenticator;
use consign_core::policy::Policy;
use consign_core::sigv4::Signer;
use consign_core::time::Timestamp;
use contract::configured::{self, config};
use http::Request;

pub(crate) use contract::configured::{BUCKET, OTHER_BUCKET, secret_of};

/// How long before the true time a token begins to be valid, and how long after it ends, in seconds. More than the
/// clocks of functions differ.
const TOKEN_MARGIN_S: i64 = 1_200;

/// What may be uploaded. No category that accepts another version removes its original: a store cannot remove an
/// object under the condition that it did not change.
const CATEGORIES: &str = r#"
[tier.default]
file_size_max = "20 MB"
quota = "80 MB"
[category.table]
bucket = "files"
key = "in/{owner}/{file_id}.{ext}"
output = "out/{owner}/{file_id}/v{version}.{ext}"
ingest = "tabular"
extensions = ["csv"]
size_max = "10 MB"
deleted_retention = "1 h"
strategies = ["put"]
[category.once]
bucket = "files"
key = "once/{owner}/{file_id}.{ext}"
output = "out/{owner}/{file_id}/v{version}.{ext}"
ingest = "tabular"
keep_original = false
extensions = ["csv"]
size_max = "10 MB"
strategies = ["put"]
overwrite = "refuse"
[category.brief]
bucket = "files"
key = "brief/{owner}/{file_id}.{ext}"
output = "out/{owner}/{file_id}/v{version}.{ext}"
ingest = "tabular"
extensions = ["csv"]
size_max = "10 MB"
retention = "2 d"
deleted_retention = 0
strategies = ["put"]
[category.awaited]
bucket = "files"
key = "awaited/{owner}/{file_id}.{ext}"
ingest = "verify"
extensions = ["csv"]
size_max = "10 MB"
unconfirmed = "1 d"
deleted_retention = "1 h"
strategies = ["put"]
[category.form]
bucket = "files"
key = "form/{owner}/{file_id}.{ext}"
output = "out/{owner}/{file_id}/v{version}.{ext}"
ingest = "tabular"
extensions = ["csv"]
size_max = "10 MB"
deleted_retention = "2 d"
strategies = ["post"]
[category.versions]
bucket = "files"
key = "versions/{owner}/{file_id}.{ext}"
output = "out/{owner}/{file_id}/v{version}.{ext}"
ingest = "tabular"
overwrite = "version"
extensions = ["csv"]
size_max = "10 MB"
deleted_retention = "1 h"
strategies = ["post"]
[category.parts]
bucket = "files"
key = "parts/{owner}/{file_id}.{ext}"
ingest = "verify"
extensions = ["txt"]
size_max = "20 MB"
deleted_retention = "1 h"
activity_window = "2 h"
strategies = ["multipart"]
part_size = "5 MiB"
"#;

/// The names of the categories, with their file extension.
pub(crate) const NAMES: [(&str, &str); 7] = [
    ("table", "csv"),
    ("once", "csv"),
    ("brief", "csv"),
    ("awaited", "csv"),
    ("form", "csv"),
    ("versions", "csv"),
    ("parts", "txt"),
];

/// The configuration.
#[derive(Debug)]
pub(crate) struct Rules {
    /// The policies: the usual one, one with smaller limits and other templates, one without some categories.
    pub(crate) policies: [Arc<Policy>; 3],
    pub(crate) authenticator: Authenticator,
    pub(crate) signer: Signer,
}

static RULES: LazyLock<Rules> = LazyLock::new(|| match read() {
    Ok(rules) => rules,
    #[expect(clippy::panic, reason = "the configuration is a constant of this file")]
    Err(error) => panic!("{error}"),
});

/// Returns the configuration.
pub(crate) fn rules() -> &'static Rules {
    &RULES
}

fn read() -> Result<Rules, String> {
    let usual = config(CATEGORIES)?;
    let smaller = CATEGORIES
        .replace("size_max = \"10 MB\"", "size_max = \"64 B\"")
        .replace("\"out/{owner}", "\"made/{owner}")
        .replace("\"in/{owner}", "\"new/{owner}");
    let fewer: Vec<&str> = CATEGORIES
        .split("[category.")
        .filter(|text| !text.starts_with("once") && !text.starts_with("form"))
        .collect();
    let authenticator = Authenticator::new(&usual.auth).map_err(|error| error.to_string())?;
    Ok(Rules {
        policies: [
            Arc::new(usual.policy),
            Arc::new(config(&smaller)?.policy),
            Arc::new(config(&fewer.join("[category."))?.policy),
        ],
        authenticator,
        signer: configured::signer()?,
    })
}

/// Returns a request of an owner.
pub(crate) fn request(
    owner: &str,
    body: Bytes,
    headers: &[(&str, &str)],
    now: Timestamp,
) -> Option<Request<Bytes>> {
    let issued_at = crate::scheduler::shifted(now, -TOKEN_MARGIN_S);
    let life_s = u32::try_from(2 * TOKEN_MARGIN_S).unwrap_or(u32::MAX);
    configured::request(owner, body, headers, (issued_at, life_s))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_is_valid_and_differs_as_described() {
        let [usual, smaller, fewer] = &rules().policies;
        for (name, _) in NAMES {
            assert!(usual.category(name).is_some() && smaller.category(name).is_some());
        }
        assert_eq!(
            smaller.category("table").map(|c| c.size_bytes_max),
            Some(64)
        );
        assert!(fewer.category("once").is_none() && fewer.category("table").is_some());
    }
}
