//! Accepted tokens, and every reason to refuse one.
//!
//! The public keys and tokens under `data/` were made with OpenSSL. Their private keys no longer exist.

mod given;
mod header;

use http::HeaderValue;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const SECRET: &[u8] = b"a secret of thirty-two bytes or more";
const RS256: &str = include_str!("data/rs256.pub.pem");
const ES256: &str = include_str!("data/es256.pub.pem");
const EDDSA: &str = include_str!("data/eddsa.pub.pem");
const RS256_JWT: &str = include_str!("data/rs256.jwt");
const ES256_JWT: &str = include_str!("data/es256.jwt");
const EDDSA_JWT: &str = include_str!("data/eddsa.jwt");
const NOW: i64 = 1_700_000_000;

fn at(second: i64) -> Timestamp {
    consign_time::from_secs(second).unwrap()
}

fn kid(name: &str) -> Option<String> {
    Some(name.to_owned())
}

fn authenticator(keys: Vec<AuthKey>) -> Authenticator {
    let config = AuthConfig {
        issuer: "me".into(),
        audience: "consign".into(),
        leeway_s: 30,
        keys,
    };
    Authenticator::new(&config).unwrap()
}

fn with_secret() -> Authenticator {
    authenticator(vec![AuthKey::hs256(kid("dev"), SECRET).unwrap()])
}

fn public_keys() -> Authenticator {
    authenticator(vec![
        AuthKey::hs256(kid("dev"), SECRET).unwrap(),
        AuthKey::from_pem(kid("rsa"), Algorithm::Rs256, RS256).unwrap(),
        AuthKey::from_pem(kid("ec"), Algorithm::Es256, ES256).unwrap(),
        AuthKey::from_pem(kid("ed"), Algorithm::EdDsa, EDDSA).unwrap(),
    ])
}

fn headers(value: &str) -> HeaderMap {
    HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(value).unwrap())])
}

fn ask(authenticator: &Authenticator, token: &str) -> Result<Identity, AuthError> {
    authenticator.authenticate(&headers(&format!("Bearer {token}")), at(NOW))
}

/// Returns a token of any header and claims, signed with any secret.
fn signed(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let message = format!("{}.{}", encode(header), encode(claims));
    let mac = keys::hs256(secret)
        .unwrap()
        .chain_update(message.as_bytes());
    format!(
        "{message}.{}",
        BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    )
}

fn claims() -> Value {
    json!({"iss": "me", "aud": "consign", "sub": "alice", "exp": NOW + 60})
}

/// Authenticates a correctly signed token with a changed claim.
fn with_claim(name: &str, value: Value) -> Result<Identity, AuthError> {
    let mut claims = claims();
    claims[name] = value;
    ask(
        &with_secret(),
        &signed(&json!({"alg": "HS256"}), &claims, SECRET),
    )
}

/// Authenticates a token that is correctly signed with a changed header.
fn with_header(header: Value) -> Result<Identity, AuthError> {
    ask(&public_keys(), &signed(&header, &claims(), SECRET))
}

#[test]
fn a_minted_token_is_valid_from_its_issue_until_it_expires() {
    let token = NewToken {
        issuer: "me",
        audience: "consign",
        owner: "alice",
        tier: Some("pro"),
        kid: Some("dev"),
        issued_at: at(NOW),
        life_s: 60,
    };
    let text = mint_hs256(SECRET, &token).unwrap();
    let authenticate =
        |second| with_secret().authenticate(&headers(&format!("Bearer {text}")), at(second));
    let identity = authenticate(NOW).unwrap();
    assert_eq!(
        (identity.owner.as_str(), identity.tier.as_deref()),
        ("alice", Some("pro"))
    );
    assert_eq!(authenticate(NOW - 31), Err(AuthError::NotYetValid));
    assert!(authenticate(NOW - 30).is_ok());
    assert!(authenticate(NOW + 60 + 29).is_ok());
    assert_eq!(authenticate(NOW + 60 + 30), Err(AuthError::Expired));
    assert_eq!(mint_hs256(b"short", &token), Err(KeyRefused::ShortSecret));
}

#[test]
fn every_algorithm_verifies_what_another_implementation_signed() {
    for token in [RS256_JWT, ES256_JWT, EDDSA_JWT] {
        let identity = ask(&public_keys(), token).unwrap();
        assert_eq!(identity.owner.as_str(), "alice");
        assert_eq!(identity.tier.as_deref(), Some("pro"));
        assert_eq!(identity.scopes, ["files:read", "files:write"]);
    }
}

