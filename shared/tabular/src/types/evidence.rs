//! What the cells of a column allow, and the reading that follows.

use crate::parsing::row::Cell;
use crate::profile::Warning;
use crate::types::cell::{self, BooleanWords, Kinds};
use crate::types::number::{self, Digits, NumberFormat};
use crate::types::reading::{Decimal, Reading};
use crate::types::told::Told;
use consign_hints::ColumnType;
use consign_hints::DateOrder;

/// Digits up to which a decimal is taken before a double: money and quantities have no more, and a long fraction is a
/// double that some program wrote.
const DECIMAL_PRECISION_USUAL: u8 = 18;

/// What every cell of a column seen so far allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evidence {
    kinds: Kinds,
    /// A value was seen, other than null and `NaN`.
    any: bool,
    nan: bool,
    /// A number was seen that is more than digits, an `e` and digits: alone, these are as likely article numbers.
    plain: bool,
    unit: Option<&'static str>,
    told: Told,
    /// Digits in each notation of [`Evidence::formats`].
    digits: [Digits; 3],
}

/// What one cell says.
struct Look<'a> {
    kinds: Kinds,
    /// What is left of a number without its unit.
    number: &'a str,
    unit: Option<&'static str>,
}

impl Evidence {
    /// Of a column without cells, of which hints say so much.
    pub(crate) fn new(told: Told) -> Self {
        Self {
            kinds: told.kinds(),
            told,
            any: false,
            nan: false,
            plain: told.kind.is_some(),
            unit: None,
            digits: [Digits::default(); 3],
        }
    }

    /// What hints say of the column.
    pub(crate) fn told(&self) -> Told {
        self.told
    }

    pub(crate) fn take(&mut self, cell: &Cell<'_>) {
        if self.kinds == Kinds::NONE || cell.raw.is_empty() {
            return;
        }
        let trimmed = cell::trim(cell.raw);
        let Some(look) = self.look(trimmed, cell) else {
            self.nan |= number::is_nan(trimmed) && !cell.literal;
            return;
        };
        let mut kinds = look.kinds;
        // Every number of a column has the same unit, or none has one.
        if self.any && look.unit != self.unit {
            kinds = Kinds::NONE;
        }
        self.any = true;
        self.plain |= kinds != Kinds::FLOAT64 || !number::is_bare_exponent(look.number);
        self.unit = look.unit;
        self.kinds = self.kinds.and(kinds);
        if self.kinds.is_number() {
            self.digits = self.digits_with(look.number);
        }
    }

    /// What a cell says; `None` where it says that there is no value.
    fn look<'a>(&self, trimmed: &'a str, cell: &Cell<'_>) -> Option<Look<'a>> {
        let mut look = Look {
            kinds: self.told.kinds_of(trimmed),
            number: trimmed,
            unit: None,
        };
        // A text of JSON is what it is, unless a hint says more.
        let literal = cell.literal && self.told.kind.is_none();
        if look.kinds == Kinds::NONE {
            if !literal && (number::is_nan(trimmed) || cell::is_null_token(trimmed)) {
                return None;
            }
            if let Some((found, sign)) = cell::split_unit(trimmed) {
                (look.number, look.unit) = (found, Some(sign));
                look.kinds = self.told.kinds_of(found).and(Kinds::DECIMALS);
            }
        }
        if literal {
            (look.kinds, look.unit) = (look.kinds.and(Kinds::MOMENTS), None);
        }
        Some(look)
    }

    /// Whether a column that is told its type, and of which these are the cells so far, cannot hold another.
    pub(crate) fn breaks(&self, cell: &Cell<'_>) -> bool {
        let has_type = self.told.kind.is_some() && !self.is_text_for_good();
        if !has_type || cell.raw.is_empty() {
            return false;
        }
        let Some(look) = self.look(cell::trim(cell.raw), cell) else {
            return false;
        };
        let kinds = self.kinds.and(look.kinds);
        if kinds == Kinds::NONE || (self.any && look.unit != self.unit) {
            return true;
        }
        if self.told.kind != Some(ColumnType::Decimal) {
            return look.unit.is_some();
        }
        // Too many digits together with those of other cells.
        let digits = self.digits_with(look.number);
        let held = self.formats().into_iter().zip(digits);
        let mut held = held.filter(|((_, kind), _)| kinds.holds(*kind));
        !held.any(|(_, digits)| digits.precision().is_some())
    }

