//! The configuration: what is right is taken, what is wrong is named with its path, all of it at once.

use proptest::prelude::*;

use super::*;
use crate::policy::{Encryption, Ingest, Magic, Strategy};

/// Every secret has a value, long enough for HS256.
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

/// The paths and codes of what is wrong with a text.
fn wrong(text: &str) -> Vec<(String, &'static str)> {
    let error = parse(text).unwrap_err();
    error
        .errors
        .into_iter()
        .map(|error| (error.field, error.code))
        .collect()
}

/// What is wrong with the one category of a configuration when lines are added to it.
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
    let config = parse(include_str!("../../../../consign.toml")).unwrap();
    assert_eq!(config.store.provider, Provider::Embedded);
    let dataset = config.policy.category("dataset").unwrap();
    for name in ["a.csv", "B.CSV", "a.tsv", "a.csv.gz", "a.tsv.gz"] {
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
        "../../../../examples/reconciliation/consign.toml"
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
    assert_eq!(source.ingest_of("xlsx"), Ingest::Verify);
    assert_eq!(config.store.endpoint.as_deref(), Some("http://minio:9000"));
    assert_eq!(
        config.store.public_endpoint.as_deref(),
        Some("http://localhost:9000")
    );
    assert!(config.store.credentials.is_some() && config.store.event_token.is_some());
}

#[test]
fn labels_of_an_artifact_store_make_keys_of_their_own() {
    let text = format!(
        r#"{HEAD}
[category.proto]
bucket = "proto-files"
key = "{{service}}/{{label.version}}/{{file}}.proto"
shared = true
ingest = "verify"
extensions = ["proto"]
size_max = "100 MB"
versions_kept = 5
[category.proto.labels.service]
pattern = "name"
[category.proto.labels.version]
pattern = "version"
[category.proto.labels.file]
len_max = 100
[category.proto.labels.team]
one_of = ["core", "web"]
[category.log]
bucket = "logs"
key = "{{service}}/{{date}}/{{hour}}/{{file}}.log"
shared = true
ingest = "verify"
extensions = ["log"]
size_max = "100 MB"
retention = "30 d"
labels.service.pattern = "name"
labels.file.required = true
[category.model]
bucket = "model-artifacts"
key = "{{model_type}}/{{label.version}}/{{name}}.{{ext}}"
shared = true
ingest = "verify"
extensions = ["pickle", "pkl", "h5", "bin"]
types.bin = {{ content_types = ["application/octet-stream"], magic = ["00ff", "CAFE"] }}
encryption = "aws_kms"
kms_key_id = "key-1"
size_max = "100 MB"
labels.model_type.one_of = ["tree", "net"]
labels.version.pattern = "version"
labels.name.pattern = "name"
[category.user]
bucket = "user-data"
key = "{{owner}}/{{file_id}}/{{file}}"
ingest = "verify"
extensions = ["pdf", "txt"]
size_max = "100 MB"
retention = 0
require_checksum = true
labels.file.pattern = "any"
"#
    );
    let policy = parse(&text).unwrap().policy;
    let proto = policy.category("proto").unwrap();
    assert!(proto.labels["service"].required && !proto.labels["team"].required);
    assert_eq!(proto.versions_kept, Some(5));
    assert_eq!(policy.category("log").unwrap().retention_s, Some(2_592_000));
    assert_eq!(policy.category("user").unwrap().retention_s, None);
    let model = policy.category("model").unwrap();
    assert_eq!(
        model.encryption,
        Encryption::AwsKms {
            key_id: Some("key-1".to_owned())
        }
    );
    assert!(matches!(
        model.type_of("x.bin").unwrap().magic,
        Magic::Signatures(_)
    ));
    assert_eq!(model.check_magic("bin", b"\xca\xfe\x01"), Ok(()));
    assert!(model.check_magic("bin", b"\xca\x01").is_err());
    assert!(model.check_magic("csv", b"").is_err());
}

