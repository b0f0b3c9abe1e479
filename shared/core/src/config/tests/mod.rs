//! The configuration: valid options are read, and all errors are reported together with their paths.

mod category;

use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::policy::{Encryption, Ingest, Strategy};

/// Returns a value for every secret, long enough for HS256.
fn lookup(name: &str) -> Option<String> {
    Some(format!("the value of {name}, thirty-two bytes and more"))
}

const HEAD: &str = r#"
[auth]
issuer = "me"
audience = "consign"
[[auth.keys]]
alg = "HS256"
secret_env = "TOKEN_SECRET"
[store]
provider = "s3"
"#;

const CATEGORY: &str = r#"
[category.table]
bucket = "files"
key = "in/{owner}/{file_id}.{ext}"
output = "out/{owner}/{file_id}/v{version}.{ext}"
ingest = "tabular"
extensions = ["csv"]
size_max = "10 MB"
"#;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, &lookup)
}

/// Codes are static strings.
fn code(error: &FieldError) -> &'static str {
    match error.code {
        Cow::Borrowed(code) => code,
        Cow::Owned(_) => unreachable!("{error:?}"),
    }
}

/// Returns the paths and codes of a text's errors.
fn wrong(text: &str) -> Vec<(String, &'static str)> {
    let error = parse(text).unwrap_err();
    error
        .errors
        .into_iter()
        .map(|error| (error.field.clone(), code(&error)))
        .collect()
}

/// Returns the errors of the one category of a configuration when lines are added to it.
fn wrong_category(lines: &str) -> String {
    parse(&format!("{HEAD}{CATEGORY}{lines}"))
        .unwrap_err()
        .to_string()
}

#[test]
fn a_small_configuration_has_safe_defaults() {
    let config = parse(&format!("{HEAD}{CATEGORY}")).unwrap();
    let category = config.policy.category("table").unwrap();
    assert_eq!(
        (category.upload_url_s, category.download_url_s),
        (900, 3_600)
    );
    assert_eq!(
        (category.size_bytes_min, category.size_bytes_max),
        (1, 10_000_000)
    );
    assert_eq!(category.encryption, Encryption::None);
    assert_eq!(category.deleted_retention_s, 30 * 86_400);
    assert_eq!(category.output_bucket, "files");
    assert_eq!(
        category.strategies,
        [Strategy::Put, Strategy::Post, Strategy::Multipart]
    );
    assert!(category.keep_original && !category.accept_octet_stream && !category.default);
    assert_eq!(config.store.addressing, Addressing::Virtual);
    assert_eq!(config.store.region, "us-east-1");
    assert_eq!(config.store.credentials, None);
    assert_eq!(config.auth.leeway_s, 30);
    assert_eq!(
        config.policy.buckets().into_iter().collect::<Vec<_>>(),
        ["files"]
    );
    assert_eq!(config.policy.categories().count(), 1);
}

#[test]
fn the_policy_at_the_root_is_read() {
    let config = parse(include_str!("../../../../../consign.toml")).unwrap();
    assert_eq!(config.store.provider, StoreProvider::Embedded);
    let dataset = config.policy.category("dataset").unwrap();
    for name in ["a.csv", "B.CSV", "a.tsv", "a.csv.gz", "a.gz"] {
        assert_eq!(
            dataset.ingest_of(&dataset.type_of(name).unwrap().ext),
            Ingest::Tabular,
            "{name}"
        );
    }
}

#[test]
fn the_reconciliation_example_is_read() {
    let config = parse(include_str!(
        "../../../../../examples/reconciliation/consign.toml"
    ))
    .unwrap();
    let buckets: Vec<_> = config.policy.buckets().into_iter().collect();
    assert_eq!(
        buckets,
        [
            "reconciliation-files",
            "reconciliation-reports",
            "temp-uploads"
        ]
    );
    let source = config.policy.category("source").unwrap();
    assert_eq!((source.upload_url_s, source.download_url_s), (3_600, 7_200));
    assert_eq!(source.size_bytes_max, 100_000_000);
    assert_eq!(source.unconfirmed_s, Some(86_400));
    assert_eq!(source.archive_after_s, Some(30 * 86_400));
    assert_eq!(source.ingest_of("csv"), Ingest::Tabular);
    assert_eq!(source.ingest_of("xlsx"), Ingest::Tabular);
    assert_eq!(source.ingest_of("pdf"), Ingest::Verify);
    assert_eq!(config.store.endpoint.as_deref(), Some("http://minio:9000"));
    assert_eq!(
        config.store.public_endpoint.as_deref(),
        Some("http://localhost:9000")
    );
    assert!(config.store.credentials.is_some() && config.store.event_token.is_some());
}

