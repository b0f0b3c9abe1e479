//! A conversion that reads its source once: types are guessed from the beginning, and checked for every cell.
//!
//! The guess is the narrowest type of the cells at the beginning. While it holds every further cell it is also the narrowest
//! type of all of them: the evidence of a column only ever shrinks. So the result is that of a survey and a conversion. Where
//! a cell breaks a guess, nothing of what was written counts, and the careful two passes begin at the start.

use crate::convert::{Converted, Passes, Table, conclude};
use crate::input::source::Source;
use crate::input::text::Piece;
use crate::layout::Layout;
use crate::limits::{Limits, PIECE_BYTES};
use crate::options::Options;
use crate::parsing::reader::Reader;
use crate::refusal::Refusal;
use crate::survey::guess;
use crate::tally::check_rejects;

/// What a push led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "after `Again` nothing that was written counts"]
pub enum Step {
    /// The bytes were taken.
    Taken,
    /// The guess does not hold: drop the output, and read the source again by a [`Survey`](crate::Survey) and a
    /// [`Converter`](crate::Converter).
    Again,
}

/// How a conversion ended.
#[derive(Debug)]
#[must_use = "after `Again` nothing that was written counts"]
pub enum Ended {
    /// In a table.
    Converted(Box<Converted>),
    /// As [`Step::Again`].
    Again,
}

/// A conversion in one pass: push the source, take the output as it grows, then [`finish`](OnePass::finish). The output is a
/// Parquet file only when `finish` gives [`Ended::Converted`]: write it where nobody reads it before. After a refusal or
/// [`Step::Again`] it is of no more use.
pub struct OnePass {
    source: Source,
    stage: Stage,
}

enum Stage {
    /// The types are not guessed yet.
    Guessing {
        text: String,
        /// Where the text begins.
        offset: u64,
        /// It is made from the cells of a workbook.
        is_workbook: bool,
        options: Box<Options>,
        limits: Limits,
    },
    Writing(Box<Writing>),
}

struct Writing {
    layout: Layout,
    rows: Reader,
    table: Table,
}

impl OnePass {
    /// A conversion of one source.
    #[must_use]
    pub fn new(options: Options, limits: Limits) -> Self {
        Self {
            source: Source::read_once(limits, &options),
            stage: Stage::Guessing {
                text: String::new(),
                offset: 0,
                is_workbook: false,
                options: Box::new(options),
                limits,
            },
        }
    }

    /// Takes the next bytes of the source, cut as the caller likes.
    ///
    /// # Errors
    /// A [`Refusal`] as soon as the file is known to be unreadable.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Step, Refusal> {
        let stage = &mut self.stage;
        let pushed = self.source.push(bytes, &mut |piece| stage.push(piece));
        is_broken(pushed).map(|again| again.map_or(Step::Taken, |()| Step::Again))
    }

    /// Does a part of what is left when the last byte was pushed, and says what it led to; `None` where [`finish`](Self::finish)
    /// may follow. A workbook is read only then, and its output is larger than memory: take it after each call. Without these
    /// calls `finish` does it all, and keeps the whole output.
    ///
    /// # Errors
    /// A [`Refusal`] as soon as the file is known to be unreadable.
    pub fn advance(&mut self) -> Result<Option<Step>, Refusal> {
        self.expect_workbook();
        let stage = &mut self.stage;
        let stepped = self.source.step(&mut |piece| stage.push(piece));
        match stepped {
            Ok(is_more) => Ok(is_more.then_some(Step::Taken)),
            Err(Refusal::SourceChanged) => Ok(Some(Step::Again)),
            Err(refusal) => Err(refusal),
        }
    }

    fn expect_workbook(&mut self) {
        if self.source.is_workbook()
            && let Stage::Guessing {
                is_workbook,
                limits,
                ..
            } = &mut self.stage
            && !std::mem::replace(is_workbook, true)
        {
            *limits = limits.beside_workbook();
        }
    }

    /// The next bytes of the Parquet file, to be written in this order; empty while none is complete. What is not taken is
    /// kept in memory: call it after each push.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        match &mut self.stage {
            Stage::Guessing { .. } => Vec::new(),
            Stage::Writing(writing) => writing.table.take_output(),
        }
    }

    /// The next bytes of the Parquet file of rejects, likewise, where one is wanted ([`Options::rejects`]).
    #[must_use]
    pub fn take_rejects(&mut self) -> Vec<u8> {
        match &mut self.stage {
            Stage::Guessing { .. } => Vec::new(),
            Stage::Writing(writing) => writing.table.take_rejects(),
        }
    }

    /// Ends the source and the Parquet file.
    ///
    /// # Errors
    /// A [`Refusal`] where the file cannot be converted.
    pub fn finish(mut self) -> Result<Ended, Refusal> {
        self.expect_workbook();
        let stage = &mut self.stage;
        let ended = self.source.finish(&mut |piece| stage.push(piece));
        let ended = ended.and_then(|fingerprint| {
            stage.begin(true)?;
            stage.end().map(|()| fingerprint.bytes)
        });
        let bytes = match ended {
            Ok(bytes) => bytes,
            Err(Refusal::SourceChanged) => return Ok(Ended::Again),
            Err(refusal) => return Err(refusal),
        };
        let Stage::Writing(writing) = self.stage else {
            return Err(Refusal::EmptyFile);
        };
        let Writing {
            layout,
            rows,
            table,
        } = *writing;
        check_rejects(&layout.options, table.misfits(), table.first_reject())?;
        let passes = Passes { passes: 1, bytes };
        let converted = conclude(&layout, (&self.source, &rows), table, passes)?;
        Ok(Ended::Converted(Box::new(converted)))
    }
}

