//! What a cell can be: the rules by which text becomes a typed value, and none changes silently.
//!
//! The survey asks [`kinds`] which readings hold a cell exactly; the conversion then reads it by the reading of the
//! column. Both see the cell without the blanks around it.

use crate::types::moment;
use crate::types::number::{self, NumberFormat};
use consign_hints::ColumnType;
use consign_hints::DateOrder;

/// Cells that stand for a missing value where the column is not text.
pub(crate) const NULL_TOKENS: [&str; 17] = [
    "NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "<null>", "NULL", "Null", "null", "None", "\\N",
    "NaN", "nan", "#NULL!", "-nan", "NAN",
];
const NULL_TOKEN_BYTES_MAX: usize = 6;

/// A set of readings, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kinds(u32);

impl Kinds {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const INT64: Self = Self(1);
    pub(crate) const DECIMAL: Self = Self(1 << 1);
    pub(crate) const FLOAT64: Self = Self(1 << 2);
    pub(crate) const DECIMAL_COMMA: Self = Self(1 << 3);
    pub(crate) const DECIMAL_GROUPED: Self = Self(1 << 4);
    pub(crate) const BOOLEAN: Self = Self(1 << 5);
    pub(crate) const YES_NO: Self = Self(1 << 6);
    pub(crate) const T_F: Self = Self(1 << 7);
    pub(crate) const DATE: Self = Self(1 << 8);
    pub(crate) const DATE_DMY: Self = Self(1 << 9);
    pub(crate) const DATE_MDY: Self = Self(1 << 10);
    pub(crate) const TIME: Self = Self(1 << 11);
    pub(crate) const TIMESTAMP: Self = Self(1 << 12);
    pub(crate) const TIMESTAMP_UTC: Self = Self(1 << 13);
    pub(crate) const TIMESTAMP_DMY: Self = Self(1 << 14);
    pub(crate) const TIMESTAMP_MDY: Self = Self(1 << 15);
    pub(crate) const ALL: Self = Self((1 << 16) - 1);
    /// Decimals, whatever their notation: what may carry a unit.
    pub(crate) const DECIMALS: Self =
        Self(Self::DECIMAL.0 | Self::DECIMAL_COMMA.0 | Self::DECIMAL_GROUPED.0);
    const NUMBERS: Self = Self(Self::INT64.0 | Self::FLOAT64.0 | Self::DECIMALS.0);
    /// What a text of JSON may be read as: its numbers have a type of their own.
    pub(crate) const MOMENTS: Self = Self(Self::ALL.0 & !(Self::NUMBERS.0 | Self::BOOLEANS.0));
    const BOOLEANS: Self = Self(Self::BOOLEAN.0 | Self::YES_NO.0 | Self::T_F.0);

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The readings of a type.
    pub(crate) fn of_type(kind: ColumnType) -> Self {
        match kind {
            ColumnType::Boolean => Self::BOOLEANS,
            ColumnType::Int64 => Self::INT64,
            ColumnType::Decimal => Self::DECIMALS,
            ColumnType::Float64 => Self::FLOAT64,
            ColumnType::Date => Self::DATE.or(Self::DATE_DMY).or(Self::DATE_MDY),
            ColumnType::Time => Self::TIME,
            ColumnType::Timestamp => Self::TIMESTAMP
                .or(Self::TIMESTAMP_DMY)
                .or(Self::TIMESTAMP_MDY),
            ColumnType::TimestampUtc => Self::TIMESTAMP_UTC,
            ColumnType::Text => Self::NONE,
        }
    }

    pub(crate) fn holds(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) fn is_number(self) -> bool {
        self.0 & Self::NUMBERS.0 != 0
    }

    pub(crate) fn when(self, holds: bool) -> Self {
        if holds { self } else { Self::NONE }
    }
}

/// The cell without blanks around it: they are no part of a number, a date or a boolean.
pub(crate) fn trim(cell: &str) -> &str {
    let blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t' | 0xC2 | 0xA0));
    let bytes = cell.as_bytes();
    if blank(bytes.first()) || blank(bytes.last()) {
        cell.trim_matches([' ', '\t', '\u{a0}'])
    } else {
        cell
    }
}

/// Whether the trimmed cell stands for a missing value in a column that is not text.
pub(crate) fn is_null_token(cell: &str) -> bool {
    cell.len() <= NULL_TOKEN_BYTES_MAX && NULL_TOKENS.contains(&cell)
}

/// The readings that hold the trimmed, non-empty cell without changing what it says. Of a number with a unit, its
/// number; the caller compares the units.
pub(crate) fn kinds(cell: &str) -> Kinds {
    let bytes = cell.as_bytes();
    match bytes.first() {
        Some(b'0'..=b'9' | b'-' | b'.') => {
            let number = plain_number(cell);
            if number == Kinds::NONE {
                other_number(cell)
            } else {
                number
            }
        }
        Some(_) if bytes.len() <= 9 => word(cell),
        Some(_) | None => Kinds::NONE,
    }
}

fn word(cell: &str) -> Kinds {
    if let Some(words) = BooleanWords::ALL
        .into_iter()
        .find(|words| words.read(cell).is_some())
    {
        return words.kinds();
    }
    Kinds::FLOAT64.when(number::is_infinity(cell))
}

