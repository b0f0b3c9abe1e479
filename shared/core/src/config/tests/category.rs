//! Tests of `[category.*]`: its options and its errors.

use super::{CATEGORY, HEAD, parse, wrong_category};
use crate::policy::{Encryption, Magic};
use consign_hints::{AtMost, ColumnType};

/// The categories of an artifact store, most of them shared, with labels in their keys.
const ARTIFACT_STORE: &str = r#"
[category.proto]
bucket = "proto-files"
key = "{service}/{label.version}/{file}.proto"
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
key = "{service}/{date}/{hour}/{file}.log"
shared = true
ingest = "verify"
extensions = ["log"]
size_max = "100 MB"
retention = "30 d"
labels.service.pattern = "name"
labels.file.required = true
[category.model]
bucket = "model-artifacts"
key = "{model_type}/{label.version}/{name}.{ext}"
shared = true
ingest = "verify"
extensions = ["pickle", "pkl", "h5", "bin"]
types.bin = { content_types = ["application/octet-stream"], magic = ["00ff", "CAFE"] }
encryption = "aws_kms"
kms_key_id = "key-1"
size_max = "100 MB"
labels.model_type.one_of = ["tree", "net"]
labels.version.pattern = "version"
labels.name.pattern = "name"
[category.user]
bucket = "user-data"
key = "{owner}/{file_id}/{file}"
ingest = "verify"
extensions = ["pdf", "txt"]
size_max = "100 MB"
retention = 0
require_checksum = true
labels.file.pattern = "any"
"#;

#[test]
fn labels_of_an_artifact_store_are_part_of_its_keys() {
    let policy = parse(&format!("{HEAD}{ARTIFACT_STORE}")).unwrap().policy;
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

/// Lines that are wrong in a category, with what the error says of them.
const WRONG_OPTIONS: [(&str, &str); 26] = [
    (
        "sizes = 1",
        "category.table.sizes is unknown; known fields are shared, key, output",
    ),
    (
        "size_min = \"11 MB\"",
        "category.table.size_min must be from 0 to 10000000",
    ),
    ("upload_url = 119", "upload_url must be from 120 to 604800"),
    (
        "activity_window = \"59 min\"",
        "activity_window must be from 3600 to 604800",
    ),
    (
        "activity_window = \"8 d\"",
        "activity_window must be from 3600 to 604800",
    ),
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
    ("kms_key_id = \"k\"", "kms_key_id has no effect without"),
    ("shared = 1", "shared must be a boolean, not a number"),
    (
        "types.tsv.magic = \"any\"",
        "types.tsv is not one of this category's `extensions`",
    ),
    (
        "types.csv.magic = \"zz\"",
        "types.csv.magic must be `any`, `text` or an array",
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
        "labels.a.pattern cannot be combined with",
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
];

#[test]
fn the_errors_of_a_category_name_valid_values() {
    for (lines, says) in WRONG_OPTIONS {
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
            "key must have `{owner}` as a segment of its own (or set `shared = true`)",
        ),
        ("in/{owner}", "", tabular, "output is required"),
        ("in/{owner}", fine, verify, "output has no effect"),
        (
            "in/{owner}",
            "output = \"out/{owner}/{file_id}\"",
            tabular,
            "output must contain `{file_id}`, `{version}` and",
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
}

#[test]
fn an_extension_that_is_unknown_or_misspelt_is_refused() {
    let unknown = format!(
        "{HEAD}{}",
        CATEGORY.replace("[\"csv\"]", "[\"csv\", \"dat\", \"A.b\"]")
    );
    let message = parse(&unknown).unwrap_err().to_string();
    assert!(
        message.contains("set `[category.table.types.\"dat\"]`"),
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
fn inv27_an_output_that_looks_like_an_upload_is_refused() {
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
        "category.table.default is true for another category too; only one category may be the default"
    );
}

#[test]
fn an_object_key_has_no_version_and_no_reserved_prefix() {
    let read = |name: &str, key: &str, rest: &str| {
        let text = format!(
            "{HEAD}[category.{name}]\nbucket = \"files\"\nkey = \"{key}\"\nextensions = [\"csv\"]\nsize_max = \"1 MB\"\n{rest}\n"
        );
        parse(&text).map(drop).map_err(|error| error.to_string())
    };
    let verify = "ingest = \"verify\"";
    for key in [
        "in/{owner}/{file_id}/v{version}.{ext}",
        "{version}/{owner}",
        "{owner}/{version}",
        "in/{owner}/{file_id}{version}",
    ] {
        let error = read("table", key, verify).unwrap_err();
        assert!(
            error.starts_with("category.table.key must not have `{version}`"),
            "{error}"
        );
    }
    let label = format!("{verify}\nlabels.version.pattern = \"version\"");
    assert_eq!(
        read("table", "in/{owner}/{file_id}/{label.version}", &label),
        Ok(())
    );
    for name in ["deleted", "consign-health", "consign-bucket"] {
        for key in [
            format!("{name}/{{owner}}/{{file_id}}"),
            "{category}/{owner}/{file_id}".to_owned(),
        ] {
            let error = read(name, &key, verify).unwrap_err();
            assert!(error.contains(".key must not lead under"), "{error}");
        }
        let output =
            "ingest = \"tabular\"\noutput = \"{category}/{owner}/{file_id}/v{version}.{ext}\"";
        let error = read(name, "in/{owner}/{file_id}.{ext}", output).unwrap_err();
        assert!(error.contains(".output must not lead under"), "{error}");
        assert_eq!(
            read(name, "in/{category}/{owner}/{file_id}", verify),
            Ok(())
        );
    }
}

#[test]
fn what_a_category_expects_of_its_tables_is_read_and_checked() {
    let text = format!(
        "{HEAD}{CATEGORY}rejects_max = \"2.5%\"\nrows_min = 1\nrows_max = 10\nempty_cells_max = 7\n\
         columns_required = {{ id = \"int64\", name = \"any\" }}\nhints = {{ delimiter = \";\", columns = {{ id = \"int64\" }} }}\n"
    );
    let config = parse(&text).unwrap();
    let table = &config.policy.category("table").unwrap().table;
    assert_eq!(table.hints.delimiter, Some(';'));
    assert_eq!(table.rejects_max, Some(AtMost::Millionths(25_000)));
    assert_eq!(table.rules.empty_cells_max, Some(AtMost::Count(7)));
    let required = table.rules.columns_required.values().copied();
    assert_eq!(
        required.collect::<Vec<_>>(),
        [Some(ColumnType::Int64), None]
    );
    for (line, says) in [
        (
            "rejects_max = \"much\"",
            "table.rejects_max must be a number such as 100",
        ),
        (
            "rows_min = 2\nrows_max = 1",
            "table.rows_min must be at most `rows_max`",
        ),
        (
            "columns_required = \"id\"",
            "table.columns_required must be an array",
        ),
        (
            "columns_required = { id = \"number\" }",
            "or a table of types by column name: any, boolean",
        ),
        (
            "hints = { delimiter = \"ab\" }",
            "table.hints.delimiter must be one ASCII",
        ),
        (
            "hints = { columns = { id = \"number\" } }",
            "table.hints.columns.id must be one of",
        ),
    ] {
        let message = wrong_category(line);
        assert!(message.contains(says), "{line}: {message}");
    }
    let verify = CATEGORY
        .replace("tabular", "verify")
        .replace("output = \"out/{owner}/{file_id}/v{version}.{ext}\"\n", "");
    let message = parse(&format!("{HEAD}{verify}rows_min = 1\n"))
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("table.rows_min has no effect with"),
        "{message}"
    );
}
