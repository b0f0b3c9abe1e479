//! What the store itself refuses, and leaves no object of. The functions are not asked in any of these.

use e2e::{Host, POLICY, Signed, StoreKind, User, csv};
use reqwest::RequestBuilder;
use serde_json::json;

use crate::{forms_are_refused, sha256};

async fn refused(request: RequestBuilder) -> u16 {
    let status = request
        .send()
        .await
        .expect("the store answers")
        .status()
        .as_u16();
    // The local R2 says 500 and 501 to copies that it will not make.
    let is_clumsy = status >= 500 && StoreKind::asked() == StoreKind::R2Local;
    assert!((400..500).contains(&status) || is_clumsy, "{status}");
    status
}

/// Refused for its signature. A signed header that is left out altogether is no `SignatureDoesNotMatch` to every store:
/// MinIO says 400 `AccessDenied`.
async fn unsigned(request: RequestBuilder) {
    let status = refused(request).await;
    assert!(status == 403 || status == 400, "{status}");
}

async fn is_absent(host: &Host, signed: &Signed) {
    assert_eq!(host.store().get(host.bucket(), signed.key()).await, None);
}

/// A PUT with one of its headers changed; without it where the value is empty.
fn put_with(
    user: &User,
    signed: &Signed,
    content: &[u8],
    (changed, value): (&str, &str),
) -> RequestBuilder {
    let request = user.http.put(signed.url()).body(content.to_vec());
    let others = signed
        .headers()
        .into_iter()
        .filter(|(name, _)| name != changed);
    let request = others.fold(request, |request, (name, value)| {
        request.header(name, value)
    });
    if value.is_empty() {
        request
    } else {
        request.header(changed, value)
    }
}

#[tokio::test]
async fn inv14_another_size_is_refused_by_the_store() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let content = csv(10);
    let signed = user.sign_csv(&content).await;
    let mut longer = content.clone();
    longer.push(b'\n');
    for other in [&longer[..], &content[1..], b""] {
        assert_eq!(refused(user.put_request(&signed, other)).await, 403);
        is_absent(&host, &signed).await;
    }
    assert_eq!(user.put(&signed, &content).await, 200);
}

#[tokio::test]
async fn inv13_another_content_type_is_refused_by_the_store() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let content = csv(10);
    let signed = user.sign_csv(&content).await;
    for other in ["text/html", "text/csv; charset=utf-8", ""] {
        unsigned(put_with(&user, &signed, &content, ("content-type", other))).await;
        is_absent(&host, &signed).await;
    }
}

#[tokio::test]
async fn another_checksum_and_other_bytes_are_refused_by_the_store() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let content = csv(10);
    let request = json!({"filename": "a.csv", "content_type": "text/csv", "file_size_bytes": content.len(),
        "checksum_sha256": sha256(&content)});
    let signed = user.sign(&request).await;
    // Another checksum is not what was signed; the one signed is not that of other bytes.
    let other = sha256(b"other bytes");
    assert_eq!(
        refused(put_with(
            &user,
            &signed,
            &content,
            ("x-amz-checksum-sha256", &other)
        ))
        .await,
        403
    );
    is_absent(&host, &signed).await;
    unsigned(put_with(
        &user,
        &signed,
        &content,
        ("x-amz-checksum-sha256", ""),
    ))
    .await;
    is_absent(&host, &signed).await;
    let mut changed = content.clone();
    changed[0] ^= 1;
    if !StoreKind::asked().checks_checksums() {
        assert_eq!(user.put(&signed, &changed).await, 200);
        let at_rest = user.wait(&signed.file_id()).await;
        assert_eq!(at_rest["error"]["code"], "checksum_mismatch", "{at_rest}");
        return;
    }
    assert_eq!(refused(user.put_request(&signed, &changed)).await, 400);
    is_absent(&host, &signed).await;
    assert_eq!(user.put(&signed, &content).await, 200);
}

