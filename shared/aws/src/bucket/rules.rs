//! Writes and recognises our rules, and merges them into those of others.

use aws_sdk_s3::error::BuildError;
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, CorsRule, Event, ExpirationStatus, FilterRule, FilterRuleName,
    LifecycleExpiration, LifecycleRule, LifecycleRuleFilter, NotificationConfigurationFilter,
    QueueConfiguration, S3KeyFilter,
};
use consign_core::ports::{Fault, FaultKind};

use super::setup::{Cleaning, SetupError};

/// The id of our CORS rule, and the prefix of the ids of our other rules.
const OURS: &str = "consign";
/// The headers that a page sends with an upload or a download. A page cannot set `content-length`.
const HEADERS: [&str; 4] = ["content-type", "if-none-match", "range", "x-amz-*"];
/// The methods that a page uses with a signed URL.
const METHODS: [&str; 4] = ["GET", "HEAD", "POST", "PUT"];
/// How long a browser may cache the answer to its preflight, in seconds.
const MAX_AGE_S: i32 = 3600;

/// Returns all rules including ours; `None` if ours are present and correct.
pub(super) fn merged<T>(
    found: Vec<T>,
    ours: Vec<T>,
    is_own: impl Fn(&T) -> bool,
    is_same: impl Fn(&T, &T) -> bool,
) -> Option<Vec<T>> {
    let (own, mut all): (Vec<T>, Vec<T>) = found.into_iter().partition(is_own);
    let is_there = own.len() == ours.len()
        && ours
            .iter()
            .all(|rule| own.iter().any(|other| is_same(rule, other)));
    if is_there {
        return None;
    }
    all.extend(ours);
    Some(all)
}

pub(super) fn cors_rule(origins: &[String]) -> Result<CorsRule, SetupError> {
    CorsRule::builder()
        .id(OURS)
        .set_allowed_origins(Some(origins.to_vec()))
        .set_allowed_methods(Some(texts(&METHODS)))
        .set_allowed_headers(Some(texts(&HEADERS)))
        .expose_headers("ETag")
        .max_age_seconds(MAX_AGE_S)
        .build()
        .map_err(unbuilt)
}

pub(super) fn is_own_cors(rule: &CorsRule) -> bool {
    rule.id() == Some(OURS)
}

pub(super) fn same_cors(one: &CorsRule, other: &CorsRule) -> bool {
    same_texts(one.allowed_origins(), other.allowed_origins())
        && same_texts(one.allowed_methods(), other.allowed_methods())
        && same_texts(one.allowed_headers(), other.allowed_headers())
        && same_texts(one.expose_headers(), other.expose_headers())
}

pub(super) fn lifecycle_rule(rule: Cleaning<'_>) -> Result<LifecycleRule, SetupError> {
    let (name, prefix) = match rule {
        Cleaning::Parts { .. } => ("parts", ""),
        Cleaning::Objects { name, prefix, .. } => (name, prefix),
    };
    let built = LifecycleRule::builder()
        .id(format!("{OURS}-{name}"))
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix(prefix).build());
    let built = match rule {
        Cleaning::Parts { days } => built.abort_incomplete_multipart_upload(
            AbortIncompleteMultipartUpload::builder()
                .days_after_initiation(days)
                .build(),
        ),
        Cleaning::Objects { days, .. } => {
            built.expiration(LifecycleExpiration::builder().days(days).build())
        }
    };
    built.build().map_err(unbuilt)
}

pub(super) fn same_lifecycle(one: &LifecycleRule, other: &LifecycleRule) -> bool {
    #[expect(deprecated, reason = "older rules have their prefix there")]
    let prefix = |rule: &LifecycleRule| {
        let filter = rule.filter().and_then(|filter| filter.prefix());
        filter.or(rule.prefix()).unwrap_or_default().to_owned()
    };
    let parts_days = |rule: &LifecycleRule| {
        let abort = rule.abort_incomplete_multipart_upload();
        abort.and_then(|abort| abort.days_after_initiation())
    };
    let days = |rule: &LifecycleRule| rule.expiration().and_then(|expiration| expiration.days());
    one.status() == other.status()
        && prefix(one) == prefix(other)
        && parts_days(one) == parts_days(other)
        && days(one) == days(other)
}

pub(super) fn queue_rule(
    arn: &str,
    prefix: &str,
    index: usize,
) -> Result<QueueConfiguration, SetupError> {
    let filter = FilterRule::builder()
        .name(FilterRuleName::Prefix)
        .value(prefix)
        .build();
    let filter = NotificationConfigurationFilter::builder()
        .key(S3KeyFilter::builder().filter_rules(filter).build())
        .build();
    QueueConfiguration::builder()
        .id(format!("{OURS}-{}", index + 1))
        .queue_arn(arn)
        .events(Event::S3ObjectCreated)
        .events(Event::S3ObjectRemoved)
        .set_filter(Some(filter).filter(|_| !prefix.is_empty()))
        .build()
        .map_err(unbuilt)
}

