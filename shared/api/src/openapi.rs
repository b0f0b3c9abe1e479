//! Builds the OpenAPI document from the schemas of the types and the operations in `operations.json`.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value};

use crate::{
    Confirm, Confirmed, Download, File, Health, Listing, Problem, SignUpload, SignedUpload,
};

/// The JSON pointer of the schemas in the document.
const SCHEMAS: &str = "/components/schemas";

/// Builds the OpenAPI 3.1 document. The result is deterministic.
///
/// # Panics
/// If `operations.json` is not valid.
#[must_use]
pub fn document() -> Value {
    let operations = include_str!("operations.json");
    let mut document: Value = serde_json::from_str(operations).expect("operations.json is JSON");
    document["components"]["schemas"] = schemas().into();
    document
}

/// Builds the schemas: those of requests as they are read, those of answers as they are written.
fn schemas() -> Map<String, Value> {
    let mut requests = generator(SchemaSettings::draft2020_12().for_deserialize());
    add::<SignUpload>(&mut requests);
    add::<Confirm>(&mut requests);
    let mut answers = generator(SchemaSettings::draft2020_12().for_serialize());
    add::<SignedUpload>(&mut answers);
    add::<Confirmed>(&mut answers);
    add::<File>(&mut answers);
    add::<Listing>(&mut answers);
    add::<Download>(&mut answers);
    add::<Health>(&mut answers);
    add::<Problem>(&mut answers);
    let mut schemas = requests.take_definitions(true);
    schemas.extend(answers.take_definitions(true));
    schemas
}

fn generator(settings: SchemaSettings) -> SchemaGenerator {
    settings
        .with(|settings| {
            settings.definitions_path = SCHEMAS.into();
            settings.meta_schema = None;
        })
        .with_transform(Plain)
        .into_generator()
}

fn add<T: JsonSchema>(generator: &mut SchemaGenerator) {
    generator.subschema_for::<T>();
}

/// Simplifies schemas for client generators: an `enum` instead of one `const` for each variant, no formats of Rust's
/// integers, no defaults of lenient reading, and paragraphs without the line breaks of the source.
#[derive(Debug, Clone)]
struct Plain;

impl Transform for Plain {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(object) = schema.as_object_mut() else {
            return;
        };
        if object
            .get("format")
            .and_then(Value::as_str)
            .is_some_and(|format| format.starts_with("uint"))
        {
            object.remove("format");
        }
        object.remove("default");
        if let Some(Value::String(text)) = object.get_mut("description") {
            let paragraphs = text.split("\n\n").map(|text| text.replace('\n', " "));
            *text = paragraphs.collect::<Vec<_>>().join("\n\n");
        }
        let names = object
            .get("oneOf")
            .and_then(Value::as_array)
            .map(|variants| {
                let name = |variant: &Value| variant.get("const").cloned();
                variants.iter().map(name).collect::<Option<Vec<Value>>>()
            });
        if let Some(Some(names)) = names {
            object.remove("oneOf");
            object.insert("type".to_owned(), "string".into());
            object.insert("enum".to_owned(), names.into());
        }
    }
}
