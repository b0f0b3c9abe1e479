//! Listing, downloading and deleting.

use std::time::Duration;

use e2e::{Answer, Host, POLICY, StoreKind, User, csv};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

fn unique() -> String {
    format!("ann-{}", fastrand::u64(..))
}

fn ids(answer: &Answer) -> Vec<String> {
    let files = answer.body["files"].as_array().expect("there are files");
    files
        .iter()
        .map(|file| file["file_id"].as_str().expect("an id").to_owned())
        .collect()
}

#[tokio::test]
async fn a_listing_has_pages_newest_first_and_filters() {
    let host = Host::start(POLICY).await;
    let user = host.user(&unique());
    let mut made = Vec::new();
    for number in 0..7 {
        let mut request = json!({"filename": format!("{number}.csv"), "content_type": "text/csv", "file_size_bytes": 5});
        if number % 2 == 0 {
            request["collection_id"] = json!("even");
        }
        made.push(user.sign(&request).await.file_id());
    }
    let image = user
        .sign(&json!({"filename": "a.png", "content_type": "image/png", "file_size_bytes": 5}))
        .await
        .file_id();
    made.push(image.clone());
    made.reverse();
    let (mut seen, mut path, mut pages) = (Vec::new(), "/files?limit=3".to_owned(), 0);
    loop {
        let page = user.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.text);
        seen.extend(ids(&page));
        pages += 1;
        match page.body["next_cursor"].as_str() {
            Some(cursor) => path = format!("/files?limit=3&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!((seen, pages), (made.clone(), 3));
    assert_eq!(ids(&user.get("/files?category=image").await), [image]);
    assert_eq!(ids(&user.get("/files?collection_id=even").await).len(), 4);
    assert_eq!(ids(&user.get("/files?status=ready").await).len(), 0);
    assert_eq!(ids(&user.get("/files?status=pending").await).len(), 8);
    for bad in [
        "limit=0",
        "limit=501",
        "limit=x",
        "cursor=x",
        "status=gone",
        "include=all",
        "category=A/B",
        "extra=1",
    ] {
        let answer = user.get(&format!("/files?{bad}")).await;
        assert_eq!(
            (answer.status, answer.code()),
            (400, "validation_failed"),
            "{bad}"
        );
        assert_eq!(
            answer.body["errors"][0]["field"],
            bad.split('=').next().unwrap()
        );
    }
}

#[tokio::test]
async fn a_listing_brings_download_urls_where_asked() {
    let host = Host::start(POLICY).await;
    let user = host.user(&unique());
    let content = csv(10);
    let ready = user.put_csv(&content).await;
    user.wait_ready(&ready).await;
    user.sign_csv(&content).await;
    let plain = user.get("/files").await;
    assert!(!plain.text.contains("download_url"));
    let answer = user.get("/files?include=download_url").await;
    let files = answer.body["files"].as_array().unwrap();
    let with_url = |file: &&Value| file["download_url"].is_string();
    assert_eq!(
        files.iter().filter(with_url).count(),
        1,
        "nothing has arrived of the other"
    );
    let url = files.iter().find(with_url).unwrap()["download_url"]
        .as_str()
        .unwrap();
    assert_eq!(
        user.http
            .get(url)
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap(),
        content
    );
}

async fn headers(user: &User, query: &str) -> HeaderMap {
    let answer = user.get(query).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let url = answer.body["url"].as_str().expect("there is a URL");
    user.http
        .get(url)
        .send()
        .await
        .expect("the store answers")
        .headers()
        .clone()
}

#[tokio::test]
async fn inv15_a_download_is_an_attachment_with_its_own_name() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let content = csv(10);
    let request = json!({"filename": "Umsätze \"2024\"; 日本.csv", "content_type": "text/csv", "file_size_bytes": content.len()});
    let signed = user.sign(&request).await;
    assert_eq!(user.put(&signed, &content).await, 200);
    user.wait_ready(&signed.file_id()).await;
    let path = format!("/files/{}/download-url", signed.file_id());
    let got = headers(&user, &path).await;
    let name = "filename=\"Ums_tze _2024__ __.csv\"; filename*=UTF-8''Ums%C3%A4tze%20%222024%22%3B%20%E6%97%A5%E6%9C%AC.csv";
    assert_eq!(got["content-disposition"], format!("attachment; {name}"));
    assert_eq!(got["content-type"], "text/csv");
    let inline = headers(&user, &format!("{path}?disposition=inline")).await;
    assert_eq!(inline["content-disposition"], format!("inline; {name}"));
    let parquet = headers(&user, &format!("{path}?variant=parquet")).await;
    assert!(
        parquet["content-disposition"]
            .to_str()
            .unwrap()
            .contains("%E6%97%A5%E6%9C%AC.parquet")
    );
    assert_eq!(parquet["content-type"], "application/vnd.apache.parquet");
    assert_eq!(user.get(&path).await.body["filename"], request["filename"]);
}

#[tokio::test]
async fn what_an_uploader_adds_to_a_put_does_not_come_back_with_the_download() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let content = csv(10);
    let added = [
        ("cache-control", "public, max-age=31536000"),
        ("content-encoding", "gzip"),
        ("content-language", "de"),
        ("content-disposition", "inline; filename=\"other.html\""),
        ("expires", "Fri, 01 Jan 2100 00:00:00 GMT"),
    ];
    for (name, value) in added {
        let signed = user.sign_csv(&content).await;
        let put = user.put_request(&signed, &content).header(name, value);
        let status = put.send().await.expect("the store answers").status();
        if status != 200 {
            // A store may refuse what nobody signed; then the key is free.
            assert_eq!(status, 403, "{name}");
            assert_eq!(user.put(&signed, &content).await, 200);
        }
        user.wait_ready(&signed.file_id()).await;
        for variant in ["original", "parquet"] {
            let path = format!("/files/{}/download-url?variant={variant}", signed.file_id());
            if !StoreKind::asked().overrides_answers() {
                // The URL asks for it all the same; the store passes it over.
                let url = user.get(&path).await.body["url"].to_string();
                for asked in [
                    "cache-control",
                    "content-encoding",
                    "content-language",
                    "expires",
                ] {
                    assert!(url.contains(&format!("response-{asked}=")), "{asked}");
                }
                continue;
            }
            let got = headers(&user, &path).await;
            let text = |name: &str| got.get(name).and_then(|value| value.to_str().ok());
            assert_eq!(text("cache-control"), Some("private, no-store"));
            assert_eq!(text("content-encoding"), Some("identity"));
            assert_eq!(text("content-language"), Some("und"));
            assert_eq!(text("expires"), Some("Thu, 01 Jan 1970 00:00:00 GMT"));
            let disposition = text("content-disposition").expect("there is one");
            assert!(disposition.starts_with("attachment; "), "{disposition}");
        }
    }
}