#[test]
fn inv21_alg_none_is_refused() {
    for alg in ["none", "None", "nOnE", ""] {
        let unsigned = format!("{}.{}.", encode(&json!({"alg": alg})), encode(&claims()));
        assert_eq!(
            ask(&public_keys(), &unsigned),
            Err(AuthError::Signature),
            "{alg:?}"
        );
        assert_eq!(
            with_header(json!({"alg": alg})),
            Err(AuthError::Signature),
            "{alg:?}"
        );
    }
}

#[test]
fn inv21_a_public_key_is_not_a_secret() {
    // The classic confusion: a token signed with HS256 and the text of the RSA key as its secret.
    for (secret, kid) in [(RS256, "rsa"), (ES256, "ec"), (EDDSA, "ed")] {
        for header in [
            json!({"alg": "HS256", "kid": kid}),
            json!({"alg": "HS256"}),
            json!({"alg": "RS256", "kid": kid}),
        ] {
            let forged = signed(&header, &claims(), secret.as_bytes());
            assert_eq!(
                ask(&public_keys(), &forged),
                Err(AuthError::Signature),
                "{header}"
            );
        }
    }
}

#[test]
fn inv21_the_header_cannot_move_a_key_to_another_algorithm() {
    assert_eq!(
        with_header(json!({"alg": "RS256", "kid": "dev"})),
        Err(AuthError::Signature)
    );
    assert_eq!(
        with_header(json!({"alg": "HS512", "kid": "dev"})),
        Err(AuthError::Signature)
    );
    assert_eq!(
        with_header(json!({"alg": "HS256", "kid": "rsa"})),
        Err(AuthError::Signature)
    );
    assert_eq!(
        with_header(json!({"alg": "HS256", "kid": "unknown"})),
        Err(AuthError::Signature)
    );
    assert!(with_header(json!({"alg": "HS256", "kid": "dev"})).is_ok());
    assert!(with_header(json!({"alg": "HS256"})).is_ok());
}

#[test]
fn inv21_unsupported_headers_are_refused() {
    assert_eq!(
        with_header(json!({"alg": "HS256", "crit": ["b64"], "b64": false})),
        Err(AuthError::Critical)
    );
    assert_eq!(
        with_header(json!({"alg": ["HS256"]})),
        Err(AuthError::Malformed)
    );
    assert_eq!(
        with_header(json!({"alg": "HS256", "kid": 1})),
        Err(AuthError::Malformed)
    );
    assert_eq!(with_header(json!({})), Err(AuthError::Malformed));
    let twice = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","alg":"HS256"}"#);
    assert_eq!(
        ask(&public_keys(), &format!("{twice}.{}.AA", encode(&claims()))),
        Err(AuthError::Malformed)
    );
}