#[tokio::test]
async fn a_url_is_refused_by_the_store_once_it_has_expired() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let content = csv(10);
    let signed = user.sign_csv(&content).await;
    let put = |ago_s| {
        let url = host
            .store()
            .put_signed_ago((host.bucket(), signed.key()), content.len(), ago_s);
        let request = user.http.put(url).body(content.clone());
        request
            .header("content-type", "text/csv")
            .header("if-none-match", "*")
    };
    assert_eq!(refused(put(121)).await, 403);
    assert_eq!(refused(put(7 * 86_400)).await, 403);
    is_absent(&host, &signed).await;
    // The same, still alive: it was the time alone.
    assert_eq!(put(100).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn inv8_a_second_put_is_refused_by_the_store() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let content = csv(10);
    let signed = user.sign_csv(&content).await;
    assert_eq!(user.put(&signed, &content).await, 200);
    let mut other = content.clone();
    other[20] = b'7';
    for again in [&content, &other] {
        assert_eq!(refused(user.put_request(&signed, again)).await, 412);
    }
    unsigned(put_with(&user, &signed, &other, ("if-none-match", ""))).await;
    assert_eq!(
        host.store().get(host.bucket(), signed.key()).await,
        Some(content)
    );
    user.wait_ready(&signed.file_id()).await;
}

/// Bytes of one's own, of a length that another's object has too.
fn own_bytes(length: usize) -> Vec<u8> {
    let mut bytes = csv(length);
    bytes.truncate(length);
    bytes.reverse();
    bytes
}

#[tokio::test]
async fn inv18_an_unsigned_copy_source_is_refused_by_the_store() {
    let host = Host::start(POLICY).await;
    let (ann, bob) = (host.user("ann"), host.user("bob"));
    let theirs = csv(230_000);
    let request = json!({"filename": "a.csv", "content_type": "text/csv", "file_size_bytes": theirs.len(), "strategy": "put"});
    let source = ann.sign(&request).await;
    assert_eq!(ann.put(&source, &theirs).await, 200);
    let source = format!("/{}/{}", host.bucket(), source.key());
    let content = own_bytes(theirs.len());
    let signed = bob.sign(&request).await;
    for more in [
        vec![("x-amz-copy-source", source.as_str())],
        vec![
            ("x-amz-copy-source", &source),
            ("x-amz-metadata-directive", "REPLACE"),
        ],
        vec![
            ("x-amz-copy-source", &source),
            ("x-amz-copy-source-if-match", "*"),
        ],
        vec![
            ("x-amz-copy-source", &source[1..]),
            ("x-amz-copy-source-range", "bytes=0-9"),
        ],
    ] {
        let put = bob.put_request(&signed, &content);
        let put = more
            .iter()
            .fold(put, |put, (name, value)| put.header(*name, *value));
        refused(put).await;
        is_absent(&host, &signed).await;
    }
    // Nor into a part.
    let mut request = request;
    request["strategy"] = json!("multipart");
    let parts = bob.sign(&request).await;
    let part = bob.part_request(&parts, 0, &content[..5 << 20]);
    refused(part.header("x-amz-copy-source", &source)).await;
    let etags = bob.put_parts(&parts, &content).await;
    assert_eq!(etags.len(), 2);
    assert_eq!(bob.confirm(&parts.file_id()).await.status, 200);
    assert_eq!(
        host.store().get(host.bucket(), parts.key()).await,
        Some(content)
    );
}

#[tokio::test]
async fn inv18_an_unsigned_amz_header_changes_nothing() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let content = csv(10);
    for (name, value) in [
        ("x-amz-acl", "public-read"),
        ("x-amz-meta-owner", "bob"),
        ("x-amz-storage-class", "GLACIER"),
        (
            "x-amz-website-redirect-location",
            "https://elsewhere.example/",
        ),
        (
            "x-amz-grant-read",
            "uri=\"http://acs.amazonaws.com/groups/global/AllUsers\"",
        ),
    ] {
        let signed = user.sign_csv(&content).await;
        let sent = user
            .put_request(&signed, &content)
            .header(name, value)
            .send()
            .await;
        // S3 and the embedded store refuse it; another may take the bytes, and then takes nothing else.
        match sent.unwrap().status().as_u16() {
            200 => {
                let read = user.http.get(host.store().url(host.bucket(), signed.key()));
                // For want of a signature: 403 to most, 400 to R2.
                let status = read.send().await.unwrap().status();
                assert!(status == 403 || status == 400, "{name}: {status}");
                let headers = host.store().head(host.bucket(), signed.key()).await;
                // Metadata of a client's own means nothing here: nobody ever reads it.
                let is_kept =
                    name.starts_with("x-amz-meta-") && StoreKind::asked().keeps_metadata();
                assert!(is_kept || !headers.contains_key(name), "{name}");
                assert_eq!(headers["content-type"], "text/csv");
            }
            other => {
                assert!(matches!(other, 400 | 403 | 501), "{name}: {other}");
                is_absent(&host, &signed).await;
            }
        }
    }
}

