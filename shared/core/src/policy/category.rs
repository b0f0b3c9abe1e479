//! A category: one kind of file, where it goes, and how it is treated.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::fields::Fields;
use super::template::{KeyTemplate, TemplateError, is_key_char, is_label_name};
use super::types::{FileType, Magic, MagicMismatch, Signature};
use super::units::{duration_s, size_bytes};
use super::{OBJECT_BYTES_MAX, PART_BYTES_MAX, PART_BYTES_MIN, PARTS_MAX, Provider, Strategy};

/// Shortest and longest life of an upload URL, in seconds; the upper bound is SigV4's.
const UPLOAD_URL_S: std::ops::RangeInclusive<u64> = 120..=604_800;
/// Shortest and longest life of a download URL, in seconds.
pub(crate) const DOWNLOAD_URL_S: std::ops::RangeInclusive<u64> = 60..=86_400;
const DAY_S: u64 = 86_400;
const CENTURY_S: u64 = 36_525 * DAY_S;

/// What ingest does with a file that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ingest {
    /// Turn it into checked, profiled Parquet.
    Tabular,
    /// Check its size, its checksum and its first bytes.
    Verify,
}

/// Encryption at rest that the signed upload demands from the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// None demanded; the store may encrypt by itself.
    None,
    /// `AES256`: the store's own keys.
    Aes256,
    /// `aws:kms`, with this key or the account's default.
    AwsKms {
        /// The key's id or ARN.
        key_id: Option<String>,
    },
}

/// What a label's value may look like. Every value is also fit for a key: `[A-Za-z0-9_.=-]`, not `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelPattern {
    /// Anything fit for a key.
    Any,
    /// `[a-z0-9][a-z0-9_-]*`, such as a service's name.
    Name,
    /// A version such as `v1.4.0` or `2026-01-31`: letters, digits, dots and dashes, with a digit among them.
    Version,
    /// One of a list.
    OneOf(Vec<String>),
}

/// A label that uploads of a category may, or must, carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelRule {
    /// What a value looks like.
    pub pattern: LabelPattern,
    /// The longest value, in bytes.
    pub len_max: usize,
    /// Whether every upload must carry it. A label that the key template names always must.
    pub required: bool,
}

impl LabelRule {
    /// Checks a value; the error continues the label's name.
    pub fn check(&self, value: &str) -> Result<(), String> {
        if value.is_empty() || value.len() > self.len_max {
            return Err(format!("must be 1 to {} characters long", self.len_max));
        }
        if !value.chars().all(is_key_char) || matches!(value, "." | "..") {
            return Err(
                "must have only letters, digits and `_.=-`, and not be `.` or `..`".to_owned(),
            );
        }
        let bytes = value.as_bytes();
        let lower = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        match &self.pattern {
            LabelPattern::Any => Ok(()),
            LabelPattern::Name => {
                let fits = bytes.first().is_some_and(lower)
                    && bytes.iter().all(|b| lower(b) || b"_-".contains(b));
                fits.then_some(()).ok_or_else(|| {
                    "must be lower-case letters, digits, `_` and `-`, starting with a letter or digit".to_owned()
                })
            }
            LabelPattern::Version => {
                let fits = bytes.iter().any(u8::is_ascii_digit)
                    && bytes
                        .iter()
                        .all(|b| b.is_ascii_alphanumeric() || b".-".contains(b));
                fits.then_some(())
                    .ok_or_else(|| "must be a version such as `v1.4.0` or `2026-01-31`".to_owned())
            }
            LabelPattern::OneOf(values) => {
                let fits = values.iter().any(|known| known == value);
                fits.then_some(())
                    .ok_or_else(|| format!("must be one of {}", values.join(", ")))
            }
        }
    }

