//! Verification of POST forms: the signature, and the conditions of the policy.

use super::error::VerifyError;
use super::names::KEY_BYTES_MAX;
use super::signer::{ALGORITHM, EXPIRES_S_MAX, Secret};
use super::stamp;
use super::verify::{Scope, Verified, after, check_not_early};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use consign_time::{self as time, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// The most bytes of names and values in a form, without the file.
pub const FORM_BYTES_MAX: usize = 20 * 1024;
/// Fields that need no condition.
const UNCOVERED: [&str; 2] = ["policy", "x-amz-signature"];
/// Fields for which only exact conditions are allowed.
const EXACT_ONLY: [&str; 5] = [
    "bucket",
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-security-token",
];

/// A received form.
#[derive(Clone, Copy, Debug)]
pub struct PostForm<'a> {
    /// The bucket that it was posted to.
    pub bucket: &'a str,
    /// The fields, in order. Fields after `file` are ignored, since a store reads no further.
    pub fields: &'a [(&'a str, &'a str)],
    /// The size of the file in bytes.
    pub size_bytes: u64,
}

/// A form that is verified up to its file.
#[derive(Clone, Debug)]
pub struct VerifiedFields {
    /// The valid signature.
    pub verified: Verified,
    /// The allowed size of the file in bytes. Empty if the policy contradicts itself.
    pub size_bytes: RangeInclusive<u64>,
}

/// Verifies a POST form: its signature, its time, and every condition of its policy.
///
/// `secret_of` returns the secret key of an access key.
///
/// # Errors
/// The first check that fails.
pub fn verify_post(
    form: &PostForm<'_>,
    secret_of: impl FnOnce(&str) -> Option<Secret>,
    now: Timestamp,
) -> Result<Verified, VerifyError> {
    let VerifiedFields {
        verified,
        size_bytes,
    } = verify_post_fields(form.bucket, form.fields, secret_of, now)?;
    if size_bytes.contains(&form.size_bytes) {
        Ok(verified)
    } else {
        Err(VerifyError::Size)
    }
}

/// Verifies the part of a POST form before its file and returns the allowed size of the file. With it, a store reads no
/// byte of a file without a valid signature. `fields` are as in [`PostForm`].
///
/// # Errors
/// The first check that fails.
pub fn verify_post_fields(
    bucket: &str,
    fields: &[(&str, &str)],
    secret_of: impl FnOnce(&str) -> Option<Secret>,
    now: Timestamp,
) -> Result<VerifiedFields, VerifyError> {
    // 1. The fields by name. Names are not case-sensitive.
    let fields = fields_of(fields)?;
    let need = |name: &'static str| fields.get(name).copied().ok_or(VerifyError::Missing(name));
    let key = need("key")?;
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(VerifyError::Key);
    }

    // 2. The signature, over the policy as received.
    if need("x-amz-algorithm")? != ALGORITHM {
        return Err(VerifyError::Algorithm);
    }
    let date = need("x-amz-date")?;
    let scope = Scope::parse(need("x-amz-credential")?, date)?;
    let policy_text = need("policy")?;
    let secret = secret_of(scope.access_key).ok_or(VerifyError::UnknownAccessKey)?;
    scope.verify(&secret, policy_text.as_bytes(), need("x-amz-signature")?)?;

    // 3. The time. At the instant of its expiration a policy is no longer valid, as in MinIO and Ceph; a URL still is.
    let signed_at = stamp::parse(date).ok_or(VerifyError::Date)?;
    let policy = Policy::parse(policy_text)?;
    check_not_early(signed_at, now)?;
    if now >= policy.expires_at || now > after(signed_at, EXPIRES_S_MAX)? {
        return Err(VerifyError::Expired);
    }

    // 4. The conditions, which must cover every field.
    policy.check(bucket, &fields)?;
    let verified = Verified {
        access_key: scope.access_key.to_owned(),
        region: scope.region.to_owned(),
        session_token: fields
            .get("x-amz-security-token")
            .copied()
            .map(Secret::from),
        signed_at,
        expires_at: policy.expires_at,
        signed_headers: Vec::new(),
    };
    Ok(VerifiedFields {
        verified,
        size_bytes: policy.size_bytes(),
    })
}

fn fields_of<'a>(sent: &[(&'a str, &'a str)]) -> Result<BTreeMap<String, &'a str>, VerifyError> {
    let mut fields = BTreeMap::new();
    let mut bytes = 0;
    for &(name, value) in sent {
        let name = name.to_ascii_lowercase();
        if name == "file" {
            break;
        }
        bytes += name.len() + value.len();
        if bytes > FORM_BYTES_MAX {
            return Err(VerifyError::FormTooLarge);
        }
        if fields.insert(name, value).is_some() {
            return Err(VerifyError::Duplicate);
        }
    }
    Ok(fields)
}

