//! Sign-upload requests against a policy.

use std::borrow::Cow;

use proptest::prelude::*;
use proptest::strategy::Strategy as _;
use serde_json::{Value, json};

use super::{POLICY, alice, policy};
use crate::auth::Identity;
use crate::config::Config;
use crate::policy::{
    Accepted, Capabilities, Sha256Digest, SignUploadRequest, StoreProvider, Strategy,
};
use crate::problem::{FieldError, Problem};

fn check_as(identity: &Identity, store: Capabilities, body: &Value) -> Result<Accepted, Problem> {
    let request = SignUploadRequest::parse(body.to_string().as_bytes())?;
    policy().check(request, identity, store)
}

pub(super) fn check(body: &Value) -> Result<Accepted, Problem> {
    check_as(&alice(None), StoreProvider::S3.capabilities(), body)
}

/// Codes are static strings.
pub(super) fn code(error: &FieldError) -> &'static str {
    match error.code {
        Cow::Borrowed(code) => code,
        Cow::Owned(_) => unreachable!("{error:?}"),
    }
}

/// Returns the invalid fields with their codes, ordered by name.
fn wrong(body: &Value) -> Vec<(String, &'static str)> {
    let problem = check(body).unwrap_err();
    let mut fields: Vec<_> = problem
        .errors
        .into_iter()
        .map(|error| (error.field.clone(), code(&error)))
        .collect();
    fields.sort();
    fields
}

pub(super) fn one_wrong(body: &Value) -> String {
    let problem = check(body).unwrap_err();
    assert_eq!(problem.errors.len(), 1, "{:?}", problem.errors);
    format!("{} {}", problem.errors[0].field, problem.errors[0].detail)
}

pub(super) fn table() -> Value {
    json!({"filename": "a.xlsx", "category": "table", "file_size_bytes": 1000,
        "content_type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"})
}

fn scan(size_bytes: u64) -> Value {
    json!({"filename": "a.pdf", "category": "scan", "content_type": "application/pdf", "file_size_bytes": size_bytes})
}

pub(super) fn note() -> Value {
    json!({"filename": "Report.TXT", "content_type": "text/plain", "file_size_bytes": 5, "collection_id": "c-1",
        "checksum_sha256": "ab".repeat(32), "labels": {"team": "core"}})
}

pub(super) fn changed(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

#[test]
fn a_valid_request_is_accepted_with_all_fields() {
    let body = changed(note(), "metadata", json!({"a": [1, {"b": null}]}));
    let accepted = check(&body).unwrap();
    assert_eq!(accepted.category.name, "note");
    assert_eq!(
        (accepted.filename.as_str(), accepted.ext.as_str()),
        ("Report.TXT", "txt")
    );
    assert_eq!(
        (accepted.content_type.as_str(), accepted.size_bytes),
        ("text/plain", Some(5))
    );
    assert_eq!(
        (accepted.size_bytes_min, accepted.size_bytes_max),
        (0, 1_000_000)
    );
    assert_eq!(
        (accepted.strategy, accepted.part_size_bytes),
        (Strategy::Put, None)
    );
    assert_eq!(accepted.checksum_sha256, Some(Sha256Digest([0xab; 32])));
    assert_eq!(accepted.collection_id.as_deref(), Some("c-1"));
    assert_eq!(accepted.labels["team"], "core");
    assert_eq!(accepted.metadata["a"][0], 1);
    assert_eq!(accepted.upload_url_s, 900);
}

#[test]
fn all_invalid_fields_are_reported_together() {
    let body = json!({"filename": "a/b.csv", "content_type": "csv", "file_size_bytes": "5", "category": "note",
        "checksum_sha256": "xyz", "strategy": "ftp", "collection_id": "a b", "labels": {"nope": "x", "topic": "A"},
        "metadata": 3, "surprise": 1});
    let expected = [
        ("category", ""),
        ("checksum_sha256", "invalid"),
        ("collection_id", "invalid"),
        ("content_type", "invalid"),
        ("file_size_bytes", "wrong_type"),
        ("filename", "invalid"),
        ("labels.nope", "unknown_field"),
        ("labels.team", "required"),
        ("labels.topic", "invalid"),
        ("metadata", "wrong_type"),
        ("strategy", "invalid"),
        ("surprise", "unknown_field"),
    ];
    let expected: Vec<_> = expected[1..]
        .iter()
        .map(|(field, code)| ((*field).to_owned(), *code))
        .collect();
    assert_eq!(wrong(&body), expected);
}

#[test]
fn missing_required_fields_are_reported() {
    assert_eq!(wrong(&json!({})), [("filename".to_owned(), "required")]);
    let found = wrong(&json!({"filename": "a.txt"}));
    let fields: Vec<_> = found.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "checksum_sha256",
            "collection_id",
            "content_type",
            "file_size_bytes",
            "labels.team"
        ]
    );
    assert!(found.iter().all(|(_, code)| *code == "required"));
    assert_eq!(
        one_wrong(&changed(note(), "filename", Value::Null)),
        "filename is required"
    );
}

