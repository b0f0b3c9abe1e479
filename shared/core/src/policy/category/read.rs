//! Reads `[category.NAME]` and reports all of its errors.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::label::read_labels;
use super::table::TablePolicy;
use super::{Category, Encryption, Ingest, is_category_name};
use crate::operations::{
    ACTIVITY_RANGE_S, ACTIVITY_S, DAY_S, DELETED_RETENTION_S, DOWNLOAD_URL_RANGE_S, DOWNLOAD_URL_S,
    UPLOAD_URL_RANGE_S, UPLOAD_URL_S,
};
use crate::policy::fields::Fields;
use crate::policy::template::{KeyTemplate, TemplateError};
use crate::policy::types::{FileType, Magic, Signature, essence, parse_content_type};
use crate::policy::units::{duration_s, size_bytes};
use crate::policy::{
    OBJECT_BYTES_MAX, Overwrite, PART_BYTES_MAX, PART_BYTES_MIN, StoreProvider, Strategy,
};

const CENTURY_S: u64 = 36_525 * DAY_S;

impl Category {
    /// Reads `[category.NAME]` and reports all of its errors.
    pub(crate) fn read(name: &str, mut f: Fields<'_>, provider: StoreProvider) -> Option<Self> {
        if !is_category_name(name) {
            f.errors.add(
                format!("category.{name}"),
                "invalid",
                "must be named by lower-case letters, digits, `_` and `-`",
            );
        }
        let (key, output) = read_templates(&mut f, name);
        let bucket = f.required("bucket", |f, field| f.parsed(field, bucket_name));
        let output_bucket = f.parsed("output_bucket", bucket_name);
        let ingest = f.required("ingest", |f, field| f.parsed(field, ingest_kind));
        check_output(&mut f, ingest, output.as_ref());
        let types = read_types(&mut f);
        check_types(&mut f, ingest, &types);
        let (size_bytes_min, size_bytes_max) = read_sizes(&mut f);
        let (strategies, multipart_over_bytes, part_size_bytes) = read_strategies(&mut f, provider);
        let labels = read_labels(&mut f, [&key, &output]);
        let require_collection = read_require_collection(&mut f, [&key, &output]);
        let versions = f.whole("versions_kept");
        let versions = f.within("versions_kept", versions, 1..=1_000_000);
        let upload_url_s =
            seconds(&mut f, "upload_url", UPLOAD_URL_RANGE_S).unwrap_or(UPLOAD_URL_S);
        let download_url_s =
            seconds(&mut f, "download_url", DOWNLOAD_URL_RANGE_S).unwrap_or(DOWNLOAD_URL_S);
        let bucket = bucket.unwrap_or_default();
        let category = key.map(|key| Self {
            name: name.to_owned(),
            default: f.flag("default").unwrap_or(false),
            output_bucket: output_bucket.unwrap_or_else(|| bucket.clone()),
            bucket,
            key,
            output,
            types,
            accept_octet_stream: f.flag("accept_octet_stream").unwrap_or(false),
            size_bytes_min,
            size_bytes_max,
            upload_url_s: u32::try_from(upload_url_s).unwrap_or(u32::MAX),
            activity_s: seconds(&mut f, "activity_window", ACTIVITY_RANGE_S).unwrap_or(ACTIVITY_S),
            download_url_s: u32::try_from(download_url_s).unwrap_or(u32::MAX),
            ingest: ingest.unwrap_or(Ingest::Verify),
            table: TablePolicy::read(&mut f, ingest),
            keep_original: f.flag("keep_original").unwrap_or(true),
            overwrite: f.parsed("overwrite", Overwrite::from_str),
            retention_s: seconds(&mut f, "retention", 0..=CENTURY_S).filter(|s| *s > 0),
            archive_after_s: seconds(&mut f, "archive_after", DAY_S..=CENTURY_S),
            unconfirmed_s: seconds(&mut f, "unconfirmed", 60..=CENTURY_S),
            deleted_retention_s: seconds(&mut f, "deleted_retention", 0..=CENTURY_S)
                .unwrap_or(DELETED_RETENTION_S),
            versions_kept: versions.and_then(|count| u32::try_from(count).ok()),
            encryption: read_encryption(&mut f, provider),
            strategies,
            multipart_over_bytes,
            part_size_bytes,
            labels,
            require_checksum: f.flag("require_checksum").unwrap_or(false),
            require_collection,
        })?;
        f.finish();
        Some(category)
    }
}

