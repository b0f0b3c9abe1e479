//! Tests of the policy through its public functions.

mod query;
mod request;
mod template;
mod values;

use super::*;
use crate::config::Config;
use crate::ids::OwnerId;

const POLICY: &str = r#"
[auth]
issuer = "me"
audience = "consign"
[[auth.keys]]
alg = "HS256"
secret_env = "TOKEN_SECRET"
[store]
provider = "s3"
[tier.default]
file_size_max = "200 MB"
[tier.small]
file_size_max = "1 MB"
[category.table]
bucket = "files"
key = "in/{owner}/{file_id}.{ext}"
output = "out/{owner}/{file_id}/v{version}.{ext}"
ingest = "tabular"
extensions = ["csv", "gz", "csv.gz", "xlsx"]
size_max = "300 MB"
part_size = "5 MiB"
hints = { decimal = "," }
[category.note]
bucket = "files"
key = "notes/{owner}/{team}/{file_id}.{ext}"
ingest = "verify"
extensions = ["txt", "csv"]
size_max = "1 MB"
size_min = 0
default = true
strategies = ["put"]
accept_octet_stream = true
require_checksum = true
require_collection = true
labels.team.one_of = ["core", "web"]
labels.ticket.pattern = "version"
labels.topic.pattern = "name"
labels.word.len_max = 5
[category.scan]
bucket = "files"
key = "scans/{owner}/{file_id}.{ext}"
ingest = "verify"
extensions = ["pdf"]
size_max = "5 TB"
[category.form]
bucket = "files"
key = "forms/{owner}/{file_id}.{ext}"
ingest = "verify"
extensions = ["pdf"]
size_max = "10 MB"
strategies = ["post"]
"#;

fn policy() -> Policy {
    Config::parse(POLICY, &|_| {
        Some("a secret of thirty-two bytes or more".to_owned())
    })
    .unwrap()
    .policy
}

fn alice(tier: Option<&str>) -> Identity {
    Identity {
        owner: OwnerId::parse("alice").unwrap(),
        tier: tier.map(str::to_owned),
        scopes: Vec::new(),
    }
}
