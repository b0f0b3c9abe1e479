//! What the header of a token cannot do.

use serde_json::json;

use super::{SECRET, ask, claims, public_keys, signed};
use crate::AuthError;

#[test]
fn inv21_a_key_that_a_token_brings_is_not_used() {
    let brought = b"a secret of the sender, which nobody configured";
    for header in [
        json!({"alg": "HS256", "jwk": {"kty": "oct", "k": "YSBzZWNyZXQ"}}),
        json!({"alg": "HS256", "jku": "https://keys.example/jwks.json"}),
        json!({"alg": "HS256", "x5u": "https://keys.example/chain.pem"}),
    ] {
        let forged = signed(&header, &claims(), brought);
        assert_eq!(
            ask(&public_keys(), &forged),
            Err(AuthError::Signature),
            "{header}"
        );
        // A token of ours may have them, and they mean nothing.
        let ours = signed(&header, &claims(), SECRET);
        assert!(ask(&public_keys(), &ours).is_ok(), "{header}");
    }
}
