//! Converts between the types of the protocol and of the store.

use s3s::dto::{ETag, ETagCondition, Part};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::blob::Meta;
use crate::store::Condition;

/// The content type of an object without one, as in S3.
pub(crate) const CONTENT_TYPE_DEFAULT: &str = "binary/octet-stream";

/// Collects the stored headers of a request.
macro_rules! attributes {
    ($input:ident) => {
        Attributes {
            content_type: $input.content_type.take(),
            content_disposition: $input.content_disposition.take(),
            content_encoding: $input.content_encoding.take(),
            content_language: $input.content_language.take(),
            cache_control: $input.cache_control.take(),
            expires: $input.expires.take(),
            user: $input.metadata.take(),
        }
    };
}

/// Fills the fields that GET and HEAD share.
macro_rules! described {
    ($output:ident, $meta:ident) => {
        $output {
            accept_ranges: Some("bytes".to_owned()),
            e_tag: Some(ETag::Strong($meta.e_tag.clone())),
            last_modified: Some($meta.modified()),
            content_type: Some(
                $meta
                    .attributes
                    .content_type
                    .clone()
                    .unwrap_or_else(|| CONTENT_TYPE_DEFAULT.to_owned()),
            ),
            content_disposition: $meta.attributes.content_disposition.clone(),
            content_encoding: $meta.attributes.content_encoding.clone(),
            content_language: $meta.attributes.content_language.clone(),
            cache_control: $meta.attributes.cache_control.clone(),
            expires: $meta.attributes.expires.clone(),
            metadata: $meta.attributes.user.clone(),
            ..$output::default()
        }
    };
}

/// Returns an answer with the checksums of the object as headers.
pub(crate) fn with_checksums<T>(output: T, meta: &Meta) -> S3Result<S3Response<T>> {
    let mut response = S3Response::new(output);
    for (name, value) in &meta.checksums {
        let name = http::HeaderName::try_from(format!("x-amz-checksum-{name}"))
            .map_err(s3s::S3Error::internal_error)?;
        response
            .headers
            .insert(name, value.parse().map_err(s3s::S3Error::internal_error)?);
    }
    Ok(response)
}

/// Refuses a body without a declared length. (Without either header, HTTP defines the body as empty.)
pub(crate) fn check_length<T>(req: &S3Request<T>) -> S3Result<()> {
    let chunked = req.headers.contains_key(http::header::TRANSFER_ENCODING);
    let declared = req.headers.contains_key(http::header::CONTENT_LENGTH)
        || req.headers.contains_key("x-amz-decoded-content-length");
    if chunked && !declared && req.method == http::Method::PUT {
        Err(s3_error!(MissingContentLength))
    } else {
        Ok(())
    }
}

/// Parses `if-match` and `if-none-match` of a write.
pub(crate) fn condition(
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
) -> S3Result<Condition> {
    match (if_match, if_none_match) {
        (None, None) => Ok(Condition::Any),
        (None, Some(ETagCondition::Any)) => Ok(Condition::Absent),
        (Some(ETagCondition::Any), None) => Ok(Condition::Present),
        (Some(ETagCondition::ETag(e_tag)), None) => Ok(Condition::ETag(e_tag.into_value())),
        (_, Some(_)) => Err(s3_error!(
            NotImplemented,
            "A write takes if-match, or if-none-match with *."
        )),
    }
}

/// Checks `if-match` and `if-none-match` of a read.
pub(crate) fn check_read(
    meta: &Meta,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<()> {
    let is = |condition: &ETagCondition| {
        condition
            .as_etag()
            .is_none_or(|e_tag| e_tag.value() == meta.e_tag)
    };
    if if_match.is_some_and(|condition| !is(condition)) {
        return Err(s3_error!(PreconditionFailed));
    }
    if if_none_match.is_some_and(is) {
        return Err(s3_error!(NotModified));
    }
    Ok(())
}

/// Returns a part for a listing.
pub(crate) fn part(number: i32, meta: &Meta) -> Part {
    Part {
        part_number: Some(number),
        e_tag: Some(ETag::Strong(meta.e_tag.clone())),
        size: i64::try_from(meta.size_bytes).ok(),
        last_modified: Some(meta.modified()),
        checksum_sha256: meta.checksums.get("sha256").cloned(),
        ..Part::default()
    }
}

pub(crate) use {attributes, described};
