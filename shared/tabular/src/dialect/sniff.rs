//! Which dialect a file uses, from its beginning.
//!
//! Each dialect that the sample can be in reads it; the one under which the rows agree best and the cells look best is
//! taken. Reading decides, not counting letters: a delimiter in a quoted cell is none.

use crate::dialect::judge::Judged;
use crate::limits::Limits;
use crate::parsing::row::Dialect;
use crate::refusal::Refusal;

/// In order of preference where two explain the text equally well.
const DELIMITERS: [u8; 4] = *b",;\t|";
/// Rare ones, which are looked at only where none of the usual explains the text.
const RARE_DELIMITERS: [u8; 5] = *b":^~ \x01";
/// How much of the sample is read under each dialect, cut at a line end where there is one.
const JUDGED_BYTES: usize = 64 * 1024;
/// The least worth of cells that are aligned with blanks: nearly all are numbers or days, since texts have blanks inside.
const ALIGNED_WORTH_MIN: f64 = 0.8;

/// What `sep=;` in the first line says, as spreadsheets write and obey it, and how many bytes the line has.
pub(crate) fn directive(sample: &str) -> Option<(u8, usize)> {
    let end = sample.find(['\n', '\r'])?;
    let line = sample[..end].trim_matches('"');
    let (name, value) = line.split_at_checked(4)?;
    let [delimiter] = value.as_bytes() else {
        return None;
    };
    let is_delimiter =
        delimiter.is_ascii() && !delimiter.is_ascii_alphanumeric() && *delimiter != b'"';
    (name.eq_ignore_ascii_case("sep=") && is_delimiter).then_some((*delimiter, end))
}

/// Refuses a delimiter that hints tell where nearly every row has another one instead.
pub(crate) fn check_hint(sample: &str, hint: Option<u8>) -> Result<(), Refusal> {
    let Some(hint) = hint.filter(|hint| !sample.as_bytes().contains(hint)) else {
        return Ok(());
    };
    let (judged, _) = cut(sample, false);
    let lines = judged.lines().filter(|line| !line.is_empty()).count() as u64;
    let mut others = DELIMITERS.into_iter().filter(|other| *other != hint);
    let is_everywhere = |other: &u8| lines > 1 && carriers(judged, *other) * 10 >= lines * 9;
    match others.find(is_everywhere) {
        Some(other) => Err(Refusal::ImpossibleHint {
            hint: "delimiter",
            what: format!(
                "no row has it, and nearly every row has {:?}",
                char::from(other)
            ),
        }),
        None => Ok(()),
    }
}

/// The dialect under which the sample is best understood, and whether its delimiters have a blank behind them.
pub(crate) fn dialect(sample: &str, whole: bool, delimiter: Option<u8>, limits: Limits) -> Dialect {
    let dialect = without_blanks(sample, whole, delimiter, limits);
    if dialect.runs || dialect.delimiter.is_none_or(|delimiter| delimiter == b' ') {
        return dialect;
    }
    let (judged, whole) = cut(sample, whole);
    let spaced = Judged::of(judged, whole, dialect, limits).is_spaced;
    Dialect {
        spaced,
        blanks: dialect.blanks || spaced,
        ..dialect
    }
}