fn plain_number(cell: &str) -> Kinds {
    let Some(number) = number::written(cell.as_bytes()) else {
        return Kinds::NONE;
    };
    if !number.point && number.exponent.is_none() {
        let Some(value) = number::int64(cell) else {
            return Kinds::NONE;
        };
        // An integer has no negative zero.
        if value == 0 && number.negative {
            return Kinds::FLOAT64;
        }
        let float = Kinds::FLOAT64.when(number::is_exact_integer(value));
        return Kinds::INT64.or(Kinds::DECIMALS).or(float);
    }
    let decimal = Kinds::DECIMAL.when(number.digits().is_some());
    let is_grouped = |format| number::grouped(cell, format).is_some();
    decimal
        .or(Kinds::FLOAT64.when(number::is_exact(cell, &number)))
        .or(Kinds::DECIMAL_GROUPED.when(is_grouped(NumberFormat::PointGrouped)))
        .or(Kinds::DECIMAL_COMMA.when(is_grouped(NumberFormat::Comma)))
}

/// What begins like a number and is more: grouped digits, a day, a time, a moment.
fn other_number(cell: &str) -> Kinds {
    if number::is_infinity(cell) {
        return Kinds::FLOAT64;
    }
    let bytes = cell.as_bytes();
    let date = |order| moment::date(bytes, order).is_some();
    let moment = |order| moment::timestamp(bytes, order);
    let is_local = |order| moment(order).is_some_and(|moment| moment.offset_s.is_none());
    if bytes.len() >= 8 && bytes[4] == bytes[7] && matches!(bytes[4], b'-' | b'/') {
        let order = DateOrder::YearMonthDay;
        return match moment(order) {
            Some(moment) if moment.offset_s.is_some() => Kinds::TIMESTAMP_UTC,
            Some(_) => Kinds::TIMESTAMP,
            None => Kinds::DATE.when(date(order)),
        };
    }
    match bytes.iter().find(|byte| !byte.is_ascii_digit()) {
        Some(b':') => Kinds::TIME.when(moment::time(bytes).is_some()),
        Some(b'.' | b'/' | b'-') if bytes.len() >= 8 && bytes[0] != b'-' => {
            let days = Kinds::DATE_DMY
                .when(date(DateOrder::DayMonthYear))
                .or(Kinds::DATE_MDY.when(date(DateOrder::MonthDayYear)));
            let moments = Kinds::TIMESTAMP_DMY
                .when(is_local(DateOrder::DayMonthYear))
                .or(Kinds::TIMESTAMP_MDY.when(is_local(DateOrder::MonthDayYear)));
            days.or(moments).or(grouped(cell))
        }
        Some(_) | None => grouped(cell),
    }
}

fn grouped(cell: &str) -> Kinds {
    let holds = |format| number::grouped(cell, format).is_some();
    Kinds::DECIMAL_COMMA
        .when(holds(NumberFormat::Comma))
        .or(Kinds::DECIMAL_GROUPED.when(holds(NumberFormat::PointGrouped)))
}

/// What stands before or behind the numbers of a column.
const UNITS: [&str; 16] = [
    "%", "€", "$", "£", "¥", "₹", "₽", "₩", "₺", "zł", "Kč", "kr", "CHF", "EUR", "USD", "GBP",
];

/// A number and the sign beside it, where there is one: `3,50 €` is (`3,50`, `€`).
pub(crate) fn split_unit(cell: &str) -> Option<(&str, &'static str)> {
    let last_or_first = |unit: &&&str| cell.ends_with(**unit) || cell.contains(**unit);
    let unit = *UNITS.iter().find(last_or_first)?;
    let blanks = [' ', '\u{a0}', '\u{202f}'];
    if let Some(number) = cell.strip_suffix(unit) {
        return Some((number.trim_end_matches(blanks), unit));
    }
    // A sign may stand on either side: `-$5`, `$-5`. Only the second is a number as it stands.
    let number = cell.strip_prefix(unit)?;
    Some((number.trim_start_matches(blanks), unit))
}

/// Which words a column of booleans uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BooleanWords {
    /// `true`, `TRUE`, `True`, and the same of false.
    TrueFalse,
    /// `yes` and `no`, likewise.
    YesNo,
    /// `t` and `f`, or `T` and `F`.
    Letters,
}

impl BooleanWords {
    const ALL: [Self; 3] = [Self::TrueFalse, Self::YesNo, Self::Letters];

    fn kinds(self) -> Kinds {
        match self {
            Self::TrueFalse => Kinds::BOOLEAN,
            Self::YesNo => Kinds::YES_NO,
            Self::Letters => Kinds::T_F,
        }
    }

    pub(crate) fn read(self, cell: &str) -> Option<bool> {
        match (self, cell) {
            (Self::TrueFalse, "true" | "TRUE" | "True")
            | (Self::YesNo, "yes" | "YES" | "Yes")
            | (Self::Letters, "t" | "T") => Some(true),
            (Self::TrueFalse, "false" | "FALSE" | "False")
            | (Self::YesNo, "no" | "NO" | "No")
            | (Self::Letters, "f" | "F") => Some(false),
            _ => None,
        }
    }
}