/// Tells a broken guess, which a second pass would call another source, from what refuses the file.
fn is_broken(pushed: Result<(), Refusal>) -> Result<Option<()>, Refusal> {
    match pushed {
        Ok(()) => Ok(None),
        Err(Refusal::SourceChanged) => Ok(Some(())),
        Err(refusal) => Err(refusal),
    }
}

impl Stage {
    fn push(&mut self, piece: Piece<'_>) -> Result<(), Refusal> {
        match self {
            Self::Guessing {
                text: beginning,
                offset,
                limits,
                ..
            } => {
                if beginning.is_empty() {
                    *offset = piece.offset;
                }
                beginning.push_str(piece.text);
                if beginning.len() < limits.guess_bytes {
                    Ok(())
                } else {
                    self.begin(false)
                }
            }
            Self::Writing(writing) => writing.push(piece),
        }
    }

    /// Guesses, by exactly as much of the text as the limits say however the source was cut, and converts what is there.
    fn begin(&mut self, whole: bool) -> Result<(), Refusal> {
        let Self::Guessing {
            text,
            offset,
            is_workbook,
            options,
            limits,
        } = self
        else {
            return Ok(());
        };
        let (text, options) = (std::mem::take(text), std::mem::take(options.as_mut()));
        let nothing = options.nothing();
        let judged = &text[..text.floor_char_boundary(limits.guess_bytes)];
        let Some((layout, evidence)) = guess(judged, (whole, *is_workbook), options, *limits)?
        else {
            // Without a row there is nothing to guess by.
            return Err(if whole {
                nothing
            } else {
                Refusal::SourceChanged
            });
        };
        let mut writing = Writing {
            rows: layout.reader(),
            table: Table::new(&layout, Some(evidence))?,
            layout,
        };
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES));
            let offset = *offset + (text.len() - rest.len()) as u64;
            writing.push(Piece {
                text: piece,
                offset,
            })?;
            rest = behind;
        }
        *self = Self::Writing(Box::new(writing));
        Ok(())
    }

    fn end(&mut self) -> Result<(), Refusal> {
        match self {
            Self::Guessing { .. } => Ok(()),
            Self::Writing(writing) => {
                let Writing { rows, table, .. } = writing.as_mut();
                rows.finish(&mut |row| table.take(row))?;
                table.settle()
            }
        }
    }
}

impl Writing {
    fn push(&mut self, piece: Piece<'_>) -> Result<(), Refusal> {
        let Self { rows, table, .. } = self;
        rows.push(piece, &mut |row| table.take(row))
    }
}