/// The dialect, but for blanks behind delimiters. `whole` says that the sample is the whole text, and
/// `delimiter` what the file or its sender says of itself.
fn without_blanks(sample: &str, whole: bool, delimiter: Option<u8>, limits: Limits) -> Dialect {
    let (judged, whole) = cut(sample, whole);
    let judge = |dialect| Judged::of(judged, whole, dialect, limits);
    let best_of = |delimiters: &[u8]| {
        let occurring = delimiters
            .iter()
            .filter(|byte| judged.as_bytes().contains(byte));
        occurring
            .filter_map(|delimiter| quoting(judged, Dialect::of(*delimiter), &judge))
            .reduce(|best, next| {
                if next.score() > best.score() {
                    next
                } else {
                    best
                }
            })
    };
    if let Some(delimiter) = delimiter {
        let told = quoting(judged, Dialect::of(delimiter), &judge);
        return told.map_or(Dialect::of(delimiter), |judged| judged.dialect);
    }
    let alone = judge(Dialect {
        delimiter: None,
        ..Dialect::of(b',')
    });
    let usual = best_of(&DELIMITERS).filter(Judged::is_table);
    let usual = usual.filter(|usual| usual.score() > alone.score());
    let rare = || best_of(&RARE_DELIMITERS).filter(Judged::is_rare_table);
    // Columns that are aligned with blanks.
    let aligned = || {
        let dialect = Dialect {
            runs: true,
            ..Dialect::of(b' ')
        };
        let has_runs = judged.starts_with(' ') || judged.contains("  ");
        let aligned = quoting(judged, dialect, &judge).filter(Judged::is_rare_table);
        aligned
            .filter(|aligned| has_runs && aligned.first_fits && aligned.worth >= ALIGNED_WORTH_MIN)
    };
    let unusual = || {
        let unusual = match (rare(), aligned()) {
            // Read blank by blank, such columns are parted by empty ones.
            (Some(rare), Some(aligned))
                if rare.dialect.delimiter == Some(b' ') && aligned.columns < rare.columns =>
            {
                aligned
            }
            (rare, aligned) => rare.or(aligned)?,
        };
        (unusual.score() > alone.score()).then_some(unusual)
    };
    if let Some(table) = usual.or_else(unusual) {
        return table.dialect;
    }
    // Where nearly every row has a delimiter, or some row agrees with the first on how many, it is no table of one column:
    // most rows are rejected, with what is wrong.
    let ragged = DELIMITERS.into_iter().find(|delimiter| {
        let is_everywhere = carriers(judged, *delimiter) * 10 >= alone.rows * 9 && alone.rows > 1;
        is_everywhere || judge(Dialect::of(*delimiter)).agrees_with_first
    });
    ragged.map_or(alone.dialect, Dialect::of)
}

/// The part of the sample that every dialect reads.
fn cut(sample: &str, whole: bool) -> (&str, bool) {
    if sample.len() <= JUDGED_BYTES {
        return (sample, whole);
    }
    let judged = &sample[..sample.floor_char_boundary(JUDGED_BYTES)];
    match judged.rfind(['\n', '\r']) {
        Some(end) => (&judged[..=end], false),
        None => (sample, whole),
    }
}

/// Lines that have this byte.
fn carriers(text: &str, delimiter: u8) -> u64 {
    let lines = text
        .lines()
        .filter(|line| line.as_bytes().contains(&delimiter));
    lines.count() as u64
}

/// The best way of quoting with this delimiter. The usual one stays unless another reads strictly more lines.
fn quoting(text: &str, usual: Dialect, judge: &dyn Fn(Dialect) -> Judged) -> Option<Judged> {
    let mut others = Vec::new();
    if text.contains('"') {
        others.push(Dialect {
            blanks: true,
            ..usual
        });
        if text.contains("\\\"") {
            others.push(Dialect {
                backslash: true,
                ..usual
            });
            others.push(Dialect {
                backslash: true,
                blanks: true,
                ..usual
            });
        }
        others.push(Dialect {
            quote: None,
            ..usual
        });
    }
    if text.contains('\'') {
        let apostrophe = Dialect {
            quote: Some(b'\''),
            ..usual
        };
        others.push(apostrophe);
        if text.contains("\\'") {
            others.push(Dialect {
                backslash: true,
                ..apostrophe
            });
        }
    }
    let others = others.into_iter().map(judge);
    let best = others.fold(judge(usual), |best, next| {
        if next.readable > best.readable {
            next
        } else {
            best
        }
    });
    let best = bare(text, &best, usual, judge).unwrap_or(best);
    (best.columns > 1).then_some(best)
}

/// Quotes that are not escaped inside quoted cells, as programs write them that only put quotes around: believed where too much
/// is unreadable otherwise, and nearly all is readable so.
fn bare(
    text: &str,
    best: &Judged,
    usual: Dialect,
    judge: &dyn Fn(Dialect) -> Judged,
) -> Option<Judged> {
    if best.readable * 10 >= best.lines * 9 {
        return None;
    }
    let quotes = [b'"', b'\''].into_iter();
    let bare = quotes
        .filter(|quote| text.as_bytes().contains(quote))
        .map(|quote| {
            judge(Dialect {
                quote: Some(quote),
                bare_quotes: true,
                ..usual
            })
        });
    // Rows of many lines are rather quotes that do not close.
    let reads = |bare: &Judged| {
        bare.readable * 10 >= bare.lines * 9
            && bare.readable > best.readable
            && bare.rows * 10 >= bare.lines * 9
    };
    bare.filter(reads).max_by_key(|bare| bare.readable)
}