    fn read(mut fields: Fields<'_>, in_key: bool) -> Self {
        let one_of = fields.texts("one_of");
        let pattern = fields.parsed("pattern", |text| match text {
            "any" => Ok(LabelPattern::Any),
            "name" => Ok(LabelPattern::Name),
            "version" => Ok(LabelPattern::Version),
            _ => Err("must be `any`, `name` or `version`".to_owned()),
        });
        if one_of.is_some() && pattern.is_some() {
            fields.wrong("pattern", "conflict", "cannot stand beside `one_of`");
        }
        let len_max = fields.whole("len_max");
        let len_max = fields.within("len_max", len_max, 1..=256).unwrap_or(64);
        let required = fields.flag("required");
        if in_key && required == Some(false) {
            fields.wrong(
                "required",
                "conflict",
                "must be true, since the key template names this label",
            );
        }
        let pattern = one_of
            .map(LabelPattern::OneOf)
            .or(pattern)
            .unwrap_or(LabelPattern::Any);
        let rule = Self {
            pattern,
            len_max: usize::try_from(len_max).unwrap_or(256),
            required: in_key || required == Some(true),
        };
        if let LabelPattern::OneOf(values) = &rule.pattern {
            let any = Self {
                pattern: LabelPattern::Any,
                len_max: rule.len_max,
                required: false,
            };
            if values.is_empty() || values.iter().any(|value| any.check(value).is_err()) {
                fields.wrong(
                    "one_of",
                    "invalid",
                    "must list values of letters, digits and `_.=-`",
                );
            }
        }
        fields.finish();
        rule
    }
}

/// One kind of file, checked: `[category.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the name is the table's, the other fields are documented one by one"
)]
pub struct Category {
    pub name: String,
    /// Chosen where a request names none and several take its extension.
    pub default: bool,
    /// Where uploads go.
    pub bucket: String,
    /// What they are called there.
    pub key: KeyTemplate,
    /// Where ingest writes to; `bucket` unless said otherwise.
    pub output_bucket: String,
    /// What ingest calls its result; always there with [`Ingest::Tabular`], and always has `{file_id}`.
    pub output: Option<KeyTemplate>,
    /// What may be uploaded. Longer extensions stand first, so that `csv.gz` wins over `gz`.
    pub types: Vec<FileType>,
    /// Whether `application/octet-stream` is taken for any of them.
    pub accept_octet_stream: bool,
    /// The smallest file, in bytes.
    pub size_bytes_min: u64,
    /// The largest file, in bytes.
    pub size_bytes_max: u64,
    /// Life of an upload URL, in seconds.
    pub upload_url_s: u32,
    /// Life of a download URL where the request asks for none, in seconds.
    pub download_url_s: u32,
    /// What is done with a file that arrived.
    pub ingest: Ingest,
    /// Whether the uploaded object stays once the file is ready.
    pub keep_original: bool,
    /// After how many seconds from ready a file is deleted; `None` for never.
    pub retention_s: Option<u64>,
    /// After how many seconds from ready a file may move to colder storage; `None` for never.
    pub archive_after_s: Option<u64>,
    /// After how many seconds an upload that nobody confirmed is deleted; `None` where a confirm is not awaited.
    pub unconfirmed_s: Option<u64>,
    /// For how many seconds a deleted file can be brought back.
    pub deleted_retention_s: u64,
    /// How many versions of a file are kept; `None` for all.
    pub versions_kept: Option<u32>,
    /// Encryption that the upload must ask for.
    pub encryption: Encryption,
    /// Ways of uploading that are offered; never empty.
    pub strategies: Vec<Strategy>,
    /// Above this many bytes the chosen way is multipart.
    pub multipart_over_bytes: u64,
    /// The usual length of a part, in bytes; see [`Category::part_size_bytes_for`].
    pub part_size_bytes: u64,
    /// Labels that uploads may carry, by name.
    pub labels: BTreeMap<String, LabelRule>,
    /// Whether every upload must bring its SHA-256.
    pub require_checksum: bool,
    /// Whether every upload must name its collection.
    pub require_collection: bool,
}

impl Category {
    /// The type that a file name stands for, by its extension in any case.
    pub fn type_of(&self, filename: &str) -> Option<&FileType> {
        let lower = filename.to_ascii_lowercase();
        self.types.iter().find(|kind| {
            lower
                .strip_suffix(&kind.ext)
                .and_then(|stem| stem.strip_suffix('.'))
                .is_some_and(|stem| !stem.is_empty())
        })
    }

