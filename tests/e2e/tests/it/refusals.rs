//! What the store itself refuses, and leaves no object of. The functions are not asked in any of these.

use e2e::{BUCKET, Host, POLICY, Signed, User, csv};
use reqwest::RequestBuilder;
use serde_json::json;

use crate::sha256;

async fn refused(request: RequestBuilder) -> u16 {
    let status = request
        .send()
        .await
        .expect("the store answers")
        .status()
        .as_u16();
    assert!((400..500).contains(&status), "{status}");
    status
}

async fn is_absent(host: &Host, signed: &Signed) {
    assert_eq!(host.store().get(BUCKET, signed.key()).await, None);
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
    let host = Host::spawn(POLICY).await;
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
    let host = Host::spawn(POLICY).await;
    let user = host.user("ann");
    let content = csv(10);
    let signed = user.sign_csv(&content).await;
    for other in ["text/html", "text/csv; charset=utf-8", ""] {
        assert_eq!(
            refused(put_with(&user, &signed, &content, ("content-type", other))).await,
            403,
            "{other}"
        );
        is_absent(&host, &signed).await;
    }
}

#[tokio::test]
async fn another_checksum_and_other_bytes_are_refused_by_the_store() {
    let host = Host::spawn(POLICY).await;
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
    assert_eq!(
        refused(put_with(
            &user,
            &signed,
            &content,
            ("x-amz-checksum-sha256", "")
        ))
        .await,
        403
    );
    is_absent(&host, &signed).await;
    let mut changed = content.clone();
    changed[0] ^= 1;
    assert_eq!(refused(user.put_request(&signed, &changed)).await, 400);
    is_absent(&host, &signed).await;
    assert_eq!(user.put(&signed, &content).await, 200);
}

#[tokio::test]
async fn a_url_is_refused_by_the_store_once_it_has_expired() {
    let host = Host::spawn(POLICY).await;
    let user = host.user("ann");
    let content = csv(10);
    let signed = user.sign_csv(&content).await;
    let put = |ago_s| {
        let url = host
            .store()
            .put_signed_ago((BUCKET, signed.key()), content.len(), ago_s);
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
    let host = Host::spawn(POLICY).await;
    let user = host.user("ann");
    let content = csv(10);
    let signed = user.sign_csv(&content).await;
    assert_eq!(user.put(&signed, &content).await, 200);
    let mut other = content.clone();
    other[20] = b'7';
    for again in [&content, &other] {
        assert_eq!(refused(user.put_request(&signed, again)).await, 412);
    }
    assert_eq!(
        refused(put_with(&user, &signed, &other, ("if-none-match", ""))).await,
        403
    );
    assert_eq!(host.store().get(BUCKET, signed.key()).await, Some(content));
    user.wait_ready(&signed.file_id()).await;
}

#[tokio::test]
async fn inv18_an_unsigned_amz_header_is_refused_by_the_store() {
    let host = Host::spawn(POLICY).await;
    let (ann, bob) = (host.user("ann"), host.user("bob"));
    let content = csv(10);
    let theirs = ann.sign_csv(&content).await;
    assert_eq!(ann.put(&theirs, &content).await, 200);
    let signed = bob.sign_csv(&content).await;
    let source = format!("/{BUCKET}/{}", theirs.key());
    for (name, value) in [
        ("x-amz-copy-source", source.as_str()),
        ("x-amz-acl", "public-read"),
        ("x-amz-meta-owner", "ann"),
        ("x-amz-storage-class", "GLACIER"),
    ] {
        let request = bob.put_request(&signed, &content).header(name, value);
        assert_eq!(refused(request).await, 403, "{name}");
        is_absent(&host, &signed).await;
    }
}

#[tokio::test]
async fn inv13_another_key_or_method_is_refused_by_the_store() {
    let host = Host::spawn(POLICY).await;
    let user = host.user("ann");
    let content = csv(10);
    let signed = user.sign_csv(&content).await;
    let other = signed.key().replace("ann", "bob");
    let mut elsewhere = signed.clone();
    elsewhere.0["upload_url"] = signed.url().replace(signed.key(), &other).into();
    assert_ne!(elsewhere.url(), signed.url());
    assert_eq!(refused(user.put_request(&elsewhere, &content)).await, 403);
    assert_eq!(host.store().get(BUCKET, &other).await, None);
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
    let host = Host::spawn(POLICY).await;
    let user = host.user("ann");
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
    ] {
        let status = user.post_form(&signed, &[changed], b"{}").await;
        assert!(status == 403 || status == 400, "{changed:?}: {status}");
        assert_eq!(host.store().get(BUCKET, &other_key).await, None);
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
    let host = Host::spawn(POLICY).await;
    let user = host.user("ann");
    let content = vec![b'a'; 6 << 20];
    let request = json!({"filename": "a.csv", "content_type": "text/csv", "file_size_bytes": content.len(),
        "strategy": "multipart"});
    let signed = user.sign(&request).await;
    let url = |part: usize| {
        signed.0["multipart"]["parts"][part]["url"]
            .as_str()
            .unwrap()
    };
    for other in [&content[..100], &content[..(5 << 20) + 1]] {
        assert_eq!(
            refused(user.http.put(url(0)).body(other.to_vec())).await,
            403
        );
    }
    // One part's URL is no good for another's bytes.
    assert_eq!(
        refused(user.http.put(url(1)).body(content[..5 << 20].to_vec())).await,
        403
    );
    let confirmed = user.confirm(&signed.file_id()).await;
    assert!(confirmed.status >= 400, "{}", confirmed.text);
    // Only the first of the two: the whole is not there, and is not made.
    assert_eq!(
        user.http
            .put(url(0))
            .body(content[..5 << 20].to_vec())
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
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
    assert_eq!(
        user.http
            .put(url(1))
            .body(content[5 << 20..].to_vec())
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(user.confirm(&signed.file_id()).await.status, 200);
}
