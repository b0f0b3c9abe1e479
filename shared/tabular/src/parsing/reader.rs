//! Text -> rows, whatever the format of the text.

use consign_hints::Hints;
use serde::Serialize;

use crate::dialect::frame::Frame;
use crate::input::text::Piece;
use crate::limits::Limits;
use crate::parsing::json::Json;
use crate::parsing::row::{Dialect, Row};
use crate::parsing::rows::Rows;
use crate::refusal::Refusal;

/// The format of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Rows of cells with delimiters between them.
    Delimited,
    /// Objects, one per line or in an array. Texts stay text, but for dates and times; an object or an array in a value
    /// is kept as its JSON.
    Json,
    /// Cells of a sheet. Texts stay text, but for dates and times.
    Workbook,
}

impl Format {
    /// Refuses hints that say nothing of such a file. Its numbers have one notation: read by another, they would be others.
    pub(crate) fn check_hints(self, hints: &Hints) -> Result<(), Refusal> {
        let numbers = [
            ("decimal", hints.decimal.is_some()),
            ("thousands", hints.thousands.is_some()),
        ];
        let text = [
            ("encoding", hints.encoding.is_some()),
            ("delimiter", hints.delimiter.is_some()),
        ];
        let (given, what) = match self {
            Self::Delimited => return Ok(()),
            Self::Json => (
                numbers.to_vec(),
                "the file is JSON, which writes numbers in one way",
            ),
            Self::Workbook => (
                [text, numbers].concat(),
                "the file is a workbook, which has cells and no text",
            ),
        };
        match given.into_iter().find(|(_, is_given)| *is_given) {
            None => Ok(()),
            Some((hint, _)) => Err(Refusal::ImpossibleHint {
                hint,
                what: what.to_owned(),
            }),
        }
    }
}

/// Reads rows.
pub(crate) struct Reader {
    kind: Kind,
    /// Lines above the text.
    skipped: u64,
    begun: bool,
}

enum Kind {
    Delimited(Box<Rows>),
    Json(Box<Json>),
}

impl Reader {
    /// Of a table in this frame, below so many lines that are not looked at.
    pub(crate) fn delimited(dialect: Dialect, limits: Limits, frame: Frame, skipped: u64) -> Self {
        let mut rows = Box::new(Rows::new(dialect, limits));
        rows.count_blank_from(frame.first_line);
        if frame.is_lone && !dialect.typed {
            rows.have_one_column();
        }
        Self::of(Kind::Delimited(rows), skipped)
    }

    /// With the keys of an earlier pass, where there was one.
    pub(crate) fn json(limits: Limits, keys: Option<&[String]>, skipped: u64) -> Self {
        Self::of(Kind::Json(Box::new(Json::new(limits, keys))), skipped)
    }

    fn of(kind: Kind, skipped: u64) -> Self {
        Self {
            kind,
            skipped,
            begun: false,
        }
    }

    pub(crate) fn format(&self) -> Format {
        match &self.kind {
            Kind::Delimited(rows) if rows.dialect.typed => Format::Workbook,
            Kind::Delimited(_) => Format::Delimited,
            Kind::Json(_) => Format::Json,
        }
    }

    /// The keys of JSON so far.
    pub(crate) fn keys(&self) -> Option<&[String]> {
        match &self.kind {
            Kind::Delimited(_) => None,
            Kind::Json(json) => Some(json.keys()),
        }
    }

    pub(crate) fn blank_lines(&self) -> u64 {
        match &self.kind {
            Kind::Delimited(rows) => rows.blank_lines(),
            Kind::Json(_) => 0,
        }
    }

    /// Lines of the text so far, with those that were skipped; all of them once it has ended.
    pub(crate) fn lines(&self) -> u64 {
        match &self.kind {
            Kind::Delimited(rows) => rows.lines(),
            Kind::Json(json) => json.lines(),
        }
    }

    pub(crate) fn push<S>(&mut self, piece: Piece<'_>, sink: &mut S) -> Result<(), Refusal>
    where
        S: FnMut(&Row<'_>) -> Result<(), Refusal>,
    {
        if !std::mem::replace(&mut self.begun, true) {
            let (line, offset) = (self.skipped + 1, piece.offset);
            match &mut self.kind {
                Kind::Delimited(rows) => rows.start_at(line, offset),
                Kind::Json(json) => json.start_at(line, offset),
            }
        }
        let text = piece.text;
        match &mut self.kind {
            Kind::Delimited(rows) => rows.push(text, sink),
            Kind::Json(json) => json.push(text, sink),
        }
    }

    pub(crate) fn finish<S>(&mut self, sink: &mut S) -> Result<(), Refusal>
    where
        S: FnMut(&Row<'_>) -> Result<(), Refusal>,
    {
        match &mut self.kind {
            Kind::Delimited(rows) => rows.finish(sink),
            Kind::Json(json) => json.finish(),
        }
    }
}
