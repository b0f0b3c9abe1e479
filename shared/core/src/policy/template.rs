//! Key templates. Object keys are made from checked parts, and never from the user's file name.
//!
//! Invariants 16 (keys are server-made and owner-prefixed), 19 (dot segments and long keys are refused) and 27
//! (consign's own output never looks like an upload).

use std::collections::BTreeMap;
use std::fmt;

use chrono::{Datelike as _, Timelike as _};

use crate::time::Timestamp;
use thiserror::Error;

/// The maximum length of an object key that every store accepts, in bytes.
pub const KEY_BYTES_MAX: usize = 1024;
/// The prefix of deleted objects. No template may lead there.
pub const DELETED_PREFIX: &str = "deleted/";
/// The prefix of the objects of the health check. The bucket removes old ones. No template may lead there.
pub const HEALTH_PREFIX: &str = "consign-health/";
/// The prefix of the bucket marker. No template may lead there.
pub const MARKER_PREFIX: &str = "consign-bucket/";
/// The prefixes that are reserved for consign.
const RESERVED_PREFIXES: [&str; 3] = [DELETED_PREFIX, HEALTH_PREFIX, MARKER_PREFIX];

fn is_reserved(key: &str) -> bool {
    RESERVED_PREFIXES
        .iter()
        .any(|prefix| key.starts_with(prefix))
}

/// Why a template in the configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "each variant is its message")]
pub enum TemplateError {
    #[error("must not be empty")]
    Empty,
    #[error("must be at most {KEY_BYTES_MAX} bytes long")]
    TooLong,
    #[error("may have only letters, digits and `/_.=-` outside of braces, not `{0}`")]
    Character(char),
    #[error("must not start or end with `/`, nor have `//`")]
    EmptySegment,
    #[error("must not have a segment `.` or `..`")]
    DotSegment,
    #[error("has an unmatched `{{` or `}}`")]
    Brace,
    #[error(
        "has a variable `{{{0}}}` with an invalid name: use lower-case letters, digits and `_`"
    )]
    VariableName(String),
    #[error("must have `{{owner}}` as a segment of its own")]
    OwnerNotASegment,
    #[error(
        "must not lead under `{DELETED_PREFIX}`, `{HEALTH_PREFIX}` or `{MARKER_PREFIX}`, which are reserved for consign"
    )]
    Reserved,
}

/// Why a key cannot be made from a template and these values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "each variant is its message")]
pub enum KeyError {
    #[error("the owner must be 1 to 128 printable ASCII characters")]
    Owner,
    #[error("a value for the object name is missing")]
    Missing,
    #[error("a value for the object name has characters that a key cannot have")]
    Character,
    #[error("the object name would have a segment that is empty, `.` or `..`")]
    Segment,
    #[error("the object name would be longer than {KEY_BYTES_MAX} bytes")]
    TooLong,
    #[error("the object name would be under a prefix that is reserved for consign")]
    Reserved,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Owner,
    FileId,
    Category,
    CollectionId,
    Date,
    Time,
    Year,
    Month,
    Day,
    Hour,
    Ext,
    Version,
    Label(String),
}

/// A checked template such as `datasets/{owner}/{file_id}/v{version}.{ext}`.
///
/// Variables: `owner`, `file_id`, `category`, `collection_id`, `ext`, `version`; `date` (2026-01-31), `time`
/// (235959), `year`, `month`, `day`, `hour`, all in UTC. Any other name, or `label.NAME`, is a label of the upload.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyTemplate {
    text: String,
    parts: Vec<Segment>,
}

/// The values of the variables. Everything but the time and the version is checked again on expansion.
#[derive(Clone, Copy, Debug)]
pub struct KeyVars<'a> {
    /// The owner as the token names it. [`owner_segment`] encodes it.
    pub owner: &'a str,
    /// The upload's id.
    pub file_id: &'a str,
    /// The category's name.
    pub category: &'a str,
    /// The collection, if the upload has one.
    pub collection_id: Option<&'a str>,
    /// The extension, in lower case without its leading dot.
    pub ext: &'a str,
    /// The output version, from 1.
    pub version: u32,
    /// The upload's labels.
    pub labels: &'a BTreeMap<String, String>,
    /// When the upload was signed. The object key and the output keys use the same instant.
    pub signed_at: Timestamp,
}

