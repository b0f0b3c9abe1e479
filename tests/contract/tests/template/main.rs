//! `template.yaml` against the code that it deploys: routes, permissions, the table, and the policy of the deployment.
//! Whether it is a template at all is checked by `cargo xtask test templates`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends where the template is not as it should be"
)]

mod document;
mod numbers;
mod permissions;
mod places;
mod table;

use consign_core::routes::{DEFAULT_FUNCTION, ROUTES};
use document::{functions, resources, template};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn events(function: &Value) -> impl Iterator<Item = (&Value, &Value)> {
    let events = function["Events"].as_object().unwrap().values();
    events.map(|event| (&event["Type"], &event["Properties"]))
}

#[test]
fn the_routes_are_those_of_the_router_and_one_for_the_rest() {
    let template = template();
    let mut deployed = BTreeSet::new();
    let mut rest = Vec::new();
    for (binary, function) in functions(&template) {
        for (_, route) in events(function).filter(|(kind, _)| *kind == "HttpApi") {
            assert_eq!(route["ApiId"], json!({"Ref": "Api"}));
            match (route["Method"].as_str(), route["Path"].as_str()) {
                (Some(method), Some(path)) => {
                    assert!(deployed.insert(format!("{method} {path} {binary}")));
                }
                (None, None) => rest.push(binary),
                half => panic!("half a route: {half:?}"),
            }
        }
    }
    let routed: BTreeSet<String> = ROUTES
        .iter()
        .map(|route| {
            let binary = route.target.function();
            format!("{} {} {binary}", route.method, route.path)
        })
        .collect();
    assert_eq!(deployed, routed);
    assert_eq!(rest, [DEFAULT_FUNCTION]);
}

#[test]
fn functions_are_named_after_their_binaries() {
    let template = template();
    let mut names = BTreeSet::new();
    for (binary, function) in functions(&template) {
        let name = format!("${{AWS::StackName}}-{binary}");
        assert_eq!(function["FunctionName"], json!({"Fn::Sub": name}));
        assert!(names.insert(binary));
    }
    let mut wanted: BTreeSet<_> = ROUTES.iter().map(|route| route.target.function()).collect();
    wanted.insert("ingest-on-object-created");
    assert_eq!(names, wanted);
    let binaries = binaries();
    assert_eq!(
        binaries.iter().map(String::as_str).collect::<BTreeSet<_>>(),
        names
    );
    // The command that builds them names their packages: a build of all would have the features of all.
    let readme = include_str!("../../../../README.md");
    let (_, command) = readme.split_once("cargo lambda build").unwrap();
    let (_, listed) = command.split_once("--package=consign-{").unwrap();
    let (listed, _) = listed.split_once("}-lambda").unwrap();
    assert_eq!(listed.split(',').collect::<BTreeSet<_>>(), names);
}

/// The programs under each function's `lambda` folder, whose package is named after them.
fn binaries() -> BTreeSet<String> {
    let functions = concat!(env!("CARGO_MANIFEST_DIR"), "/../../functions");
    let folders = std::fs::read_dir(functions).unwrap();
    let manifests = folders.map(|folder| folder.unwrap().path().join("lambda/Cargo.toml"));
    manifests
        .filter_map(|manifest| std::fs::read_to_string(manifest).ok())
        .map(|manifest| {
            let manifest: toml::Table = manifest.parse().unwrap();
            let [binary] = &manifest["bin"].as_array().unwrap()[..] else {
                unreachable!("a function is one program: {manifest}");
            };
            let name = binary["name"].as_str().unwrap();
            let package = format!("consign-{name}-lambda");
            assert_eq!(manifest["package"]["name"].as_str(), Some(package.as_str()));
            name.to_owned()
        })
        .collect()
}

#[test]
fn every_function_logs_into_a_group_of_its_own_that_forgets() {
    let template = template();
    for (binary, function) in functions(&template) {
        let group = function["LoggingConfig"]["LogGroup"]["Ref"]
            .as_str()
            .unwrap();
        let (_, group) = resources(&template, "AWS::Logs::LogGroup")
            .find(|(name, _)| *name == group)
            .unwrap();
        let name = format!("/aws/lambda/${{AWS::StackName}}-{binary}");
        assert_eq!(group["LogGroupName"], json!({"Fn::Sub": name}));
    }
    for (name, group) in resources(&template, "AWS::Logs::LogGroup") {
        let retention = &group["RetentionInDays"];
        assert_eq!(*retention, json!({"Ref": "LogRetentionDays"}), "{name}");
    }
}

#[test]
fn the_ingest_takes_messages_one_by_one_and_sweeps_every_minute() {
    let template = template();
    let (_, ingest) = functions(&template)
        .find(|(binary, _)| *binary == "ingest-on-object-created")
        .unwrap();
    let of_kind = |kind: &str| {
        let found = events(ingest).find(|(event, _)| *event == kind);
        found.map(|(_, properties)| properties).unwrap()
    };
    let messages = of_kind("SQS");
    assert_eq!(
        messages["FunctionResponseTypes"],
        json!(["ReportBatchItemFailures"])
    );
    let sweep = of_kind("ScheduleV2");
    assert_eq!(sweep["ScheduleExpression"], "rate(1 minute)");
    let input: Value = serde_json::from_str(sweep["Input"].as_str().unwrap()).unwrap();
    assert_eq!(input, json!({"sweep": "due"}));
    // SQS: "at least six times the function's timeout".
    let queue = &template["Resources"]["Queue"]["Properties"];
    let visibility_s = queue["VisibilityTimeout"].as_u64().unwrap();
    assert!(visibility_s >= 6 * ingest["Timeout"].as_u64().unwrap());
    let poison = &ingest["Environment"]["Variables"]["CONSIGN_DEAD_LETTERS_URL"];
    assert_eq!(*poison, json!({"Ref": "DeadLetters"}));
    let dead_letters = &template["Resources"]["DeadLetters"]["Properties"];
    assert_eq!(dead_letters["MessageRetentionPeriod"], 14 * 86_400);
    assert_eq!(
        queue["RedrivePolicy"]["deadLetterTargetArn"],
        json!({"Fn::GetAtt": ["DeadLetters", "Arn"]})
    );
}

#[test]
fn every_parameter_is_used_and_every_alarm_tells_somebody() {
    // cfn-lint leaves unused parameters alone where there is a transform.
    let template = template();
    let used = ["Globals", "Resources", "Conditions"].map(|part| template[part].to_string());
    for parameter in template["Parameters"].as_object().unwrap().keys() {
        let reference = json!({"Ref": parameter}).to_string();
        let inside = format!("${{{parameter}}}");
        let is_used = |text: &String| text.contains(&reference) || text.contains(&inside);
        assert!(used.iter().any(is_used), "{parameter}");
    }
    let told =
        json!({"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]});
    let alarms: Vec<_> = resources(&template, "AWS::CloudWatch::Alarm").collect();
    assert_eq!(alarms.len(), 5);
    for (name, alarm) in alarms {
        assert_eq!(alarm["AlarmActions"], told, "{name}");
    }
    for alarm in ["FunctionErrorsAlarm", "FunctionThrottlesAlarm"] {
        let metrics = template["Resources"][alarm]["Properties"]["Metrics"].to_string();
        for (name, _) in resources(&template, "AWS::Serverless::Function") {
            assert!(
                metrics.contains(&json!({"Ref": name}).to_string()),
                "{name}"
            );
        }
    }
}
