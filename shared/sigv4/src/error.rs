//! Why a request is not signed, or a signature not accepted. The texts contain no data of the caller.

/// A configuration from which no signer can be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// Not `http(s)://host[:port][/path]`, or with user info, query or fragment.
    #[error("the endpoint must be http:// or https://, a host, and at most a port and a path")]
    Endpoint,
    /// Empty, longer than 64 characters, or with other characters than letters, digits, `-` and `_`.
    #[error("the region must be 1 to 64 letters, digits, '-' or '_'")]
    Region,
    /// Empty, or with a slash, space or control byte.
    #[error("the access key must be visible characters other than '/'")]
    AccessKey,
    /// Empty.
    #[error("the secret key is empty")]
    SecretKey,
    /// Empty, or with a control byte.
    #[error("the session token is empty or holds control bytes")]
    SessionToken,
}

/// A request that is not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PresignError {
    /// `X-Amz-Expires` must lie in 1..=604800.
    #[error("an expiry must be 1 to 604800 seconds")]
    ExpiryOutOfRange,
    /// The time is before 1970 or after 9999.
    #[error("the time must lie in the years 1970 to 9999")]
    TimeOutOfRange,
    /// A bucket name has 3 to 63 characters.
    #[error("a bucket's name must have 3 to 63 characters")]
    BucketLength,
    /// A bucket name consists of `a-z 0-9 . -`.
    #[error("a bucket's name may hold only a-z, 0-9, '.' and '-'")]
    BucketCharacter,
    /// Each label of a bucket name begins and ends with a letter or digit, and no label is empty.
    #[error(
        "a bucket's name must begin and end with a letter or digit, and so must its parts between dots"
    )]
    BucketLabel,
    /// A bucket name does not look like an IPv4 address.
    #[error("a bucket's name must not look like an IP address")]
    BucketIsAddress,
    /// The bucket name has a prefix or suffix that the service reserves.
    #[error("a bucket's name must not begin or end as reserved names do")]
    BucketReserved,
    /// A key has at least one byte.
    #[error("a key must not be empty")]
    KeyEmpty,
    /// A key has at most 1024 bytes of UTF-8.
    #[error("a key must have at most 1024 bytes")]
    KeyTooLong,
    /// Control bytes do not survive every client and log.
    #[error("a key must not hold control bytes")]
    KeyControlByte,
    /// URL parsers remove `.` and `..`, so such a key could be signed but not fetched.
    #[error("a key must not hold the segments '.' or '..'")]
    KeyDotSegment,
    /// A header name is a token (RFC 9110, section 5.6.2).
    #[error("a header's name must be a token")]
    HeaderName,
    /// A header value contains no control byte other than a tab.
    #[error("a header's value must not hold control bytes")]
    HeaderValue,
    /// `content-length` is a decimal number.
    #[error("content-length must be a decimal number")]
    ContentLength,
    /// The same header twice, in any case.
    #[error("a header is given twice")]
    HeaderDuplicate,
    /// A header that carries a signature itself.
    #[error("authorization, x-amz-date and x-amz-security-token cannot be signed into a URL")]
    HeaderReserved,
    /// A `host` other than that of the URL.
    #[error("the host header differs from the URL's host")]
    HeaderHost,
    /// More headers than [`super::HEADERS_MAX`].
    #[error("too many headers")]
    HeadersTooMany,
    /// More than the 2048 bytes of `x-amz-meta-*` that the service accepts.
    #[error("user metadata must have at most 2048 bytes")]
    MetadataTooLarge,
    /// A query parameter without a name.
    #[error("a query parameter's name must not be empty")]
    QueryName,
    /// A query parameter with a control byte.
    #[error("a query parameter must not hold control bytes")]
    QueryControlByte,
    /// The same query parameter twice.
    #[error("a query parameter is given twice")]
    QueryDuplicate,
    /// `X-Amz-*` parameters are reserved for the signature.
    #[error("query parameters named x-amz-* are reserved")]
    QueryReserved,
    /// More query parameters than [`super::QUERY_MAX`].
    #[error("too many query parameters")]
    QueryTooMany,
    /// A multipart operation without `uploadId`.
    #[error("this operation needs an uploadId")]
    UploadIdMissing,
    /// `uploadId` or `uploads` would make this a different operation.
    #[error("this operation takes no uploadId and no uploads")]
    UploadIdUnexpected,
    /// `UploadPart` without `partNumber`.
    #[error("this operation needs a partNumber")]
    PartNumberMissing,
    /// Parts are numbered 1..=10000.
    #[error("a part number must be 1 to 10000")]
    PartNumberOutOfRange,
    /// A form field name that is empty or contains control bytes.
    #[error("a form field's name must not be empty or hold control bytes")]
    FieldName,
    /// A form field value that contains a line break or a zero byte.
    #[error("a form field's value must not hold line breaks or zero bytes")]
    FieldValue,
    /// A form field that the signature sets itself, or `file`.
    #[error("a form field is reserved")]
    FieldReserved,
    /// The same form field twice.
    #[error("a form field is given twice")]
    FieldDuplicate,
    /// A `content-length-range` whose minimum is above its maximum.
    #[error("a content-length-range must not be empty")]
    SizeRange,
    /// A `starts-with` on the key that is empty or outside the prefix of the owner.
    #[error("a key's condition must stay under its owner's prefix")]
    KeyConditionOpen,
    /// A condition that cannot be written as JSON.
    #[error("a policy condition cannot be written as JSON")]
    Condition,
}