#[test]
fn the_category_follows_from_the_extension() {
    let by_name = |name: &str| check(&changed(table(), "filename", name.into()));
    assert_eq!(by_name("a.xlsx").unwrap().category.name, "table");
    let gz =
        json!({"filename": "x.CSV.GZ", "content_type": "application/gzip", "file_size_bytes": 9});
    assert_eq!(check(&gz).unwrap().ext, "csv.gz");
    // Two categories accept `csv`, and one of them is the default.
    let csv = changed(note(), "filename", "a.csv".into());
    assert_eq!(
        check(&changed(csv, "content_type", "text/csv".into()))
            .unwrap()
            .category
            .name,
        "note"
    );
    let pdf = json!({"filename": "a.pdf", "content_type": "application/pdf", "file_size_bytes": 9});
    assert_eq!(
        one_wrong(&pdf),
        "category is required, since `form`, `scan` all accept such a file"
    );
    let exe = json!({"filename": "a.exe", "content_type": "application/pdf", "file_size_bytes": 9});
    assert_eq!(
        one_wrong(&exe),
        "filename must end in one of .csv, .csv.gz, .gz, .pdf, .txt, .xlsx"
    );
    assert_eq!(
        one_wrong(&changed(table(), "filename", ".xlsx".into())),
        "filename must end in .csv.gz, .xlsx, .csv, .gz in category `table`"
            .replace("must end in", "must end in one of")
    );
    assert_eq!(
        one_wrong(&changed(table(), "category", "nope".into())),
        "category must be one of `form`, `note`, `scan`, `table`"
    );
    assert_eq!(
        one_wrong(&changed(table(), "category", 3.into())),
        "category must be a string, not a number"
    );
}

#[test]
fn an_empty_content_type_defaults_to_that_of_the_extension() {
    for strategy in ["put", "post", "multipart"] {
        let mut body = json!({"filename": "a.pdf", "category": "scan", "content_type": "", "file_size_bytes": 9});
        body["strategy"] = strategy.into();
        let accepted = check(&body).unwrap();
        assert_eq!(accepted.content_type, "application/pdf", "{strategy}");
    }
    let accepted = check(&changed(table(), "content_type", "".into())).unwrap();
    assert!(accepted.content_type.starts_with("application/vnd.openxml"));
    // An omitted type is still required where it is needed.
    let mut left_out = changed(table(), "content_type", Value::Null);
    left_out["strategy"] = "put".into();
    assert!(one_wrong(&left_out).starts_with("content_type is required"));
}

#[test]
fn content_types_must_match_the_extension() {
    let wrong_type = one_wrong(&changed(table(), "content_type", "text/html".into()));
    assert!(
        wrong_type.starts_with("content_type must be application/vnd.openxml"),
        "{wrong_type}"
    );
    let octets = json!("application/octet-stream");
    assert!(check(&changed(table(), "content_type", octets.clone())).is_err());
    assert!(check(&changed(note(), "content_type", octets)).is_ok());
    let charset = check(&changed(
        note(),
        "content_type",
        "text/plain; charset=utf-8".into(),
    ))
    .unwrap();
    assert_eq!(charset.content_type, "text/plain; charset=utf-8");
}