#[test]
fn inv21_a_duplicate_claim_is_refused() {
    let twice = claims().to_string().replacen('{', r#"{"sub":"root","#, 1);
    let header = encode(&json!({"alg": "HS256"}));
    let message = format!("{header}.{}", BASE64_URL_SAFE_NO_PAD.encode(twice));
    let mac = keys::hs256(SECRET)
        .unwrap()
        .chain_update(message.as_bytes());
    let signature = BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    assert_eq!(
        ask(&with_secret(), &format!("{message}.{signature}")),
        Err(AuthError::Claims)
    );
}

#[test]
fn inv21_issuer_and_audience_must_match() {
    assert!(with_claim("aud", json!(["x", "consign"])).is_ok());
    for aud in [
        json!("other"),
        json!([]),
        json!(["consign2"]),
        Value::Null,
        json!(""),
    ] {
        assert_eq!(
            with_claim("aud", aud.clone()),
            Err(AuthError::Audience),
            "{aud}"
        );
    }
    for iss in [json!("you"), Value::Null, json!("")] {
        assert_eq!(
            with_claim("iss", iss.clone()),
            Err(AuthError::Issuer),
            "{iss}"
        );
    }
    assert_eq!(
        with_claim("aud", json!({"consign": true})),
        Err(AuthError::Claims)
    );
    assert_eq!(with_claim("iss", json!(["me"])), Err(AuthError::Claims));
}

#[test]
fn inv21_times_are_required_and_checked() {
    assert_eq!(with_claim("exp", Value::Null), Err(AuthError::Claims));
    assert_eq!(with_claim("exp", json!("never")), Err(AuthError::Claims));
    assert_eq!(with_claim("exp", json!(NOW - 30)), Err(AuthError::Expired));
    assert_eq!(with_claim("exp", json!(-1e300)), Err(AuthError::Expired));
    assert!(with_claim("exp", json!(NOW - 29)).is_ok());
    assert!(with_claim("nbf", json!(NOW + 30)).is_ok());
    assert_eq!(
        with_claim("nbf", json!(NOW + 31)),
        Err(AuthError::NotYetValid)
    );
    assert_eq!(with_claim("nbf", json!(true)), Err(AuthError::Claims));
}

#[test]
fn inv21_the_time_of_a_cached_token_is_checked_again() {
    let authenticator = with_secret();
    let claims = json!({"iss": "me", "aud": "consign", "sub": "o", "nbf": 100, "exp": 200});
    let token = signed(&json!({"alg": "HS256"}), &claims, SECRET);
    let headers = headers(&format!("Bearer {token}"));
    for round in 0..2 {
        for (second, expected) in [
            (50, Err(AuthError::NotYetValid)),
            (150, Ok("o")),
            (300, Err(AuthError::Expired)),
        ] {
            let found = authenticator.authenticate(&headers, at(second));
            let owner = found.as_ref().map(|identity| identity.owner.as_str());
            assert_eq!(owner.map_err(|error| *error), expected, "round {round}");
        }
    }
}

#[test]
fn a_token_without_a_valid_subject_is_refused() {
    for sub in [
        Value::Null,
        json!(""),
        json!("a b"),
        json!("caf\u{e9}"),
        json!("x".repeat(129)),
        json!("a\u{0}"),
    ] {
        assert_eq!(
            with_claim("sub", sub.clone()),
            Err(AuthError::Subject),
            "{sub}"
        );
    }
    assert!(with_claim("sub", json!("auth0|5f7c:~")).is_ok());
    assert!(with_claim("sub", json!(7)).is_ok());
}

#[test]
fn a_token_that_was_changed_is_refused() {
    for token in [RS256_JWT, ES256_JWT, EDDSA_JWT] {
        let pieces: Vec<_> = token.split('.').collect();
        let more = BASE64_URL_SAFE_NO_PAD.encode(
            String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(pieces[1]).unwrap())
                .unwrap()
                .replace("alice", "mallo"),
        );
        assert_eq!(
            ask(
                &public_keys(),
                &format!("{}.{more}.{}", pieces[0], pieces[2])
            ),
            Err(AuthError::Signature)
        );
        let mut signature = BASE64_URL_SAFE_NO_PAD.decode(pieces[2]).unwrap();
        signature[5] ^= 1;
        let flipped = BASE64_URL_SAFE_NO_PAD.encode(&signature);
        assert_eq!(
            ask(
                &public_keys(),
                &format!("{}.{}.{flipped}", pieces[0], pieces[1])
            ),
            Err(AuthError::Signature)
        );
        let cut = BASE64_URL_SAFE_NO_PAD.encode(&signature[..9]);
        assert_eq!(
            ask(
                &public_keys(),
                &format!("{}.{}.{cut}", pieces[0], pieces[1])
            ),
            Err(AuthError::Signature)
        );
    }
}

#[test]
fn a_malformed_token_is_refused() {
    let long = "a".repeat(TOKEN_BYTES_MAX + 1);
    for (token, error) in [
        ("", AuthError::Malformed),
        ("a.b", AuthError::Malformed),
        ("a.b.c.d", AuthError::Malformed),
        ("!.!.!", AuthError::Malformed),
        ("e30.e30.=", AuthError::Malformed),
        (long.as_str(), AuthError::TooLong),
    ] {
        assert_eq!(ask(&with_secret(), token), Err(error), "{token}");
    }
    let bad_signature = format!(
        "{}.{}.A=",
        encode(&json!({"alg": "HS256"})),
        encode(&claims())
    );
    assert_eq!(
        ask(&with_secret(), &bad_signature),
        Err(AuthError::Malformed)
    );
    let header = encode(&json!({"alg": "HS256"}));
    let message = format!("{header}.bm8ganNvbg");
    let mac = keys::hs256(SECRET)
        .unwrap()
        .chain_update(message.as_bytes());
    let no_json = format!(
        "{message}.{}",
        BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    );
    assert_eq!(ask(&with_secret(), &no_json), Err(AuthError::Claims));
}

