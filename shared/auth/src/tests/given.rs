//! The forms of keys, and which keys are refused.

use super::*;

#[test]
fn a_key_may_be_a_jwk() {
    let text = |text: &str| Some(text.to_owned());
    let rsa = "zzCo80GbVSI2DUeINML6ffE5xQnJuKLLVOgaNpskZvHtr8imyTVLMcYOKdXKuMoewvSW9GXzWRt9UJIL6kfGS5p4DjavyJdSgHWayd6p1n3m8V1LCqo-zI2t4TE3D6CDQRxtk2JfAFu94tqhVU05EpBKcV7u3X8_hI0SwFibuoFp1uhygigmaIphHYWVaqgqXRJl-8N1rCRMSKsMZFdDmcH-pmJYR5dYsFou4pK_VNyY6xYJ4uNmkOFA4xZoZXjUCEk-dWWidXi55nX62fezqAYGkfc_igf46TxmNDv343HlL2--4EvcU-Ax3FQgEmx9PCiubEW_BJLb3LL0eMeHDQ";
    let rsa = Jwk {
        n: text(rsa),
        e: text("AQAB"),
        ..Jwk::default()
    };
    let x = text("0NjtGtIWc6BZXezFGa40-Sv-EYR58kAaLf1ounYIDMI");
    let ec = Jwk {
        x: x.clone(),
        y: text("IvY7-TjEuKAijIwoRoLO5BfqVYaKsogCvWf3MA_tE8M"),
        ..Jwk::default()
    };
    let ed = Jwk {
        x: text("BHRpDW_dTElGVOtppCTGPRE2BMD5swQclCcvvpbwEuI"),
        ..Jwk::default()
    };
    let authenticator = authenticator(vec![
        AuthKey::from_jwk(kid("rsa"), Algorithm::Rs256, &rsa).unwrap(),
        AuthKey::from_jwk(kid("ec"), Algorithm::Es256, &ec).unwrap(),
        AuthKey::from_jwk(kid("ed"), Algorithm::EdDsa, &ed).unwrap(),
    ]);
    for token in [RS256_JWT, ES256_JWT, EDDSA_JWT] {
        assert!(ask(&authenticator, token).is_ok());
    }
    let refused = |algorithm, jwk: &Jwk| AuthKey::from_jwk(None, algorithm, jwk).unwrap_err();
    let off_curve = Jwk {
        y: x.clone(),
        ..ec.clone()
    };
    let short = Jwk {
        x: text("AA"),
        ..ec.clone()
    };
    let small = Jwk {
        n: text(&"AQAB".repeat(20)),
        ..rsa.clone()
    };
    let none = Jwk::default();
    for (algorithm, jwk) in [
        (Algorithm::Hs256, &ed),
        (Algorithm::Es256, &off_curve),
        (Algorithm::Es256, &short),
        (Algorithm::EdDsa, &short),
        (Algorithm::EdDsa, &none),
        (Algorithm::Rs256, &none),
    ] {
        assert_eq!(refused(algorithm, jwk), KeyRefused::Jwk, "{algorithm:?}");
    }
    assert!(matches!(
        refused(Algorithm::Rs256, &small),
        KeyRefused::ShortRsa | KeyRefused::Jwk
    ));
}

#[test]
fn weak_keys_and_keys_of_another_kind_are_refused() {
    let pem = |algorithm, pem| AuthKey::from_pem(None, algorithm, pem).unwrap_err();
    assert_eq!(pem(Algorithm::Hs256, RS256), KeyRefused::Pem);
    assert_eq!(pem(Algorithm::Rs256, ES256), KeyRefused::Pem);
    assert_eq!(pem(Algorithm::Es256, EDDSA), KeyRefused::Pem);
    assert_eq!(pem(Algorithm::EdDsa, RS256), KeyRefused::Pem);
    assert_eq!(
        pem(
            Algorithm::Rs256,
            include_str!("data/rs256-1024-bit.pub.pem")
        ),
        KeyRefused::ShortRsa
    );
    assert_eq!(
        AuthKey::hs256(None, &[7; 31]).unwrap_err(),
        KeyRefused::ShortSecret
    );
    assert!("HS512".parse::<Algorithm>().is_err() && "none".parse::<Algorithm>().is_err());
}

#[test]
fn inv24_a_key_shows_no_secret() {
    let key = AuthKey::hs256(kid("dev"), SECRET).unwrap();
    assert_eq!(
        format!("{key:?}"),
        r#"AuthKey { kid: Some("dev"), alg: Hs256, .. }"#
    );
    assert!(format!("{:?}", public_keys()).contains("alg: EdDsa"));
}

#[test]
fn missing_keys_and_duplicate_names_are_refused() {
    let config = |keys| AuthConfig {
        issuer: "me".into(),
        audience: "consign".into(),
        leeway_s: 0,
        keys,
    };
    assert_eq!(
        Authenticator::new(&config(vec![])).unwrap_err(),
        AuthConfigError::NoKeys
    );
    let key = || AuthKey::hs256(kid("dev"), SECRET).unwrap();
    assert_eq!(
        Authenticator::new(&config(vec![key(), key()])).unwrap_err(),
        AuthConfigError::SameKid
    );
}