    /// Checks the first bytes of an upload against its extension.
    pub fn check_magic(&self, ext: &str, head: &[u8]) -> Result<(), MagicMismatch> {
        match self.types.iter().find(|kind| kind.ext == ext) {
            Some(kind) => kind.check_magic(head),
            None => Err(MagicMismatch {
                ext: ext.to_owned(),
                found: None,
            }),
        }
    }

    /// The length of every part but the last for a file of this size: the usual one, or as many whole MiB as keep
    /// the parts at [`PARTS_MAX`] or fewer.
    pub fn part_size_bytes_for(&self, size_bytes: u64) -> u64 {
        let needed = size_bytes.div_ceil(PARTS_MAX).next_multiple_of(1 << 20);
        self.part_size_bytes.max(needed)
    }

    /// The extensions for a person to read: `.csv, .xlsx`.
    pub(crate) fn extensions_text(&self) -> String {
        self.types
            .iter()
            .map(|kind| format!(".{}", kind.ext))
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Reads `[category.NAME]`; reports everything wrong with it.
    pub(crate) fn read(name: &str, mut f: Fields<'_>, provider: Provider) -> Option<Self> {
        if !is_category_name(name) {
            f.errors.add(
                format!("category.{name}"),
                "invalid",
                "must be named by lower-case letters, digits, `_` and `-`",
            );
        }
        let shared = f.flag("shared").unwrap_or(false);
        let key = f.required("key", |f, field| template(f, field, shared));
        let output = template(&mut f, "output", shared);
        let bucket = f.required("bucket", |f, field| f.parsed(field, bucket_name));
        let output_bucket = f.parsed("output_bucket", bucket_name);
        let ingest = f.required("ingest", |f, field| f.parsed(field, ingest_kind));
        match (ingest, &output) {
            (Some(Ingest::Tabular), None) => f.wrong(
                "output",
                "required",
                "is required with `ingest = \"tabular\"`",
            ),
            (Some(Ingest::Verify), Some(_)) => {
                f.wrong(
                    "output",
                    "conflict",
                    "has no use with `ingest = \"verify\"`, which writes nothing",
                );
            }
            (Some(Ingest::Tabular), Some(output)) if !output.has_file_id() => {
                f.wrong(
                    "output",
                    "invalid",
                    "must have `{file_id}`, or one file's result would replace another's",
                );
            }
            (Some(Ingest::Tabular), Some(_)) | (Some(Ingest::Verify), None) | (None, _) => {}
        }
        let types = read_types(&mut f);
        let (size_bytes_min, size_bytes_max) = read_sizes(&mut f);
        let (strategies, multipart_over_bytes, part_size_bytes) = read_strategies(&mut f, provider);
        let labels = read_labels(&mut f, [&key, &output]);
        let require_collection = f.flag("require_collection");
        let in_key = [&key, &output]
            .into_iter()
            .flatten()
            .any(KeyTemplate::has_collection_id);
        if in_key && require_collection == Some(false) {
            f.wrong(
                "require_collection",
                "conflict",
                "must be true, since the key template names the collection",
            );
        }
        let versions = f.whole("versions_kept");
        let versions = f.within("versions_kept", versions, 1..=1_000_000);
        let upload_url_s = seconds(&mut f, "upload_url", UPLOAD_URL_S).unwrap_or(900);
        let download_url_s = seconds(&mut f, "download_url", DOWNLOAD_URL_S).unwrap_or(3_600);
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
            upload_url_s: u32::try_from(upload_url_s).unwrap_or(900),
            download_url_s: u32::try_from(download_url_s).unwrap_or(3_600),
            ingest: ingest.unwrap_or(Ingest::Verify),
            keep_original: f.flag("keep_original").unwrap_or(true),
            retention_s: seconds(&mut f, "retention", 0..=CENTURY_S).filter(|s| *s > 0),
            archive_after_s: seconds(&mut f, "archive_after", DAY_S..=CENTURY_S),
            unconfirmed_s: seconds(&mut f, "unconfirmed", 60..=CENTURY_S),
            deleted_retention_s: seconds(&mut f, "deleted_retention", 0..=CENTURY_S)
                .unwrap_or(30 * DAY_S),
            versions_kept: versions.and_then(|count| u32::try_from(count).ok()),
            encryption: read_encryption(&mut f, provider),
            strategies,
            multipart_over_bytes,
            part_size_bytes,
            labels,
            require_checksum: f.flag("require_checksum").unwrap_or(false),
            require_collection: in_key || require_collection == Some(true),
        })?;
        f.finish();
        Some(category)
    }
}