#[test]
fn sizes_are_limited_by_category_tier_and_store() {
    let size = |size: u64| changed(table(), "file_size_bytes", size.into());
    assert_eq!(
        one_wrong(&size(200_000_001)),
        "file_size_bytes must be at most 200000000 (200 MB), not 200000001"
    );
    assert_eq!(
        one_wrong(&size(0)),
        "file_size_bytes must be at least 1, not 0"
    );
    assert!(check(&changed(note(), "file_size_bytes", 0.into())).is_ok());
    let small = check_as(
        &alice(Some("small")),
        StoreProvider::S3.capabilities(),
        &size(1_000_001),
    )
    .unwrap_err();
    assert_eq!(small.errors[0].code, "too_large");
    assert_eq!(
        one_wrong(&changed(table(), "file_size_bytes", json!(1.5))),
        "file_size_bytes must be a non-negative integer, not a number"
    );
    assert!(check(&changed(table(), "file_size_bytes", json!(-1))).is_err());
}

#[test]
fn large_files_are_multipart() {
    let at = |size: u64| check(&changed(table(), "file_size_bytes", size.into())).unwrap();
    assert_eq!(at(100_000_000).strategy, Strategy::Put);
    let large = at(100_000_001);
    assert_eq!(
        (large.strategy, large.part_size_bytes),
        (Strategy::Multipart, Some(5 << 20))
    );
    let asked = check(&changed(table(), "strategy", "multipart".into())).unwrap();
    assert_eq!(asked.part_size_bytes, Some(5 << 20));
    let zero = changed(
        changed(table(), "strategy", "multipart".into()),
        "file_size_bytes",
        0.into(),
    );
    assert_eq!(
        one_wrong(&zero),
        "file_size_bytes must be at least 1, not 0"
    );
}

#[test]
fn a_single_put_is_limited_by_the_store() {
    let no_tiers = POLICY.replace(
        "[tier.default]\nfile_size_max = \"200 MB\"\n[tier.small]\nfile_size_max = \"1 MB\"\n",
        "",
    );
    let policy = Config::parse(&no_tiers, &|_| Some("x".repeat(32)))
        .unwrap()
        .policy;
    let check = |body: &Value, provider: StoreProvider| {
        let request = SignUploadRequest::parse(body.to_string().as_bytes()).unwrap();
        policy.check(request, &alice(None), provider.capabilities())
    };
    let six_gib = scan(6 << 30);
    assert_eq!(
        check(&six_gib, StoreProvider::S3).unwrap().strategy,
        Strategy::Multipart
    );
    let put = changed(six_gib, "strategy", "put".into());
    let problem = check(&put, StoreProvider::S3).unwrap_err();
    assert!(
        problem
            .detail
            .contains("(5 GiB) in one request; `multipart` may take more"),
        "{}",
        problem.detail
    );
    let just_under = changed(scan((5 << 30) - 1), "strategy", "put".into());
    assert!(check(&just_under, StoreProvider::S3).is_ok());
    assert!(check(&just_under, StoreProvider::R2).is_err());
    let largest = check(&scan(5_000_000_000_000), StoreProvider::R2).unwrap();
    assert!(5_000_000_000_000_u64.div_ceil(largest.part_size_bytes.unwrap()) <= 10_000);
}

#[test]
fn a_form_may_omit_size_and_type() {
    let body = json!({"filename": "a.csv", "category": "table", "strategy": "post"});
    let accepted = check(&body).unwrap();
    assert_eq!(
        (accepted.content_type.as_str(), accepted.size_bytes),
        ("text/csv", None)
    );
    assert_eq!(
        (accepted.size_bytes_min, accepted.size_bytes_max),
        (1, 200_000_000)
    );
    let unasked = check(&json!({"filename": "a.csv", "category": "table"})).unwrap();
    assert_eq!(unasked.strategy, Strategy::Post);
    let half =
        check(&json!({"filename": "a.csv", "category": "table", "file_size_bytes": 4})).unwrap();
    assert_eq!((half.strategy, half.size_bytes), (Strategy::Post, Some(4)));
    let put = one_wrong(
        &json!({"filename": "a.csv", "category": "table", "strategy": "put", "content_type": "text/csv"}),
    );
    assert_eq!(
        put,
        "file_size_bytes is required with `put`; it is optional with `post`"
    );
}