/// Reads the templates of object keys and output keys.
fn read_templates(
    f: &mut Fields<'_>,
    category: &str,
) -> (Option<KeyTemplate>, Option<KeyTemplate>) {
    let shared = f.flag("shared").unwrap_or(false);
    let key = f.required("key", |f, field| template(f, field, shared));
    let output = template(f, "output", shared);
    if key.as_ref().is_some_and(KeyTemplate::has_version) {
        f.wrong(
            "key",
            "invalid",
            "must not have `{version}`: an upload's object keeps one name, and only its outputs have versions. A label of that \
             name is `{label.version}`",
        );
    }
    for (field, template) in [("key", &key), ("output", &output)] {
        if template
            .as_ref()
            .is_some_and(|template| template.is_reserved_for(category))
        {
            f.wrong(field, "invalid", TemplateError::Reserved.to_string());
        }
    }
    (key, output)
}

/// Checks that the ingest has the output template that it requires.
fn check_output(f: &mut Fields<'_>, ingest: Option<Ingest>, output: Option<&KeyTemplate>) {
    match (ingest, output) {
        (Some(Ingest::Tabular), None) => f.wrong(
            "output",
            "required",
            "is required with `ingest = \"tabular\"`",
        ),
        (Some(Ingest::Verify), Some(_)) => {
            f.wrong(
                "output",
                "conflict",
                "has no effect with `ingest = \"verify\"`, which writes nothing",
            );
        }
        (Some(Ingest::Tabular), Some(output)) if !output.has_unique_outputs() => {
            f.wrong(
                "output",
                "invalid",
                "must contain `{file_id}`, `{version}` and `{ext}`, or one result would replace another",
            );
        }
        (Some(Ingest::Tabular), Some(_)) | (Some(Ingest::Verify), None) | (None, _) => {}
    }
}

/// Checks that the ingest has types that it can process.
fn check_types(f: &mut Fields<'_>, ingest: Option<Ingest>, types: &[FileType]) {
    if ingest == Some(Ingest::Tabular)
        && !types.is_empty()
        && !types.iter().any(|kind| kind.is_tabular)
    {
        let detail = "must be `verify`: none of the extensions is read as a table, such as `csv`";
        f.wrong("ingest", "conflict", detail);
    }
}

/// Returns whether an upload must name its collection: because the category says so, or because a template contains
/// it.
fn read_require_collection(f: &mut Fields<'_>, templates: [&Option<KeyTemplate>; 2]) -> bool {
    let require_collection = f.flag("require_collection");
    let in_key = templates
        .into_iter()
        .flatten()
        .any(KeyTemplate::has_collection_id);
    if in_key && require_collection == Some(false) {
        f.wrong(
            "require_collection",
            "conflict",
            "must be true, since the key template contains the collection",
        );
    }
    in_key || require_collection == Some(true)
}

fn seconds(f: &mut Fields<'_>, name: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
    let value = f.measure(name, duration_s);
    f.within(name, value, range)
}

fn template(f: &mut Fields<'_>, name: &'static str, shared: bool) -> Option<KeyTemplate> {
    let parse = |text: &str| {
        let template = KeyTemplate::parse(text)?;
        if !shared {
            template.require_owner()?;
        }
        Ok(template)
    };
    f.parsed(name, |text| {
        parse(text).map_err(|error: TemplateError| match error {
            TemplateError::OwnerNotASegment => format!("{error} (or set `shared = true`)"),
            TemplateError::Empty
            | TemplateError::TooLong
            | TemplateError::Character(_)
            | TemplateError::EmptySegment
            | TemplateError::DotSegment
            | TemplateError::Brace
            | TemplateError::VariableName(_)
            | TemplateError::Reserved => error.to_string(),
        })
    })
}