pub(crate) fn is_category_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
}

fn seconds(
    f: &mut Fields<'_>,
    name: &'static str,
    range: std::ops::RangeInclusive<u64>,
) -> Option<u64> {
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
            TemplateError::OwnerNotASegment => format!("{error} (or say `shared = true`)"),
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

/// A bucket's name by the rules that all the stores share.
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
                "has `{ext}`, which is not built in: say `[{}.\"{ext}\"]` with its content_types",
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
    let usable = |text: &String| {
        super::types::parse_content_type(text).is_ok_and(|t| super::types::essence(t) == t)
    };
    let content_types = content_types.unwrap_or_default();
    if content_types.is_empty() || !content_types.iter().all(usable) {
        f.wrong(
            "content_types",
            "invalid",
            "must list media types without parameters, such as `text/csv`",
        );
    }
    let magic = match f.take("magic") {
        None => known.map_or(Magic::Any, |kind| kind.magic),
        Some(value) => magic(&value).unwrap_or_else(|| {
            f.wrong(
                "magic",
                "invalid",
                "must be `any`, `text` or a list of beginnings in hex, such as `[\"25504446\"]`",
            );
            Magic::Any
        }),
    };
    f.finish();
    Some(FileType {
        ext: ext.to_owned(),
        content_types,
        magic,
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
        let bytes = unhex(item.as_str()?)?;
        (!bytes.is_empty()).then(|| Signature::at_start(bytes))
    };
    let signatures: Vec<_> = value
        .as_array()?
        .iter()
        .map(signature)
        .collect::<Option<_>>()?;
    (!signatures.is_empty()).then(|| Magic::Signatures(signatures.into()))
}

pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    pairs
        .remainder()
        .is_empty()
        .then(|| pairs.map(|pair| pair[0] << 4 | pair[1]).collect())
}

fn read_strategies(f: &mut Fields<'_>, provider: Provider) -> (Vec<Strategy>, u64, u64) {
    let all = [Strategy::Put, Strategy::Post, Strategy::Multipart];
    let offered =
        |strategy: &Strategy| *strategy != Strategy::Post || provider.capabilities().post_form;
    let strategies = match f.texts("strategies") {
        // What the store does not take is left out when a request is checked: a host may bring another store.
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
            format!("has `post`, but {} takes no POST form", provider.as_str()),
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

fn read_labels(
    f: &mut Fields<'_>,
    templates: [&Option<KeyTemplate>; 2],
) -> BTreeMap<String, LabelRule> {
    let in_key: Vec<&str> = templates
        .into_iter()
        .flatten()
        .flat_map(KeyTemplate::labels)
        .collect();
    let mut rules = BTreeMap::new();
    for (name, fields) in f.objects("labels") {
        if !is_label_name(&name) {
            fields.wrong(
                "",
                "invalid",
                "must be named by lower-case letters, digits and `_`",
            );
        }
        let rule = LabelRule::read(fields, in_key.contains(&name.as_str()));
        rules.insert(name, rule);
    }
    for name in in_key {
        if !rules.contains_key(name) {
            let detail = format!(
                "has `{{{name}}}`, which is neither a variable nor a label of this category"
            );
            f.wrong("key", "invalid", detail);
        }
    }
    rules
}

fn read_encryption(f: &mut Fields<'_>, provider: Provider) -> Encryption {
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
            "must be left out: {} takes no such request (R2 encrypts everything anyway)",
            provider.as_str()
        );
        f.wrong("encryption", "unsupported", detail);
    }
    if has_key && !kms {
        f.wrong(
            "kms_key_id",
            "conflict",
            "has no use without `encryption = \"aws_kms\"`",
        );
    }
    encryption
}
