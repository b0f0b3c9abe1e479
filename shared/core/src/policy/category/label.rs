//! Labels: values that an owner gives to an upload, checked so that a key may contain them.

use std::collections::BTreeMap;

use crate::policy::fields::Fields;
use crate::policy::template::{KeyTemplate, is_key_char, is_label_name};

/// The form of a label's value. Every value is also valid in a key: `[A-Za-z0-9_.=-]`, not `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelPattern {
    /// Any value that is valid in a key.
    Any,
    /// `[a-z0-9][a-z0-9_-]*`, such as a service's name.
    Name,
    /// A version such as `v1.4.0` or `2026-01-31`: letters, digits, dots and dashes, with a digit among them.
    Version,
    /// One of a list.
    OneOf(Vec<String>),
}

/// A label that uploads of a category may or must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelRule {
    /// The form of the value.
    pub pattern: LabelPattern,
    /// The maximum length of the value, in bytes.
    pub len_max: usize,
    /// Whether every upload must have the label. Always true for a label in the key template.
    pub required: bool,
}

impl LabelRule {
    /// Checks a value. The error continues the label's name.
    pub fn check(&self, value: &str) -> Result<(), String> {
        if value.is_empty() || value.len() > self.len_max {
            return Err(format!("must be 1 to {} characters long", self.len_max));
        }
        if !value.chars().all(is_key_char) || matches!(value, "." | "..") {
            return Err(
                "must contain only letters, digits and `_.=-`, and not be `.` or `..`".to_owned(),
            );
        }
        let bytes = value.as_bytes();
        let lower = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        match &self.pattern {
            LabelPattern::Any => Ok(()),
            LabelPattern::Name => {
                let fits = bytes.first().is_some_and(lower)
                    && bytes.iter().all(|b| lower(b) || b"_-".contains(b));
                fits.then_some(()).ok_or_else(|| {
                    "must be lower-case letters, digits, `_` and `-`, starting with a letter or digit".to_owned()
                })
            }
            LabelPattern::Version => {
                let fits = bytes.iter().any(u8::is_ascii_digit)
                    && bytes
                        .iter()
                        .all(|b| b.is_ascii_alphanumeric() || b".-".contains(b));
                fits.then_some(())
                    .ok_or_else(|| "must be a version such as `v1.4.0` or `2026-01-31`".to_owned())
            }
            LabelPattern::OneOf(values) => {
                let fits = values.iter().any(|known| known == value);
                fits.then_some(())
                    .ok_or_else(|| format!("must be one of {}", values.join(", ")))
            }
        }
    }

    fn read(mut fields: Fields<'_>, in_key: bool) -> Self {
        let one_of = fields.texts("one_of");
        let pattern = fields.parsed("pattern", |text| match text {
            "any" => Ok(LabelPattern::Any),
            "name" => Ok(LabelPattern::Name),
            "version" => Ok(LabelPattern::Version),
            _ => Err("must be `any`, `name` or `version`".to_owned()),
        });
        if one_of.is_some() && pattern.is_some() {
            fields.wrong("pattern", "conflict", "cannot be combined with `one_of`");
        }
        let len_max = fields.whole("len_max");
        let len_max = fields.within("len_max", len_max, 1..=256).unwrap_or(64);
        let required = fields.flag("required");
        if in_key && required == Some(false) {
            fields.wrong(
                "required",
                "conflict",
                "must be true, since the key template contains this label",
            );
        }
        let pattern = one_of
            .map(LabelPattern::OneOf)
            .or(pattern)
            .unwrap_or(LabelPattern::Any);
        let rule = Self {
            pattern,
            len_max: usize::try_from(len_max).unwrap_or(256),
            required: in_key || required == Some(true),
        };
        if let LabelPattern::OneOf(values) = &rule.pattern {
            let any = Self {
                pattern: LabelPattern::Any,
                len_max: rule.len_max,
                required: false,
            };
            if values.is_empty() || values.iter().any(|value| any.check(value).is_err()) {
                fields.wrong(
                    "one_of",
                    "invalid",
                    "must list values of letters, digits and `_.=-`",
                );
            }
        }
        fields.finish();
        rule
    }
}

/// Reads `[category.NAME.labels.*]`.
pub(super) fn read_labels(
    f: &mut Fields<'_>,
    templates: [&Option<KeyTemplate>; 2],
) -> BTreeMap<String, LabelRule> {
    let in_key: Vec<&str> = templates
        .into_iter()
        .flatten()
        .flat_map(KeyTemplate::labels)
        .collect();
    let mut rules = BTreeMap::new();
    for (name, fields) in f.objects("labels") {
        if !is_label_name(&name) {
            fields.wrong(
                "",
                "invalid",
                "must be named by lower-case letters, digits and `_`",
            );
        }
        let rule = LabelRule::read(fields, in_key.contains(&name.as_str()));
        rules.insert(name, rule);
    }
    for name in in_key {
        if !rules.contains_key(name) {
            let detail = format!(
                "has `{{{name}}}`, which is neither a variable nor a label of this category"
            );
            f.wrong("key", "invalid", detail);
        }
    }
    rules
}
