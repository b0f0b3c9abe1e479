mod vectors;

use hmac::Mac as _;
use http::HeaderValue;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use vectors::*;

const NOW_S: i64 = 1_800_000_000;
const ISSUER: &str = "https://login.example.com";
const SECRET: &[u8; 32] = b"0123456789abcdef0123456789abcdef";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn config(keys: Vec<AuthKey>) -> AuthConfig {
    AuthConfig {
        issuer: ISSUER.into(),
        audience: "consign".into(),
        leeway_s: 30,
        keys,
    }
}

fn with(keys: impl IntoIterator<Item = AuthKey>) -> Authenticator {
    Authenticator::new(&config(keys.into_iter().collect())).unwrap()
}

fn shared(kid: Option<&str>) -> AuthKey {
    AuthKey::hs256(kid.map(str::to_owned), SECRET).unwrap()
}

fn pem(kid: &str, algorithm: Algorithm, text: &str) -> AuthKey {
    AuthKey::from_pem(Some(kid.into()), algorithm, text).unwrap()
}

fn headers(value: &str) -> HeaderMap {
    HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(value).unwrap())])
}

fn enter(to: &Authenticator, token: &str) -> Result<Identity, AuthError> {
    to.authenticate(&headers(&format!("Bearer {token}")), at(NOW_S))
}

/// A token with any header and any claims, signed with `secret` as HS256 does.
fn signed_with(secret: &[u8], header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", encode(header), encode(claims));
    let mac = keys::hs256(secret)
        .unwrap()
        .chain_update(message.as_bytes());
    let signature = BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    format!("{message}.{signature}")
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": "consign", "sub": "alice", "exp": NOW_S + 60})
}

/// Claims that are right but for one, which is replaced, or left out where `value` is null.
fn claims_but(name: &str, value: Value) -> Value {
    let mut all = claims();
    all[name] = value;
    all
}

fn enter_with(claims: &Value) -> Result<Identity, AuthError> {
    enter(
        &with([shared(None)]),
        &signed_with(SECRET, &json!({"alg": "HS256"}), claims),
    )
}

fn real_keys() -> [AuthKey; 3] {
    [
        pem("rsa", Algorithm::Rs256, RS256_PEM),
        pem("ec", Algorithm::Es256, ES256_PEM),
        pem("ed", Algorithm::EdDsa, EDDSA_PEM),
    ]
}

#[test]
fn tokens_of_other_implementations_are_taken_with_each_algorithm() {
    let door = with(real_keys());
    for token in [RS256_TOKEN, ES256_TOKEN, EDDSA_TOKEN] {
        let identity = enter(&door, token).unwrap();
        assert_eq!(identity.owner.as_str(), "auth0|42");
        assert_eq!(identity.tier.as_deref(), Some("pro"));
        assert_eq!(identity.scopes, ["files:read", "files:write"]);
    }
}

#[test]
fn keys_are_taken_by_their_jwk_members() {
    let text = |text: &str| Some(text.to_owned());
    let keys = [
        (
            Algorithm::Rs256,
            RS256_TOKEN,
            Jwk {
                n: text(RS256_N),
                e: text("AQAB"),
                ..Jwk::default()
            },
        ),
        (
            Algorithm::Es256,
            ES256_TOKEN,
            Jwk {
                x: text(ES256_X),
                y: text(ES256_Y),
                ..Jwk::default()
            },
        ),
        (
            Algorithm::EdDsa,
            EDDSA_TOKEN,
            Jwk {
                x: text(EDDSA_X),
                ..Jwk::default()
            },
        ),
    ];
    for (algorithm, token, jwk) in keys {
        let kid = match algorithm {
            Algorithm::Rs256 => "rsa",
            Algorithm::Es256 => "ec",
            Algorithm::EdDsa => "ed",
            Algorithm::Hs256 => unreachable!("has no public key"),
        };
        let key = AuthKey::from_jwk(text(kid), algorithm, &jwk).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        assert!(enter(&with([key]), token).is_ok(), "{kid}");
    }
}