impl KeyTemplate {
    /// Checks a template. The category checks with [`KeyTemplate::labels`] that all labels are declared.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.is_empty() {
            return Err(TemplateError::Empty);
        }
        if text.len() > KEY_BYTES_MAX {
            return Err(TemplateError::TooLong);
        }
        let parts = parse_parts(text)?;
        if is_reserved(text) {
            return Err(TemplateError::Reserved);
        }
        for segment in text.split('/') {
            match segment {
                "" => return Err(TemplateError::EmptySegment),
                "." | ".." => return Err(TemplateError::DotSegment),
                _ => {}
            }
        }
        Ok(Self {
            text: text.to_owned(),
            parts,
        })
    }

    /// Refuses a template without `{owner}` as a segment of its own (invariant 16).
    pub fn require_owner(&self) -> Result<(), TemplateError> {
        let whole = self.text.split('/').any(|segment| segment == "{owner}");
        if whole {
            Ok(())
        } else {
            Err(TemplateError::OwnerNotASegment)
        }
    }

    /// Returns whether every output of every generation of every file has its own key.
    pub fn has_unique_outputs(&self) -> bool {
        [Segment::FileId, Segment::Version, Segment::Ext]
            .iter()
            .all(|part| self.parts.contains(part))
    }

    /// Returns whether the key contains the version.
    pub fn has_version(&self) -> bool {
        self.parts.contains(&Segment::Version)
    }

    /// Returns whether the objects of a category of this name would be under a reserved prefix, so that every upload
    /// would be refused.
    pub fn is_reserved_for(&self, category: &str) -> bool {
        is_reserved(&self.text.replace("{category}", category))
    }

    /// Returns whether the key contains the collection. It must be known when the upload is signed then.
    pub fn has_collection_id(&self) -> bool {
        self.parts.contains(&Segment::CollectionId)
    }

    /// Returns the labels in the template.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| {
            if let Segment::Label(name) = part {
                Some(name.as_str())
            } else {
                None
            }
        })
    }

    /// Returns the fixed prefix of all keys of this template. It is empty if the template starts with a variable.
    pub fn literal_prefix(&self) -> &str {
        if let Some(Segment::Literal(prefix)) = self.parts.first() {
            prefix
        } else {
            ""
        }
    }

    /// Returns whether the fixed prefix of one template contains keys of the other, in a listing or an event rule
    /// (invariant 27).
    pub fn may_meet(&self, other: &Self) -> bool {
        let (a, b) = (self.literal_prefix(), other.literal_prefix());
        a.starts_with(b) || b.starts_with(a)
    }

    /// Returns the template as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the object key for these values.
    pub fn expand(&self, vars: &KeyVars<'_>) -> Result<String, KeyError> {
        let mut key = String::with_capacity(self.text.len() + 96);
        let at = vars.signed_at;
        for part in &self.parts {
            match part {
                Segment::Literal(text) => key.push_str(text),
                Segment::Owner => key.push_str(&owner_segment(vars.owner)?),
                Segment::FileId => push_checked(&mut key, vars.file_id)?,
                Segment::Category => push_checked(&mut key, vars.category)?,
                Segment::CollectionId => {
                    push_checked(&mut key, vars.collection_id.ok_or(KeyError::Missing)?)?
                }
                Segment::Date => push(
                    &mut key,
                    format_args!("{:04}-{:02}-{:02}", at.year(), at.month(), at.day()),
                ),
                Segment::Time => push(
                    &mut key,
                    format_args!("{:02}{:02}{:02}", at.hour(), at.minute(), at.second()),
                ),
                Segment::Year => push(&mut key, format_args!("{:04}", at.year())),
                Segment::Month => push(&mut key, format_args!("{:02}", at.month())),
                Segment::Day => push(&mut key, format_args!("{:02}", at.day())),
                Segment::Hour => push(&mut key, format_args!("{:02}", at.hour())),
                Segment::Ext => push_checked(&mut key, vars.ext)?,
                Segment::Version => push(&mut key, format_args!("{}", vars.version)),
                Segment::Label(name) => {
                    push_checked(&mut key, vars.labels.get(name).ok_or(KeyError::Missing)?)?
                }
            }
        }
        if key.len() > KEY_BYTES_MAX {
            return Err(KeyError::TooLong);
        }
        if key
            .split('/')
            .any(|segment| matches!(segment, "" | "." | ".."))
        {
            return Err(KeyError::Segment);
        }
        if is_reserved(&key) {
            return Err(KeyError::Reserved);
        }
        Ok(key)
    }
}

