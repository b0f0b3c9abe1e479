//! One sheet of a workbook as delimited text: texts in quotes, dates as ISO 8601, numbers with the digits that a double needs.

use std::collections::HashSet;
use std::io::Cursor;

use bytes::Bytes;
use calamine::{
    Data, DataRef, ExcelDateTime, Reader as _, Sheet, SheetType, SheetVisible, Xlsx,
    XlsxCellReader, XlsxError,
};
use self_cell::{MutBorrow, self_cell};

use crate::input::package::Package;
use crate::limits::{Limits, PIECE_BYTES};
use crate::refusal::Refusal;
use crate::types::cell;
use consign_hints::Hints;

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

type Source = Cursor<Bytes>;
type Cells<'a> = XlsxCellReader<'a, Source>;

self_cell! {
    /// A workbook, and the cells of a sheet of it as far as they are read.
    struct Opened {
        owner: MutBorrow<Xlsx<Source>>,
        #[not_covariant]
        dependent: Cells,
    }
}

impl From<XlsxError> for Refusal {
    fn from(_: XlsxError) -> Self {
        Self::BadWorkbook
    }
}

/// A sheet that is read bit by bit.
pub(crate) struct SheetReader {
    opened: Opened,
    name: String,
    extent: Extent,
    place: Place,
}

/// Up to where a sheet is written.
struct Place {
    row: u32,
    column: u32,
    /// The row has a cell.
    is_begun: bool,
    /// Rows above this one are not written.
    first_row: u32,
}

impl SheetReader {
    /// The sheet of this name, else the first one that is shown and has a value.
    pub(crate) fn open(bytes: Vec<u8>, hints: &Hints, limits: &Limits) -> Result<Self, Refusal> {
        let hint = hints.sheet.as_deref();
        let first_row = u32::try_from(hints.skip_rows.unwrap_or(0)).unwrap_or(u32::MAX);
        let bytes = Bytes::from(bytes);
        let mut package = Package::open(&bytes, limits)?;
        let mut workbook = Xlsx::new(Cursor::new(bytes))?;
        for (at, name) in candidates(&workbook, hint)? {
            package.check_sheet(at)?;
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
            let opened = Opened::try_new(MutBorrow::new(workbook), |workbook| {
                workbook.borrow_mut().worksheet_cells_reader(&name)
            })?;
            let place = Place {
                row: 0,
                column: extent.first,
                is_begun: false,
                first_row,
            };
            return Ok(Self {
                opened,
                name,
                extent,
                place,
            });
        }
        Err(Refusal::EmptyFile)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Writes some more cells behind `text`; `false` where these were the last ones.
    pub(crate) fn next(&mut self, text: &mut String) -> Result<bool, Refusal> {
        let Self {
            opened,
            extent,
            place,
            ..
        } = self;
        opened.with_dependent_mut(|_, cells| write(cells, extent, place, text))
    }
}

/// The sheets that may be read, in their order: their places in the list, and their names. Of a name that is there again the
/// first one is read.
fn candidates(
    workbook: &Xlsx<Source>,
    hint: Option<&str>,
) -> Result<Vec<(usize, String)>, Refusal> {
    let mut names = HashSet::new();
    let sheets = workbook.sheets_metadata().iter().enumerate();
    let sheets = sheets.filter(|(_, sheet)| names.insert(&sheet.name));
    let sheets = sheets.filter(|(_, sheet)| sheet.typ == SheetType::WorkSheet);
    let found = |(at, sheet): (usize, &Sheet)| (at, sheet.name.clone());
    let Some(hint) = hint else {
        let shown = sheets.filter(|(_, sheet)| sheet.visible == SheetVisible::Visible);
        return Ok(shown.map(found).collect());
    };
    let mut named = sheets.filter(|(_, sheet)| sheet.name == hint);
    match named.next() {
        Some(sheet) => Ok(vec![found(sheet)]),
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

/// Writes some rows or parts of them, as wide as the sheet is, down to the last row with a value.
fn write(
    cells: &mut Cells<'_>,
    extent: &Extent,
    place: &mut Place,
    text: &mut String,
) -> Result<bool, Refusal> {
    while text.len() < PIECE_BYTES {
        let Some(cell) = cells.next_cell()? else {
            place.end_row(extent, text);
            return Ok(false);
        };
        if *cell.get_value() == DataRef::Empty {
            continue;
        }
        let (row, column) = cell.get_position();
        // Excel writes them in order; else one would stand in another's place.
        let is_behind = column > place.column || (column == place.column && !place.is_begun);
        if row < place.row || (row == place.row && !is_behind) {
            return Err(Refusal::BadWorkbook);
        }
        while place.row < row {
            place.end_row(extent, text);
        }
        if row >= place.first_row {
            text.extend((place.column..column).map(|_| ','));
            push_value(text, cell.get_value(), extent.has_time(column));
        }
        (place.column, place.is_begun) = (column, true);
    }
    Ok(true)
}

impl Place {
    fn end_row(&mut self, extent: &Extent, text: &mut String) {
        let is_begun = std::mem::take(&mut self.is_begun);
        if self.row >= self.first_row {
            let missing = if is_begun {
                self.column..extent.last
            } else {
                0..0
            };
            text.extend(missing.map(|_| ','));
            text.push('\n');
        }
        self.column = extent.first;
        self.row += 1;
    }
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