#[test]
fn a_key_that_is_none_is_refused() {
    let refused = |algorithm, text: &str| {
        AuthKey::from_pem(None, algorithm, text)
            .map(drop)
            .unwrap_err()
    };
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        assert_eq!(refused(algorithm, "no PEM"), KeyRefused::Pem);
        let none = AuthKey::from_jwk(None, algorithm, &Jwk::default());
        assert_eq!(none.map(drop), Err(KeyRefused::Jwk));
        let odd = Jwk {
            x: Some("AAAA".into()),
            y: Some("AAAA".into()),
            n: Some("AAAA".into()),
            e: Some("not base64!".into()),
        };
        let odd = AuthKey::from_jwk(None, algorithm, &odd);
        assert_eq!(odd.map(drop), Err(KeyRefused::Jwk));
    }
    assert_eq!(refused(Algorithm::EdDsa, RS256_PEM), KeyRefused::Pem);
    assert_eq!(refused(Algorithm::Rs256, ES256_PEM), KeyRefused::Pem);
    assert_eq!(refused(Algorithm::Es256, EDDSA_PEM), KeyRefused::Pem);
    assert_eq!(refused(Algorithm::Hs256, RS256_PEM), KeyRefused::Pem);
    assert_eq!(
        refused(Algorithm::Rs256, SHORT_RSA_PEM),
        KeyRefused::ShortRsa
    );
    // On no curve.
    let off = Jwk {
        x: Some(ES256_X.into()),
        y: Some(ES256_X.into()),
        ..Jwk::default()
    };
    let off = AuthKey::from_jwk(None, Algorithm::Es256, &off);
    assert_eq!(off.map(drop), Err(KeyRefused::Jwk));
    let shared = AuthKey::from_jwk(None, Algorithm::Hs256, &Jwk::default());
    assert_eq!(shared.map(drop), Err(KeyRefused::Jwk));
    let short = AuthKey::hs256(None, &SECRET[..31]);
    assert_eq!(short.map(drop), Err(KeyRefused::ShortSecret));
}

#[test]
fn an_unsigned_token_is_refused() {
    let door = with([shared(None)]);
    for alg in ["none", "None", "NONE", "", "hs256", "HS512"] {
        let header = json!({ "alg": alg });
        let bare = format!("{}.{}.", encode(&header), encode(&claims()));
        assert_eq!(enter(&door, &bare), Err(AuthError::Signature), "{alg}");
        let signed = signed_with(SECRET, &header, &claims());
        assert_eq!(enter(&door, &signed), Err(AuthError::Signature), "{alg}");
    }
}

#[test]
fn tokens_of_another_algorithm_are_refused() {
    // The classic: a public key, which everybody has, taken for a shared secret.
    let door = with(real_keys());
    for (kid, public) in [("rsa", RS256_PEM), ("ec", ES256_PEM), ("ed", EDDSA_PEM)] {
        for alg in ["HS256", "RS256", "ES256", "EdDSA"] {
            for header in [json!({ "alg": alg }), json!({"alg": alg, "kid": kid})] {
                let forged = signed_with(public.as_bytes(), &header, &claims());
                assert_eq!(enter(&door, &forged), Err(AuthError::Signature), "{header}");
            }
        }
    }
    // A good signature under another key's name.
    let swapped = with([
        pem("ec", Algorithm::Rs256, RS256_PEM),
        pem("rsa", Algorithm::Es256, ES256_PEM),
    ]);
    assert_eq!(enter(&swapped, RS256_TOKEN), Err(AuthError::Signature));
    assert_eq!(enter(&swapped, ES256_TOKEN), Err(AuthError::Signature));
}

