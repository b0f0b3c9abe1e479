//! `POST /files/sign_upload`: from a body to an accepted upload. All invalid fields are reported together.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use consign_hints::Hints;
use serde_json::{Map, Value};

use super::category::Category;
use super::digest::Sha256Digest;
use super::fields::{Errors, Fields, depth_exceeds, json_object};
use super::hints;
use super::types::{FileType, essence, parse_content_type};
use super::units::human;
use super::{Capabilities, Policy, Strategy, Tier};
use crate::auth::Identity;
use crate::problem::Problem;

/// The maximum length of a sign-upload body, in bytes.
pub const SIGN_BODY_BYTES_MAX: usize = 64 << 10;
const FILENAME_CHARS_MAX: usize = 255;
const METADATA_BYTES_MAX: usize = 8 << 10;
const METADATA_DEPTH_MAX: usize = 8;

/// A request whose fields were read one by one. [`Policy::check`] compares it with the policy and reports the errors
/// of both steps together, so that a client gets all of them in one answer.
#[derive(Debug)]
pub struct SignUploadRequest {
    filename: Option<String>,
    content_type: Option<String>,
    /// Whether the content type was empty: browsers send an empty type for files that they do not know.
    is_type_of_extension: bool,
    size_bytes: Option<u64>,
    category: Option<String>,
    checksum_sha256: Option<Sha256Digest>,
    strategy: Option<Strategy>,
    collection_id: Option<String>,
    labels: Map<String, Value>,
    metadata: Map<String, Value>,
    hints: Option<Hints>,
    errors: Errors,
}

/// An upload that the policy allows.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names of the other fields describe them")]
pub struct Accepted {
    pub category: Arc<Category>,
    pub filename: String,
    /// The matched extension of the category, in lower case.
    pub ext: String,
    /// The content type that the upload must have. The default follows from the extension.
    pub content_type: String,
    /// The exact size in bytes. `None` only with [`Strategy::Post`].
    pub size_bytes: Option<u64>,
    /// The minimum size that the form accepts, in bytes.
    pub size_bytes_min: u64,
    /// The maximum size by category, tier and store, in bytes.
    pub size_bytes_max: u64,
    pub strategy: Strategy,
    /// The length of every part but the last, in bytes. `Some` only with [`Strategy::Multipart`].
    pub part_size_bytes: Option<u64>,
    pub checksum_sha256: Option<Sha256Digest>,
    pub collection_id: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub metadata: Map<String, Value>,
    /// The hints of the request, and those of the category for the rest.
    pub hints: Hints,
    /// The life of the signed URLs, in seconds.
    pub upload_url_s: u32,
}

impl SignUploadRequest {
    /// Parses a body. Fails only if there are no fields: the body is too long, not JSON, or not an object.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let errors = Errors::default();
        let mut f = Fields::new(json_object(body, SIGN_BODY_BYTES_MAX)?, &errors);
        let filename = f.required("filename", |f, name| f.parsed(name, parse_filename));
        let content_type = f.parsed("content_type", |text| match text {
            "" => Ok(None),
            text => Ok(Some(parse_content_type(text)?.to_owned())),
        });
        let is_type_of_extension = content_type == Some(None);
        let size_bytes = f.whole("file_size_bytes");
        let category = f.text("category");
        let checksum_sha256 = f.parsed("checksum_sha256", Sha256Digest::from_str);
        let strategy = f.parsed("strategy", Strategy::from_str);
        let collection_id = f.parsed("collection_id", parse_collection_id);
        let labels = f.map("labels").unwrap_or_default();
        let metadata = f.map("metadata").unwrap_or_default();
        if let Err(detail) = check_metadata(&metadata) {
            f.wrong("metadata", "invalid", detail);
        }
        let hints = f.hints("hints");
        f.finish();
        Ok(Self {
            filename,
            content_type: content_type.flatten(),
            is_type_of_extension,
            size_bytes,
            category,
            checksum_sha256,
            strategy,
            collection_id,
            labels,
            metadata,
            hints,
            errors,
        })
    }

    /// Returns whether a field is absent, as opposed to invalid and reported.
    fn lacks(&self, field: &str, present: bool) -> bool {
        !present && !self.errors.has(field)
    }
}

