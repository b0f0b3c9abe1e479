//! The other requests: `POST /files/confirm`, `GET /files/{id}/download-url`, `GET /files`.

use std::str::FromStr;

use consign_api::{Status, Variant};
use serde_json::{Map, Value};

use super::PARTS_MAX;
use super::category::is_category_name;
use super::digest::Sha256Digest;
use super::fields::{Errors, Fields, json_object};
use super::names::ContentDisposition;
use super::request::parse_collection_id;
use crate::ids::bare_etag;
use crate::operations::DOWNLOAD_URL_RANGE_S;
use crate::problem::Problem;

/// The maximum length of a confirm body, in bytes. It has room for ten thousand parts with the longest ETags. AWS
/// Lambda accepts 6 MB including the event around the body, also if the body is in base64.
pub const CONFIRM_BODY_BYTES_MAX: usize = 4 << 20;
/// The maximum length of an ETag, in bytes. Those of S3 have 32 digits and a number, and those of R2's parts had up
/// to 260 letters.
const ETAG_BYTES_MAX: usize = 320;
/// The maximum payload of AWS Lambda, the host with the smallest limit, in bytes of JSON (AWS Lambda quotas:
/// invocation payload).
const PAYLOAD_BYTES_MAX: usize = 6 << 20;
/// Room in the payload for everything but the body, in bytes: headers of at most 10 KB, at most twice.
const PAYLOAD_BYTES_BESIDE: usize = 64 << 10;
const _: () =
    assert!(CONFIRM_BODY_BYTES_MAX.div_ceil(3) * 4 + PAYLOAD_BYTES_BESIDE <= PAYLOAD_BYTES_MAX);
/// What a verbose JSON writer adds to the ETag of a part, in bytes.
const PART_BYTES_BESIDE: usize = r#"{ "part_number": 10000, "etag": "\"\"" }, "#.len();
/// Room in a confirm body for column names and other fields, in bytes.
const CONFIRM_BYTES_BESIDE: usize = 512 << 10;
const _: () = assert!(
    CONFIRM_BYTES_BESIDE + 10_000 * (ETAG_BYTES_MAX + PART_BYTES_BESIDE) <= CONFIRM_BODY_BYTES_MAX
        && PARTS_MAX == 10_000
);
const LIST_LIMIT_MAX: u32 = 500;
const LIST_LIMIT: u32 = 100;
const CURSOR_BYTES_MAX: usize = 512;
/// The maximum number of column names in a confirm.
const COLUMNS_MAX: usize = 20_000;
/// The maximum length of a column name, in bytes.
const COLUMN_BYTES_MAX: usize = 1024;
/// The maximum length of all column names together, in bytes.
const COLUMNS_BYTES_MAX: usize = CONFIRM_BYTES_BESIDE;
// The largest confirm must be within the limit of values.
const _: () = assert!(3 * 10_000 + COLUMNS_MAX < super::fields::BODY_VALUES_MAX);

/// `POST /files/confirm`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfirmRequest {
    /// The upload's id as sent. An invalid id counts as unknown.
    pub file_id: String,
    /// The object's ETag as the store returned it, without quotes.
    pub etag: Option<String>,
    /// The parts of a multipart upload, by ascending number without duplicates.
    pub parts: Vec<ConfirmedPart>,
    /// The collection to link the file to.
    pub collection_id: Option<String>,
    /// What the client says about the file.
    pub metadata: ConfirmMetadata,
}

/// An uploaded part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfirmedPart {
    /// The number, from 1 to [`PARTS_MAX`].
    pub part_number: u32,
    /// The ETag as the store returned it, without quotes.
    pub etag: String,
}

/// What a client says about its file. A hint until ingest has measured it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfirmMetadata {
    /// The names of the columns.
    pub columns: Option<Vec<String>>,
    /// The number of rows.
    pub row_count: Option<u64>,
    /// The file's SHA-256.
    pub file_hash: Option<Sha256Digest>,
}