#[test]
fn all_errors_are_reported_together() {
    let text = r#"
        surprise = 1
        [auth]
        issuer = ""
        leeway = "1 d"
        [[auth.keys]]
        alg = "none"
        [store]
        provider = "ftp"
        endpoint = "https://user@host/path"
        [tier.gold]
        file_size_max = "many"
        [category.BAD]
        key = "/x"
        bucket = "No"
        ingest = "magic"
        extensions = "csv"
    "#;
    let found = wrong(text);
    for expected in [
        ("auth.issuer", "invalid"),
        ("auth.audience", "required"),
        ("auth.leeway", "out_of_range"),
        ("auth.keys[0].alg", "invalid"),
        ("store.provider", "invalid"),
        ("store.endpoint", "invalid"),
        ("tier.gold.file_size_max", "invalid"),
        ("tier", "required"),
        ("category.BAD", "invalid"),
        ("category.BAD.key", "invalid"),
        ("category.BAD.bucket", "invalid"),
        ("category.BAD.ingest", "invalid"),
        ("category.BAD.extensions", "wrong_type"),
        ("category.BAD.size_max", "required"),
        ("surprise", "unknown_field"),
    ] {
        assert!(
            found.contains(&(expected.0.to_owned(), expected.1)),
            "{expected:?} is not in {found:?}"
        );
    }
}

#[test]
fn invalid_toml_and_missing_sections_are_refused() {
    assert!(
        parse("= 1")
            .unwrap_err()
            .to_string()
            .starts_with("consign.toml is not TOML")
    );
    let codes = wrong("");
    assert!(
        codes.contains(&("auth".to_owned(), "required"))
            && codes.contains(&("store".to_owned(), "required"))
    );
    assert_eq!(wrong(HEAD), [("category".to_owned(), "required")]);
    assert!(wrong("category = 3").contains(&("category".to_owned(), "wrong_type")));
    assert!(wrong("[category]\nx = 3").contains(&("category.x".to_owned(), "wrong_type")));
}

#[test]
fn unsupported_options_of_a_store_are_refused() {
    let r2 = "endpoint = \"https://abc.r2.cloudflarestorage.com\"\naccess_key_env = \"A\"\nsecret_key_env = \"B\"";
    let head = HEAD.replace("provider = \"s3\"", &format!("provider = \"r2\"\n{r2}"));
    let config = parse(&format!("{head}{CATEGORY}")).unwrap();
    assert_eq!(
        (config.store.region.as_str(), config.store.addressing),
        ("auto", Addressing::Path)
    );
    let post = parse(&format!("{head}{CATEGORY}strategies = [\"put\", \"post\"]"))
        .unwrap_err()
        .to_string();
    assert_eq!(
        post,
        "category.table.strategies has `post`, but r2 does not support POST forms"
    );
    let sse = parse(&format!("{head}{CATEGORY}encryption = \"aws_kms\""))
        .unwrap_err()
        .to_string();
    assert!(
        sse.starts_with("category.table.encryption must be omitted: r2"),
        "{sse}"
    );
    for (provider, message) in [
        ("minio", "store.endpoint is required here"),
        ("r2", "store.endpoint is required here"),
    ] {
        let head = HEAD.replace("\"s3\"", &format!("\"{provider}\""));
        assert_eq!(
            parse(&format!("{head}{CATEGORY}")).unwrap_err().to_string(),
            message
        );
    }
}

#[test]
fn listed_event_sources_are_part_of_the_policy() {
    let with = |line: &str| parse(&format!("{HEAD}{line}\n{CATEGORY}")).unwrap().policy;
    assert_eq!(with("").event_sources(), &EventSources::KNOWN);
    let listed = EventSources::with(vec!["ceph:s3".to_owned(), "sgws:s3".to_owned()]);
    assert_eq!(
        Some(with("event_sources = [\"ceph:s3\", \"sgws:s3\"]").event_sources()),
        listed.as_ref()
    );
}