impl Policy {
    /// Checks a request against the policy, the caller's tier and the store's capabilities.
    pub fn check(
        &self,
        request: SignUploadRequest,
        identity: &Identity,
        store: Capabilities,
    ) -> Result<Accepted, Problem> {
        let tier = self.tier(identity);
        let accepted = self
            .category_of(&request)
            .and_then(|category| check_in(&category, &request, tier, store));
        let mut errors = request.errors.into_vec();
        match accepted {
            Some(accepted) if errors.is_empty() => Ok(accepted),
            Some(_) | None
                if errors.len() == 1 && errors.iter().all(|e| e.code == STRATEGY_UNSUPPORTED) =>
            {
                Err(Problem::strategy_unsupported(errors.remove(0)))
            }
            Some(_) | None => Err(Problem::validation_failed(errors)),
        }
    }

    /// Returns the requested category, or else the only one that accepts the extension, or the default among those
    /// that do.
    fn category_of(&self, request: &SignUploadRequest) -> Option<Arc<Category>> {
        let names = |categories: &[&Arc<Category>]| {
            categories
                .iter()
                .map(|c| format!("`{}`", c.name))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let all: Vec<_> = self.categories().collect();
        if let Some(name) = &request.category {
            let found = self.category(name);
            if found.is_none() {
                request.errors.add(
                    "category",
                    "unknown",
                    format!("must be one of {}", names(&all)),
                );
            }
            return found.cloned();
        }
        let filename = request.filename.as_ref()?;
        if request.errors.has("category") {
            return None;
        }
        let fits: Vec<_> = all
            .iter()
            .copied()
            .filter(|category| category.type_of(filename).is_some())
            .collect();
        match (
            fits.as_slice(),
            fits.iter().find(|category| category.default),
        ) {
            (_, Some(category)) | ([category], None) => Some(Arc::clone(category)),
            ([], None) => {
                let mut known: Vec<_> = all
                    .iter()
                    .flat_map(|c| &c.types)
                    .map(|t| format!(".{}", t.ext))
                    .collect();
                known.sort_unstable();
                known.dedup();
                let detail = format!("must end in one of {}", known.join(", "));
                request
                    .errors
                    .add("filename", "extension_not_allowed", detail);
                None
            }
            (several, None) => {
                let detail = format!(
                    "is required, since {} all accept such a file",
                    names(several)
                );
                request.errors.add("category", "required", detail);
                None
            }
        }
    }
}

/// The code of a field error that becomes the code of the problem if there is no other error.
const STRATEGY_UNSUPPORTED: &str = "strategy_unsupported";

/// Checks a request against its category. Returns `None` if a required value is missing. The errors are added to the
/// request.
fn check_in(
    category: &Arc<Category>,
    request: &SignUploadRequest,
    tier: &Tier,
    store: Capabilities,
) -> Option<Accepted> {
    let errors = &request.errors;
    let kind = request.filename.as_ref().and_then(|filename| {
        let kind = category.type_of(filename);
        if kind.is_none() {
            let detail = format!(
                "must end in one of {} in category `{}`",
                category.extensions_text(),
                category.name
            );
            errors.add("filename", "extension_not_allowed", detail);
        }
        kind
    });
    if let (Some(kind), Some(content_type)) = (kind, &request.content_type) {
        check_content_type(category, kind, content_type, errors);
    }
    let strategy = choose_strategy(category, request, store);
    let one_request = strategy != Some(Strategy::Multipart);
    let mut size_bytes_max = category.size_bytes_max.min(tier.file_size_bytes_max);
    if one_request {
        size_bytes_max = size_bytes_max.min(store.put_bytes_max);
    }
    check_size(category, request, size_bytes_max, one_request);
    check_required(category, request);
    let labels = check_labels(category, &request.labels, errors);
    let hints = kind.and_then(|kind| hints::join(category, kind, request.hints.as_ref(), errors));
    let (kind, strategy) = (kind?, strategy?);
    let part_size_bytes = (strategy == Strategy::Multipart)
        .then_some(request.size_bytes)
        .flatten();
    Some(Accepted {
        category: Arc::clone(category),
        filename: request.filename.clone()?,
        ext: kind.ext.clone(),
        content_type: request
            .content_type
            .clone()
            .unwrap_or_else(|| kind.content_type().to_owned()),
        size_bytes: request.size_bytes,
        size_bytes_min: category.size_bytes_min,
        size_bytes_max,
        strategy,
        part_size_bytes: part_size_bytes.map(|size| category.part_size_bytes_for(size)),
        checksum_sha256: request.checksum_sha256,
        collection_id: request.collection_id.clone(),
        labels,
        metadata: request.metadata.clone(),
        hints: hints?,
        upload_url_s: category.upload_url_s,
    })
}

/// Checks the optional fields that the category requires.
fn check_required(category: &Category, request: &SignUploadRequest) {
    let errors = &request.errors;
    if category.require_checksum
        && request.lacks("checksum_sha256", request.checksum_sha256.is_some())
    {
        errors.add(
            "checksum_sha256",
            "required",
            "is required: the file's SHA-256 in base64 or hexadecimal",
        );
    }
    if category.require_collection
        && request.lacks("collection_id", request.collection_id.is_some())
    {
        errors.add(
            "collection_id",
            "required",
            format!("is required in category `{}`", category.name),
        );
    }
}

fn check_content_type(category: &Category, kind: &FileType, content_type: &str, errors: &Errors) {
    let octets = essence(content_type).eq_ignore_ascii_case("application/octet-stream");
    let accepted = kind.accepts(content_type) || (octets && category.accept_octet_stream);
    if !accepted {
        let detail = format!(
            "must be {} for a .{} file",
            kind.content_types.join(" or "),
            kind.ext
        );
        errors.add("content_type", "content_type_not_allowed", detail);
    }
}

/// Returns the requested strategy, or else the best one that is possible. Reports what it lacks.
fn choose_strategy(
    category: &Category,
    request: &SignUploadRequest,
    store: Capabilities,
) -> Option<Strategy> {
    let offered = |strategy: Strategy| {
        category.strategies.contains(&strategy) && (strategy != Strategy::Post || store.post_form)
    };
    let missing: Vec<&str> = [
        (
            "content_type",
            request.content_type.is_some() || request.is_type_of_extension,
        ),
        ("file_size_bytes", request.size_bytes.is_some()),
    ]
    .into_iter()
    .filter_map(|(field, present)| request.lacks(field, present).then_some(field))
    .collect();
    let chosen = match request.strategy {
        Some(asked) if offered(asked) => asked,
        Some(asked) => {
            let others = [Strategy::Put, Strategy::Post, Strategy::Multipart]
                .into_iter()
                .filter(|s| offered(*s));
            let others: Vec<_> = others.map(|s| format!("`{s}`")).collect();
            let who = if category.strategies.contains(&asked) {
                "this store"
            } else {
                "this category"
            };
            let detail = format!(
                "must be {}: {who} does not support `{asked}`",
                others.join(" or ")
            );
            request.errors.add("strategy", STRATEGY_UNSUPPORTED, detail);
            return None;
        }
        None if request.errors.has("strategy") => return None,
        None => {
            let large = request
                .size_bytes
                .is_some_and(|size| size > category.multipart_over_bytes);
            let order = match (missing.is_empty(), large) {
                (false, _) => [Strategy::Post, Strategy::Put, Strategy::Multipart],
                (true, true) => [Strategy::Multipart, Strategy::Put, Strategy::Post],
                (true, false) => [Strategy::Put, Strategy::Post, Strategy::Multipart],
            };
            let Some(best) = order.into_iter().find(|strategy| offered(*strategy)) else {
                request.errors.add(
                    "category",
                    STRATEGY_UNSUPPORTED,
                    "has no upload strategy that this store supports",
                );
                return None;
            };
            best
        }
    };
    if chosen != Strategy::Post {
        for field in missing {
            let detail = if offered(Strategy::Post) {
                format!("is required with `{chosen}`; it is optional with `post`")
            } else {
                "is required: it is optional only with a POST form, which is not supported here"
                    .to_owned()
            };
            request.errors.add(field, "required", detail);
        }
    }
    Some(chosen)
}

fn check_size(category: &Category, request: &SignUploadRequest, max: u64, one_request: bool) {
    let Some(size) = request.size_bytes else {
        return;
    };
    let min = category.size_bytes_min.max(u64::from(!one_request));
    if size > max {
        let alone = one_request
            && category.size_bytes_max > max
            && category.strategies.contains(&Strategy::Multipart);
        let advice = if alone {
            " in one request; `multipart` may take more"
        } else {
            ""
        };
        let detail = format!("must be at most {max} ({}){advice}, not {size}", human(max));
        request.errors.add("file_size_bytes", "too_large", detail);
    } else if size < min {
        request.errors.add(
            "file_size_bytes",
            "too_small",
            format!("must be at least {min}, not {size}"),
        );
    }
}

fn check_labels(
    category: &Category,
    given: &Map<String, Value>,
    errors: &Errors,
) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for (name, rule) in &category.labels {
        let field = format!("labels.{name}");
        match given.get(name) {
            Some(Value::String(text)) => match rule.check(text) {
                Ok(()) => {
                    labels.insert(name.clone(), text.clone());
                }
                Err(detail) => errors.add(field, "invalid", detail),
            },
            None | Some(Value::Null) if rule.required => {
                errors.add(field, "required", "is required")
            }
            None | Some(Value::Null) => {}
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                errors.add(field, "wrong_type", "must be a string");
            }
        }
    }
    for name in given
        .keys()
        .filter(|name| !category.labels.contains_key(*name))
    {
        let known = category
            .labels
            .keys()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
        let known = if known.is_empty() {
            "there are none".to_owned()
        } else {
            format!("known labels are {known}")
        };
        let detail = format!("is not a label of category `{}`; {known}", category.name);
        errors.add(format!("labels.{name}"), "unknown_field", detail);
    }
    labels
}

