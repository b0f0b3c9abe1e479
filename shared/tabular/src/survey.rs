//! The first pass: what the file is, and which type holds every cell of each column.

use crate::dialect::frame::{self, Frame, Given};
use crate::dialect::sniff;
use crate::input::foreign;
use crate::input::source::{Fingerprint, Source};
use crate::input::text::Piece;
use crate::input::workbook;
use crate::layout::{Column, Layout};
use crate::limits::{Limits, SAMPLE_BYTES};
use crate::options::Options;
use crate::parsing::json;
use crate::parsing::reader::{Format, Reader};
use crate::parsing::row::Dialect;
use crate::refusal::Refusal;
use crate::tally::{Tally, check_rejects};
use crate::types::evidence::Evidence;

/// What the first pass found out, and all that the second one needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub(crate) layout: Layout,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) rows: u64,
    pub(crate) rejects: u64,
}

impl Plan {
    /// The columns, in the order of the file.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.layout.columns
    }

    /// Rows that will be converted.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Rows that will be rejected.
    #[must_use]
    pub fn rejects(&self) -> u64 {
        self.rejects
    }

    /// Bytes of the source, as stored.
    #[must_use]
    pub fn source_bytes(&self) -> u64 {
        self.fingerprint.bytes
    }
}

/// The first pass: push the whole source, then [`finish`](Survey::finish). After a refusal it is of no more use.
pub struct Survey {
    source: Source,
    stage: Stage,
}

enum Stage {
    /// The delimiter is not known yet.
    Sampling {
        sample: String,
        /// Where the sample begins in the text.
        offset: u64,
        /// It is made from the cells of a workbook.
        is_workbook: bool,
        options: Box<Options>,
        limits: Limits,
    },
    Reading(Box<Pass>),
}

/// All that reading rows needs.
struct Pass {
    options: Options,
    limits: Limits,
    dialect: Dialect,
    rows: Reader,
    tally: Tally,
}

impl Survey {
    /// A survey of one source.
    #[must_use]
    pub fn new(options: Options, limits: Limits) -> Self {
        Self {
            source: Source::new(limits, &options),
            stage: Stage::Sampling {
                sample: String::new(),
                offset: 0,
                is_workbook: false,
                options: Box::new(options),
                limits,
            },
        }
    }

    /// Takes the next bytes of the source, of any length.
    ///
    /// # Errors
    /// A [`Refusal`] as soon as the file is known to be unreadable.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let stage = &mut self.stage;
        self.source.push(bytes, &mut |piece| stage.push(piece))
    }

    /// Ends the source.
    ///
    /// # Errors
    /// A [`Refusal`] where the file cannot be converted.
    pub fn finish(mut self) -> Result<Plan, Refusal> {
        if self.source.is_workbook() {
            self.stage.expect_workbook();
        }
        let stage = &mut self.stage;
        let fingerprint = self.source.finish(&mut |piece| stage.push(piece))?;
        self.stage.read(true)?;
        let Stage::Reading(mut pass) = self.stage else {
            return Err(Refusal::EmptyFile);
        };
        pass.finish()?;
        let tally = &mut pass.tally;
        let misfits = tally.rejects - tally.beside;
        let first = tally.first_reject.take();
        check_rejects(&pass.options, (tally.row_lines, misfits), first)?;
        let (rows, rejects) = (tally.rows, tally.rejects);
        let nothing = pass.options.nothing();
        let (layout, _) = pass.layout(true)?.ok_or(nothing)?;
        Ok(Plan {
            layout,
            fingerprint,
            rows,
            rejects,
        })
    }
}

/// How a file seems to be read, by so much of its text, or by all of it; and what each column allows so far. `None` where
/// the beginning holds no row.
pub(crate) fn guess(
    text: &str,
    (whole, is_workbook): (bool, bool),
    options: Options,
    limits: Limits,
) -> Result<Option<(Layout, Vec<Evidence>)>, Refusal> {
    let mut stage = Stage::Sampling {
        sample: String::new(),
        offset: 0,
        is_workbook,
        options: Box::new(options),
        limits,
    };
    stage.push(Piece { text, offset: 0 })?;
    if whole {
        stage.read(true)?;
    }
    let Stage::Reading(mut pass) = stage else {
        return Ok(None);
    };
    if whole {
        pass.finish()?;
    }
    pass.layout(whole)
}

impl Pass {
    fn finish(&mut self) -> Result<(), Refusal> {
        let Self { rows, tally, .. } = self;
        rows.finish(&mut |row| tally.take(row))
    }

