//! Each function may do what its handler calls, and nothing else.

use super::document::{Statement, allowed, functions, resources, template};
use consign_core::policy::{DELETED_PREFIX, MARKER_PREFIX};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What a function's role allows of a service, such as `s3`.
fn actions<'t>(template: &'t Value, binary: &str, service: &str) -> BTreeSet<&'t str> {
    let (_, function) = functions(template)
        .find(|(name, _)| *name == binary)
        .unwrap();
    let statements = allowed(template, function).into_iter();
    let of_service = statements.flat_map(|statement| statement.actions);
    of_service
        .filter(|action| action.starts_with(&format!("{service}:")))
        .collect()
}

#[test]
fn nothing_is_allowed_on_everything() {
    let template = template();
    for (binary, function) in functions(&template) {
        // What SAM would add by itself is wider.
        assert!(function["Policies"].is_null(), "{binary}");
        for statement in allowed(&template, function) {
            assert!(statement.allows, "{binary}");
            for action in statement.actions {
                assert!(!action.contains('*'), "{binary}: {action}");
            }
            for resource in statement.resources {
                assert!(is_narrow(resource), "{binary}: {resource}");
            }
        }
    }
    for (name, role) in resources(&template, "AWS::IAM::Role") {
        assert!(role["ManagedPolicyArns"].is_null(), "{name}");
    }
}

/// A resource of this stack, or the objects under a prefix of its bucket.
fn is_narrow(resource: &Value) -> bool {
    match resource["Fn::Sub"].as_str() {
        None => resource["Fn::GetAtt"][1] == "Arn",
        Some(arn) => {
            let objects = arn.strip_prefix("arn:${AWS::Partition}:s3:::${BucketName}/");
            match objects {
                Some(objects) => objects
                    .strip_suffix('*')
                    .is_some_and(|prefix| !prefix.is_empty() && !prefix.contains('*')),
                None => !arn.contains('*'),
            }
        }
    }
}

#[test]
fn a_role_belongs_to_one_function() {
    let template = template();
    let roles: BTreeSet<_> = functions(&template)
        .map(|(_, function)| function["Role"]["Fn::GetAtt"][0].as_str().unwrap())
        .collect();
    assert_eq!(roles.len(), functions(&template).count());
    let made: BTreeSet<_> = resources(&template, "AWS::IAM::Role")
        .map(|(name, _)| name)
        .collect();
    assert_eq!(roles, made);
}

#[test]
fn who_signs_can_do_what_is_signed_and_no_more() {
    let template = template();
    let only = |action| BTreeSet::from([action]);
    assert_eq!(
        actions(&template, "sign-upload", "s3"),
        only("s3:PutObject")
    );
    assert_eq!(
        actions(&template, "download-url", "s3"),
        only("s3:GetObject")
    );
    assert_eq!(actions(&template, "files", "s3"), only("s3:GetObject"));
    assert_eq!(actions(&template, "status", "s3"), BTreeSet::new());
    for reader in ["status", "download-url"] {
        let records = actions(&template, reader, "dynamodb");
        assert_eq!(records, only("dynamodb:GetItem"), "{reader}");
    }
    assert_eq!(actions(&template, "health", "dynamodb"), BTreeSet::new());
}

#[test]
fn only_who_moves_files_on_sends_jobs_and_only_ingest_removes() {
    let template = template();
    for (binary, function) in functions(&template) {
        let is_ingest = binary == "ingest-on-object-created";
        let sends = actions(&template, binary, "sqs").contains("sqs:SendMessage");
        assert_eq!(sends, is_ingest || binary == "confirm", "{binary}");
        let buries = allowed(&template, function).iter().any(|statement| {
            statement.resources == [&json!({"Fn::GetAtt": ["DeadLetters", "Arn"]})]
        });
        assert_eq!(buries, is_ingest, "{binary}");
        let removes = actions(&template, binary, "s3").contains("s3:DeleteObject");
        assert_eq!(removes, is_ingest || binary == "health", "{binary}");
        assert!(!actions(&template, binary, "dynamodb").contains("dynamodb:DeleteItem"));
    }
}

#[test]
fn only_ingest_marks_the_bucket() {
    let template = template();
    let markers = json!({
        "Fn::Sub": format!("arn:${{AWS::Partition}}:s3:::${{BucketName}}/{MARKER_PREFIX}*")
    });
    for (binary, function) in functions(&template) {
        let marks = allowed(&template, function)
            .iter()
            .any(|statement| statement.resources == [&markers]);
        assert_eq!(marks, binary == "ingest-on-object-created", "{binary}");
    }
}

#[test]
fn who_counts_what_is_kept_of_a_deleted_file_may_look_at_it() {
    let template = template();
    let deleted = json!({
        "Fn::Sub": format!("arn:${{AWS::Partition}}:s3:::${{BucketName}}/{DELETED_PREFIX}*")
    });
    for (binary, function) in functions(&template) {
        let looks = allowed(&template, function).iter().any(|statement| {
            statement.resources == [&deleted] && statement.actions.contains(&"s3:GetObject")
        });
        assert_eq!(looks, binary == "ingest-on-object-created", "{binary}");
    }
}

#[test]
fn where_a_missing_object_is_told_the_bucket_may_be_listed() {
    // S3: without s3:ListBucket, HEAD and GET of a missing object answer 403.
    let template = template();
    for (binary, _) in functions(&template) {
        let looks = ["confirm", "ingest-on-object-created", "health"].contains(&binary);
        let lists = actions(&template, binary, "s3").contains("s3:ListBucket");
        assert_eq!(lists, looks, "{binary}");
    }
}

#[test]
fn bucket_and_queue_are_closed_to_others_and_without_tls() {
    let template = template();
    for kind in ["AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy"] {
        for (name, policy) in resources(&template, kind) {
            let statements = policy["PolicyDocument"]["Statement"].as_array().unwrap();
            let is_tls_only = |statement: &&Value| {
                !Statement::read(statement).allows
                    && statement["Principal"] == "*"
                    && statement["Condition"] == json!({"Bool": {"aws:SecureTransport": "false"}})
            };
            assert!(statements.iter().any(|s| is_tls_only(&s)), "{name}");
            for statement in statements.iter().filter(|s| Statement::read(s).allows) {
                let service = json!({"Service": "s3.amazonaws.com"});
                assert_eq!(statement["Principal"], service, "{name}");
                let condition = &statement["Condition"];
                let bucket = json!({"Fn::Sub": "arn:${AWS::Partition}:s3:::${BucketName}"});
                assert_eq!(condition["ArnEquals"]["aws:SourceArn"], bucket);
                let account = json!({"Ref": "AWS::AccountId"});
                assert_eq!(condition["StringEquals"]["aws:SourceAccount"], account);
            }
        }
    }
    let bucket = &template["Resources"]["Bucket"]["Properties"];
    for (name, blocked) in bucket["PublicAccessBlockConfiguration"]
        .as_object()
        .unwrap()
    {
        assert_eq!(*blocked, json!(true), "{name}");
    }
}
