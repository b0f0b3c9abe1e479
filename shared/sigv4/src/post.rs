//! POST policies: forms that a browser posts straight to a bucket.

use super::error::PresignError;
use super::escape::has_control;
use super::hash::hex;
use super::names::{check_bucket, check_key, has_dot_segment};
use super::presign::check_expiry;
use super::signer::{ALGORITHM, Second, Signer};
use super::stamp::Stamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use consign_time::{self as time, Timestamp};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use std::sync::Arc;
use std::{fmt, io};

/// At the end of a key, the placeholder for the name of the file that the browser sends.
const FILENAME: &str = "${filename}";

/// Fields that the signature sets, and the file.
const RESERVED_FIELDS: [&str; 7] = [
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-signature",
    "policy",
    "file",
];

/// A condition on a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition<'a> {
    /// `{"field": "value"}`: the field has this value.
    Exact {
        /// The name of the form field.
        field: &'a str,
        /// Its value.
        value: &'a str,
    },
    /// `["starts-with", "$field", "prefix"]`.
    StartsWith {
        /// The name of the form field.
        field: &'a str,
        /// The required prefix of the value.
        prefix: &'a str,
    },
    /// `["content-length-range", min, max]`: the size of the file in bytes, inclusive.
    ContentLengthRange {
        /// The smallest size.
        size_bytes_min: u64,
        /// The largest size.
        size_bytes_max: u64,
    },
}

impl Serialize for Condition<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Exact { field, value } => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(field, value)?;
                map.end()
            }
            Self::StartsWith { field, prefix } => {
                ("starts-with", format!("${field}"), prefix).serialize(serializer)
            }
            Self::ContentLengthRange {
                size_bytes_min,
                size_bytes_max,
            } => ("content-length-range", size_bytes_min, size_bytes_max).serialize(serializer),
        }
    }
}

/// A form to sign. Conditions are [`Condition`]s, or any JSON that a store accepts.
#[derive(Clone, Copy, Debug)]
pub struct PostRequest<'a, C = Condition<'a>> {
    /// The name of the bucket. Its condition is added.
    pub bucket: &'a str,
    /// The object key. Its condition is added. A key that ends in `${filename}` allows all keys with the text before it
    /// as prefix.
    pub key: &'a str,
    /// Further fields of the form. Each needs a condition, or the store refuses the form.
    pub fields: &'a [(&'a str, &'a str)],
    /// Further conditions, in the order in which they are written.
    pub conditions: &'a [C],
    /// How long the form is valid, in seconds: 1..=604800.
    pub expires_s: u32,
}

impl PostRequest<'_> {
    /// Refuses a form that could write outside the prefix of its owner. Use it for every form that is made for a user.
    ///
    /// # Errors
    /// [`PresignError::KeyConditionOpen`] if the owner's prefix is empty or ends within a segment, if the key or a
    /// condition on it leaves the prefix, or if any `starts-with` is empty. [`PresignError::SizeRange`] if no size is
    /// allowed.
    pub fn owned_by(self, owner_prefix: &str) -> Result<Self, PresignError> {
        let stays = |key: &str| {
            key.len() > owner_prefix.len() && key.starts_with(owner_prefix) && !has_dot_segment(key)
        };
        let key = self.key.strip_suffix(FILENAME);
        let key_stays = key.map_or_else(
            || stays(self.key),
            |prefix| prefix == owner_prefix || stays(prefix),
        );
        let conditions_stay = self.conditions.iter().all(|condition| match *condition {
            Condition::Exact { field, value } => !field.eq_ignore_ascii_case("key") || stays(value),
            Condition::StartsWith { field, prefix } => {
                !prefix.is_empty()
                    && (!field.eq_ignore_ascii_case("key")
                        || prefix == owner_prefix
                        || stays(prefix))
            }
            Condition::ContentLengthRange { .. } => true,
        });
        if !owner_prefix.ends_with('/') || owner_prefix.len() < 2 || !key_stays || !conditions_stay
        {
            return Err(PresignError::KeyConditionOpen);
        }
        let is_empty = |condition: &Condition<'_>| matches!(*condition, Condition::ContentLengthRange { size_bytes_min: min, size_bytes_max: max } if min > max);
        if self.conditions.iter().any(is_empty) {
            Err(PresignError::SizeRange)
        } else {
            Ok(self)
        }
    }
}

impl<C> PostRequest<'_, C> {
    fn check(&self) -> Result<(), PresignError> {
        check_expiry(self.expires_s)?;
        check_bucket(self.bucket)?;
        check_key(self.key)?;
        for (at, &(name, value)) in self.fields.iter().enumerate() {
            if name.is_empty() || has_control(name) {
                return Err(PresignError::FieldName);
            }
            if value.contains(['\r', '\n', '\0']) {
                return Err(PresignError::FieldValue);
            }
            if RESERVED_FIELDS
                .iter()
                .any(|reserved| reserved.eq_ignore_ascii_case(name))
            {
                return Err(PresignError::FieldReserved);
            }
            if self.fields[..at]
                .iter()
                .any(|(other, _)| other.eq_ignore_ascii_case(name))
            {
                return Err(PresignError::FieldDuplicate);
            }
        }
        Ok(())
    }
}