/// A parsed policy.
struct Policy {
    expires_at: Timestamp,
    rules: Vec<Rule>,
}

/// A condition, with the field name in lower case.
enum Rule {
    Eq(String, String),
    StartsWith(String, String),
    Size(u64, u64),
}

#[derive(Deserialize)]
struct Document {
    expiration: String,
    conditions: Vec<Value>,
}

impl Policy {
    fn parse(text: &str) -> Result<Self, VerifyError> {
        let json = STANDARD.decode(text).map_err(|_| VerifyError::Policy)?;
        let document: Document = serde_json::from_slice(&json).map_err(|_| VerifyError::Policy)?;
        let mut rules = Vec::new();
        for condition in &document.conditions {
            Rule::parse(condition, &mut rules).ok_or(VerifyError::Policy)?;
        }
        let expires_at = parse_expiration(&document.expiration).ok_or(VerifyError::Policy)?;
        Ok(Self { expires_at, rules })
    }

    /// Returns the sizes that all conditions allow.
    fn size_bytes(&self) -> RangeInclusive<u64> {
        let sizes = self.rules.iter().filter_map(|rule| match rule {
            Rule::Size(min, max) => Some((*min, *max)),
            Rule::Eq(..) | Rule::StartsWith(..) => None,
        });
        let (min, max) = sizes.fold((0, u64::MAX), |(min, max), (least, most)| {
            (least.max(min), most.min(max))
        });
        min..=max
    }

    fn check(&self, bucket: &str, fields: &BTreeMap<String, &str>) -> Result<(), VerifyError> {
        // The bucket is the one in the URL, even if a field names another.
        if fields.get("bucket").is_some_and(|&named| named != bucket) {
            return Err(VerifyError::Condition);
        }
        let value_of = |field: &str| {
            if field == "bucket" {
                Some(bucket)
            } else {
                fields.get(field).copied()
            }
        };
        for rule in &self.rules {
            match rule {
                Rule::Eq(field, value) if value_of(field) == Some(value) => {}
                Rule::StartsWith(field, prefix)
                    if value_of(field).is_some_and(|value| begins(field, value, prefix)) => {}
                Rule::Size(..) => {}
                Rule::Eq(..) | Rule::StartsWith(..) => return Err(VerifyError::Condition),
            }
        }
        let is_covered = |name: &str| {
            let names_it = |rule: &Rule| match rule {
                Rule::Eq(field, _) | Rule::StartsWith(field, _) => field == name,
                Rule::Size(..) => false,
            };
            UNCOVERED.contains(&name)
                || name.starts_with("x-ignore-")
                || self.rules.iter().any(names_it)
        };
        let all_covered = is_covered("bucket") && fields.keys().all(|name| is_covered(name));
        if all_covered {
            Ok(())
        } else {
            Err(VerifyError::Uncovered)
        }
    }
}

/// A `content-type` may be a list, of which each item must have the prefix.
fn begins(field: &str, value: &str, prefix: &str) -> bool {
    if field == "content-type" {
        value
            .split(',')
            .all(|item| item.trim_start().starts_with(prefix))
    } else {
        value.starts_with(prefix)
    }
}

impl Rule {
    fn parse(condition: &Value, into: &mut Vec<Self>) -> Option<()> {
        match condition {
            Value::Object(map) if !map.is_empty() => {
                for (field, value) in map {
                    into.push(Self::Eq(
                        field.to_ascii_lowercase(),
                        value.as_str()?.to_owned(),
                    ));
                }
                Some(())
            }
            Value::Array(list) => {
                let [operator, first, second] = &list[..] else {
                    return None;
                };
                into.push(match operator.as_str()? {
                    "eq" => Self::Eq(field_name(first)?, second.as_str()?.to_owned()),
                    "starts-with" => {
                        let field = field_name(first)?;
                        if EXACT_ONLY.contains(&field.as_str()) {
                            return None;
                        }
                        Self::StartsWith(field, second.as_str()?.to_owned())
                    }
                    "content-length-range" => {
                        let (min, max) = (size(first)?, size(second)?);
                        if min > max {
                            return None;
                        }
                        Self::Size(min, max)
                    }
                    _ => return None,
                });
                Some(())
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => None,
        }
    }
}

/// Returns the field of `$field`, in lower case.
fn field_name(value: &Value) -> Option<String> {
    value
        .as_str()?
        .strip_prefix('$')
        .filter(|name| !name.is_empty())
        .map(str::to_ascii_lowercase)
}

/// Parses a number of bytes, which some clients write as text.
fn size(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// `YYYY-MM-DDThh:mm:ss[.sss]Z`.
fn parse_expiration(text: &str) -> Option<Timestamp> {
    let is_plain = text.as_bytes().get(10) == Some(&b'T') && text.ends_with('Z');
    if is_plain {
        time::parse(text).ok()
    } else {
        None
    }
}