    /// `None` where there are no columns, or where the rest of the text has to tell what they are.
    fn layout(self, whole: bool) -> Result<Option<(Layout, Vec<Evidence>)>, Refusal> {
        let mut tally = self.tally;
        let keys = self.rows.keys().map(<[String]>::to_vec);
        let Some(columns) = tally.columns(keys.as_deref()) else {
            return Ok(None);
        };
        if let Err(refusal) = tally.follow_hints(&columns) {
            return if whole { Err(refusal) } else { Ok(None) };
        }
        let layout = Layout {
            options: self.options,
            limits: self.limits,
            dialect: self.dialect,
            frame: tally.frame,
            keys,
            columns,
            typed: tally.typed(),
        };
        Ok(Some((layout, tally.evidence)))
    }
}

impl Stage {
    /// Says that what comes is made from the cells of a workbook.
    fn expect_workbook(&mut self) {
        if let Self::Sampling {
            is_workbook,
            limits,
            ..
        } = self
        {
            *is_workbook = true;
            *limits = limits.beside_workbook();
        }
    }

    fn push(&mut self, piece: Piece<'_>) -> Result<(), Refusal> {
        match self {
            Self::Sampling { sample, offset, .. } => {
                if sample.is_empty() {
                    *offset = piece.offset;
                }
                sample.push_str(piece.text);
                if sample.len() < SAMPLE_BYTES {
                    Ok(())
                } else {
                    self.read(false)
                }
            }
            Self::Reading(reading) => {
                let Pass { rows, tally, .. } = reading.as_mut();
                rows.push(piece, &mut |row| tally.take(row))
            }
        }
    }

    /// Decides the delimiter from the sample, of which exactly [`SAMPLE_BYTES`] count however the source was cut.
    fn read(&mut self, whole: bool) -> Result<(), Refusal> {
        let Self::Sampling {
            sample,
            offset,
            is_workbook,
            options,
            limits,
        } = self
        else {
            return Ok(());
        };
        let (sample, options) = (std::mem::take(sample), std::mem::take(options.as_mut()));
        let offset = *offset;
        let judged = &sample[..sample.floor_char_boundary(SAMPLE_BYTES)];
        let pass = if *is_workbook {
            Pass::of_workbook(judged, whole, options, *limits)
        } else {
            Pass::begin(judged, whole, options, *limits)?
        };
        *self = Self::Reading(Box::new(pass));
        self.push(Piece {
            text: &sample,
            offset,
        })
    }
}

impl Pass {
    /// By so much of the text, or by all of it.
    fn begin(judged: &str, whole: bool, options: Options, limits: Limits) -> Result<Self, Refusal> {
        foreign::check_text(judged)?;
        let skipped = options.skipped();
        let is_json = options.hints.delimiter.is_none() && json::begins(judged);
        if is_json {
            Format::Json.check_hints(&options.hints)?;
            let frame = Frame {
                first_line: skipped + 1,
                ..Frame::NONE
            };
            return Ok(Self {
                rows: Reader::json(limits, None, skipped),
                tally: Tally::new(frame, &options, limits),
                dialect: Dialect::of(b','),
                options,
                limits,
            });
        }
        // What a first line says that is skipped does not count.
        let directive = sniff::directive(judged).filter(|_| skipped == 0);
        let (told, body, first_line) = match directive {
            Some((delimiter, bytes)) => (Some(delimiter), &judged[bytes..], 2),
            None => (None, judged, skipped + 1),
        };
        let hint = options.hints.delimiter;
        let hint = hint.map(|letter| u8::try_from(letter).unwrap_or(b','));
        sniff::check_hint(body, hint)?;
        let dialect = sniff::dialect(body, whole, hint.or(told), limits);
        let given = Given {
            dialect,
            first_line,
            limits,
            hints: &options.hints,
        };
        let frame = frame::find(judged, whole, &given);
        Ok(Self::delimited(dialect, frame, options, limits))
    }

    /// Of what is made from cells: how it is written is known.
    fn of_workbook(judged: &str, whole: bool, options: Options, limits: Limits) -> Self {
        let delimiter = (!workbook::is_of_one_column(judged)).then_some(b',');
        let dialect = Dialect {
            typed: true,
            delimiter,
            ..Dialect::of(b',')
        };
        let given = Given {
            dialect,
            first_line: options.skipped() + 1,
            limits,
            hints: &options.hints,
        };
        let frame = frame::find(judged, whole, &given);
        Self::delimited(dialect, frame, options, limits)
    }

    fn delimited(dialect: Dialect, frame: Frame, options: Options, limits: Limits) -> Self {
        let skipped = options.skipped();
        Self {
            rows: Reader::delimited(dialect, limits, frame, skipped),
            tally: Tally::new(frame, &options, limits),
            dialect,
            options,
            limits,
        }
    }
}
