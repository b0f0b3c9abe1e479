//! What the cells of a column allow, and the reading that follows.

use crate::cell::{self, BooleanWords, Kinds};
use crate::moment::DateOrder;
use crate::number::{self, Digits, NumberFormat};
use crate::profile::Warning;
use crate::reading::{Decimal, Reading};
use crate::row::Cell;

/// Digits up to which a decimal is taken before a double: money and quantities have no more, and a long fraction is a
/// double that some program wrote.
const DECIMAL_PRECISION_USUAL: u8 = 18;

/// What every cell of a column seen so far allows.
#[derive(Debug, Clone)]
pub(crate) struct Evidence {
    kinds: Kinds,
    /// A value was seen, other than null and `NaN`.
    any: bool,
    nan: bool,
    /// A number was seen that is more than digits, an `e` and digits: alone, these are as likely article numbers.
    plain: bool,
    unit: Option<&'static str>,
    /// Digits in each notation of [`FORMATS`].
    digits: [Digits; 3],
}

const FORMATS: [(NumberFormat, Kinds); 3] = [
    (NumberFormat::Point, Kinds::DECIMAL),
    (NumberFormat::Comma, Kinds::DECIMAL_COMMA),
    (NumberFormat::PointGrouped, Kinds::DECIMAL_GROUPED),
];

impl Evidence {
    /// Of a column without cells. With `text` it stays text.
    pub(crate) fn new(text: bool) -> Self {
        Self {
            kinds: if text { Kinds::NONE } else { Kinds::ALL },
            any: false,
            nan: false,
            plain: false,
            unit: None,
            digits: [Digits::default(); 3],
        }
    }

    pub(crate) fn take(&mut self, cell: &Cell<'_>) {
        if self.kinds == Kinds::NONE || cell.raw.is_empty() {
            return;
        }
        let trimmed = cell::trim(cell.raw);
        let mut kinds = cell::kinds(trimmed);
        let mut number = trimmed;
        let mut unit = None;
        if kinds == Kinds::NONE {
            if number::is_nan(trimmed) && !cell.literal {
                self.nan = true;
                return;
            }
            if cell::is_null_token(trimmed) && !cell.literal {
                return;
            }
            if let Some((found, sign)) = cell::split_unit(trimmed) {
                (number, unit) = (found, Some(sign));
                kinds = cell::kinds(found).and(Kinds::DECIMALS);
            }
        }
        if cell.literal {
            (kinds, unit) = (kinds.and(Kinds::MOMENTS), None);
        }
        // Every number of a column has the same unit, or none has one.
        if self.any && unit != self.unit {
            kinds = Kinds::NONE;
        }
        self.any = true;
        self.plain |= kinds != Kinds::FLOAT64 || !number::is_bare_exponent(number);
        self.unit = unit;
        self.kinds = self.kinds.and(kinds);
        if self.kinds.is_number() {
            self.count_digits(number);
        }
    }

    fn count_digits(&mut self, number: &str) {
        for ((format, kind), digits) in FORMATS.into_iter().zip(&mut self.digits) {
            if !self.kinds.holds(kind) {
                continue;
            }
            let found = match format {
                NumberFormat::Point => {
                    number::written(number.as_bytes()).and_then(|written| written.digits())
                }
                NumberFormat::Comma | NumberFormat::PointGrouped => number::grouped(number, format),
            };
            digits.join(found.unwrap_or_default());
        }
    }

    /// Whether no further cell can make it something else than text.
    pub(crate) fn is_text_for_good(&self) -> bool {
        self.kinds == Kinds::NONE
    }

    /// The reading that holds every cell, and what its owner should know.
    pub(crate) fn reading(&self) -> (Reading, Vec<Warning>) {
        let holds = |kind| self.kinds.holds(kind);
        // A column without a single value says nothing: text, so that its null tokens stay what they are.
        if !self.any || !self.plain || self.kinds == Kinds::NONE {
            return (Reading::Text, Vec::new());
        }
        let decimal = |at: usize| {
            let (format, kind) = FORMATS[at];
            let digits = self.digits[at];
            let precision = digits.precision().filter(|_| holds(kind) && !self.nan)?;
            Some(Decimal {
                format,
                precision,
                scale: digits.scale,
                unit: self.unit,
            })
        };
        if self.unit.is_none() && holds(Kinds::INT64) && !self.nan {
            return (Reading::Int64, Vec::new());
        }
        let point = decimal(0);
        let float = (self.unit.is_none() && holds(Kinds::FLOAT64)).then_some(Reading::Float64);
        if let Some(point) =
            point.filter(|point| float.is_none() || point.precision <= DECIMAL_PRECISION_USUAL)
        {
            return (Reading::Decimal(point), Vec::new());
        }
        if let Some(float) = float {
            return (float, Vec::new());
        }
        if self.unit.is_none() && holds(Kinds::INT64) {
            return (Reading::Int64, Vec::new());
        }
        match (decimal(1), decimal(2)) {
            (Some(_), Some(_)) => return (Reading::Text, vec![Warning::AmbiguousNumbers]),
            (Some(decimal), None) | (None, Some(decimal)) => {
                return (Reading::Decimal(decimal), Vec::new());
            }
            (None, None) => {}
        }
        self.other()
    }

    /// Of what is no number.
    fn other(&self) -> (Reading, Vec<Warning>) {
        let moment = |order, utc| Reading::Timestamp { order, utc };
        let orders = [
            (Kinds::DATE_DMY, Kinds::DATE_MDY),
            (Kinds::TIMESTAMP_DMY, Kinds::TIMESTAMP_MDY),
        ];
        if orders
            .iter()
            .any(|(day, month)| self.kinds.holds(day.or(*month)))
        {
            return (Reading::Text, vec![Warning::AmbiguousDates]);
        }
        let readings = [
            (Kinds::BOOLEAN, Reading::Boolean(BooleanWords::TrueFalse)),
            (Kinds::YES_NO, Reading::Boolean(BooleanWords::YesNo)),
            (Kinds::T_F, Reading::Boolean(BooleanWords::Letters)),
            (Kinds::DATE, Reading::Date(DateOrder::YearMonthDay)),
            (Kinds::DATE_DMY, Reading::Date(DateOrder::DayMonthYear)),
            (Kinds::DATE_MDY, Reading::Date(DateOrder::MonthDayYear)),
            (Kinds::TIME, Reading::Time),
            (Kinds::TIMESTAMP, moment(DateOrder::YearMonthDay, false)),
            (Kinds::TIMESTAMP_UTC, moment(DateOrder::YearMonthDay, true)),
            (Kinds::TIMESTAMP_DMY, moment(DateOrder::DayMonthYear, false)),
            (Kinds::TIMESTAMP_MDY, moment(DateOrder::MonthDayYear, false)),
        ];
        let found = readings.iter().find(|(kind, _)| self.kinds.holds(*kind));
        (
            found.map_or(Reading::Text, |(_, reading)| *reading),
            Vec::new(),
        )
    }
}