#[test]
fn a_store_is_checked_field_by_field() {
    for (lines, says) in [
        ("region = \"EU\"", "store.region must be a region"),
        (
            "addressing = \"dns\"",
            "store.addressing must be `path` or `virtual`",
        ),
        (
            "access_key_env = \"A\"",
            "store.secret_key_env is required here",
        ),
        (
            "secret_key_env = \"A\"",
            "store.access_key_env is required here",
        ),
        (
            "endpoint = \"minio:9000\"",
            "store.endpoint must be `http://` or `https://`",
        ),
        ("endpoint = \"https://host/\"", "store.endpoint must be"),
        (
            "event_sources = [\"ceph:s3\", \"minio:s3\"]",
            "store.event_sources must list names such as `ceph:s3`",
        ),
        (
            "event_sources = \"ceph:s3\"",
            "store.event_sources must be an array",
        ),
        ("endpoint = \"https://host?a\"", "store.endpoint must be"),
        ("endpoint = \"https://host#a\"", "store.endpoint must be"),
        (
            "public_endpoint = \"ftp://host\"",
            "store.public_endpoint must be",
        ),
        (
            "origins = [\"https://a.example\", \"*\", \"b\"]",
            "store.origins must list `*` or origins",
        ),
        (
            "origins = \"*\"",
            "store.origins must be an array of strings, not a string",
        ),
    ] {
        let text = format!("{HEAD}{lines}\n{CATEGORY}");
        let message = parse(&text).unwrap_err().to_string();
        assert!(message.contains(says), "{lines}: {message}");
    }
    let text = format!(
        "{HEAD}addressing = \"path\"\norigins = [\"*\"]\nendpoint = \"HTTPS://S3.Example:1\"\n{CATEGORY}"
    );
    assert_eq!(
        parse(&text).unwrap().store.endpoint.as_deref(),
        Some("https://s3.example:1")
    );
    let text = format!("{HEAD}addressing = \"virtual\"\n{CATEGORY}");
    assert_eq!(parse(&text).unwrap().store.addressing, Addressing::Virtual);
}

#[test]
fn a_missing_secret_is_named_and_no_secret_is_shown() {
    let text = format!("{HEAD}{CATEGORY}");
    for missing in [|_: &str| None, |_: &str| Some(String::new())] {
        let message = Config::parse(&text, &missing).unwrap_err().to_string();
        assert_eq!(
            message,
            "auth.keys[0].secret_env names `TOKEN_SECRET`, which is not set"
        );
    }
    let short = Config::parse(&text, &|_| Some("short".to_owned()))
        .unwrap_err()
        .to_string();
    assert_eq!(
        short,
        "auth.keys[0].secret_env must be a secret of at least 32 bytes"
    );
    let credentials = "access_key_env = \"A\"\nsecret_key_env = \"B\"\nsession_token_env = \"C\"\nevent_token_env = \"D\"\n";
    let config = parse(&format!("{HEAD}{credentials}{CATEGORY}")).unwrap();
    let shown = format!("{config:?}");
    assert!(
        !shown.contains("value of TOKEN_SECRET")
            && !shown.contains("value of B")
            && !shown.contains("value of D")
    );
    assert_eq!(
        config.store.event_token.unwrap().expose(),
        lookup("D").unwrap()
    );
}

#[test]
fn an_invalid_field_hides_no_other_error() {
    let text = "[auth]\nissuer = \"me\"\naudience = \"consign\"\n[[auth.keys]]\nalg = \"ES256\"\nextra = 1\n\
                [[auth.keys]]\nalg = \"RS256\"\nn = \"AA\"\nother = 2\n[store]\nprovider = \"ftp\"\nsurprise = 1\n";
    assert_eq!(
        wrong(text),
        [
            ("auth.keys[0].public_key_pem", "required"),
            ("auth.keys[0].extra", "unknown_field"),
            ("auth.keys[1].n", "invalid"),
            ("auth.keys[1].other", "unknown_field"),
            ("store.provider", "invalid"),
            ("store.surprise", "unknown_field"),
            ("category", "required"),
        ]
        .map(|(path, code)| (path.to_owned(), code))
    );
}