impl ConfirmRequest {
    /// Parses a body.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let errors = Errors::default();
        let mut f = Fields::new(json_object(body, CONFIRM_BODY_BYTES_MAX)?, &errors);
        let file_id = f.required("file_id", |f, name| {
            f.parsed(name, |text| printable(text, 128))
        });
        let etag = f.parsed("etag", parse_etag);
        let collection_id = f.parsed("collection_id", parse_collection_id);
        let parts = read_parts(&mut f);
        let metadata = f
            .object("metadata")
            .map(ConfirmMetadata::read)
            .unwrap_or_default();
        f.finish();
        match (file_id, errors.into_vec()) {
            (Some(file_id), errors) if errors.is_empty() => Ok(Self {
                file_id,
                etag,
                parts,
                collection_id,
                metadata,
            }),
            (_, errors) => Err(Problem::validation_failed(errors)),
        }
    }
}

impl ConfirmMetadata {
    fn read(mut f: Fields<'_>) -> Self {
        let columns = f.texts("columns");
        if let Some((code, detail)) = columns.as_deref().and_then(too_much) {
            f.wrong("columns", code, detail);
        }
        let row_count = f.whole("row_count");
        let row_count = f.within("row_count", row_count, 0..=i64::MAX.unsigned_abs());
        let file_hash = f.parsed("file_hash", Sha256Digest::from_str);
        f.finish();
        Self {
            columns,
            row_count,
            file_hash,
        }
    }
}

/// Returns the error of column names that exceed a limit.
fn too_much(names: &[String]) -> Option<(&'static str, String)> {
    let bytes: usize = names.iter().map(String::len).sum();
    if names.len() > COLUMNS_MAX {
        let detail = format!("must be at most {COLUMNS_MAX} names, not {}", names.len());
        Some(("too_many", detail))
    } else if names.iter().any(|name| name.len() > COLUMN_BYTES_MAX) {
        let detail = format!("must be names of at most {COLUMN_BYTES_MAX} bytes");
        Some(("too_long", detail))
    } else if bytes > COLUMNS_BYTES_MAX {
        let detail = format!(
            "must be at most {COLUMNS_BYTES_MAX} bytes together, not {bytes}; omit them, since the ingest determines them"
        );
        Some(("too_long", detail))
    } else {
        None
    }
}

fn read_parts(f: &mut Fields<'_>) -> Vec<ConfirmedPart> {
    let items = f.list("parts");
    if u64::try_from(items.len()).unwrap_or(u64::MAX) > PARTS_MAX {
        f.wrong("parts", "invalid", format!("must be at most {PARTS_MAX}"));
        return Vec::new();
    }
    let mut parts: Vec<_> = items.into_iter().filter_map(read_part).collect();
    parts.sort_by_key(|part| part.part_number);
    if let Some(pair) = parts
        .windows(2)
        .find(|pair| pair[0].part_number == pair[1].part_number)
    {
        f.wrong(
            "parts",
            "invalid",
            format!(
                "must not have duplicates, but part {} occurs twice",
                pair[0].part_number
            ),
        );
    }
    parts
}

fn read_part(mut f: Fields<'_>) -> Option<ConfirmedPart> {
    let number = f.required("part_number", |f, name| {
        let number = f.whole(name);
        f.within(name, number, 1..=PARTS_MAX)
    });
    let etag = f.required("etag", |f, name| f.parsed(name, parse_etag));
    f.finish();
    Some(ConfirmedPart {
        part_number: u32::try_from(number?).ok()?,
        etag: etag?,
    })
}

/// Parses an ETag, with or without quotes. A weak ETag, as a proxy may send, loses its `W/`.
fn parse_etag(text: &str) -> Result<String, String> {
    let bare = bare_etag(text);
    if bare.contains('"') {
        Err("must be an etag as the store returned it".to_owned())
    } else {
        printable(bare, ETAG_BYTES_MAX)
    }
}

fn printable(text: &str, bytes_max: usize) -> Result<String, String> {
    if (1..=bytes_max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "must be 1 to {bytes_max} printable ASCII characters without spaces"
        ))
    }
}