#[test]
fn everything_wrong_is_named_at_once() {
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
fn what_is_no_toml_or_lacks_its_sections_is_refused() {
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
fn a_category_is_told_what_would_be_right() {
    for (lines, says) in [
        (
            "sizes = 1",
            "category.table.sizes is not known here; known are shared, key, output",
        ),
        (
            "size_min = \"11 MB\"",
            "category.table.size_min must be from 0 to 10000000",
        ),
        ("upload_url = 119", "upload_url must be from 120 to 604800"),
        (
            "download_url = \"2 d\"",
            "download_url must be from 60 to 86400",
        ),
        ("part_size = \"4 MiB\"", "part_size must be from 5242880"),
        ("versions_kept = 0", "versions_kept must be from 1"),
        ("strategies = []", "strategies must list one or more"),
        ("strategies = [\"ftp\"]", "strategies must list one or more"),
        (
            "encryption = \"rot13\"",
            "encryption must be `none`, `aes256` or `aws_kms`",
        ),
        ("kms_key_id = \"k\"", "kms_key_id has no use without"),
        ("shared = 1", "shared must be true or false, not a number"),
        (
            "types.tsv.magic = \"any\"",
            "types.tsv is not one of this category's `extensions`",
        ),
        (
            "types.csv.magic = \"zz\"",
            "types.csv.magic must be `any`, `text` or a list",
        ),
        ("types.csv.magic = [\"abc\"]", "types.csv.magic must be"),
        ("types.csv.magic = []", "types.csv.magic must be"),
        (
            "types.csv.content_types = []",
            "types.csv.content_types must list media types",
        ),
        (
            "types.csv.content_types = [\"text/csv; a=b\"]",
            "types.csv.content_types must list media types",
        ),
        ("types.csv.tabular = false", "ingest must be `verify`"),
        ("labels.Bad.required = true", "labels.Bad must be named"),
        (
            "labels.a = { one_of = [\"x\"], pattern = \"any\" }",
            "labels.a.pattern cannot stand beside",
        ),
        (
            "labels.a.one_of = [\"a b\"]",
            "labels.a.one_of must list values",
        ),
        (
            "labels.a.pattern = \"regex\"",
            "labels.a.pattern must be `any`, `name` or `version`",
        ),
        (
            "labels.a.len_max = 257",
            "labels.a.len_max must be from 1 to 256",
        ),
        (
            "output_bucket = \"-bad-\"",
            "output_bucket must be a bucket name",
        ),
    ] {
        let message = wrong_category(lines);
        assert!(message.contains(says), "{lines}: {message}");
    }
}

#[test]
fn a_category_that_contradicts_itself_is_refused() {
    let with = |key: &str, output: &str, more: &str| {
        let text = format!(
            "{HEAD}[category.table]\nbucket = \"files\"\nextensions = [\"csv\"]\nsize_max = 1\nkey = \"{key}\"\n{output}\n{more}"
        );
        parse(&text).map(|_| ()).map_err(|error| error.to_string())
    };
    let tabular = "ingest = \"tabular\"";
    let verify = "ingest = \"verify\"";
    let fine = "output = \"out/{owner}/{file_id}/v{version}.{ext}\"";
    for (key, output, more, says) in [
        (
            "in/{file_id}",
            "",
            verify,
            "key must have `{owner}` as a segment of its own (or say `shared = true`)",
        ),
        ("in/{owner}", "", tabular, "output is required"),
        ("in/{owner}", fine, verify, "output has no use"),
        (
            "in/{owner}",
            "output = \"out/{owner}/{file_id}\"",
            tabular,
            "output must have `{file_id}`, `{version}` and",
        ),
        (
            "in/{owner}/{service}",
            "",
            verify,
            "key has `{service}`, which is neither",
        ),
        (
            "in/{owner}/{a}",
            "",
            "ingest = \"verify\"\nlabels.a.required = false",
            "labels.a.required must be true",
        ),
        (
            "in/{owner}/{collection_id}",
            "",
            "ingest = \"verify\"\nrequire_collection = false",
            "require_collection must be true",
        ),
    ] {
        let message = with(key, output, more).unwrap_err();
        assert!(message.contains(says), "{key} {output} {more}: {message}");
    }
    assert_eq!(with("in/{owner}/{collection_id}", "", verify), Ok(()));
    assert_eq!(with("in/{owner}/{file_id}", fine, tabular), Ok(()));
    let unknown = format!(
        "{HEAD}{}",
        CATEGORY.replace("[\"csv\"]", "[\"csv\", \"dat\", \"A.b\"]")
    );
    let message = parse(&unknown).unwrap_err().to_string();
    assert!(
        message.contains("say `[category.table.types.\"dat\"]`"),
        "{message}"
    );
    assert!(
        message.contains("must list extensions of lower-case letters"),
        "{message}"
    );
    let odd = format!(
        "{}\ntypes.\"A.b\".magic = \"any\"",
        CATEGORY.replace("[\"csv\"]", "[\"csv\", \"A.b\"]")
    );
    assert!(
        parse(&format!("{HEAD}{odd}"))
            .unwrap_err()
            .to_string()
            .contains("types.A.b must be an extension")
    );
}

#[test]
fn inv27_output_that_could_be_taken_for_an_upload_is_refused() {
    let second = |output: &str, bucket: &str| {
        let other = CATEGORY
            .replace("table", "second")
            .replace("key = \"in/", "key = \"in2/")
            .replace("out/{owner}/{file_id}/v{version}.{ext}", output)
            .replace("\"files\"", bucket);
        parse(&format!("{HEAD}{CATEGORY}{other}"))
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    let under_first = "in/{owner}/{file_id}/v{version}.{ext}";
    let message = second(under_first, "\"files\"").unwrap_err();
    assert!(
        message.contains("category.second.output must start with other fixed text"),
        "{message}"
    );
    assert!(second("{owner}/{file_id}/v{version}.{ext}", "\"files\"").is_err());
    assert_eq!(second(under_first, "\"elsewhere\""), Ok(()));
    assert_eq!(
        second("made/{owner}/{file_id}/v{version}.{ext}", "\"files\""),
        Ok(())
    );
}

#[test]
fn two_default_categories_are_refused() {
    let one = format!("{CATEGORY}default = true\n");
    let two = one.replace("table", "second");
    let message = parse(&format!("{HEAD}{one}{two}")).unwrap_err().to_string();
    assert_eq!(
        message,
        "category.table.default is true for another category already; one at most is the default"
    );
}

#[test]
fn a_store_says_what_it_cannot_do() {
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
        "category.table.strategies has `post`, but r2 takes no POST form"
    );
    let sse = parse(&format!("{head}{CATEGORY}encryption = \"aws_kms\""))
        .unwrap_err()
        .to_string();
    assert!(
        sse.starts_with("category.table.encryption must be left out: r2"),
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
            "store.origins must be a list of texts, not a text",
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
fn a_secret_that_is_not_set_is_named_and_one_that_is_never_shows() {
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
        (String::new(), "auth.keys needs at least one key"),
        (format!("{hs}{hs}"), "auth.keys has the same `kid` twice"),
        (
            format!("{hs}x = \"AA\""),
            "auth.keys[0].secret_env is required with HS256, and nothing else but it",
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
        (
            format!("{hs}extra = 1"),
            "auth.keys[0].extra is not known here",
        ),
        (
            "keys = 3".to_owned(),
            "auth.keys must be a list of objects, not a number",
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
