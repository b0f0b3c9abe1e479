//! Every answer that a suite sees is one that the OpenAPI document has.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use health::OPENAPI;
use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Value, json};

/// What an answer is held against.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// The method of its request.
    pub method: &'a Method,
    /// The path of its request.
    pub path: &'a str,
    /// Its status.
    pub status: u16,
    /// Its media type; empty where it has none.
    pub media_type: &'a str,
    /// Its body, as JSON.
    pub body: &'a Value,
}

/// Fails where the document has the operation, but not this answer to it. What a host serves beside the table of routes is
/// not documented.
///
/// # Panics
/// Where the answer is not as documented.
pub fn check(answered: Answered<'_>) {
    let Answered {
        method,
        path,
        status,
        media_type,
        body,
    } = answered;
    let Some((template, operation)) = operation(method, path) else {
        return;
    };
    let told = || format!("{method} {template}: {status} {media_type} {body}");
    let mut response = &operation["responses"][status.to_string()];
    assert!(
        !response.is_null(),
        "the status is not documented: {}",
        told()
    );
    if let Some(reference) = response["$ref"].as_str() {
        response = document().pointer(&reference[1..]).expect("it resolves");
    }
    let Some(contents) = response["content"].as_object() else {
        assert!(
            media_type.is_empty() && body.is_null(),
            "there is a body: {}",
            told()
        );
        return;
    };
    let content = contents.get(media_type);
    assert!(
        content.is_some(),
        "the media type is not documented: {}",
        told()
    );
    if let Some(codes) = response["x-codes"].as_array() {
        let is_one = codes.contains(&body["code"]) && body["status"] == status;
        assert!(is_one, "the code is not documented: {}", told());
    }
    let key = format!("{method} {template} {status} {media_type}");
    let mut validators = validators().lock().unwrap_or_else(PoisonError::into_inner);
    let validator = validators
        .entry(key)
        .or_insert_with(|| validator(content.map_or(&Value::Null, |content| &content["schema"])));
    let wrong: Vec<String> = validator
        .iter_errors(body)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}: {}", told());
}

fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| serde_json::from_str(OPENAPI).expect("the document is JSON"))
}

fn validators() -> &'static Mutex<HashMap<String, Validator>> {
    static VALIDATORS: OnceLock<Mutex<HashMap<String, Validator>>> = OnceLock::new();
    VALIDATORS.get_or_init(Mutex::default)
}

/// The operation of a request, with the path that the document has for it.
fn operation(method: &Method, path: &str) -> Option<(&'static str, &'static Value)> {
    let is_of = |template: &str| {
        let (told, given) = (template.split('/'), path.split('/'));
        told.clone().count() == given.clone().count()
            && told
                .zip(given)
                .all(|(told, given)| told == given || told.starts_with('{'))
    };
    let paths = document()["paths"].as_object().expect("there are paths");
    // What is spelt out comes before what stands for anything.
    let mut found: Vec<_> = paths
        .iter()
        .filter(|(template, _)| is_of(template))
        .collect();
    found.sort_by_key(|(template, _)| template.matches('{').count());
    let (template, operations) = found.first()?;
    let operation = operations.get(method.as_str().to_ascii_lowercase())?;
    Some((template.as_str(), operation))
}

/// A schema of the document on its own, with what it refers to.
fn validator(schema: &Value) -> Validator {
    let whole = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "components": document()["components"],
        "allOf": [schema],
    });
    let options = jsonschema::options().should_validate_formats(true);
    options
        .build(&whole)
        .expect("the document's schemas are schemas")
}
