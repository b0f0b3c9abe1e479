//! What hints say of the cells of one column.

use crate::types::cell::{self, Kinds};
use crate::types::number::{self, NumberFormat};
use consign_hints::ColumnType;
use consign_hints::DateOrder;
use consign_hints::{DecimalSign, Hints, Thousands};

/// What hints say of the cells of one column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Told {
    decimal: Option<DecimalSign>,
    thousands: Option<Thousands>,
    order: Option<DateOrder>,
    /// Its type.
    pub(crate) kind: Option<ColumnType>,
}

impl Told {
    /// What is said of all columns. With `text` they stay text.
    pub(crate) fn of(hints: &Hints, text: bool) -> Self {
        // What groups digits does not stand before a fraction too.
        let implied = match hints.thousands {
            Some(Thousands::Comma) => Some(DecimalSign::Point),
            Some(Thousands::Point) => Some(DecimalSign::Comma),
            Some(Thousands::None | Thousands::Space | Thousands::Apostrophe) | None => None,
        };
        Self {
            decimal: hints.decimal.or(implied),
            thousands: hints.thousands,
            order: hints.date_order,
            kind: text.then_some(ColumnType::Text),
        }
    }

    /// The same of a column whose type is told.
    pub(crate) fn with(self, kind: Option<ColumnType>) -> Self {
        Self {
            kind: kind.or(self.kind),
            ..self
        }
    }

    /// What a column without cells may be.
    pub(crate) fn kinds(self) -> Kinds {
        let kinds = self.kind.map_or(Kinds::ALL, Kinds::of_type);
        kinds.without(self.other_orders())
    }

    fn other_orders(self) -> Kinds {
        let day_first = Kinds::DATE_DMY.or(Kinds::TIMESTAMP_DMY);
        let month_first = Kinds::DATE_MDY.or(Kinds::TIMESTAMP_MDY);
        match self.order {
            None => Kinds::NONE,
            Some(DateOrder::YearMonthDay) => day_first.or(month_first),
            Some(DateOrder::DayMonthYear) => month_first,
            Some(DateOrder::MonthDayYear) => day_first,
        }
    }

    /// The notation of grouped digits with a point.
    pub(crate) fn point_format(self) -> NumberFormat {
        match (self.decimal, self.thousands) {
            (Some(DecimalSign::Point), Some(Thousands::Space)) => NumberFormat::PointSpaced,
            _ => NumberFormat::PointGrouped,
        }
    }

    /// Whether a plain number with a point is none.
    pub(crate) fn has_comma(self) -> bool {
        self.decimal == Some(DecimalSign::Comma)
    }

    /// What a trimmed, non-empty cell can be.
    pub(crate) fn kinds_of(self, cell: &str) -> Kinds {
        let kinds = cell::kinds(cell);
        if self.decimal.is_none() && self.thousands.is_none() {
            return kinds;
        }
        let mut kinds = kinds;
        let format = self.point_format();
        if format == NumberFormat::PointSpaced {
            let holds = number::grouped(cell, format).is_some();
            kinds = kinds
                .without(Kinds::DECIMAL_GROUPED)
                .or(Kinds::DECIMAL_GROUPED.when(holds));
        }
        match self.decimal {
            Some(DecimalSign::Point) => kinds = kinds.without(Kinds::DECIMAL_COMMA),
            Some(DecimalSign::Comma) => {
                kinds = kinds.without(Kinds::DECIMAL_GROUPED);
                if cell.contains('.') && !kinds.holds(Kinds::INT64) {
                    kinds = kinds.without(Kinds::DECIMAL.or(Kinds::FLOAT64));
                }
            }
            None => {}
        }
        if !self.groups_by(number::separator(cell, NumberFormat::Comma)) {
            kinds = kinds.without(Kinds::DECIMAL_COMMA);
        }
        if !self.groups_by(number::separator(cell, format)) {
            kinds = kinds.without(Kinds::DECIMAL_GROUPED);
        }
        kinds
    }

    /// Whether digits may be grouped so.
    fn groups_by(self, separator: Option<char>) -> bool {
        let Some(separator) = separator else {
            return true;
        };
        match self.thousands {
            None => true,
            Some(Thousands::None) => false,
            Some(Thousands::Comma) => separator == ',',
            Some(Thousands::Point) => separator == '.',
            Some(Thousands::Space) => matches!(separator, ' ' | '\u{a0}' | '\u{202f}'),
            Some(Thousands::Apostrophe) => separator == '\'',
        }
    }
}
