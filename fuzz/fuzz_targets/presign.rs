//! Whatever is asked for is refused or signed, and what is signed is verified: by the same method, with the same headers, and by
//! no other method. The first byte chooses operation and addressing. The rest is text: bucket, key, then lines of a
//! header (`name: value`) or of a query parameter (`name=value`).
#![no_main]

use std::sync::LazyLock;

use consign_core::sigv4::{
    Addressing, Credentials, Operation, Request, Secret, SentRequest, Signer, SignerConfig, verify_url,
};
use consign_core::time::Timestamp;
use libfuzzer_sys::fuzz_target;

const OPERATIONS: [Operation; 9] = [
    Operation::PutObject,
    Operation::GetObject,
    Operation::HeadObject,
    Operation::DeleteObject,
    Operation::CreateMultipartUpload,
    Operation::UploadPart,
    Operation::CompleteMultipartUpload,
    Operation::AbortMultipartUpload,
    Operation::ListParts,
];

static SIGNERS: LazyLock<[Signer; 2]> = LazyLock::new(|| {
    [Addressing::Path, Addressing::Virtual].map(|addressing| {
        Signer::new(SignerConfig {
            endpoint: Some("https://store.example"),
            region: "eu-west-1",
            addressing,
            credentials: Credentials {
                access_key: "key".to_owned(),
                secret_key: Secret::from("secret".to_owned()),
                session_token: None,
                expires_at: None,
            },
        })
        .expect("the configuration is right")
    })
});

fuzz_target!(|input: &[u8]| {
    let Some((choice, rest)) = input.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let mut lines = text.split('\n');
    let (Some(bucket), Some(key)) = (lines.next(), lines.next()) else { return };
    let (mut headers, mut query) = (Vec::new(), Vec::new());
    for line in lines {
        match line.split_once(": ") {
            Some(header) => headers.push(header),
            None => query.extend(line.split_once('=')),
        }
    }
    let operation = OPERATIONS[usize::from(*choice) % OPERATIONS.len()];
    let signer = &SIGNERS[usize::from(*choice >> 7)];
    let request = Request { operation, bucket, key, headers: &headers, query: &query, expires_s: 60 };
    let Ok(url) = signer.presign(&request, Timestamp::UNIX_EPOCH) else { return };
    let verify = |method| {
        let secret = |_: &str| Some(Secret::from("secret".to_owned()));
        let sent = SentRequest { method, url: &url, headers: &headers };
        verify_url(&sent, secret, Timestamp::UNIX_EPOCH)
    };
    verify(operation.method()).unwrap_or_else(|error| panic!("{url} is signed and refused: {error}"));
    assert!(verify("PATCH").is_err(), "{url} may be used by another method");
});
