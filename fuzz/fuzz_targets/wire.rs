//! Whatever a client sends ends in a value or a refusal: bodies, queries, tokens, URLs and forms to be verified, and a
//! configuration. The first byte chooses which of them the rest is.
#![no_main]

use std::sync::LazyLock;

use consign_core::auth::{Authenticator, Identity};
use consign_core::config::Config;
use consign_core::ids::OwnerId;
use consign_core::policy::{
    ConfirmRequest, ContentDisposition, DownloadQuery, ListQuery, StoreProvider, SignUploadRequest, content_disposition,
};
use consign_core::sigv4::{PostForm, Secret, SentRequest, verify_post, verify_url};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use consign_core::time::Timestamp;
use libfuzzer_sys::fuzz_target;

static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let secret = |_: &str| Some("a-secret-of-at-least-32-characters".to_owned());
    Config::parse(include_str!("../../examples/reconciliation/consign.toml"), &secret).expect("an example is right")
});

fn secret_of(_: &str) -> Option<Secret> {
    Some(Secret::from("secret".to_owned()))
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, rest)) = input.split_first() else { return };
    let text = std::str::from_utf8(rest).unwrap_or_default();
    match choice % 8 {
        0 => sign(rest),
        1 => drop(ConfirmRequest::parse(rest)),
        2 => drop(DownloadQuery::parse(text)),
        3 => drop(ListQuery::parse(text)),
        4 => token(rest),
        5 => drop(verify_url(&SentRequest { method: "PUT", url: text, headers: &[] }, secret_of, Timestamp::UNIX_EPOCH)),
        6 => form(text),
        _ => drop(Config::parse(text, &|_| None)),
    }
});

/// What is accepted keeps the policy's promises.
fn sign(body: &[u8]) {
    let Ok(request) = SignUploadRequest::parse(body) else { return };
    let identity = Identity { owner: OwnerId::parse("ann").expect("an owner"), tier: None, scopes: Vec::new() };
    let Ok(accepted) = CONFIG.policy.check(request, &identity, StoreProvider::S3.capabilities()) else { return };
    assert!(accepted.size_bytes.is_none_or(|size| (accepted.size_bytes_min..=accepted.size_bytes_max).contains(&size)));
    let value = content_disposition(&accepted.filename, ContentDisposition::Attachment);
    assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{value:?}");
}

/// Nobody gets in without a signature.
fn token(bytes: &[u8]) {
    static AUTHENTICATOR: LazyLock<Authenticator> = LazyLock::new(|| Authenticator::new(&CONFIG.auth).expect("keys"));
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
    assert!(AUTHENTICATOR.authenticate(&headers, Timestamp::UNIX_EPOCH).is_err());
}

/// Lines of `name=value`.
fn form(text: &str) {
    let fields: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let form = PostForm { bucket: "files", fields: &fields, size_bytes: 1 };
    drop(verify_post(&form, secret_of, Timestamp::UNIX_EPOCH));
}
