//! The reconciliation tool's policy: its browser asks with a name and a kind alone, and gets a form.

use e2e::{Host, RECONCILIATION, StoreKind, csv};
use serde_json::json;

use crate::{forms_are_refused, read_parquet};

#[tokio::test]
async fn a_browser_asks_with_name_and_kind_alone_and_gets_a_form() {
    let host = Host::start(RECONCILIATION).await;
    let user = host.user("session-17");
    if !StoreKind::asked().takes_forms() {
        return forms_are_refused(&user, "source").await;
    }
    for kind in ["source", "comparison"] {
        let content = csv(40);
        let signed = user
            .sign(&json!({"filename": "Kontoauszug März.csv", "category": kind}))
            .await;
        assert_eq!(
            (&signed.0["strategy"], &signed.0["method"]),
            (&json!("post"), &json!("POST"))
        );
        let prefix = format!("temp/session-17/{kind}/");
        assert!(signed.key().starts_with(&prefix), "{}", signed.key());
        assert!((200..300).contains(&user.post_form(&signed, &[], &content).await));
        let file_id = signed.file_id();
        let status = user.wait_ready(&file_id).await;
        assert_eq!(
            (&status["row_count"], &status["category"]),
            (&json!(40), &json!(kind))
        );
        let answer = user.get(&format!("/files/{file_id}/download-url")).await;
        assert_eq!(answer.body["expires_in"], 7200);
        assert_eq!(answer.body["filename"], "Kontoauszug März.csv");
        let got = user
            .http
            .get(answer.body["url"].as_str().unwrap())
            .send()
            .await
            .unwrap();
        let disposition = "attachment; filename=\"Kontoauszug M_rz.csv\"; filename*=UTF-8''Kontoauszug%20M%C3%A4rz.csv";
        assert_eq!(got.headers()["content-disposition"], disposition);
        assert_eq!(got.bytes().await.unwrap(), content);
        assert_eq!(read_parquet(user.download(&file_id, "parquet").await).0, 40);
    }
}

#[tokio::test]
async fn a_spreadsheet_becomes_parquet_and_what_is_none_fails() {
    let host = Host::start(RECONCILIATION).await;
    let user = host.user("session-19");
    let workbook = include_bytes!("../../../fixtures/tabular/cities.xlsx");
    for (content, status) in [
        (&workbook[..], "ready"),
        (b"PK\x03\x04 and so on", "failed"),
        (b"a,b\n1,2\n", "failed"),
    ] {
        let request = json!({"filename": "a.xlsx", "category": "source", "strategy": "put",
            "content_type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "file_size_bytes": content.len()});
        let signed = user.sign(&request).await;
        assert_eq!(user.put(&signed, content).await, 200);
        let at_rest = user.wait(&signed.file_id()).await;
        assert_eq!(at_rest["status"], status, "{at_rest}");
        assert_eq!(user.download(&signed.file_id(), "original").await, content);
        if status == "ready" {
            let (rows, names, first) =
                read_parquet(user.download(&signed.file_id(), "parquet").await);
            assert_eq!(
                (rows, names.join(" ")),
                (3, "city population counted area".to_owned())
            );
            assert!(
                first.contains("2024-01-01") && first.contains("414.87"),
                "{first}"
            );
        }
    }
}

#[tokio::test]
async fn a_form_takes_a_file_up_to_the_tools_limit() {
    let host = Host::start(RECONCILIATION).await;
    let user = host.user("session-18");
    if !StoreKind::asked().takes_forms() {
        return forms_are_refused(&user, "source").await;
    }
    let signed = user
        .sign(&json!({"filename": "a.csv", "category": "source"}))
        .await;
    let too_large = vec![b'a'; 100_000_001];
    assert_eq!(user.post_form(&signed, &[], &too_large).await, 400);
    assert_eq!(user.status(&signed.file_id()).await["status"], "pending");
    let other = user
        .post(
            "/files/sign_upload",
            &json!({"filename": "a.pdf", "category": "source"}),
        )
        .await;
    assert_eq!(
        (other.status, &other.body["errors"][0]["field"]),
        (400, &json!("filename"))
    );
}