#[test]
fn a_store_without_forms_refuses_post() {
    let r2 =
        |body: &Value| check_as(&alice(None), StoreProvider::R2.capabilities(), body).unwrap_err();
    let problem = r2(&changed(table(), "strategy", "post".into()));
    assert_eq!(
        (problem.status.as_u16(), problem.code),
        (400, "strategy_unsupported")
    );
    assert_eq!(
        problem.detail,
        "strategy must be `put` or `multipart`: this store does not support `post`"
    );
    let problem = r2(&json!({"filename": "a.csv", "category": "table"}));
    assert_eq!(problem.code, "validation_failed");
    assert_eq!(problem.errors.len(), 2);
    assert!(
        problem.errors[0]
            .detail
            .contains("it is optional only with a POST form, which is not supported here")
    );
    let problem = r2(&json!({"filename": "a.pdf", "category": "form"}));
    assert_eq!(problem.code, "strategy_unsupported");
    let two = changed(
        changed(table(), "strategy", "post".into()),
        "surprise",
        1.into(),
    );
    assert_eq!(r2(&two).code, "validation_failed");
}

#[test]
fn a_category_offers_only_its_own_strategies() {
    let problem = check(&changed(note(), "strategy", "multipart".into())).unwrap_err();
    assert_eq!(
        problem.detail,
        "strategy must be `put`: this category does not support `multipart`"
    );
}

fn any_json() -> impl proptest::strategy::Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,5}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect()))
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(body: Vec<u8>) {
        let _ = SignUploadRequest::parse(&body);
    }

    #[test]
    fn no_values_make_the_check_panic(name in "filename|content_type|file_size_bytes|category|checksum_sha256|strategy|collection_id|labels|metadata", value in any_json()) {
        for base in [table(), note(), scan(7)] {
            let _ = check(&changed(base, &name, value.clone()));
        }
    }

    #[test]
    fn inv14_an_accepted_upload_has_a_size_within_its_bounds(size in 0_u64..400_000_000, strategy in "put|post|multipart") {
        let body = changed(changed(table(), "file_size_bytes", size.into()), "strategy", strategy.into());
        if let Ok(accepted) = check(&body) {
            prop_assert!((accepted.size_bytes_min..=accepted.size_bytes_max).contains(&size));
            prop_assert_eq!(accepted.part_size_bytes.is_some(), accepted.strategy == Strategy::Multipart);
            if let Some(part) = accepted.part_size_bytes {
                prop_assert!(size.div_ceil(part) <= 10_000);
            }
        }
    }
}

#[test]
fn hints_are_checked_and_joined_with_those_of_the_category() {
    let csv = |hints: Value| json!({"filename": "a.csv", "category": "table", "content_type": "text/csv", "file_size_bytes": 10, "hints": hints});
    let accepted = check(&csv(json!({"header": false}))).unwrap();
    assert_eq!(
        serde_json::to_value(&accepted.hints).unwrap(),
        json!({"header": false, "decimal": ","})
    );
    for (hints, field) in [
        (json!([]), "hints"),
        (json!({"colour": "red"}), "hints.colour"),
        (json!({"columns": {"id": "number"}}), "hints.columns.id"),
        // The category says that the decimal sign is a comma.
        (json!({"thousands": ","}), "hints.thousands"),
        (json!({"null_values": vec!["-".repeat(200); 60]}), "hints"),
    ] {
        assert_eq!(wrong(&csv(hints.clone()))[0].0, field, "{hints}");
    }
    // A workbook has no notation of numbers that the hints of the category could tell.
    let mut workbook = table();
    workbook["hints"] = json!({"sheet": "Data"});
    let accepted = check(&workbook).unwrap();
    assert_eq!(
        serde_json::to_value(&accepted.hints).unwrap(),
        json!({"sheet": "Data"})
    );
    let mut document = scan(10);
    document["hints"] = json!({"header": true});
    assert!(one_wrong(&document).starts_with("hints must be omitted"));
}