#[test]
fn a_kid_names_one_key_and_no_kid_names_any() {
    let other = AuthKey::hs256(Some("old".into()), &[7; 32]).unwrap();
    let door = with([other, shared(Some("new"))]);
    let with_header = |header: Value| enter(&door, &signed_with(SECRET, &header, &claims()));
    assert!(with_header(json!({"alg": "HS256", "kid": "new"})).is_ok());
    assert!(with_header(json!({"alg": "HS256"})).is_ok());
    for kid in ["old", "unknown", "", "../new"] {
        let refused = with_header(json!({"alg": "HS256", "kid": kid}));
        assert_eq!(refused, Err(AuthError::Signature), "{kid}");
    }
    let nameless = with([shared(None)]);
    let named = signed_with(SECRET, &json!({"alg": "HS256", "kid": "new"}), &claims());
    assert_eq!(enter(&nameless, &named), Err(AuthError::Signature));
}

#[test]
fn a_changed_token_is_refused() {
    let door = with(real_keys());
    for token in [RS256_TOKEN, ES256_TOKEN, EDDSA_TOKEN] {
        let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else {
            unreachable!("three pieces")
        };
        let other = encode(&claims_but("sub", json!("root")));
        for changed in [
            format!("{header}.{other}.{signature}"),
            format!("{header}.{payload}.AAAA{}", &signature[4..]),
            format!("{header}.{payload}.{}", &signature[4..]),
            format!("{header}.{payload}."),
        ] {
            assert_eq!(enter(&door, &changed), Err(AuthError::Signature));
        }
        for malformed in [
            format!("{header}.{payload}"),
            format!("{token}.{signature}"),
            format!("{header}.{payload}.{signature}="),
            format!("{header}.{payload}.{signature}!"),
            format!("*.{payload}.{signature}"),
            String::new(),
            "..".into(),
        ] {
            assert_eq!(enter(&door, &malformed), Err(AuthError::Malformed));
        }
    }
}

#[test]
fn a_header_that_asks_for_more_is_refused() {
    let with_header = |header| {
        enter(
            &with([shared(None)]),
            &signed_with(SECRET, &header, &claims()),
        )
    };
    let critical = with_header(json!({"alg": "HS256", "crit": ["b64"], "b64": false}));
    assert_eq!(critical, Err(AuthError::Critical));
    assert_eq!(
        with_header(json!({"typ": "JWT"})),
        Err(AuthError::Malformed)
    );
    assert_eq!(with_header(json!({"alg": 256})), Err(AuthError::Malformed));
    assert_eq!(with_header(json!("HS256")), Err(AuthError::Malformed));
    // A key that the token brings along is nobody's.
    let own =
        json!({"alg": "HS256", "jwk": {"kty": "oct", "k": "AAAA"}, "jku": "https://evil.example"});
    assert!(with_header(own).is_ok());
}

#[test]
fn an_expired_token_is_refused_but_for_the_leeway() {
    let until = |exp: Value| enter_with(&claims_but("exp", exp));
    assert!(until(json!(NOW_S - 29)).is_ok());
    assert!(until(json!(NOW_S as f64 - 29.5)).is_ok());
    assert_eq!(until(json!(NOW_S - 30)), Err(AuthError::Expired));
    assert_eq!(until(json!(0)), Err(AuthError::Expired));
    assert_eq!(until(json!(-1e300)), Err(AuthError::Expired));
    assert_eq!(until(Value::Null), Err(AuthError::Claims));
    assert_eq!(until(json!("1900000000")), Err(AuthError::Claims));
}

#[test]
fn a_token_from_the_future_is_refused_but_for_the_leeway() {
    let from = |nbf: Value| enter_with(&claims_but("nbf", nbf));
    assert!(from(json!(NOW_S + 30)).is_ok());
    assert_eq!(from(json!(NOW_S + 31)), Err(AuthError::NotYetValid));
    assert_eq!(from(json!(1e300)), Err(AuthError::NotYetValid));
    assert_eq!(from(json!([1])), Err(AuthError::Claims));
}

