//! The JSON schema of `profile.json`, from its types.

use schemars::generate::SchemaSettings;

use crate::profile::{PROFILE_SCHEMA_VERSION, Profile};

/// The schema of a [`Profile`] as it is written: JSON Schema, draft 2020-12. It is kept in `profile.schema.json`.
#[must_use]
pub fn profile_schema() -> serde_json::Value {
    let generator = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator();
    let mut schema = generator.into_root_schema_for::<Profile>();
    schema.insert(
        "title".to_owned(),
        format!("Profile of a table, version {PROFILE_SCHEMA_VERSION}").into(),
    );
    schema.to_value()
}