/// A signed form.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedPost {
    /// The URL that the form is posted to.
    pub url: String,
    /// The fields of the form, in order. The file comes after them.
    pub fields: Vec<(String, String)>,
}

impl fmt::Debug for SignedPost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.fields.iter().map(|(name, _)| name).collect();
        f.debug_struct("SignedPost")
            .field("url", &self.url)
            .field("fields", &names)
            .finish()
    }
}

impl Signer {
    /// Writes and signs a POST policy. The output equals that of botocore's `generate_presigned_post` byte for byte.
    ///
    /// # Errors
    /// The [`PresignError`] of the rule that the request breaks. Nothing is normalised.
    pub fn post_policy<C: Serialize>(
        &self,
        request: &PostRequest<'_, C>,
        now: Timestamp,
    ) -> Result<SignedPost, PresignError> {
        request.check()?;
        let stamp = Stamp::new(now)?;
        let end = time::checked_add_secs(now, request.expires_s.into())
            .ok_or(PresignError::TimeOutOfRange)?;
        let second = self.with_second(stamp, Arc::clone);
        let own = self.own_conditions(request, &second);
        let policy = STANDARD.encode(policy_json(
            &Stamp::new(end)?.iso_8601(),
            request.conditions,
            &own,
        )?);
        let signature = hex(&second.day.key.sign(policy.as_bytes()));

        let mut fields = fields_with_key(request);
        // The conditions after the bucket and the key are those on the fields of the signature.
        for condition in &own[2..] {
            if let Condition::Exact { field, value } = *condition {
                fields.push((field.to_owned(), value.to_owned()));
            }
        }
        fields.push(("policy".to_owned(), policy));
        fields.push((
            "x-amz-signature".to_owned(),
            String::from_utf8_lossy(&signature).into_owned(),
        ));
        Ok(SignedPost {
            url: self.endpoint.post_url(request.bucket),
            fields,
        })
    }

    /// Returns the conditions that every policy has in addition: the bucket, the key, and the fields of the signature.
    fn own_conditions<'a, C>(
        &'a self,
        request: &'a PostRequest<'_, C>,
        second: &'a Second,
    ) -> Vec<Condition<'a>> {
        let key = match request.key.strip_suffix(FILENAME) {
            Some(prefix) => Condition::StartsWith {
                field: "key",
                prefix,
            },
            None => Condition::Exact {
                field: "key",
                value: request.key,
            },
        };
        let mut own = vec![
            Condition::Exact {
                field: "bucket",
                value: request.bucket,
            },
            key,
            Condition::Exact {
                field: "x-amz-algorithm",
                value: ALGORITHM,
            },
            Condition::Exact {
                field: "x-amz-credential",
                value: &second.day.credential,
            },
            Condition::Exact {
                field: "x-amz-date",
                value: &second.date_time,
            },
        ];
        if let Some(token) = &self.session_token {
            own.push(Condition::Exact {
                field: "x-amz-security-token",
                value: token.expose(),
            });
        }
        own
    }
}

/// Returns the fields of the caller, and the key.
fn fields_with_key<C>(request: &PostRequest<'_, C>) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = request
        .fields
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    match fields.iter_mut().find(|(name, _)| name == "key") {
        Some((_, value)) => request.key.clone_into(value),
        None => fields.push(("key".to_owned(), request.key.to_owned())),
    }
    fields
}

/// Writes `{"expiration": …, "conditions": […]}`, spaced and escaped as by Python's `json.dumps`.
fn policy_json<C: Serialize>(
    expiration: &str,
    given: &[C],
    own: &[Condition<'_>],
) -> Result<Vec<u8>, PresignError> {
    let mut text = Vec::with_capacity(512);
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, PythonFormatter);
    let mut write = || {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("expiration", expiration)?;
        map.serialize_entry("conditions", &Both(given, own))?;
        SerializeMap::end(map)
    };
    write().map_err(|_: serde_json::Error| PresignError::Condition)?;
    Ok(text)
}

/// Two lists, serialized as one.
struct Both<'a, C>(&'a [C], &'a [Condition<'a>]);

impl<C: Serialize> Serialize for Both<'_, C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len() + self.1.len()))?;
        self.0
            .iter()
            .try_for_each(|condition| list.serialize_element(condition))?;
        self.1
            .iter()
            .try_for_each(|condition| list.serialize_element(condition))?;
        list.end()
    }
}

/// The defaults of Python's `json.dumps`: `, ` and `: ` between items, and nothing but printable ASCII.
struct PythonFormatter;

impl PythonFormatter {
    fn separate<W: ?Sized + io::Write>(writer: &mut W, first: bool) -> io::Result<()> {
        if first {
            Ok(())
        } else {
            writer.write_all(b", ")
        }
    }
}

impl serde_json::ser::Formatter for PythonFormatter {
    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        Self::separate(writer, first)
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        Self::separate(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for character in fragment.chars() {
            if matches!(character, ' '..='~') {
                writer.write_all(&[character as u8])?;
            } else {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}