#[test]
fn tokens_of_another_issuer_or_for_another_audience_are_refused() {
    for iss in [json!("https://login.example.com/"), json!(""), Value::Null] {
        let refused = enter_with(&claims_but("iss", iss));
        assert_eq!(refused, Err(AuthError::Issuer));
    }
    assert!(enter_with(&claims_but("aud", json!(["a", "consign"]))).is_ok());
    for aud in [json!("other"), json!(["a"]), json!([]), Value::Null] {
        let refused = enter_with(&claims_but("aud", aud));
        assert_eq!(refused, Err(AuthError::Audience));
    }
    let refused = enter_with(&claims_but("aud", json!({"consign": true})));
    assert_eq!(refused, Err(AuthError::Claims));
}

#[test]
fn a_subject_that_cannot_own_files_is_refused() {
    for sub in [json!(""), json!("a b"), json!("é"), Value::Null] {
        let refused = enter_with(&claims_but("sub", sub));
        assert_eq!(refused, Err(AuthError::Subject));
    }
    let long = enter_with(&claims_but("sub", json!("x".repeat(129))));
    assert_eq!(long, Err(AuthError::Subject));
}

#[test]
fn claims_that_stand_twice_are_refused() {
    let header = encode(&json!({"alg": "HS256"}));
    let twice = claims().to_string().replacen('{', "{\"sub\":\"root\",", 1);
    let message = format!("{header}.{}", BASE64_URL_SAFE_NO_PAD.encode(twice));
    let mac = keys::hs256(SECRET)
        .unwrap()
        .chain_update(message.as_bytes());
    let signature = BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    let refused = enter(&with([shared(None)]), &format!("{message}.{signature}"));
    assert_eq!(refused, Err(AuthError::Claims));
}

#[test]
fn the_scheme_has_no_case_and_stands_alone() {
    let door = with([shared(None)]);
    let token = signed_with(SECRET, &json!({"alg": "HS256"}), &claims());
    let sent = |value: &str| door.authenticate(&headers(value), at(NOW_S));
    for scheme in ["Bearer", "bearer", "BEARER", "Bearer "] {
        assert!(sent(&format!("{scheme} {token}")).is_ok(), "{scheme}");
    }
    for other in ["", "Bearer", &token, &format!("Basic {token}")] {
        assert_eq!(sent(other), Err(AuthError::Missing), "{other}");
    }
    let none = door.authenticate(&HeaderMap::new(), at(NOW_S));
    assert_eq!(none, Err(AuthError::Missing));
    let bytes = HeaderValue::from_bytes(b"Bearer caf\xc3\xa9").unwrap();
    let odd = door.authenticate(&HeaderMap::from_iter([(AUTHORIZATION, bytes)]), at(NOW_S));
    assert_eq!(odd, Err(AuthError::Missing));
}

#[test]
fn two_authorization_headers_are_refused_even_when_equal() {
    let token = signed_with(SECRET, &json!({"alg": "HS256"}), &claims());
    let mut twice = headers(&format!("Bearer {token}"));
    twice.append(AUTHORIZATION, twice[AUTHORIZATION].clone());
    let refused = with([shared(None)]).authenticate(&twice, at(NOW_S));
    assert_eq!(refused, Err(AuthError::SeveralHeaders));
}

#[test]
fn a_token_that_is_too_long_is_refused_unread() {
    let door = with([shared(None)]);
    let long = "a".repeat(TOKEN_BYTES_MAX + 1);
    assert_eq!(enter(&door, &long), Err(AuthError::TooLong));
    assert_eq!(enter(&door, &long[1..]), Err(AuthError::Malformed));
}

