//! The JSON schema of the profile, and profiles that are valid by it.
#![cfg(feature = "schema")]
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use consign_tabular::profile_schema;
use serde_json::Value;
use support::{convert, convert_with, text};

fn kept() -> Value {
    serde_json::from_str(include_str!("../profile.schema.json")).unwrap()
}

#[test]
fn the_kept_schema_is_that_of_the_types() {
    assert!(
        kept() == profile_schema(),
        "write it again: cargo run -p consign-tabular --features schema --example profile_schema \
         > shared/tabular/profile.schema.json"
    );
}

#[test]
fn profiles_are_valid() {
    let validator = jsonschema::validator_for(&kept()).unwrap();
    let sources = [
        "id,amount,day,at,ok,note\n1,1.50,2024-01-31,2024-01-31T10:00:00,true,=A1\n2,,,,no,\"\"\n",
        "a;b\n1,5;x\n2,25;y\n1;2;3\n",
        "x\nNaN\ninf\n1e5\n-1.5\n",
        "{\"a\": 1, \"b\": \"x\"}\n{\"a\": 2.5}\n",
        "a,b\n5 %,17:08\n7 %,\n",
    ];
    for source in sources {
        let mut profiles = vec![convert(source).profile];
        profiles.extend(convert_with(source, text()).map(|outcome| outcome.profile));
        for profile in profiles {
            let profile = serde_json::to_value(&profile).unwrap();
            let errors: Vec<String> = validator
                .iter_errors(&profile)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{source}: {errors:?}");
        }
    }
}
