//! Reads the fields of an object one by one, and reports all errors together.
//!
//! Request bodies and the configuration use the same reader. An error names the field, the problem and the expected
//! value. Unknown fields are refused by name.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::RangeInclusive;

use consign_hints::{AtMost, BadHint, Hints};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::problem::{FieldError, Problem};

/// The maximum length of hints as JSON, in bytes. They are part of the record.
const HINTS_BYTES_MAX: usize = 8 << 10;

/// The errors so far.
#[derive(Debug, Default)]
pub(crate) struct Errors(RefCell<Vec<FieldError>>);

impl Errors {
    pub(crate) fn add(
        &self,
        field: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) {
        self.0.borrow_mut().push(FieldError {
            field: field.into(),
            code: code.into(),
            detail: detail.into(),
        });
    }

    /// Returns whether an error was reported for the field.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.0.borrow().iter().any(|error| error.field == field)
    }

    pub(crate) fn into_vec(self) -> Vec<FieldError> {
        self.0.into_inner()
    }
}

/// An object that is being read. A method returns `None` if the field is absent, or if it is invalid and was
/// reported.
pub(crate) struct Fields<'e> {
    path: String,
    values: Map<String, Value>,
    known: Vec<&'static str>,
    pub(crate) errors: &'e Errors,
}

impl<'e> Fields<'e> {
    pub(crate) fn new(values: Map<String, Value>, errors: &'e Errors) -> Self {
        Self {
            path: String::new(),
            values,
            known: Vec::with_capacity(16),
            errors,
        }
    }

    /// Returns the full path of a field of this object.
    pub(crate) fn path(&self, name: &str) -> String {
        match (self.path.as_str(), name) {
            ("", name) => name.to_owned(),
            (path, "") => path.to_owned(),
            (path, name) => format!("{path}.{name}"),
        }
    }

    /// Reports an error of a field of this object.
    pub(crate) fn wrong(&self, name: &str, code: &'static str, detail: impl Into<String>) {
        self.errors.add(self.path(name), code, detail);
    }

    /// Returns the raw value. `null` counts as absent.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.values.remove(name).filter(|value| !value.is_null())
    }

    /// Returns a value converted by `read`. `read` returns the value itself as an error if its type is wrong.
    fn typed<T>(
        &mut self,
        name: &'static str,
        wanted: &str,
        read: impl FnOnce(Value) -> Result<T, Value>,
    ) -> Option<T> {
        read(self.take(name)?)
            .map_err(|value| {
                let kind = kind_of(&value);
                self.wrong(name, "wrong_type", format!("must be {wanted}, not {kind}"));
            })
            .ok()
    }

    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        self.typed(name, "a string", into_text)
    }

    pub(crate) fn whole(&mut self, name: &'static str) -> Option<u64> {
        self.typed(name, "a non-negative integer", |value| {
            value.as_u64().ok_or(value)
        })
    }

    pub(crate) fn flag(&mut self, name: &'static str) -> Option<bool> {
        self.typed(name, "a boolean", |value| value.as_bool().ok_or(value))
    }

    pub(crate) fn texts(&mut self, name: &'static str) -> Option<Vec<String>> {
        self.typed(name, "an array of strings", |value| {
            all_of(value, into_text)
        })
    }

    pub(crate) fn map(&mut self, name: &'static str) -> Option<Map<String, Value>> {
        self.typed(name, "an object", into_object)
    }

    /// Returns a string converted by `parse`. The error of `parse` continues the field's name, such as "must be …".
    pub(crate) fn parsed<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(name)?;
        parse(&text)
            .map_err(|detail| self.wrong(name, "invalid", detail))
            .ok()
    }

    /// Like `parsed`, for a number or a string, such as the sizes and durations of the configuration.
    pub(crate) fn measure(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&Value) -> Result<u64, String>,
    ) -> Option<u64> {
        let value = self.take(name)?;
        parse(&value)
            .map_err(|detail| self.wrong(name, "invalid", detail))
            .ok()
    }

    /// Returns a share or a number.
    pub(crate) fn at_most(&mut self, name: &'static str) -> Option<AtMost> {
        let value = self.take(name)?;
        AtMost::from_json(&value)
            .map_err(|detail| self.wrong(name, "invalid", detail))
            .ok()
    }

    /// Returns what is said of a table. A wrong hint is reported by its own path.
    pub(crate) fn hints(&mut self, name: &'static str) -> Option<Hints> {
        let value = self.take(name)?;
        if value.to_string().len() > HINTS_BYTES_MAX {
            let detail = format!("must be at most {HINTS_BYTES_MAX} bytes of JSON");
            self.wrong(name, "invalid", detail);
            return None;
        }
        Hints::from_json(&value)
            .map_err(|bad| self.wrong_hint(name, bad))
            .ok()
    }

    fn wrong_hint(&self, name: &str, bad: BadHint) {
        // The sender chooses the names of columns, so the echo of it is limited in length.
        let field: String = bad
            .field
            .chars()
            .filter(|c| !c.is_control())
            .take(64)
            .collect();
        let field = if field == name {
            field
        } else {
            format!("{name}.{field}")
        };
        self.wrong(&field, "invalid", bad.what);
    }

    /// Reports a number outside `range`.
    pub(crate) fn within(
        &self,
        name: &str,
        number: Option<u64>,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        let number = number?;
        if range.contains(&number) {
            return Some(number);
        }
        self.wrong(
            name,
            "out_of_range",
            format!(
                "must be from {} to {}, not {number}",
                range.start(),
                range.end()
            ),
        );
        None
    }

    /// Returns a required value. Reports its absence, unless the field has an error already.
    pub(crate) fn required<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Self, &'static str) -> Option<T>,
    ) -> Option<T> {
        if self.values.get(name).is_none_or(Value::is_null) {
            self.take(name);
            self.wrong(name, "required", "is required");
            return None;
        }
        read(self, name)
    }

    /// Returns an object inside this one.
    pub(crate) fn object(&mut self, name: &'static str) -> Option<Fields<'e>> {
        let values = self.map(name)?;
        Some(self.inside(name, values))
    }

    /// Returns the objects of a table of names, such as `[category.NAME]`, ordered by name.
    pub(crate) fn objects(&mut self, name: &'static str) -> Vec<(String, Fields<'e>)> {
        self.object(name)
            .map_or_else(Vec::new, |mut table| table.all_objects())
    }

    /// Returns all values of this object, each of which must be an object.
    pub(crate) fn all_objects(&mut self) -> Vec<(String, Fields<'e>)> {
        let mut found = Vec::new();
        for (key, value) in std::mem::take(&mut self.values) {
            if let Value::Object(values) = value {
                let fields = self.inside(&key, values);
                found.push((key, fields));
            } else {
                self.wrong(
                    &key,
                    "wrong_type",
                    format!("must be a table, not {}", kind_of(&value)),
                );
            }
        }
        found
    }

    /// Returns the objects of an array, such as `[[auth.keys]]`.
    pub(crate) fn list(&mut self, name: &'static str) -> Vec<Fields<'e>> {
        let items = self.typed(name, "an array of objects", |value| {
            all_of(value, into_object)
        });
        let items = items.unwrap_or_default().into_iter().enumerate();
        items
            .map(|(index, values)| self.inside(&format!("{name}[{index}]"), values))
            .collect()
    }

    fn inside(&self, name: &str, values: Map<String, Value>) -> Fields<'e> {
        Fields {
            path: self.path(name),
            values,
            known: Vec::new(),
            errors: self.errors,
        }
    }

    /// Reports every field that was not read.
    pub(crate) fn finish(self) {
        for name in self.values.keys() {
            let known = self.known.join(", ");
            // The sender chooses the name, so the echo of it is limited in length.
            let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
            self.wrong(
                &name,
                "unknown_field",
                format!("is unknown; known fields are {known}"),
            );
        }
    }
}