/// Parses a file name of the user. It never becomes part of an object key, and is returned on download.
fn parse_filename(text: &str) -> Result<String, String> {
    // These marks reorder the displayed text: `invoice_\u{202e}fdp.exe` looks as if it ended in `exe.pdf`.
    let reorders = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let count = text.chars().count();
    if count == 0 || count > FILENAME_CHARS_MAX {
        Err(format!("must be 1 to {FILENAME_CHARS_MAX} characters long"))
    } else if text.contains(['/', '\\']) {
        Err("must be a name without a path: send only what follows the last `/` or `\\`".to_owned())
    } else if text.chars().any(|c| c.is_control() || reorders(c)) {
        Err(
            "must not contain control characters or marks that reverse the direction of text"
                .to_owned(),
        )
    } else {
        Ok(text.to_owned())
    }
}

/// Parses an id of the caller's own system: `[A-Za-z0-9_-]{1,64}`.
pub(crate) fn parse_collection_id(text: &str) -> Result<String, String> {
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if plain && (1..=64).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 64 letters, digits, `_` and `-`".to_owned())
    }
}

fn check_metadata(metadata: &Map<String, Value>) -> Result<(), String> {
    let long = serde_json::to_vec(metadata).is_ok_and(|text| text.len() > METADATA_BYTES_MAX);
    if long {
        return Err(format!(
            "must be at most {METADATA_BYTES_MAX} bytes of JSON"
        ));
    }
    if metadata
        .values()
        .any(|value| depth_exceeds(value, METADATA_DEPTH_MAX - 1))
    {
        return Err(format!("must be nested at most {METADATA_DEPTH_MAX} deep"));
    }
    Ok(())
}