#[tokio::test]
async fn a_download_url_lives_from_a_minute_to_a_day() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let file_id = user.put_csv(&csv(10)).await;
    user.wait_ready(&file_id).await;
    let ask = async |query: &str| {
        user.get(&format!("/files/{file_id}/download-url?{query}"))
            .await
    };
    for (query, expires_in) in [
        ("", 3600),
        ("expiry_sec=60", 60),
        ("expiry_sec=86400", 86_400),
    ] {
        let answer = ask(query).await;
        assert_eq!(
            (answer.status, &answer.body["expires_in"]),
            (200, &json!(expires_in)),
            "{}",
            answer.text
        );
        assert!(
            answer.body["url"]
                .as_str()
                .unwrap()
                .contains(&format!("X-Amz-Expires={expires_in}&"))
        );
    }
    for bad in [
        "expiry_sec=59",
        "expiry_sec=86401",
        "expiry_sec=-1",
        "expiry_sec=1h",
        "variant=all",
        "disposition=x",
    ] {
        let answer = ask(bad).await;
        assert_eq!(
            (answer.status, &answer.body["errors"][0]["field"]),
            (400, &json!(bad.split('=').next().unwrap()))
        );
    }
}

#[tokio::test]
async fn inv13_a_download_url_reads_one_object_and_nothing_else() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let (one, two) = (user.put_csv(&csv(10)).await, user.put_csv(&csv(20)).await);
    user.wait_ready(&one).await;
    user.wait_ready(&two).await;
    let answer = user.get(&format!("/files/{one}/download-url")).await;
    let url = answer.body["url"].as_str().unwrap();
    for refused in [
        user.http.get(url.replace(&one, &two)),
        user.http.get(url.replace("attachment", "inline")),
        user.http.delete(url),
        user.http.put(url).body("x"),
    ] {
        assert_eq!(refused.send().await.unwrap().status(), 403);
    }
    assert_eq!(user.http.get(url).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn nothing_can_be_downloaded_before_it_is_there() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let signed = user.sign_csv(&csv(10)).await;
    for variant in ["original", "parquet", "profile", "rejects"] {
        let answer = user
            .get(&format!(
                "/files/{}/download-url?variant={variant}",
                signed.file_id()
            ))
            .await;
        assert_eq!((answer.status, answer.code()), (409, "not_ready"));
    }
    let status = user
        .get(&format!("/files/{}/status", signed.file_id()))
        .await;
    assert_eq!(
        (status.header("retry-after"), &status.body["status"]),
        ("1", &json!("pending"))
    );
    let confirmed = user.confirm(&signed.file_id()).await;
    assert_eq!(
        (confirmed.status, confirmed.code()),
        (409, "object_missing")
    );
}

#[tokio::test]
async fn inv6_a_deleted_file_is_gone_for_good() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let content = csv(10);
    let signed = user.sign_csv(&content).await;
    assert_eq!(user.put(&signed, &content).await, 200);
    let file_id = signed.file_id();
    user.wait_ready(&file_id).await;
    let unsent = user.sign_csv(&content).await;
    for id in [&file_id, &unsent.file_id()] {
        let deleted = user.delete(id).await;
        assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
        assert!(!deleted.header("x-request-id").is_empty());
    }
    // What comes late does not bring it back.
    let _ = user.put(&unsent, &content).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    for id in [&file_id, &unsent.file_id()] {
        assert_eq!(
            user.get(&format!("/files/{id}/download-url")).await.status,
            404
        );
        assert_eq!(user.confirm(id).await.status, 404);
    }
    // The sweep moves the objects away.
    for _ in 0..150 {
        if host
            .store()
            .get(host.bucket(), signed.key())
            .await
            .is_none()
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(host.store().get(host.bucket(), signed.key()).await, None);
    assert_eq!(
        host.store()
            .get(host.bucket(), &format!("deleted/{}", signed.key()))
            .await,
        Some(content)
    );
    assert_eq!(
        host.store()
            .get(host.bucket(), &format!("datasets/ann/{file_id}/v1.parquet"))
            .await,
        None
    );
}
