//! One sheet of a workbook as delimited text: texts in quotes, dates as ISO 8601, numbers with the digits that a double needs.

use std::io::Cursor;

use calamine::{
    Data, DataRef, ExcelDateTime, Reader as _, SheetType, SheetVisible, Xlsx, XlsxCellReader,
    XlsxError,
};

use crate::archive;
use crate::cell;
use crate::limits::{Limits, PIECE_BYTES};
use crate::refusal::Refusal;

/// The largest day that Excel has, the last one of 9999.
const DAYS_MAX: f64 = 2_958_466.0;
/// The last column of a sheet, `XFD`.
const COLUMN_MAX: u32 = 16_383;
/// The last row of a sheet.
const ROW_MAX: u32 = 1_048_575;
/// Numbers below are written with all their digits: above, no integer of 64 bits holds them.
const PLAIN_MAX: f64 = 9.2e18;
/// Numbers down to here are written without an exponent.
const PLAIN_MIN: f64 = 1e-5;

type Cells<'a> = XlsxCellReader<'a, Cursor<Vec<u8>>>;
type Emit<'a> = &'a mut dyn FnMut(&str) -> Result<(), Refusal>;

impl From<XlsxError> for Refusal {
    fn from(_: XlsxError) -> Self {
        Self::BadWorkbook
    }
}

/// Hands over the sheet of this name, else the first one that is shown and has a value, as text; and tells its name.
pub(crate) fn read(
    bytes: Vec<u8>,
    hint: Option<&str>,
    limits: &Limits,
    emit: Emit<'_>,
) -> Result<String, Refusal> {
    archive::check(&bytes, limits)?;
    let mut workbook = Xlsx::new(Cursor::new(bytes))?;
    for name in candidates(&workbook, hint)? {
        let extent = Extent::of(&mut workbook.worksheet_cells_reader(&name)?)?;
        let Some(extent) = extent else {
            continue;
        };
        let columns = extent.columns();
        if columns > limits.columns_max {
            return Err(Refusal::TooManyColumns {
                columns,
                limit: limits.columns_max,
            });
        }
        write(&mut workbook.worksheet_cells_reader(&name)?, &extent, emit)?;
        return Ok(name);
    }
    Err(Refusal::EmptyFile)
}

/// The sheets that may be read, in their order.
fn candidates(
    workbook: &Xlsx<Cursor<Vec<u8>>>,
    hint: Option<&str>,
) -> Result<Vec<String>, Refusal> {
    let sheets = workbook.sheets_metadata().iter();
    let sheets = sheets.filter(|sheet| sheet.typ == SheetType::WorkSheet);
    let Some(hint) = hint else {
        let shown = sheets.filter(|sheet| sheet.visible == SheetVisible::Visible);
        return Ok(shown.map(|sheet| sheet.name.clone()).collect());
    };
    let mut named = sheets.filter(|sheet| sheet.name == hint);
    match named.next() {
        Some(sheet) => Ok(vec![sheet.name.clone()]),
        None => Err(Refusal::ImpossibleHint {
            hint: "sheet",
            what: format!("no sheet is named {hint}"),
        }),
    }
}

/// Which columns of a sheet have values, and which of these have times beside their days.
struct Extent {
    first: u32,
    last: u32,
    has_time: Vec<bool>,
}

impl Extent {
    /// `None` where the sheet has no value.
    fn of(cells: &mut Cells<'_>) -> Result<Option<Self>, Refusal> {
        let mut extent: Option<Self> = None;
        while let Some(cell) = cells.next_cell()? {
            if *cell.get_value() == DataRef::Empty {
                continue;
            }
            let (row, column) = cell.get_position();
            if column > COLUMN_MAX || row > ROW_MAX {
                return Err(Refusal::BadWorkbook);
            }
            let extent = extent.get_or_insert_with(|| Self {
                first: column,
                last: column,
                has_time: Vec::new(),
            });
            extent.first = extent.first.min(column);
            extent.last = extent.last.max(column);
            if let DataRef::DateTime(moment) = cell.get_value()
                && has_time(moment)
            {
                // A column of a sheet has a number of 14 bits.
                let at = usize::try_from(column).unwrap_or(0);
                if extent.has_time.len() <= at {
                    extent.has_time.resize(at + 1, false);
                }
                extent.has_time[at] = true;
            }
        }
        Ok(extent)
    }

    fn columns(&self) -> usize {
        usize::try_from(self.last - self.first).unwrap_or(usize::MAX) + 1
    }

    fn has_time(&self, column: u32) -> bool {
        let at = usize::try_from(column).unwrap_or(usize::MAX);
        self.has_time.get(at).copied().unwrap_or(false)
    }
}

