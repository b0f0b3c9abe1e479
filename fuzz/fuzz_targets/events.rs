//! Any bytes end in a result or a named refusal; what is taken keeps the promises of `ObjectEvent`. Seed it with
//! `tests/fixtures/events`.
#![no_main]

use consign_events::{Decoded, Envelope, KEY_BYTES_MAX, decode, decode_from};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let found = decode(body);
    let mut taken = false;
    for envelope in Envelope::ALL {
        taken |= decode_from(envelope, body).is_ok();
    }
    assert!(found.is_ok() || !taken, "a source takes what no source is known for");
    if let Ok(Decoded::Ok(records) | Decoded::Partial { records, .. }) = found {
        for event in records {
            assert!(!event.bucket.is_empty() && !event.key.is_empty() && event.key.len() <= KEY_BYTES_MAX);
        }
    }
});