/// `GET /files/{id}/download-url`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DownloadQuery {
    /// The life of the URL in seconds, 60 to 86400. `None` means the category's default.
    pub expiry_s: Option<u32>,
    /// What to download. The default is `original`.
    pub variant: Variant,
    /// Whether a browser saves or shows the file.
    pub disposition: ContentDisposition,
}

impl DownloadQuery {
    /// Parses a query string without its `?`.
    pub fn parse(query: &str) -> Result<Self, Problem> {
        let errors = Errors::default();
        let mut f = Fields::new(query_fields(query)?, &errors);
        let expiry = f.parsed("expiry_sec", parse_whole);
        let expiry = f.within("expiry_sec", expiry, DOWNLOAD_URL_RANGE_S);
        let variant = f.parsed("variant", Variant::from_str);
        let disposition = f.parsed("disposition", |text| match text {
            "attachment" => Ok(ContentDisposition::Attachment),
            "inline" => Ok(ContentDisposition::Inline),
            _ => Err("must be `attachment` or `inline`".to_owned()),
        });
        f.finish();
        none_of(errors)?;
        Ok(Self {
            expiry_s: expiry.and_then(|seconds| u32::try_from(seconds).ok()),
            variant: variant.unwrap_or(Variant::Original),
            disposition: disposition.unwrap_or(ContentDisposition::Attachment),
        })
    }
}

/// `GET /files`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    /// The maximum number of files, 1 to 500.
    pub limit: u32,
    /// The `next_cursor` of the previous page.
    pub cursor: Option<String>,
    /// Only files in this state.
    pub status: Option<Status>,
    /// Only files of this category.
    pub category: Option<String>,
    /// Only files of this collection.
    pub collection_id: Option<String>,
    /// Whether each file has a download URL.
    pub include_download_url: bool,
}

impl ListQuery {
    /// Parses a query string without its `?`.
    pub fn parse(query: &str) -> Result<Self, Problem> {
        let errors = Errors::default();
        let mut f = Fields::new(query_fields(query)?, &errors);
        let limit = f.parsed("limit", parse_whole);
        let limit = f.within("limit", limit, 1..=LIST_LIMIT_MAX.into());
        let cursor = f.parsed("cursor", |text| printable(text, CURSOR_BYTES_MAX));
        let status = f.parsed("status", |text| {
            let known = Status::ALL
                .into_iter()
                .find(|status| status.as_str() == text);
            known.ok_or_else(|| {
                let names = Status::ALL.map(Status::as_str);
                format!("must be one of {}", names.join(", "))
            })
        });
        let category = f.parsed("category", |text| {
            is_category_name(text)
                .then(|| text.to_owned())
                .ok_or_else(|| "must be the name of a category".to_owned())
        });
        let collection_id = f.parsed("collection_id", parse_collection_id);
        let include = f.parsed("include", |text| match text {
            "download_url" => Ok(true),
            _ => Err("must be `download_url`".to_owned()),
        });
        f.finish();
        none_of(errors)?;
        Ok(Self {
            limit: limit
                .and_then(|limit| u32::try_from(limit).ok())
                .unwrap_or(LIST_LIMIT),
            cursor,
            status,
            category,
            collection_id,
            include_download_url: include.unwrap_or(false),
        })
    }
}

fn none_of(errors: Errors) -> Result<(), Problem> {
    let errors = errors.into_vec();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Problem::validation_failed(errors))
    }
}

fn parse_whole(text: &str) -> Result<u64, String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|_| digits)
        .ok_or_else(|| "must be an integer".to_owned())
}

/// Parses a query string (`application/x-www-form-urlencoded`). Duplicate parameters are an error.
fn query_fields(query: &str) -> Result<Map<String, Value>, Problem> {
    let mut map = Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if map
            .insert(name.into_owned(), Value::String(value.into_owned()))
            .is_some()
        {
            return Err(Problem::bad_request("duplicate query parameter"));
        }
    }
    Ok(map)
}