/// Checks a bucket name by the rules that all stores share.
fn bucket_name(text: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends = bytes.first().is_some_and(|b| plain(*b)) && bytes.last().is_some_and(|b| plain(*b));
    if (3..=63).contains(&text.len()) && ends && bytes.iter().all(|b| plain(*b) || *b == b'-') {
        Ok(text.to_owned())
    } else {
        Err("must be a bucket name: 3 to 63 lower-case letters, digits and inner `-`".to_owned())
    }
}

fn ingest_kind(text: &str) -> Result<Ingest, String> {
    match text {
        "tabular" => Ok(Ingest::Tabular),
        "verify" => Ok(Ingest::Verify),
        _ => Err("must be `tabular` or `verify`".to_owned()),
    }
}

fn read_sizes(f: &mut Fields<'_>) -> (u64, u64) {
    let max = f.required("size_max", |f, field| {
        let size = f.measure(field, size_bytes);
        f.within(field, size, 1..=OBJECT_BYTES_MAX)
    });
    let max = max.unwrap_or(OBJECT_BYTES_MAX);
    let min = f.measure("size_min", size_bytes);
    let min = f.within("size_min", min, 0..=max).unwrap_or(1);
    (min, max)
}

fn is_extension(ext: &str) -> bool {
    let part = |part: &str| {
        (1..=16).contains(&part.len())
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    ext.split_once('.')
        .map_or_else(|| part(ext), |(a, b)| part(a) && part(b))
}

fn read_types(f: &mut Fields<'_>) -> Vec<FileType> {
    let mut extensions = f
        .required("extensions", |f, field| f.texts(field))
        .unwrap_or_default();
    extensions.sort_by_key(|ext| std::cmp::Reverse(ext.len()));
    extensions.dedup();
    let Some(mut overrides) = f.object("types") else {
        return extensions
            .iter()
            .filter_map(|ext| known_type(f, ext))
            .collect();
    };
    let mut given: BTreeMap<_, _> = overrides.all_objects().into_iter().collect();
    let types = extensions.iter().filter_map(|ext| match given.remove(ext) {
        Some(fields) => read_type(fields, ext),
        None => known_type(f, ext),
    });
    let types = types.collect();
    for ext in given.keys() {
        overrides.wrong(
            ext,
            "unknown_field",
            "is not one of this category's `extensions`",
        );
    }
    types
}

fn known_type(f: &Fields<'_>, ext: &str) -> Option<FileType> {
    let known = FileType::known(ext);
    if known.is_none() {
        let detail = if is_extension(ext) {
            format!(
                "has `{ext}`, which is not built in: set `[{}.\"{ext}\"]` with its content_types",
                f.path("types")
            )
        } else {
            "must list extensions of lower-case letters and digits without the leading dot, such as `csv`".to_owned()
        };
        f.wrong("extensions", "invalid", detail);
    }
    known
}

fn read_type(mut f: Fields<'_>, ext: &str) -> Option<FileType> {
    if !is_extension(ext) {
        f.wrong(
            "",
            "invalid",
            "must be an extension of lower-case letters and digits",
        );
        return None;
    }
    let known = FileType::known(ext);
    let content_types = f
        .texts("content_types")
        .or_else(|| known.as_ref().map(|kind| kind.content_types.clone()));
    let usable = |text: &String| parse_content_type(text).is_ok_and(|t| essence(t) == t);
    let content_types = content_types.unwrap_or_default();
    if content_types.is_empty() || !content_types.iter().all(usable) {
        f.wrong(
            "content_types",
            "invalid",
            "must list media types without parameters, such as `text/csv`",
        );
    }
    let is_tabular = f
        .flag("tabular")
        .unwrap_or(known.as_ref().is_some_and(|kind| kind.is_tabular));
    let magic = match f.take("magic") {
        None => known.map_or(Magic::Any, |kind| kind.magic),
        Some(value) => magic(&value).unwrap_or_else(|| {
            f.wrong(
                "magic",
                "invalid",
                "must be `any`, `text` or an array of first bytes in hex, such as `[\"25504446\"]`",
            );
            Magic::Any
        }),
    };
    f.finish();
    Some(FileType {
        ext: ext.to_owned(),
        content_types,
        magic,
        is_tabular,
    })
}

fn magic(value: &serde_json::Value) -> Option<Magic> {
    match value.as_str() {
        Some("any") => return Some(Magic::Any),
        Some("text") => return Some(Magic::Text),
        Some(_) => return None,
        None => {}
    }
    let signature = |item: &serde_json::Value| {
        let bytes = base16ct::mixed::decode_vec(item.as_str()?).ok()?;
        (!bytes.is_empty()).then(|| Signature::at_start(bytes))
    };
    let signatures: Vec<_> = value
        .as_array()?
        .iter()
        .map(signature)
        .collect::<Option<_>>()?;
    (!signatures.is_empty()).then(|| Magic::Signatures(signatures.into()))
}

fn read_strategies(f: &mut Fields<'_>, provider: StoreProvider) -> (Vec<Strategy>, u64, u64) {
    let all = [Strategy::Put, Strategy::Post, Strategy::Multipart];
    let offered =
        |strategy: &Strategy| *strategy != Strategy::Post || provider.capabilities().post_form;
    let strategies = match f.texts("strategies") {
        // Strategies that the store does not support are excluded when a request is checked, since a host may have
        // another store.
        None => all.to_vec(),
        Some(names) => match names
            .iter()
            .map(|name| Strategy::from_str(name))
            .collect::<Result<Vec<_>, _>>()
        {
            Ok(strategies) if !strategies.is_empty() => strategies,
            Ok(_) | Err(_) => {
                f.wrong(
                    "strategies",
                    "invalid",
                    "must list one or more of `put`, `post` and `multipart`",
                );
                all.to_vec()
            }
        },
    };
    if strategies.as_slice() != all && !strategies.iter().all(offered) {
        f.wrong(
            "strategies",
            "unsupported",
            format!(
                "has `post`, but {} does not support POST forms",
                provider.as_str()
            ),
        );
    }
    let over = f.measure("multipart_over", size_bytes);
    let over = f.within(
        "multipart_over",
        over,
        0..=provider.capabilities().put_bytes_max,
    );
    let part = f.measure("part_size", size_bytes);
    let part = f.within("part_size", part, PART_BYTES_MIN..=PART_BYTES_MAX);
    (
        strategies,
        over.unwrap_or(100_000_000),
        part.unwrap_or(16 << 20),
    )
}

fn read_encryption(f: &mut Fields<'_>, provider: StoreProvider) -> Encryption {
    let key_id = f.text("kms_key_id");
    let has_key = key_id.is_some();
    let encryption = f.parsed("encryption", |text| match text {
        "none" => Ok(Encryption::None),
        "aes256" => Ok(Encryption::Aes256),
        "aws_kms" => Ok(Encryption::AwsKms { key_id }),
        _ => Err("must be `none`, `aes256` or `aws_kms`".to_owned()),
    });
    let encryption = encryption.unwrap_or(Encryption::None);
    let can = provider.capabilities();
    let (possible, kms) = match encryption {
        Encryption::None => (true, false),
        Encryption::Aes256 => (can.sse_s3, false),
        Encryption::AwsKms { .. } => (can.sse_kms, true),
    };
    if !possible {
        let detail = format!(
            "must be omitted: {} does not support it (R2 encrypts everything anyway)",
            provider.as_str()
        );
        f.wrong("encryption", "unsupported", detail);
    }
    if has_key && !kms {
        f.wrong(
            "kms_key_id",
            "conflict",
            "has no effect without `encryption = \"aws_kms\"`",
        );
    }
    encryption
}
