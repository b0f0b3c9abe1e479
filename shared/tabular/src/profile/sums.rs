//! Sum, mean and standard deviation of a column, added up block by block.

use std::borrow::Cow;

use crate::profile::Sum;
use crate::types::number;
use crate::types::reading::{Decimal, Reading};

/// A sum of doubles that keeps what rounding drops (Neumaier).
#[derive(Default)]
struct Compensated {
    sum: f64,
    dropped: f64,
}

impl Compensated {
    fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        self.dropped += if self.sum.abs() >= value.abs() {
            (self.sum - sum) + value
        } else {
            (value - sum) + self.sum
        };
        self.sum = sum;
    }

    fn total(&self) -> f64 {
        self.sum + self.dropped
    }
}

/// The sum of the values so far.
enum Summed {
    /// Of a column that has none.
    Nothing,
    /// Of integers and decimals; `None` once it is out of range.
    Exact(Option<i128>),
    Float(Compensated),
}

/// How far values are from their mean: the count, the mean, and the sum of the squares of the distances. Blocks are joined as
/// Chan, Golub and LeVeque do, which loses no digits where the mean is far from zero.
#[derive(Clone, Copy, Default)]
struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    /// Of values as distances from `origin`.
    fn of<T: Copy>(origin: f64, values: &[T], distance: impl Fn(T) -> f64) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        let count = values.len() as f64;
        let mean = added(values, &distance) / count;
        let square = |value| {
            let distance = distance(value) - mean;
            distance * distance
        };
        Self {
            count,
            mean: origin + mean,
            squares: added(values, square),
        }
    }

    fn join(&mut self, other: Self) {
        if other.count == 0.0 {
            return;
        }
        let count = self.count + other.count;
        let distance = other.mean - self.mean;
        self.squares += other.squares + distance * distance * (self.count * other.count / count);
        self.mean += distance * (other.count / count);
        self.count = count;
    }

    /// Of the sample, as spreadsheets and databases have it by default: of one value there is none.
    fn deviation(&self, unit: f64) -> Option<f64> {
        let deviation = (self.squares / (self.count - 1.0)).sqrt() / unit;
        (self.count >= 2.0 && deviation.is_finite()).then_some(deviation)
    }
}

/// The sum, in four parts which do not wait for each other.
fn added<T: Copy>(values: &[T], of: impl Fn(T) -> f64) -> f64 {
    let (fours, rest) = values.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for four in fours {
        for (sum, value) in sums.iter_mut().zip(four) {
            *sum += of(*value);
        }
    }
    let rest: f64 = rest.iter().map(|value| of(*value)).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// What is added up of a column.
pub(crate) struct Sums {
    sum: Summed,
    spread: Spread,
    /// Values, what is not a number excluded.
    count: u64,
}

/// What a column of numbers with a value has.
#[derive(Default)]
pub(crate) struct Totals {
    pub(crate) sum: Option<Sum>,
    pub(crate) mean: Option<f64>,
    pub(crate) deviation: Option<f64>,
}

impl Sums {
    pub(crate) fn new(reading: Reading) -> Self {
        let sum = match reading {
            Reading::Int64 | Reading::Decimal(_) => Summed::Exact(Some(0)),
            Reading::Float64 => Summed::Float(Compensated::default()),
            Reading::Boolean(_) | Reading::Date(_) | Reading::Time => Summed::Nothing,
            Reading::Timestamp { .. } | Reading::Text => Summed::Nothing,
        };
        Self {
            sum,
            spread: Spread::default(),
            count: 0,
        }
    }

    /// Adds integers, of which all of the page are between these.
    pub(crate) fn add_ints(&mut self, values: &[i64], bounds: (i64, i64)) {
        let Summed::Exact(sum) = &mut self.sum else {
            return;
        };
        let block = sum_of(values, bounds);
        *sum = sum.and_then(|sum| sum.checked_add(block));
        self.count += values.len() as u64;
        self.spread.join(spread_of(values, block, bounds));
    }

    /// Adds integers of 128 bits.
    pub(crate) fn add_wides(&mut self, values: &[i128]) {
        let Summed::Exact(sum) = &mut self.sum else {
            return;
        };
        *sum = values
            .iter()
            .fold(*sum, |sum, value| sum?.checked_add(*value));
        self.count += values.len() as u64;
        self.spread
            .join(Spread::of(0.0, values, |value| value as f64));
    }

    /// Adds doubles, but what is not a number.
    pub(crate) fn add_floats(&mut self, values: &[f64]) {
        let Summed::Float(sum) = &mut self.sum else {
            return;
        };
        let numbers: Cow<'_, [f64]> = if values.iter().any(|value| value.is_nan()) {
            let numbers = values.iter().copied();
            numbers.filter(|value| !value.is_nan()).collect()
        } else {
            values.into()
        };
        numbers.iter().for_each(|value| sum.add(*value));
        self.count += numbers.len() as u64;
        self.spread.join(Spread::of(0.0, &numbers, |value| value));
    }

    /// Of a column of decimals, or of another one.
    pub(crate) fn totals(&self, decimal: Option<Decimal>) -> Totals {
        if self.count == 0 {
            return Totals::default();
        }
        let (sum, mean) = self.sum_and_mean(decimal);
        let power = decimal.and_then(|decimal| number::float64(&format!("1e{}", decimal.scale)));
        Totals {
            deviation: self.spread.deviation(power.unwrap_or(1.0)),
            sum,
            mean,
        }
    }

    fn sum_and_mean(&self, decimal: Option<Decimal>) -> (Option<Sum>, Option<f64>) {
        let count = self.count as f64;
        match (&self.sum, decimal) {
            (Summed::Exact(sum), Some(decimal)) => {
                let text = sum.map(|sum| number::decimal_text(sum, decimal.scale));
                let mean = text.as_deref().and_then(number::float64);
                (text.map(Sum::Decimal), mean.map(|sum| sum / count))
            }
            (Summed::Exact(sum), None) => {
                let mean = sum.map(|sum| sum as f64 / count);
                (sum.map(Sum::Int), mean)
            }
            (Summed::Float(sum), _) => (Some(Sum::Float(sum.total())), Some(sum.total() / count)),
            (Summed::Nothing, _) => (None, None),
        }
    }
}

