//! Object keys are server-made and owner-prefixed, and cannot leave their prefix.

use std::collections::BTreeMap;

use crate::time::{self, Timestamp};
use proptest::prelude::*;

use crate::policy::{
    DELETED_PREFIX, HEALTH_PREFIX, KEY_BYTES_MAX, KeyError, KeyTemplate, KeyVars, MARKER_PREFIX,
    TemplateError, owner_segment,
};

fn expand(template: &str, change: impl FnOnce(&mut KeyVars<'_>)) -> Result<String, KeyError> {
    let labels = BTreeMap::from([
        ("service".to_owned(), "billing".to_owned()),
        ("version".to_owned(), "v1.2".to_owned()),
    ]);
    let mut vars = KeyVars {
        owner: "alice",
        file_id: "0198-id",
        category: "table",
        collection_id: Some("c-1"),
        ext: "csv",
        version: 3,
        labels: &labels,
        signed_at: time::parse("2026-01-02T03:04:05Z").unwrap(),
    };
    change(&mut vars);
    KeyTemplate::parse(template).unwrap().expand(&vars)
}

#[test]
fn every_variable_is_filled() {
    let all = "{category}/{owner}/{collection_id}/{date}_{time}/{year}/{month}/{day}/{hour}/{service}/{label.version}/{file_id}-v{version}.{ext}";
    let key = expand(all, |_| {}).unwrap();
    assert_eq!(
        key,
        "table/alice/c-1/2026-01-02_030405/2026/01/02/03/billing/v1.2/0198-id-v3.csv"
    );
    let template = KeyTemplate::parse(all).unwrap();
    assert_eq!(
        template.labels().collect::<Vec<_>>(),
        ["service", "version"]
    );
    assert!(template.has_collection_id());
    assert_eq!(template.as_str(), all);
    assert_eq!(template.to_string(), all);
    assert!(format!("{template:?}").starts_with("KeyTemplate(\"{category}"));
}

#[test]
fn an_invalid_template_is_refused_when_it_is_read() {
    let refused = |text: &str| KeyTemplate::parse(text).unwrap_err();
    assert_eq!(refused(""), TemplateError::Empty);
    assert_eq!(
        refused(&"a".repeat(KEY_BYTES_MAX + 1)),
        TemplateError::TooLong
    );
    assert_eq!(refused("a b"), TemplateError::Character(' '));
    assert_eq!(refused("a%2e"), TemplateError::Character('%'));
    assert_eq!(refused("ü"), TemplateError::Character('ü'));
    for text in ["/a", "a/", "a//b", "/"] {
        assert_eq!(refused(text), TemplateError::EmptySegment, "{text}");
    }
    for text in ["..", "a/../b", "./a", "a/."] {
        assert_eq!(refused(text), TemplateError::DotSegment, "{text}");
    }
    for text in ["a}", "{owner", "{", "a{owner}}"] {
        assert_eq!(refused(text), TemplateError::Brace, "{text}");
    }
    for text in ["{}", "{A}", "{a b}", "{label.}", "{../x}", "{{owner}}"] {
        assert!(
            matches!(refused(text), TemplateError::VariableName(_)),
            "{text}"
        );
    }
    for prefix in [DELETED_PREFIX, HEALTH_PREFIX, MARKER_PREFIX] {
        for rest in ["{owner}", "{owner}/{file_id}", "a/{owner}/b"] {
            let text = format!("{prefix}{rest}");
            assert_eq!(refused(&text), TemplateError::Reserved, "{text}");
            let beside = format!("{}2/{rest}", prefix.trim_end_matches('/'));
            assert!(KeyTemplate::parse(&beside).is_ok(), "{beside}");
        }
    }
    assert!(refused("a b").to_string().contains("not ` `"));
}

#[test]
fn inv16_the_owner_is_a_segment_of_its_own() {
    let owned = |text: &str| KeyTemplate::parse(text).unwrap().require_owner();
    assert_eq!(owned("in/{owner}/x"), Ok(()));
    assert_eq!(owned("{owner}/x"), Ok(()));
    for text in [
        "in/x",
        "in/{owner}-x/y",
        "in/a{owner}",
        "in/{owner}{file_id}",
    ] {
        assert_eq!(owned(text), Err(TemplateError::OwnerNotASegment), "{text}");
    }
}

#[test]
fn inv16_two_owners_never_share_a_segment() {
    assert_eq!(owner_segment("alice").unwrap(), "alice");
    assert_eq!(owner_segment("auth0|a/b").unwrap(), "auth0=7Ca=2Fb");
    assert_eq!(owner_segment("a=7Cb").unwrap(), "a=3D7Cb");
    assert_eq!(owner_segment(".").unwrap(), "=2E");
    assert_eq!(owner_segment("..").unwrap(), "=2E=2E");
    assert_eq!(owner_segment("a.b@c").unwrap(), "a.b=40c");
    for bad in ["", "a b", "é", "a\n", &"x".repeat(129)] {
        assert_eq!(owner_segment(bad), Err(KeyError::Owner));
    }
}

#[test]
fn inv19_values_cannot_leave_their_place() {
    let path =
        |bad: &'static str| expand("in/{owner}/{file_id}/{ext}", move |vars| vars.file_id = bad);
    for bad in ["a/b", "a b", "a%2f", "\0", "ü", "a\\b"] {
        assert_eq!(path(bad), Err(KeyError::Character), "{bad:?}");
    }
    assert_eq!(path(""), Err(KeyError::Missing));
    assert_eq!(path("."), Err(KeyError::Segment));
    assert_eq!(path(".."), Err(KeyError::Segment));
    let dots = expand("in/{owner}/{file_id}{ext}", |vars| {
        (vars.file_id, vars.ext) = (".", ".")
    });
    assert_eq!(dots, Err(KeyError::Segment));
    assert_eq!(
        expand("in/{owner}", |vars| vars.owner = "a b"),
        Err(KeyError::Owner)
    );
}

#[test]
fn missing_and_too_long_values_are_reported() {
    assert_eq!(
        expand("{collection_id}", |vars| vars.collection_id = None),
        Err(KeyError::Missing)
    );
    assert_eq!(expand("{team}", |_| {}), Err(KeyError::Missing));
    let long = "a".repeat(KEY_BYTES_MAX);
    let longest = format!("{}/{{owner}}", "b".repeat(KEY_BYTES_MAX - 8));
    assert_eq!(
        expand(&longest, |vars| vars.owner = "1234567")
            .unwrap()
            .len(),
        KEY_BYTES_MAX
    );
    assert_eq!(
        expand(&longest, |vars| vars.owner = "12345678"),
        Err(KeyError::TooLong)
    );
    let labels = BTreeMap::from([("service".to_owned(), long)]);
    let template = KeyTemplate::parse("x/{service}").unwrap();
    let vars = KeyVars {
        owner: "a",
        file_id: "f",
        category: "c",
        collection_id: None,
        ext: "e",
        version: 1,
        labels: &labels,
        signed_at: Timestamp::UNIX_EPOCH,
    };
    assert_eq!(template.expand(&vars), Err(KeyError::TooLong));
}

#[test]
fn reserved_prefixes_are_refused() {
    assert_eq!(
        expand("{owner}/x", |vars| vars.owner = "deleted"),
        Err(KeyError::Reserved)
    );
    assert!(expand("{owner}/x", |vars| vars.owner = "deleted2").is_ok());
}

#[test]
fn templates_with_a_common_prefix_may_meet() {
    let meet = |a: &str, b: &str| {
        KeyTemplate::parse(a)
            .unwrap()
            .may_meet(&KeyTemplate::parse(b).unwrap())
    };
    assert!(meet("in/{owner}", "in/{owner}/x"));
    assert!(meet("in/{owner}", "in{category}"));
    assert!(meet("{owner}/a", "out/x"));
    assert!(meet("in/a/{owner}", "in/{owner}"));
    assert!(!meet("in/{owner}", "out/{owner}"));
    assert!(!meet("in/{owner}", "in2/{owner}"));
}

proptest! {
    #[test]
    fn inv16_different_owners_have_different_segments(a in "[!-~]{1,40}", b in "[!-~.=]{1,40}") {
        let (x, y) = (owner_segment(&a).unwrap(), owner_segment(&b).unwrap());
        prop_assert_eq!(a == b, x == y);
        prop_assert!(x.bytes().all(|c| c.is_ascii_alphanumeric() || b"_.=-".contains(&c)));
        prop_assert!(x != "." && x != "..");
    }

    #[test]
    fn inv19_every_expanded_key_is_plain(template in "[a-z{}/._]{0,30}|in/\\{owner\\}/\\{[a-z_]{1,10}\\}", owner: String, id in "[a-z./]{0,5}") {
        let Ok(template) = KeyTemplate::parse(&template) else { return Ok(()) };
        let labels = template.labels().map(|name| (name.to_owned(), id.clone())).collect();
        let vars = KeyVars {
            owner: &owner,
            file_id: &id,
            category: "c",
            collection_id: Some(&id),
            ext: "csv",
            version: 1,
            labels: &labels,
            signed_at: Timestamp::UNIX_EPOCH,
        };
        if let Ok(key) = template.expand(&vars) {
            prop_assert!(key.bytes().all(|c| c.is_ascii_alphanumeric() || b"/_.=-".contains(&c)));
            prop_assert!(key.split('/').all(|segment| !matches!(segment, "" | "." | "..")));
            prop_assert!(key.starts_with(template.literal_prefix()) && key.len() <= KEY_BYTES_MAX);
        }
    }
}