pub(super) fn is_own_queue(rule: &QueueConfiguration) -> bool {
    let rest = rule.id().and_then(|id| id.strip_prefix(OURS));
    rest.is_some_and(|rest| rest.starts_with('-'))
}

pub(super) fn same_queue(one: &QueueConfiguration, other: &QueueConfiguration) -> bool {
    let events = |rule: &QueueConfiguration| -> Vec<String> {
        let events = rule.events().iter();
        events.map(|event| event.as_str().to_owned()).collect()
    };
    // S3 returns the name of the filter with a capital letter.
    let filter = |rule: &QueueConfiguration| -> Vec<String> {
        let key = rule.filter().and_then(|filter| filter.key());
        let rules = key.map(S3KeyFilter::filter_rules).unwrap_or_default();
        let text = |rule: &FilterRule| {
            let name = rule.name().map(FilterRuleName::as_str).unwrap_or_default();
            format!(
                "{}={}",
                name.to_ascii_lowercase(),
                rule.value().unwrap_or_default()
            )
        };
        rules.iter().map(text).collect()
    };
    one.queue_arn() == other.queue_arn()
        && same_texts(&events(one), &events(other))
        && same_texts(&filter(one), &filter(other))
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn same_texts(one: &[String], other: &[String]) -> bool {
    let sorted = |texts: &[String]| {
        let mut texts = texts.to_vec();
        texts.sort_unstable();
        texts
    };
    sorted(one) == sorted(other)
}

/// A rule without a required field cannot be written here. If it were, the caller would get this error.
pub(super) fn unbuilt(error: BuildError) -> SetupError {
    Fault::new(FaultKind::Other, "build_rule", error).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreign() -> QueueConfiguration {
        let other = QueueConfiguration::builder()
            .id("theirs")
            .queue_arn("arn:other")
            .events(Event::S3ObjectCreatedPut);
        other.build().unwrap()
    }

    #[test]
    fn our_rules_are_merged_and_those_of_others_stay() {
        let merge = |found, ours| merged(found, ours, is_own_queue, same_queue);
        let ours = vec![queue_rule("arn:a", "in/", 0).unwrap()];
        assert_eq!(merge(Vec::new(), ours.clone()), Some(ours.clone()));
        let both = vec![foreign(), ours[0].clone()];
        assert_eq!(merge(vec![foreign()], ours.clone()), Some(both.clone()));
        assert_eq!(merge(both.clone(), ours.clone()), None);
        // Another policy has other prefixes, and our rules that it does not need are removed.
        let others: Vec<_> = ["a/", "b/"]
            .iter()
            .enumerate()
            .map(|(index, prefix)| queue_rule("arn:a", prefix, index).unwrap())
            .collect();
        let all = merge(both, others.clone()).unwrap();
        assert_eq!(all, [vec![foreign()], others.clone()].concat());
        assert_eq!(merge(others, ours.clone()), Some(ours));
    }

    #[test]
    fn a_rule_that_comes_back_in_other_words_is_the_same() {
        let ours = queue_rule("arn:a", "in/", 0).unwrap();
        let filter = FilterRule::builder()
            .name(FilterRuleName::from("Prefix"))
            .value("in/")
            .build();
        let filter = NotificationConfigurationFilter::builder()
            .key(S3KeyFilter::builder().filter_rules(filter).build())
            .build();
        let mut back = ours.clone();
        back.filter = Some(filter);
        back.events.reverse();
        assert!(same_queue(&ours, &back));
        back.queue_arn = "arn:b".to_owned();
        assert!(!same_queue(&ours, &back));
    }

    #[test]
    fn a_cleaning_rule_has_one_action_and_its_own_name() {
        let parts = lifecycle_rule(Cleaning::Parts { days: 7 }).unwrap();
        let objects = Cleaning::Objects {
            name: "deleted",
            prefix: "deleted/",
            days: 31,
        };
        let objects = lifecycle_rule(objects).unwrap();
        assert_eq!(parts.id(), Some("consign-parts"));
        assert_eq!(objects.id(), Some("consign-deleted"));
        assert!(parts.expiration().is_none() && objects.expiration().is_some());
        assert!(!same_lifecycle(&parts, &objects));
        assert!(same_lifecycle(&parts, &parts.clone()));
    }
}