/// The sum of a block of integers between these.
fn sum_of(values: &[i64], (min, max): (i64, i64)) -> i128 {
    let most = u128::from(min.unsigned_abs().max(max.unsigned_abs()));
    if most * (values.len() as u128) < i64::MAX as u128 {
        values.iter().sum::<i64>().into()
    } else {
        values.iter().map(|value| i128::from(*value)).sum()
    }
}

/// Of integers whose sum is known, and that are between these. They are taken as distances from their mean, which a double holds
/// without loss where they are close to each other, however large they are.
fn spread_of(values: &[i64], sum: i128, (min, max): (i64, i64)) -> Spread {
    if values.is_empty() || max.checked_sub(min).is_none() {
        return Spread::of(0.0, values, |value| value as f64);
    }
    let all = values.len() as i128;
    // It is between the extremes.
    let origin = i64::try_from(sum / all).unwrap_or(min);
    let rest = (sum % all) as f64 / all as f64;
    let square = |distance: f64| (distance - rest) * (distance - rest);
    // Of 32 bits several are worked on at once.
    let squares = if i32::try_from(max - min).is_ok() {
        added(values, |value| square(f64::from((value - origin) as i32)))
    } else {
        added(values, |value| square((value - origin) as f64))
    };
    Spread {
        count: values.len() as f64,
        mean: origin as f64 + rest,
        squares,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deviation(pages: &[&[i64]]) -> Option<f64> {
        let mut spread = Spread::default();
        for page in pages {
            let sum = page.iter().map(|value| i128::from(*value)).sum();
            let min = page.iter().copied().min().unwrap_or(0);
            let max = page.iter().copied().max().unwrap_or(0);
            spread.join(spread_of(page, sum, (min, max)));
        }
        spread.deviation(1.0)
    }

    #[test]
    fn the_deviation_does_not_depend_on_how_large_the_values_are() {
        let near = deviation(&[&[2, 4, 4, 4], &[5, 5, 7, 9]]).expect("eight values");
        assert!((near - (32.0_f64 / 7.0).sqrt()).abs() < 1e-12, "{near}");
        let far = 1_000_000_000_000_000_000;
        let far = [2, 4, 4, 4, 5, 5, 7, 9].map(|value| far + value);
        let far = deviation(&[&far]).expect("eight values");
        assert!((far - near).abs() < 1e-12, "{far}");
    }

    #[test]
    fn one_value_has_no_deviation_and_extremes_have_one() {
        assert_eq!(deviation(&[&[7], &[]]), None);
        let most = deviation(&[&[i64::MIN, i64::MAX]]).expect("two values");
        assert!(
            (most / 1.304_381_782_533_278_5e19 - 1.0).abs() < 1e-9,
            "{most}"
        );
    }
}