#[test]
fn an_endpoint_has_a_valid_port() {
    for bad in [
        "http://minio:",
        "http://minio:99999",
        "http://minio:x",
        "http://",
    ] {
        assert!(origin(bad).is_err(), "{bad}");
    }
    for good in ["http://minio:9000", "https://[::1]:443", "http://10.0.0.1"] {
        assert_eq!(origin(good).as_deref(), Ok(good));
    }
}

#[test]
fn keys_are_checked_when_the_configuration_is_read() {
    let keys = |keys: &str| {
        let text = format!(
            "[auth]\nissuer = \"me\"\naudience = \"consign\"\n{keys}\n[store]\nprovider = \"s3\"\n{CATEGORY}"
        );
        parse(&text).map(|_| ()).map_err(|error| error.to_string())
    };
    let hs = "[[auth.keys]]\nalg = \"HS256\"\nkid = \"a\"\nsecret_env = \"S\"\n";
    let ed =
        "[[auth.keys]]\nalg = \"EdDSA\"\nx = \"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"\n";
    assert_eq!(keys(&format!("{hs}{ed}")), Ok(()));
    for (text, says) in [
        (String::new(), "auth.keys requires at least one key"),
        (format!("{hs}{hs}"), "auth.keys has a duplicate `kid`"),
        (
            format!("{hs}x = \"AA\""),
            "auth.keys[0].secret_env is required with HS256 and must be the only key material",
        ),
        (
            "[[auth.keys]]\nalg = \"HS256\"".to_owned(),
            "auth.keys[0].secret_env is required with HS256",
        ),
        (
            "[[auth.keys]]\nalg = \"ES256\"".to_owned(),
            "auth.keys[0].public_key_pem is required with ES256",
        ),
        (
            format!("{ed}secret_env = \"S\""),
            "auth.keys[0].public_key_pem is required with EdDSA",
        ),
        (
            "[[auth.keys]]\nalg = \"RS256\"\npublic_key_pem = \"x\"".to_owned(),
            "public_key_pem must be a public key",
        ),
        (
            "[[auth.keys]]\nalg = \"ES256\"\nx = \"AA\"".to_owned(),
            "auth.keys[0].x must be the coordinates",
        ),
        (format!("{hs}extra = 1"), "auth.keys[0].extra is unknown"),
        (
            "keys = 3".to_owned(),
            "auth.keys must be an array of objects, not a number",
        ),
    ] {
        let message = keys(&text).unwrap_err();
        assert!(message.contains(says), "{text}: {message}");
    }
}

#[test]
fn tiers_are_read_and_need_a_default() {
    let text = format!(
        "{HEAD}{CATEGORY}[tier.default]\nfile_size_max = \"1 MB\"\n[tier.pro]\nquota = \"1 TB\"\nsign_uploads_per_min = 60"
    );
    let policy = parse(&text).unwrap().policy;
    let identity = |tier: Option<&str>| crate::auth::Identity {
        owner: crate::ids::OwnerId::parse("alice").unwrap(),
        tier: tier.map(str::to_owned),
        scopes: Vec::new(),
    };
    assert_eq!(policy.tier(&identity(None)).file_size_bytes_max, 1_000_000);
    assert_eq!(policy.tier(&identity(Some("unheard-of"))).name, "default");
    let pro = policy.tier(&identity(Some("pro")));
    assert_eq!(
        (pro.quota_bytes, pro.sign_uploads_per_min),
        (Some(1_000_000_000_000), Some(60))
    );
    let lone = format!("{HEAD}{CATEGORY}[tier.pro]\nquota = 1");
    assert_eq!(wrong(&lone), [("tier".to_owned(), "required")]);
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[a-z\\[\\]={}\".0-9\n ]{0,200}") {
        let _ = parse(&text);
        let _ = parse(&format!("{HEAD}{CATEGORY}{text}"));
    }

    #[test]
    fn no_template_makes_the_reader_panic(text in "[a-z{}/._]{0,40}") {
        let _ = parse(&format!("{HEAD}{}", CATEGORY.replace("in/{owner}/{file_id}.{ext}", &text)));
    }
}