#[test]
fn there_is_one_authorization_header_and_its_scheme_ignores_case() {
    let token = signed(&json!({"alg": "HS256"}), &claims(), SECRET);
    let ask = |headers: &HeaderMap| with_secret().authenticate(headers, at(NOW));
    for scheme in ["Bearer", "bearer", "BEARER"] {
        assert!(ask(&headers(&format!("{scheme} {token}"))).is_ok());
    }
    assert!(ask(&headers(&format!("Bearer  {token} "))).is_ok());
    assert_eq!(ask(&HeaderMap::new()), Err(AuthError::Missing));
    for bad in [format!("Basic {token}"), token.clone(), "Bearer".to_owned()] {
        assert_eq!(ask(&headers(&bad)), Err(AuthError::Missing));
    }
    let mut two = headers(&format!("Bearer {token}"));
    two.append(
        AUTHORIZATION,
        HeaderValue::from_str(&format!("Bearer {token}")).unwrap(),
    );
    assert_eq!(ask(&two), Err(AuthError::SeveralHeaders));
    let bytes = HeaderMap::from_iter([(
        AUTHORIZATION,
        HeaderValue::from_bytes(b"Bearer \xff").unwrap(),
    )]);
    assert_eq!(ask(&bytes), Err(AuthError::Missing));
}

#[test]
fn a_refusal_names_its_error_of_rfc_6750() {
    assert_eq!(AuthError::Missing.bearer_error(), None);
    assert_eq!(
        AuthError::SeveralHeaders.bearer_error(),
        Some("invalid_request")
    );
    assert_eq!(AuthError::Expired.bearer_error(), Some("invalid_token"));
}

proptest! {
    #[test]
    fn no_header_makes_the_check_panic(bytes in prop::collection::vec(0x20_u8..0x7f, 0..300)) {
        let value = HeaderValue::from_bytes(&bytes).unwrap();
        let _ = public_keys().authenticate(&HeaderMap::from_iter([(AUTHORIZATION, value)]), at(NOW));
    }

    #[test]
    fn no_pieces_make_the_check_panic(header: String, claims: String, signature: Vec<u8>) {
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let token = format!("{}.{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()), encode(&signature));
        prop_assert!(ask(&with_secret(), &token).is_err());
    }

    #[test]
    fn a_changed_character_is_never_accepted(place in 0_usize..400, letter in "[A-Za-z0-9_-]") {
        let place = place % ES256_JWT.len();
        let mut token = ES256_JWT.to_owned();
        token.replace_range(place..=place, &letter);
        // The last character of a piece has unused bits. Strict base64 refuses any that are set.
        prop_assert!(token == ES256_JWT || ask(&public_keys(), &token).is_err());
    }
}

#[test]
fn a_token_for_another_purpose_is_refused() {
    for typ in [
        "JWT",
        "jwt",
        "at+jwt",
        "AT+JWT",
        "application/at+jwt",
        "Application/JWT",
    ] {
        assert!(
            with_header(json!({"alg": "HS256", "typ": typ})).is_ok(),
            "{typ}"
        );
    }
    for typ in [
        "id+jwt",
        "secevent+jwt",
        "dpop+jwt",
        "logout+jwt",
        "application/",
        "",
        "JOSE",
        "application/x/JWT",
    ] {
        assert_eq!(
            with_header(json!({"alg": "HS256", "typ": typ})),
            Err(AuthError::Type),
            "{typ}"
        );
    }
}

#[test]
fn an_integer_subject_becomes_its_digits() {
    let with_subject = |sub: serde_json::Value| {
        let mut claims = claims();
        claims["sub"] = sub;
        let token = signed(&json!({"alg": "HS256"}), &claims, SECRET);
        let identity = ask(
            &authenticator(vec![AuthKey::hs256(None, SECRET).unwrap()]),
            &token,
        );
        identity.map(|identity| identity.owner.as_str().to_owned())
    };
    assert_eq!(with_subject(json!(123)), Ok("123".to_owned()));
    assert_eq!(with_subject(json!(-7)), Ok("-7".to_owned()));
    for sub in [
        json!(1.5),
        json!(1e30),
        json!(true),
        json!([1]),
        json!({}),
        json!(null),
    ] {
        assert_eq!(with_subject(sub.clone()), Err(AuthError::Subject), "{sub}");
    }
    assert!(AuthError::Subject.to_string().contains("`sub`"));
}
