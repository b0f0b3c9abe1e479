//! Rules for bucket names and object keys.

use super::error::PresignError;
use super::escape::{Escaped, Keep, any_byte, any_pair, has_control};
use std::net::Ipv4Addr;

/// The longest key, in bytes of UTF-8.
pub const KEY_BYTES_MAX: usize = 1024;
/// The shortest bucket name.
const BUCKET_BYTES_MIN: usize = 3;
/// The longest bucket name.
const BUCKET_BYTES_MAX: usize = 63;

const RESERVED_PREFIXES: [&str; 2] = ["xn--", "sthree-"];
const RESERVED_SUFFIXES: [&str; 5] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];

/// Checks a bucket name (Amazon S3 user guide, "General purpose bucket naming rules").
///
/// # Errors
/// The first rule that the name breaks.
pub fn check_bucket(bucket: &str) -> Result<(), PresignError> {
    let bytes = bucket.as_bytes();
    if !(BUCKET_BYTES_MIN..=BUCKET_BYTES_MAX).contains(&bytes.len()) {
        return Err(PresignError::BucketLength);
    }
    // Most names are a single label, for which one pass is enough.
    let is_of_label = |byte: u8| byte.is_ascii_lowercase() | byte.is_ascii_digit() | (byte == b'-');
    let has_dots = any_byte(bucket, |byte| !is_of_label(byte));
    if has_dots && any_byte(bucket, |byte| !is_of_label(byte) & (byte != b'.')) {
        return Err(PresignError::BucketCharacter);
    }
    let label_is_good = |label: &[u8]| match (label.first(), label.last()) {
        (Some(first), Some(last)) => *first != b'-' && *last != b'-',
        _ => false,
    };
    let labels_are_good = if has_dots {
        bytes.split(|&byte| byte == b'.').all(label_is_good)
    } else {
        label_is_good(bytes)
    };
    if !labels_are_good {
        return Err(PresignError::BucketLabel);
    }
    if has_dots && bucket.parse::<Ipv4Addr>().is_ok() {
        return Err(PresignError::BucketIsAddress);
    }
    let reserved = RESERVED_PREFIXES
        .iter()
        .any(|prefix| bucket.starts_with(prefix))
        || RESERVED_SUFFIXES
            .iter()
            .any(|suffix| bucket.ends_with(suffix));
    if reserved {
        Err(PresignError::BucketReserved)
    } else {
        Ok(())
    }
}

/// Checks an object key. The key is not normalised: an accepted key is signed as given.
///
/// # Errors
/// The key is empty, longer than [`KEY_BYTES_MAX`], or contains a control byte or a segment `.` or `..`.
pub fn check_key(key: &str) -> Result<(), PresignError> {
    encode_key(key).map(drop)
}

/// Returns the key encoded for a path, if [`check_key`] accepts it.
pub(super) fn encode_key(key: &str) -> Result<Escaped<'_>, PresignError> {
    if key.is_empty() {
        return Err(PresignError::KeyEmpty);
    }
    if key.len() > KEY_BYTES_MAX {
        return Err(PresignError::KeyTooLong);
    }
    let encoded = Escaped::new(key, Keep::Path);
    // A key without encoded characters has no control bytes.
    if !encoded.is_plain() && has_control(key) {
        Err(PresignError::KeyControlByte)
    } else if has_dot_segment(key) {
        Err(PresignError::KeyDotSegment)
    } else {
        Ok(encoded)
    }
}

/// Whether a segment between slashes is `.` or `..`.
#[inline]
pub(super) fn has_dot_segment(path: &str) -> bool {
    // Most keys have no segment that begins with a dot. This check handles many bytes at a time.
    let bytes = path.as_bytes();
    let after = bytes.get(1..).unwrap_or_default();
    let before = &bytes[..after.len()];
    let may_have =
        bytes.first() == Some(&b'.') || any_pair(before, after, |a, b| (a == b'/') & (b == b'.'));
    may_have && path.split('/').any(|segment| matches!(segment, "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names_follow_the_rules() {
        for good in [
            "abc",
            "a.b.c",
            "my-bucket-1",
            "1.2.3",
            "127.0.0.1a",
            &"a".repeat(63),
            "a--b",
            "s3alias",
        ] {
            assert_eq!(check_bucket(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("", PresignError::BucketLength),
            ("ab", PresignError::BucketLength),
            (&"a".repeat(64), PresignError::BucketLength),
            ("Abc", PresignError::BucketCharacter),
            ("a_b", PresignError::BucketCharacter),
            ("a/b", PresignError::BucketCharacter),
            ("bücket", PresignError::BucketCharacter),
            ("-abc", PresignError::BucketLabel),
            ("abc-", PresignError::BucketLabel),
            (".abc", PresignError::BucketLabel),
            ("abc.", PresignError::BucketLabel),
            ("a..b", PresignError::BucketLabel),
            ("a.-b", PresignError::BucketLabel),
            ("a-.b", PresignError::BucketLabel),
            ("192.168.5.4", PresignError::BucketIsAddress),
            ("xn--bucket", PresignError::BucketReserved),
            ("sthree-x", PresignError::BucketReserved),
            ("bucket-s3alias", PresignError::BucketReserved),
            ("bucket--x-s3", PresignError::BucketReserved),
        ] {
            assert_eq!(check_bucket(bad), Err(why), "{bad}");
        }
    }

    #[test]
    fn keys_with_dot_segments_control_bytes_or_a_wrong_length_are_refused() {
        for good in [
            "k",
            "a//b",
            "/a",
            "a/",
            ".a",
            "a.",
            "...",
            "a/.b/..c/d..",
            "%2e%2e/x",
            &"é".repeat(512),
        ] {
            assert_eq!(check_key(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("", PresignError::KeyEmpty),
            (&"k".repeat(1025), PresignError::KeyTooLong),
            (&"é".repeat(513), PresignError::KeyTooLong),
            ("a\nb", PresignError::KeyControlByte),
            ("a\u{7f}", PresignError::KeyControlByte),
            ("\0", PresignError::KeyControlByte),
            (".", PresignError::KeyDotSegment),
            ("..", PresignError::KeyDotSegment),
            ("a/../b", PresignError::KeyDotSegment),
            ("a/.", PresignError::KeyDotSegment),
            ("./a", PresignError::KeyDotSegment),
        ] {
            assert_eq!(check_key(bad), Err(why), "{bad}");
        }
    }
}