#[test]
fn no_keys_and_two_of_one_name_are_refused() {
    let refused = |keys| Authenticator::new(&config(keys)).map(drop).unwrap_err();
    assert_eq!(refused(vec![]), AuthConfigError::NoKeys);
    let twice = vec![shared(Some("a")), shared(None), shared(Some("a"))];
    assert_eq!(refused(twice), AuthConfigError::SameKid);
    with([shared(None), shared(None)]);
}

#[test]
fn a_minted_token_lets_its_owner_in_until_it_ends() {
    let new = NewToken {
        issuer: ISSUER,
        audience: "consign",
        owner: "dev",
        tier: Some("pro"),
        kid: Some("k"),
        issued_at: at(NOW_S),
        life_s: 60,
    };
    let token = mint_hs256(SECRET, &new).unwrap();
    let door = with([shared(Some("k"))]);
    let identity = enter(&door, &token).unwrap();
    assert_eq!(
        (identity.owner.as_str(), identity.tier.as_deref()),
        ("dev", Some("pro"))
    );
    let bearer = headers(&format!("Bearer {token}"));
    let late = door.authenticate(&bearer, at(NOW_S + 90));
    assert_eq!(late, Err(AuthError::Expired));
    assert_eq!(mint_hs256(b"short", &new), Err(KeyRefused::ShortSecret));
}

#[test]
fn every_refusal_is_a_401_that_names_no_token() {
    let all = [
        (AuthError::Missing, None),
        (AuthError::SeveralHeaders, Some("invalid_request")),
        (AuthError::TooLong, Some("invalid_token")),
        (AuthError::Malformed, Some("invalid_token")),
        (AuthError::Critical, Some("invalid_token")),
        (AuthError::Signature, Some("invalid_token")),
        (AuthError::Claims, Some("invalid_token")),
        (AuthError::Expired, Some("invalid_token")),
        (AuthError::NotYetValid, Some("invalid_token")),
        (AuthError::Issuer, Some("invalid_token")),
        (AuthError::Audience, Some("invalid_token")),
        (AuthError::Subject, Some("invalid_token")),
    ];
    for (error, name) in all {
        let response = Problem::from(error).into_response("request-1");
        assert_eq!(response.status(), 401);
        let challenge = response.headers()["www-authenticate"].to_str().unwrap();
        let wanted = name.map_or(String::new(), |name| format!(", error=\"{name}\""));
        assert_eq!(challenge, format!("Bearer realm=\"consign\"{wanted}"));
    }
}

#[test]
fn a_key_shows_its_name_and_nothing_else() {
    let text = format!("{:?}", config(vec![shared(Some("k"))]));
    assert!(text.contains("\"k\"") && text.contains("Hs256"));
    assert!(!text.contains("0123456789abcdef") && !text.contains("48, 49, 50"));
    assert_eq!("RS256".parse(), Ok(Algorithm::Rs256));
    assert!("none".parse::<Algorithm>().unwrap_err().contains("HS256"));
}

proptest! {
    #[test]
    fn no_header_makes_it_panic_or_lets_anybody_in(value in "(Bearer |bearer )?[ -~]{0,200}") {
        let mut keys = real_keys().to_vec();
        keys.push(shared(None));
        prop_assert!(with(keys).authenticate(&headers(&value), at(NOW_S)).is_err());
    }

    #[test]
    fn no_header_or_claims_make_it_panic(header: Vec<u8>, claims: Vec<u8>, signature: Vec<u8>) {
        let pieces = [header, claims, signature].map(|piece| BASE64_URL_SAFE_NO_PAD.encode(piece));
        prop_assert!(enter(&with([shared(None)]), &pieces.join(".")).is_err());
    }

    #[test]
    fn one_changed_bit_spoils_a_signature(bit in 0_usize..256) {
        let token = signed_with(SECRET, &json!({"alg": "HS256"}), &claims());
        let (message, signature) = token.rsplit_once('.').unwrap();
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let changed = format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(bytes));
        prop_assert_eq!(enter(&with([shared(None)]), &changed), Err(AuthError::Signature));
    }
}