fn into_text(value: Value) -> Result<String, Value> {
    let Value::String(text) = value else {
        return Err(value);
    };
    Ok(text)
}

fn into_object(value: Value) -> Result<Map<String, Value>, Value> {
    let Value::Object(map) = value else {
        return Err(value);
    };
    Ok(map)
}

/// Returns all items of an array, if all of them have the type.
fn all_of<T>(value: Value, read: fn(Value) -> Result<T, Value>) -> Result<Vec<T>, Value> {
    let Value::Array(items) = value else {
        return Err(value);
    };
    let items: Result<_, _> = items.into_iter().map(read).collect();
    items.map_err(|_| Value::Array(Vec::new()))
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// The maximum nesting depth of a body, objects and arrays together.
const BODY_DEPTH_MAX: usize = 16;
/// The maximum number of values in a body, over all levels. Each value takes many times more memory than its two
/// bytes of text.
pub(crate) const BODY_VALUES_MAX: usize = 1 << 16;

/// Parses a body that is one JSON object of at most `bytes_max` bytes. A duplicate key in an object is an error,
/// since parsers differ in how they read it (RFC 8259, section 4).
pub(crate) fn json_object(body: &[u8], bytes_max: usize) -> Result<Map<String, Value>, Problem> {
    if body.len() > bytes_max {
        return Err(Problem::body_too_large(bytes_max));
    }
    let value = strict(body).map_err(|error| {
        Problem::bad_request(format!("the body must be a JSON object: {error}"))
    })?;
    if depth_exceeds(&value, BODY_DEPTH_MAX) {
        return Err(Problem::bad_request(format!(
            "the body must be nested at most {BODY_DEPTH_MAX} deep"
        )));
    }
    match value {
        Value::Object(map) => Ok(map),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(Problem::bad_request(format!(
                "the body must be a JSON object, not {}",
                kind_of(&value)
            )))
        }
    }
}

/// Returns whether objects and arrays are nested deeper than `depth_max`. `serde_json` limits the recursion to 128.
pub(crate) fn depth_exceeds(value: &Value, depth_max: usize) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        Value::Array(items) => {
            depth_max == 0 || items.iter().any(|item| depth_exceeds(item, depth_max - 1))
        }
        Value::Object(map) => {
            depth_max == 0 || map.values().any(|item| depth_exceeds(item, depth_max - 1))
        }
    }
}

/// Parses a JSON value with a limited number of values and without duplicate keys.
fn strict(body: &[u8]) -> Result<Value, serde_json::Error> {
    let left = Cell::new(BODY_VALUES_MAX);
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = Strict(&left).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Deserializes a value while the count of remaining values is not 0.
#[derive(Clone, Copy)]
struct Strict<'l>(&'l Cell<usize>);

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let Some(left) = self.0.get().checked_sub(1) else {
            return Err(D::Error::custom(format_args!(
                "more than {BODY_VALUES_MAX} values"
            )));
        };
        self.0.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }
    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(self)?;
            if map.insert(name, value).is_some() {
                return Err(A::Error::custom("duplicate key"));
            }
        }
        Ok(Value::Object(map))
    }
}
