//! Finds elements of a lifecycle answer that the SDK does not know. The SDK drops them on reading, so they would be
//! lost when the rules are written back. MinIO, for example, has rules with `DelMarkerExpiration`.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// The elements of `LifecycleConfiguration` in the S3 API.
const KNOWN: [&str; 26] = [
    "AbortIncompleteMultipartUpload",
    "And",
    "Date",
    "Days",
    "DaysAfterInitiation",
    "ExpiredObjectDeleteMarker",
    "Expiration",
    "Filter",
    "ID",
    "Key",
    "LifecycleConfiguration",
    "NewerNoncurrentVersions",
    "NoncurrentDays",
    "NoncurrentVersionExpiration",
    "NoncurrentVersionTransition",
    "ObjectSizeGreaterThan",
    "ObjectSizeLessThan",
    "Prefix",
    "Rule",
    "Rules",
    "Status",
    "StorageClass",
    "Tag",
    "Transition",
    "Transitions",
    "Value",
];

/// Scans each answer while the SDK reads it.
#[derive(Debug, Clone, Default)]
pub(super) struct UnknownElementDetector(Arc<Mutex<Option<String>>>);

impl UnknownElementDetector {
    /// Returns the first element of the last answer that S3 does not define.
    pub(super) fn unknown(&self) -> Option<String> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }
}

impl Intercept for UnknownElementDetector {
    fn name(&self) -> &'static str {
        "Words"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().unwrap_or_default();
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *last = unknown(&String::from_utf8_lossy(body));
        Ok(())
    }
}

fn unknown(xml: &str) -> Option<String> {
    let names = xml.split('<').skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric());
        rest.get(..end.unwrap_or(rest.len()))
            .filter(|name| !name.is_empty())
    });
    let mut others = names.filter(|name| !KNOWN.contains(name));
    others.next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_s3_does_not_know_is_found() {
        let rule = |more: &str| {
            format!(
                "<?xml version=\"1.0\"?>\n<LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Rule>\
                 <ID>theirs</ID><Status>Enabled</Status><Filter><Prefix/></Filter><Expiration><Days>3</Days>{more}\
                 </Expiration></Rule></LifecycleConfiguration>"
            )
        };
        assert_eq!(unknown(&rule("")), None);
        assert_eq!(
            unknown(&rule(
                "<ExpiredObjectAllVersions>true</ExpiredObjectAllVersions>"
            ))
            .as_deref(),
            Some("ExpiredObjectAllVersions")
        );
        assert_eq!(unknown(""), None);
    }
}
