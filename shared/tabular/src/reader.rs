//! Text -> rows, whatever the format of the text.

use serde::Serialize;

use crate::json::Json;
use crate::limits::Limits;
use crate::refusal::Refusal;
use crate::row::{Dialect, Row};
use crate::rows::Rows;

/// The format of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Rows of cells with delimiters between them.
    Delimited,
    /// Objects, one per line or in an array. Texts stay text, but for dates and times; an object or an array in a value
    /// is kept as its JSON.
    Json,
}

/// Reads rows.
pub(crate) enum Reader {
    Delimited(Box<Rows>),
    Json(Box<Json>),
}

impl Reader {
    pub(crate) fn delimited(dialect: Dialect, limits: Limits) -> Self {
        Self::Delimited(Box::new(Rows::new(dialect, limits)))
    }

    /// With the keys of an earlier pass, where there was one.
    pub(crate) fn json(limits: Limits, keys: Option<&[String]>) -> Self {
        Self::Json(Box::new(Json::new(limits, keys)))
    }

    pub(crate) fn format(&self) -> Format {
        match self {
            Self::Delimited(_) => Format::Delimited,
            Self::Json(_) => Format::Json,
        }
    }

    /// The keys of JSON so far.
    pub(crate) fn keys(&self) -> Option<&[String]> {
        match self {
            Self::Delimited(_) => None,
            Self::Json(json) => Some(json.keys()),
        }
    }

    pub(crate) fn blank_lines(&self) -> u64 {
        match self {
            Self::Delimited(rows) => rows.blank_lines(),
            Self::Json(_) => 0,
        }
    }

    pub(crate) fn push<S>(&mut self, text: &str, sink: &mut S) -> Result<(), Refusal>
    where
        S: FnMut(&Row<'_>) -> Result<(), Refusal>,
    {
        match self {
            Self::Delimited(rows) => rows.push(text, sink),
            Self::Json(json) => json.push(text, sink),
        }
    }

    pub(crate) fn finish<S>(&mut self, sink: &mut S) -> Result<(), Refusal>
    where
        S: FnMut(&Row<'_>) -> Result<(), Refusal>,
    {
        match self {
            Self::Delimited(rows) => rows.finish(sink),
            Self::Json(json) => json.finish(),
        }
    }
}
