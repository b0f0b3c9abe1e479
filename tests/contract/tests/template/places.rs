//! Bucket, prefixes and table, against the policy of the deployment and the code.

use super::document::{functions, template};
use consign_core::config::Config;
use consign_core::policy::{DELETED_PREFIX, HEALTH_PREFIX, MARKER_PREFIX, StoreProvider};
use consign_core::routes::ROUTES;
use consign_core::sigv4::EXPIRES_S_MAX;
use consign_core::upload::{PARTS_ABORT_DAYS, UPLOAD_LIFE_MAX_S};
use serde_json::{Value, json};

const DAY_S: u64 = 86_400;

/// The policy that travels with the functions, and where it lies in the repository.
const POLICY: (&str, &str) = (
    "infra/aws/consign.toml",
    include_str!("../../../../infra/aws/consign.toml"),
);

/// The policy, read with what the template puts into the environment of `binary`.
fn policy(template: &Value, binary: &str) -> Config {
    let (_, function) = functions(template)
        .find(|(name, _)| *name == binary)
        .unwrap();
    let given = &function["Environment"]["Variables"];
    let secret = |name: &str| (!given[name].is_null()).then(|| "s".repeat(32));
    Config::parse(POLICY.1, &secret).unwrap()
}

fn default<'t>(template: &'t Value, parameter: &str) -> &'t Value {
    &template["Parameters"][parameter]["Default"]
}

#[test]
fn the_policy_lies_where_the_functions_look_for_it() {
    let (path, _) = POLICY;
    let environment = &template()["Globals"]["Function"]["Environment"]["Variables"];
    assert_eq!(environment["CONSIGN_CONFIG"], format!("/var/task/{path}"));
    let manifest = include_str!("../../../../Cargo.toml");
    let included = format!("[workspace.metadata.lambda.build]\ninclude = [\"{path}\"]\n");
    assert!(manifest.contains(&included));
}

#[test]
fn the_template_serves_the_places_that_the_policy_names() {
    let template = template();
    let config = policy(&template, "sign-upload");
    assert_eq!(config.store.provider, StoreProvider::S3);
    assert!(config.store.credentials.is_none());
    assert_eq!(config.policy.buckets().len(), 1);
    let prefix = |parameter| default(&template, parameter).as_str().unwrap();
    let deleted_s = DAY_S * default(&template, "DeletedExpiryDays").as_u64().unwrap();
    for category in config.policy.categories() {
        let key = category.key.literal_prefix();
        assert!(key.starts_with(prefix("UploadPrefix")), "{key}");
        for output in category.output.iter().map(|output| output.literal_prefix()) {
            assert!(output.starts_with(prefix("OutputPrefix")), "{output}");
        }
        assert!(
            category.deleted_retention_s < deleted_s,
            "{}",
            category.name
        );
    }
}

#[test]
fn inv27_only_uploads_notify() {
    let template = template();
    let bucket = &template["Resources"]["Bucket"]["Properties"];
    let told = bucket["NotificationConfiguration"].as_object().unwrap();
    assert_eq!(told.keys().collect::<Vec<_>>(), ["QueueConfigurations"]);
    let queues = told["QueueConfigurations"].as_array().unwrap();
    let events: Vec<_> = queues.iter().map(|queue| &queue["Event"]).collect();
    assert_eq!(events, ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]);
    for queue in queues {
        assert_eq!(queue["Queue"], json!({"Fn::GetAtt": ["Queue", "Arn"]}));
        let uploads = json!([{"Name": "prefix", "Value": {"Ref": "UploadPrefix"}}]);
        assert_eq!(queue["Filter"]["S3Key"]["Rules"], uploads);
    }
}

#[test]
fn the_bucket_removes_nothing_that_the_sweep_still_counts_on() {
    let template = template();
    let bucket = &template["Resources"]["Bucket"]["Properties"];
    let rules = bucket["LifecycleConfiguration"]["Rules"]
        .as_array()
        .unwrap();
    let mut expired = Vec::new();
    for rule in rules {
        let abort = &rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"];
        match abort.as_u64() {
            Some(days) => {
                assert_eq!(days, PARTS_ABORT_DAYS);
                assert!(days * DAY_S > UPLOAD_LIFE_MAX_S + u64::from(EXPIRES_S_MAX) + DAY_S);
                assert!(rule["ExpirationInDays"].is_null());
            }
            None => expired.push(rule["Prefix"].as_str().unwrap()),
        }
    }
    assert_eq!(expired, [DELETED_PREFIX, HEALTH_PREFIX]);
    // By the marker the bucket is known again: it stays for ever.
    assert!(
        expired
            .iter()
            .all(|prefix| !MARKER_PREFIX.starts_with(prefix))
    );
}

#[test]
fn pages_may_send_and_read_what_is_signed() {
    let template = template();
    let origin = json!([{"Ref": "Origin"}]);
    let bucket = &template["Resources"]["Bucket"]["Properties"];
    let rule = &bucket["CorsConfiguration"]["CorsRules"][0];
    assert_eq!(rule["AllowedOrigins"], origin);
    assert_eq!(
        rule["AllowedMethods"],
        json!(["GET", "HEAD", "PUT", "POST"])
    );
    let listed = |value: &Value, name: &str| value.as_array().unwrap().contains(&json!(name));
    for header in ["content-type", "if-none-match", "x-amz-checksum-sha256"] {
        assert!(listed(&rule["AllowedHeaders"], header), "{header}");
    }
    assert!(listed(&rule["ExposedHeaders"], "ETag"));
    let api = &template["Resources"]["Api"]["Properties"]["CorsConfiguration"];
    assert_eq!(api["AllowOrigins"], origin);
    for route in ROUTES {
        assert!(listed(&api["AllowMethods"], route.method.as_str()));
    }
}

#[test]
fn bucket_and_table_outlive_the_stack() {
    let template = template();
    for kept in ["Bucket", "Table"] {
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            assert_eq!(template["Resources"][kept][policy], "Retain", "{kept}");
        }
    }
    let table = &template["Resources"]["Table"]["Properties"];
    assert_eq!(table["DeletionProtectionEnabled"], true);
    let recovery = &table["PointInTimeRecoverySpecification"];
    assert_eq!(recovery["PointInTimeRecoveryEnabled"], true);
}
