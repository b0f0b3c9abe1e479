//! Presigns a PUT of exactly ten bytes of CSV, and a POST form, and prints both.

use chrono::DateTime;
use consign_sigv4::{
    Addressing, Condition, Credentials, Operation, PostRequest, Request, Signer, SignerConfig,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // 1. A signer is built once, for an endpoint and a region.
    let signer = Signer::new(SignerConfig {
        endpoint: None,
        region: "eu-central-1",
        addressing: Addressing::Virtual,
        credentials: Credentials {
            access_key: "AKIDEXAMPLE".to_owned(),
            secret_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            session_token: None,
            expires_at: None,
        },
    })?;
    // 2. Time is an argument of every call.
    let now = DateTime::from_timestamp(1_800_000_000, 0).ok_or("no such time")?;
    // 3. Every given header is signed: the store accepts only this type and length, and only if the key is free.
    let url = signer.presign(
        &Request {
            operation: Operation::PutObject,
            bucket: "uploads",
            key: "ann/table.csv",
            headers: &[
                ("content-type", "text/csv"),
                ("content-length", "10"),
                ("if-none-match", "*"),
            ],
            query: &[],
            expires_s: 900,
        },
        now,
    )?;
    println!("PUT {url}");
    // 4. A form for browsers, for files up to one megabyte.
    let form = signer.post_policy(
        &PostRequest {
            bucket: "uploads",
            key: "ann/table.csv",
            fields: &[("content-type", "text/csv")],
            conditions: &[
                Condition::Exact {
                    field: "content-type",
                    value: "text/csv",
                },
                Condition::ContentLengthRange {
                    size_bytes_min: 1,
                    size_bytes_max: 1 << 20,
                },
            ],
            expires_s: 900,
        }
        .owned_by("ann/")?,
        now,
    )?;
    println!("POST {}", form.url);
    for (name, value) in form.fields {
        println!("  {name}: {value}");
    }
    Ok(())
}