    fn digits_with(&self, number: &str) -> [Digits; 3] {
        let mut all = self.digits;
        for ((format, kind), digits) in self.formats().into_iter().zip(&mut all) {
            if !self.kinds.holds(kind) {
                continue;
            }
            let found = match format {
                NumberFormat::Point => {
                    number::written(number.as_bytes()).and_then(|written| written.digits())
                }
                NumberFormat::Comma | NumberFormat::PointGrouped | NumberFormat::PointSpaced => {
                    number::grouped(number, format)
                }
            };
            digits.join(found.unwrap_or_default());
        }
        all
    }

    /// Notations of decimals, in the order in which they are preferred.
    fn formats(&self) -> [(NumberFormat, Kinds); 3] {
        [
            (NumberFormat::Point, Kinds::DECIMAL),
            (NumberFormat::Comma, Kinds::DECIMAL_COMMA),
            (self.told.point_format(), Kinds::DECIMAL_GROUPED),
        ]
    }

    /// Whether no further cell can make it something else than text.
    pub(crate) fn is_text_for_good(&self) -> bool {
        self.kinds == Kinds::NONE
    }

    /// The reading that holds every cell, and what its owner should know.
    pub(crate) fn reading(&self) -> (Reading, Vec<Warning>) {
        if let Some(kind) = self.told.kind {
            return self.told_reading(kind);
        }
        let holds = |kind| self.kinds.holds(kind);
        // A column without a single value says nothing: text, so that its null tokens stay what they are.
        if !self.any || !self.plain || self.kinds == Kinds::NONE {
            return (Reading::Text, Vec::new());
        }
        let decimal = |at: usize| self.decimal(at).filter(|_| !self.nan);
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

    /// Decimals in one of the notations, where it holds every cell.
    fn decimal(&self, at: usize) -> Option<Decimal> {
        let (format, kind) = self.formats()[at];
        let digits = self.digits[at];
        let precision = digits.precision().filter(|_| self.kinds.holds(kind))?;
        Some(Decimal {
            format,
            precision,
            scale: digits.scale,
            unit: self.unit,
        })
    }

    /// Of a column whose type is told: text, with a warning, where its cells leave their notation open.
    fn told_reading(&self, kind: ColumnType) -> (Reading, Vec<Warning>) {
        let reading = match kind {
            ColumnType::Int64 => Reading::Int64,
            ColumnType::Float64 => Reading::Float64,
            ColumnType::Text => Reading::Text,
            ColumnType::Time => Reading::Time,
            ColumnType::Decimal => {
                let found = [self.decimal(0), self.decimal(1), self.decimal(2)];
                match (found, self.any) {
                    ([Some(point), _, _], _) => Reading::Decimal(point),
                    ([None, Some(_), Some(_)], true) => {
                        return (Reading::Text, vec![Warning::AmbiguousNumbers]);
                    }
                    ([None, comma, grouped], _) => match comma.or(grouped) {
                        Some(decimal) => Reading::Decimal(decimal),
                        None => Reading::Text,
                    },
                }
            }
            ColumnType::Boolean
            | ColumnType::Date
            | ColumnType::Timestamp
            | ColumnType::TimestampUtc => return self.told_moment(),
        };
        (reading, Vec::new())
    }

    /// The same where there is a word or an order of parts to choose. Without cells the first one does.
    fn told_moment(&self) -> (Reading, Vec<Warning>) {
        if self.any {
            return self.other();
        }
        let first = Self::others().into_iter();
        let mut first = first.filter(|(kind, _)| self.kinds.holds(*kind));
        let reading = first.next().map_or(Reading::Text, |(_, reading)| reading);
        (reading, Vec::new())
    }

    /// Of what is no number.
    fn other(&self) -> (Reading, Vec<Warning>) {
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
        let readings = Self::others();
        let found = readings.iter().find(|(kind, _)| self.kinds.holds(*kind));
        (
            found.map_or(Reading::Text, |(_, reading)| *reading),
            Vec::new(),
        )
    }

    fn others() -> [(Kinds, Reading); 11] {
        let moment = |order, utc| Reading::Timestamp { order, utc };
        [
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
        ]
    }
}