/// Writes all rows down to the last with a value, as wide as the sheet is.
fn write(cells: &mut Cells<'_>, extent: &Extent, emit: Emit<'_>) -> Result<(), Refusal> {
    let mut text = String::new();
    let (mut row, mut column, mut is_begun) = (0, extent.first, false);
    let end_row = |text: &mut String, column: &mut u32, is_begun: &mut bool| {
        if std::mem::take(is_begun) {
            text.extend((*column..extent.last).map(|_| ','));
        }
        *column = extent.first;
        text.push('\n');
    };
    while let Some(cell) = cells.next_cell()? {
        if *cell.get_value() == DataRef::Empty {
            continue;
        }
        let (at_row, at_column) = cell.get_position();
        // Excel writes them in order; else one would stand in another's place.
        let is_behind = at_column > column || (at_column == column && !is_begun);
        if at_row < row || (at_row == row && !is_behind) {
            return Err(Refusal::BadWorkbook);
        }
        while row < at_row {
            end_row(&mut text, &mut column, &mut is_begun);
            row += 1;
            if text.len() >= PIECE_BYTES {
                emit(&text)?;
                text.clear();
            }
        }
        text.extend((column..at_column).map(|_| ','));
        push_value(&mut text, cell.get_value(), extent.has_time(at_column));
        (column, is_begun) = (at_column, true);
        if text.len() >= PIECE_BYTES {
            emit(&text)?;
            text.clear();
        }
    }
    end_row(&mut text, &mut column, &mut is_begun);
    emit(&text)
}

fn push_value(text: &mut String, value: &DataRef<'_>, with_time: bool) {
    match value {
        DataRef::Empty => {}
        DataRef::Int(value) => text.push_str(&value.to_string()),
        DataRef::Float(value) => text.push_str(&number(*value)),
        DataRef::String(value) => push_text(text, value),
        DataRef::SharedString(value) => push_text(text, value),
        DataRef::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        DataRef::DateTime(moment) => text.push_str(&moment_text(moment, with_time)),
        DataRef::DateTimeIso(value) | DataRef::DurationIso(value) => push_text(text, value),
        // Where there is no value, the word for it is null.
        DataRef::Error(error) => push_text(text, &Data::Error(error.clone()).to_string()),
    }
}

/// A text in quotes: a number that is written as text stays one. Words that stand for null are so without.
fn push_text(text: &mut String, value: &str) {
    if cell::is_null_token(value) {
        text.push_str(value);
        return;
    }
    text.push('"');
    for (at, part) in value.split('"').enumerate() {
        if at > 0 {
            text.push_str("\"\"");
        }
        text.push_str(part);
    }
    text.push('"');
}

/// A double with the digits that give it back.
fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        "0".to_owned()
    } else if (PLAIN_MIN..PLAIN_MAX).contains(&size) {
        value.to_string()
    } else {
        // Digits, an `e` and digits alone are taken for an article number.
        let text = format!("{value:e}");
        if text.contains('.') {
            text
        } else {
            text.replacen('e', ".0e", 1)
        }
    }
}

fn has_time(moment: &ExcelDateTime) -> bool {
    let value = moment.as_f64();
    moment.is_datetime() && value >= 1.0 && clock(moment) != (0, 0, 0, 0)
}

fn clock(moment: &ExcelDateTime) -> (u8, u8, u8, u16) {
    let (_, _, _, hour, minute, second, milli) = moment.to_ymd_hms_milli();
    (hour, minute, second, milli)
}

/// A day, a time of day, or both where the column has times.
fn moment_text(moment: &ExcelDateTime, with_time: bool) -> String {
    let value = moment.as_f64();
    if !(0.0..DAYS_MAX).contains(&value) {
        return number(value);
    }
    if !moment.is_datetime() {
        return duration_text(value);
    }
    let (year, month, day, ..) = moment.to_ymd_hms_milli();
    // Excel counts a 29 February 1900, which no calendar has. calamine gives the day before, which is another cell's day.
    if (60.0..61.0).contains(&value) && (year, month, day) == (1900, 2, 28) {
        return number(value);
    }
    let (hour, minute, second, milli) = clock(moment);
    let fraction = if milli == 0 {
        String::new()
    } else {
        format!(".{milli:03}")
    };
    let time = format!("{hour:02}:{minute:02}:{second:02}{fraction}");
    let date = format!("{year:04}-{month:02}-{day:02}");
    if value < 1.0 {
        time
    } else if with_time {
        format!("{date} {time}")
    } else {
        date
    }
}

/// Hours, which may be more than a day has, minutes and seconds.
fn duration_text(days: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most the days of ten thousand years"
    )]
    let millis = (days * 86_400_000.0).round() as u64;
    let (seconds, milli) = (millis / 1000, millis % 1000);
    let clock = format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    if milli == 0 {
        clock
    } else {
        format!("{clock}.{milli:03}")
    }
}