#[tokio::test]
async fn inv13_another_key_or_method_is_refused_by_the_store() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let content = csv(10);
    let signed = user.sign_csv(&content).await;
    let other = signed.key().replace("ann", "bob");
    let mut elsewhere = signed.clone();
    elsewhere.0["upload_url"] = signed.url().replace(signed.key(), &other).into();
    assert_ne!(elsewhere.url(), signed.url());
    assert_eq!(refused(user.put_request(&elsewhere, &content)).await, 403);
    assert_eq!(host.store().get(host.bucket(), &other).await, None);
    for method in ["GET", "DELETE", "HEAD", "POST"] {
        let request = user.http.request(method.parse().unwrap(), signed.url());
        let headers = signed.headers();
        let request = headers.into_iter().fold(request, |request, (name, value)| {
            request.header(name, value)
        });
        refused(request.body(content.clone())).await;
    }
    is_absent(&host, &signed).await;
    // A longer life than signed is another URL too.
    elsewhere.0["upload_url"] = signed
        .url()
        .replace("X-Amz-Expires=900", "X-Amz-Expires=9000")
        .into();
    assert_ne!(elsewhere.url(), signed.url());
    assert_eq!(refused(user.put_request(&elsewhere, &content)).await, 403);
    is_absent(&host, &signed).await;
}

#[tokio::test]
async fn a_form_out_of_its_policy_is_refused_by_the_store() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    if !StoreKind::asked().takes_forms() {
        return forms_are_refused(&user, "dataset").await;
    }
    let signed = user.sign(&json!({"filename": "a.json", "strategy": "post", "category": "report", "labels": {"service": "x"}})).await;
    // As large as the category allows, and one more.
    let largest = vec![b' '; 1_000_000];
    let too_large = vec![b' '; 1_000_001];
    assert_eq!(user.post_form(&signed, &[], &too_large).await, 400);
    assert_eq!(user.post_form(&signed, &[], b"").await, 400);
    let other_key = signed.key().replace("ann", "bob");
    for changed in [
        ("key", other_key.as_str()),
        ("content-type", "text/html"),
        ("policy", "e30="),
        ("x-amz-meta-owner", "bob"),
        ("x-amz-storage-class", "STANDARD"),
    ] {
        let status = user.post_form(&signed, &[changed], b"{}").await;
        assert!(status == 403 || status == 400, "{changed:?}: {status}");
        assert_eq!(host.store().get(host.bucket(), &other_key).await, None);
    }
    is_absent(&host, &signed).await;
    assert!((200..300).contains(&user.post_form(&signed, &[], &largest).await));
    user.wait_ready(&signed.file_id()).await;

    let exact = json!({"filename": "a.csv", "strategy": "post", "file_size_bytes": 10, "content_type": "text/csv"});
    let signed = user.sign(&exact).await;
    for content in ["a\n1\n2\n3\n4\n5\n", "a\n1\n"] {
        assert_eq!(user.post_form(&signed, &[], content.as_bytes()).await, 400);
    }
    is_absent(&host, &signed).await;
}

#[tokio::test]
async fn a_part_of_another_length_is_refused_by_the_store() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let content = vec![b'a'; 6 << 20];
    let request = json!({"filename": "a.csv", "content_type": "text/csv", "file_size_bytes": content.len(),
        "strategy": "multipart"});
    let signed = user.sign(&request).await;
    for other in [&content[..100], &content[..(5 << 20) + 1]] {
        assert_eq!(refused(user.part_request(&signed, 0, other)).await, 403);
    }
    // One part's URL is no good for another's bytes.
    let first = &content[..5 << 20];
    assert_eq!(refused(user.part_request(&signed, 1, first)).await, 403);
    let confirmed = user.confirm(&signed.file_id()).await;
    assert!(confirmed.status >= 400, "{}", confirmed.text);
    // Only the first of the two: the whole is not there, and is not made.
    let sent = user.part_request(&signed, 0, first).send().await.unwrap();
    assert_eq!(sent.status(), 200);
    let confirmed = user.confirm(&signed.file_id()).await;
    assert_eq!(
        (confirmed.status, confirmed.code()),
        (400, "validation_failed"),
        "{}",
        confirmed.text
    );
    assert_eq!(confirmed.body["errors"][0]["field"], "parts");
    is_absent(&host, &signed).await;
    // Nothing is lost by that: the rest follows.
    let rest = user.part_request(&signed, 1, &content[5 << 20..]);
    assert_eq!(rest.send().await.unwrap().status(), 200);
    assert_eq!(user.confirm(&signed.file_id()).await.status, 200);
}