impl fmt::Debug for KeyTemplate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyTemplate({:?})", self.text)
    }
}

impl fmt::Display for KeyTemplate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

fn parse_parts(text: &str) -> Result<Vec<Segment>, TemplateError> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (literal, after) = rest.split_at(rest.find('{').unwrap_or(rest.len()));
        if let Some(bad) = literal.chars().find(|c| !is_key_char(*c) && *c != '/') {
            return Err(if bad == '}' {
                TemplateError::Brace
            } else {
                TemplateError::Character(bad)
            });
        }
        if !literal.is_empty() {
            parts.push(Segment::Literal(literal.to_owned()));
        }
        rest = after;
        if let Some(inner) = rest.strip_prefix('{') {
            let (name, after) = inner.split_once('}').ok_or(TemplateError::Brace)?;
            parts.push(variable(name)?);
            rest = after;
        }
    }
    Ok(parts)
}

fn variable(name: &str) -> Result<Segment, TemplateError> {
    Ok(match name {
        "owner" => Segment::Owner,
        "file_id" => Segment::FileId,
        "category" => Segment::Category,
        "collection_id" => Segment::CollectionId,
        "date" => Segment::Date,
        "time" => Segment::Time,
        "year" => Segment::Year,
        "month" => Segment::Month,
        "day" => Segment::Day,
        "hour" => Segment::Hour,
        "ext" => Segment::Ext,
        "version" => Segment::Version,
        other => {
            let label = other.strip_prefix("label.").unwrap_or(other);
            if !is_label_name(label) {
                return Err(TemplateError::VariableName(other.to_owned()));
            }
            Segment::Label(label.to_owned())
        }
    })
}

/// Returns whether a label name is valid: `[a-z][a-z0-9_]{0,63}`.
pub(crate) fn is_label_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Returns whether a value may bring this character into a key. Only the template may contain `/`.
pub(crate) fn is_key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '=' | '-')
}

fn push_checked(key: &mut String, value: &str) -> Result<(), KeyError> {
    if value.is_empty() {
        return Err(KeyError::Missing);
    }
    if !value.chars().all(is_key_char) {
        return Err(KeyError::Character);
    }
    key.push_str(value);
    Ok(())
}

fn push(key: &mut String, value: fmt::Arguments<'_>) {
    // Writing to a `String` cannot fail.
    let _ = fmt::Write::write_fmt(key, value);
}

/// Encodes an owner as one segment of a key. Two owners never have the same segment, and it is never `.` or `..`.
///
/// `[A-Za-z0-9_.-]` are unchanged. Every other character, including `=`, becomes `=XX`.
pub fn owner_segment(owner: &str) -> Result<String, KeyError> {
    if crate::ids::OwnerId::parse(owner).is_err() {
        return Err(KeyError::Owner);
    }
    let dots_only = owner.bytes().all(|b| b == b'.');
    let mut segment = String::with_capacity(owner.len());
    for c in owner.chars() {
        if is_key_char(c) && c != '=' && !dots_only {
            segment.push(c);
        } else {
            push(&mut segment, format_args!("={:02X}", u32::from(c)));
        }
    }
    Ok(segment)
}
