//! The operational numbers that deployments repeat, against `shared/core/src/operations.rs`.

use super::document::{functions, template};
use consign_core::operations::{
    ACTIVITY_S, DAY_S, DEAD_LETTER_S, DELETED_RETENTION_S, DELIVERIES_MAX, DOWNLOAD_URL_S,
    HEALTH_OBJECT_DAYS, HOUR_S, INGEST_RUN_S, MESSAGE_KEPT_S, MINUTE_S, PARTS_ABORT_DAYS,
    SQS_HIDDEN_S, SWEEP_EVERY_S, UPLOAD_LIFE_MAX_S, UPLOAD_URL_RANGE_S, UPLOAD_URL_S, deleted_days,
};
use consign_core::policy::{DELETED_PREFIX, HEALTH_PREFIX};
use serde_json::{Value, json};

const EDGE_README: &str = include_str!("../../../../infra/edge/README.md");

/// What follows `option` in a text, each time.
fn told<'t>(text: &'t str, option: &str) -> Vec<&'t str> {
    let rests = text.split(option).skip(1);
    rests
        .filter_map(|rest| rest.split_whitespace().next())
        .collect()
}

#[test]
fn the_queues_of_the_template_keep_hide_and_give_up_as_the_code_counts_on() {
    let template = template();
    let queue = &template["Resources"]["Queue"]["Properties"];
    assert_eq!(queue["VisibilityTimeout"], SQS_HIDDEN_S);
    assert_eq!(queue["MessageRetentionPeriod"], MESSAGE_KEPT_S);
    assert_eq!(queue["RedrivePolicy"]["maxReceiveCount"], DELIVERIES_MAX);
    let dead = &template["Resources"]["DeadLetters"]["Properties"];
    assert_eq!(dead["MessageRetentionPeriod"], DEAD_LETTER_S);
    let (_, ingest) = functions(&template)
        .find(|(name, _)| *name == "ingest-on-object-created")
        .unwrap();
    assert_eq!(ingest["Timeout"], INGEST_RUN_S);
    assert_eq!(SWEEP_EVERY_S, MINUTE_S);
    let sweep = &ingest["Events"]["Sweep"]["Properties"];
    assert_eq!(sweep["ScheduleExpression"], "rate(1 minute)");
    assert_eq!(
        sweep["RetryPolicy"]["MaximumEventAgeInSeconds"],
        SWEEP_EVERY_S
    );
}

#[test]
fn the_bucket_of_the_template_removes_when_the_code_says() {
    let template = template();
    let bucket = &template["Resources"]["Bucket"]["Properties"];
    let rules = bucket["LifecycleConfiguration"]["Rules"]
        .as_array()
        .unwrap();
    let rule = |prefix: &str| rules.iter().find(|rule| rule["Prefix"] == prefix).unwrap();
    assert_eq!(rule(HEALTH_PREFIX)["ExpirationInDays"], HEALTH_OBJECT_DAYS);
    assert_eq!(
        rule(DELETED_PREFIX)["ExpirationInDays"],
        json!({"Ref": "DeletedExpiryDays"})
    );
    let default = &template["Parameters"]["DeletedExpiryDays"]["Default"];
    assert_eq!(*default, deleted_days(DELETED_RETENTION_S));
    let parts: Vec<u64> = rules
        .iter()
        .filter_map(|rule| rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"].as_u64())
        .collect();
    assert_eq!(parts, [PARTS_ABORT_DAYS]);
    assert!(PARTS_ABORT_DAYS * DAY_S > UPLOAD_LIFE_MAX_S + UPLOAD_URL_RANGE_S.end() + DAY_S);
}

#[test]
fn the_queues_of_the_worker_deliver_as_often_as_the_others_and_its_clock_goes_each_minute() {
    let wrangler: Value = toml::from_str(include_str!("../../../../wrangler.toml")).unwrap();
    for environment in wrangler["env"].as_object().unwrap().values() {
        let consumers = environment["queues"]["consumers"].as_array().unwrap();
        let ingest = consumers
            .iter()
            .filter(|consumer| consumer["queue"] == "consign-ingest");
        let retries: Vec<_> = ingest.map(|consumer| &consumer["max_retries"]).collect();
        assert_eq!(retries, [&json!(DELIVERIES_MAX - 1)]);
        assert_eq!(environment["triggers"]["crons"], json!(["* * * * *"]));
    }
}

#[test]
fn what_is_set_up_in_cloudflare_keeps_parts_and_messages_as_long_as_aws() {
    let days = told(EDGE_README, "--abort-multipart-days ");
    assert_eq!(days, [PARTS_ABORT_DAYS.to_string()]);
    let kept = told(EDGE_README, "--message-retention-period-secs ");
    assert_eq!(
        kept,
        [MESSAGE_KEPT_S.to_string(), DEAD_LETTER_S.to_string()]
    );
}

#[test]
fn the_stand_ins_for_sqs_give_up_as_late_as_sqs() {
    let stand_in = include_str!("../../../../infra/elasticmq.conf");
    assert_eq!(
        told(stand_in, "maxReceiveCount = "),
        [DELIVERIES_MAX.to_string()]
    );
    let suite = include_str!("../../../e2e/src/lambda.rs");
    let given = format!("\\\"maxReceiveCount\\\":\\\"{DELIVERIES_MAX}\\\"");
    assert_eq!(suite.matches("maxReceiveCount").count(), 1);
    assert!(suite.contains(&given));
}

#[test]
fn the_policy_for_trying_tells_the_lives_that_hold_where_it_says_nothing() {
    let policy = include_str!("../../../../consign.toml");
    for (field, default_s) in [
        ("upload_url", UPLOAD_URL_S),
        ("activity_window", ACTIVITY_S),
        ("download_url", DOWNLOAD_URL_S),
        ("deleted_retention", DELETED_RETENTION_S),
    ] {
        let start = format!("# {field} = \"");
        let line = policy
            .lines()
            .find(|line| line.starts_with(&start))
            .unwrap();
        let (value, _) = line[start.len()..].split_once('"').unwrap();
        let (count, unit) = value.split_once(' ').unwrap();
        let unit_s = match unit {
            "s" => 1,
            "min" => MINUTE_S,
            "h" => HOUR_S,
            "d" => DAY_S,
            other => panic!("{other}"),
        };
        assert_eq!(count.parse::<u64>().unwrap() * unit_s, default_s, "{field}");
    }
}
