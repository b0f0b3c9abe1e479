//! POST policies: what a browser's form is held to.

use reqwest::Response;

use crate::support::{BUCKET, Server, code, form, header};

async fn post(server: &Server, fields: &[(String, String)], file: &str) -> Response {
    let multipart = fields
        .iter()
        .fold(reqwest::multipart::Form::new(), |form, (name, value)| {
            form.text(name.clone(), value.clone())
        });
    let file = reqwest::multipart::Part::text(file.to_owned()).file_name("a.csv");
    let request = server
        .client
        .http
        .post(format!("http://127.0.0.1:{}/{BUCKET}", server.client.port));
    request
        .multipart(multipart.part("file", file))
        .send()
        .await
        .unwrap()
}

fn changed(fields: &[(String, String)], name: &str, value: &str) -> Vec<(String, String)> {
    let change = |(field, old): &(String, String)| {
        (
            field.clone(),
            if field == name {
                value.to_owned()
            } else {
                old.clone()
            },
        )
    };
    fields.iter().map(change).collect()
}

const CONDITIONS: &str =
    r#",["content-length-range",3,8],{"Content-Type":"text/csv"},{"success_action_status":"201"}"#;
const FIELDS: &[(&str, &str)] = &[
    ("Content-Type", "text/csv"),
    ("success_action_status", "201"),
];

#[tokio::test]
async fn a_form_puts_its_file_under_its_key() {
    let server = Server::start().await;
    let sent = post(
        &server,
        &form("forms/a.csv", 0, CONDITIONS, FIELDS),
        "a,b\n1,2",
    )
    .await;
    assert_eq!(sent.status(), 201);
    assert!(
        sent.text()
            .await
            .unwrap()
            .contains("<Key>forms/a.csv</Key>")
    );
    let get = server.client.get("forms/a.csv").await;
    assert_eq!(header(&get, "content-type"), "text/csv");
    assert_eq!(get.text().await.unwrap(), "a,b\n1,2");
    let events = server.events();
    assert_eq!(events[0]["eventName"], "ObjectCreated:Post");
    assert_eq!(events[0]["s3"]["object"]["size"], 7);
}

#[tokio::test]
async fn a_form_outside_its_policy_is_refused() {
    let server = Server::start().await;
    let fields = form("k", 0, CONDITIONS, FIELDS);
    assert_eq!(
        code(post(&server, &fields, "123456789").await).await,
        (400, "EntityTooLarge".to_owned())
    );
    assert_eq!(
        code(post(&server, &fields, "12").await).await,
        (400, "EntityTooSmall".to_owned())
    );
    for (name, value) in [
        ("key", "other"),
        ("Content-Type", "text/html"),
        ("x-amz-signature", "00"),
        ("policy", "e30="),
    ] {
        let refused = post(&server, &changed(&fields, name, value), "1234").await;
        assert!(refused.status().is_client_error(), "{name}");
    }
    assert_eq!(
        code(post(&server, &form("k", 61, CONDITIONS, FIELDS), "1234").await).await,
        (403, "AccessDenied".to_owned())
    );
    let unsigned: Vec<_> = fields
        .iter()
        .filter(|(name, _)| name != "x-amz-signature")
        .cloned()
        .collect();
    assert_eq!(post(&server, &unsigned, "1234").await.status(), 403);
    assert_eq!(server.client.get("k").await.status(), 404);
    assert!(server.events().is_empty());
}