/// A signed URL or form that a store would refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Not a URL with a path and a query in well-formed percent-encoding, or with dot segments.
    #[error("the URL is malformed")]
    Url,
    /// A parameter or field of the signature is missing.
    #[error("a part of the signature is missing: {0}")]
    Missing(&'static str),
    /// A parameter, field or header occurs twice.
    #[error("a parameter, field or header is given twice")]
    Duplicate,
    /// Not `AWS4-HMAC-SHA256`.
    #[error("the algorithm is not AWS4-HMAC-SHA256")]
    Algorithm,
    /// Not `key/date/region/s3/aws4_request`, or for another day than the signature.
    #[error("the credential scope is malformed or of another day")]
    Scope,
    /// Not `YYYYMMDDThhmmssZ`.
    #[error("the date is malformed")]
    Date,
    /// `X-Amz-Expires` is not 1..=604800.
    #[error("an expiry must be 1 to 604800 seconds")]
    ExpiryOutOfRange,
    /// Signed more than 15 minutes in the future.
    #[error("the signature is not valid yet")]
    NotYetValid,
    /// The expiry has passed.
    #[error("the signature has expired")]
    Expired,
    /// No credentials have this access key.
    #[error("the access key is unknown")]
    UnknownAccessKey,
    /// A signed header was not sent, or `host` is not signed.
    #[error("a signed header is missing")]
    HeaderMissing,
    /// An `x-amz-*` header was sent that is not signed.
    #[error("an x-amz-* header is not signed")]
    HeaderUnsigned,
    /// The signature does not match.
    #[error("the signature does not match")]
    Signature,
    /// The policy is not base64 of a JSON document with `expiration` and `conditions`.
    #[error("the policy is malformed")]
    Policy,
    /// A condition of the policy does not hold.
    #[error("a condition of the policy does not hold")]
    Condition,
    /// The policy has no condition for a form field, or for the bucket.
    #[error("the policy does not cover every field")]
    Uncovered,
    /// The file is smaller or larger than the policy allows.
    #[error("the file's size is outside the policy's range")]
    Size,
    /// The names and values of the form exceed the 20 KiB that a store reads.
    #[error("the form is too large")]
    FormTooLarge,
    /// The key is empty or too long.
    #[error("the form's key is empty or too long")]
    Key,
}
