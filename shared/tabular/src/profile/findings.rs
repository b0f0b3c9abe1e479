//! Facts of a column -> what its profile says of them.

use std::collections::HashMap;

use crate::layout::Column;
use crate::profile::counted::Different;
use crate::profile::distribution::{self, Counts};
use crate::profile::facts::{Counted, Facts};
use crate::profile::sample::{Sampled, SampledTexts, double, key};
use crate::profile::summary::{
    Distinct, Histogram, Longest, Quantiles, TOP_VALUE_BYTES_MAX, TopValue,
};
use crate::profile::warned::{self, Candidate};
use crate::profile::{Scalar, Warning};
use crate::types::reading::Reading;
use crate::writing::bounds::{Bound, Bounds};

/// Rows of a sample below which it says nothing.
const SAMPLE_ROWS_MIN: u64 = 32;
/// Texts whose hashes differ by chance alone are too many to be told apart in a sample, unless they are so long.
const HASH_BYTES_MIN: usize = 20;

/// Makes a value of the column of a bound.
pub(crate) type Shown<'a> = &'a dyn Fn(&Bound) -> Scalar;

/// What the profile of a column says beside extremes and sum.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) distinct: Option<Distinct>,
    pub(crate) sampled_rows: Option<u64>,
    pub(crate) quantiles: Option<Quantiles>,
    pub(crate) histogram: Option<Histogram>,
    pub(crate) top_values: Vec<TopValue>,
    pub(crate) empty_texts: u64,
    pub(crate) formula_cells: u64,
    pub(crate) longest: Option<Longest>,
    pub(crate) warnings: Vec<Warning>,
}

/// What a column is, and where its values are between.
pub(crate) struct Described<'a> {
    pub(crate) column: &'a Column,
    pub(crate) nulls: u64,
    pub(crate) bounds: Option<&'a Bounds>,
    pub(crate) shown: Shown<'a>,
}

/// The values of a column, or of its sample.
enum Known<'a> {
    Bools([u64; 2]),
    Numbers(Counts<i128>),
    Texts(Counts<&'a [u8]>),
}

impl Known<'_> {
    fn different(&self) -> u64 {
        match self {
            Self::Bools(counts) => counts.iter().filter(|count| **count > 0).count() as u64,
            Self::Numbers(counts) => counts.len() as u64,
            Self::Texts(counts) => counts.len() as u64,
        }
    }
}

impl Facts {
    /// What the profile says.
    pub(crate) fn findings(&self, described: &Described<'_>) -> Findings {
        let (known, is_all) = self.known();
        let distinct = self.distinct(&known, is_all);
        let is_told = is_all || self.picks.count() >= SAMPLE_ROWS_MIN;
        let mut findings = Findings {
            distinct,
            warnings: self.warnings(described, distinct),
            ..Findings::default()
        };
        if let Some(texts) = &self.texts {
            findings.empty_texts = texts.empty;
            findings.formula_cells = texts.formulas;
            findings.longest = texts.longest(self.values);
        }
        if is_told && self.values > 0 {
            findings.sampled_rows = (!is_all).then(|| self.picks.count());
            described.describe(&known, &mut findings);
            // What is there once in a sample says nothing.
            let least = if is_all { 1 } else { 2 };
            findings.top_values.retain(|top| top.count >= least);
        }
        findings
    }

    /// All values, or those of the sample.
    fn known(&self) -> (Known<'_>, bool) {
        match &self.counted {
            Counted::Bools(counts) => return (Known::Bools(*counts), true),
            Counted::Numbers(counted) => {
                if let Some(entries) = counted.entries() {
                    let mut counts: Counts<i128> = entries
                        .map(|(value, count)| (value.into(), count))
                        .collect();
                    counts.sort_unstable();
                    return (Known::Numbers(counts), true);
                }
            }
            Counted::Texts(counted) => {
                if let Some(entries) = counted.entries() {
                    return (Known::Texts(entries.collect()), true);
                }
            }
            Counted::Wides(_) | Counted::Nothing => {}
        }
        let Some(sample) = &self.sample else {
            return (Known::Bools([0; 2]), self.values == 0);
        };
        let known = match &sample.values {
            Sampled::Numbers(values) => {
                let counts = distribution::counts(values.clone()).into_iter();
                Known::Numbers(counts.map(|(value, count)| (value.into(), count)).collect())
            }
            Sampled::Wides(values) => Known::Numbers(distribution::counts(values.clone())),
            Sampled::Texts(texts) => Known::Texts(counts_of_texts(texts)),
            Sampled::Nothing => Known::Bools([0; 2]),
        };
        (known, self.picks.are_all())
    }

    fn distinct(&self, known: &Known<'_>, is_all: bool) -> Option<Distinct> {
        let exactly = |count| Distinct {
            count,
            exact: true,
            relative_error: None,
        };
        if self.rises && self.values > 0 {
            return Some(exactly(self.values));
        }
        if is_all {
            return Some(exactly(known.different()));
        }
        let Different { count, error } = match &self.counted {
            Counted::Numbers(counted) | Counted::Wides(counted) => counted.different(),
            Counted::Texts(counted) => counted.different(),
            Counted::Bools(_) | Counted::Nothing => return None,
        };
        Some(Distinct {
            // An estimate may be too high.
            count: count.min(self.values),
            exact: error.is_none(),
            relative_error: error,
        })
    }

    fn warnings(&self, described: &Described<'_>, distinct: Option<Distinct>) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let name = described.column.original_name.as_ref();
        let name = name.unwrap_or(&described.column.name);
        let texts = self.texts.as_ref();
        if texts.is_some_and(|texts| texts.formulas > 0) {
            warnings.push(Warning::FormulaCells);
        }
        if let Reading::Text = described.column.reading
            && self.values > 0
        {
            warnings.extend(warned::of_texts(name, self.whole_texts().into_iter()));
        }
        if described.nulls == 0 && self.is_identifier(name, described, distinct) {
            warnings.push(Warning::LikelyIdentifier);
        }
        warnings
    }

    fn sampled_texts(&self) -> Option<&SampledTexts> {
        match &self.sample.as_ref()?.values {
            Sampled::Texts(texts) => Some(texts),
            Sampled::Numbers(_) | Sampled::Wides(_) | Sampled::Nothing => None,
        }
    }

    /// Texts that are known, as far as they were not cut.
    fn whole_texts(&self) -> Vec<&str> {
        let text = |text| std::str::from_utf8(text).ok();
        if let Counted::Texts(counted) = &self.counted
            && let Some(entries) = counted.entries()
        {
            return entries.filter_map(|(bytes, _)| text(bytes)).collect();
        }
        let Some(texts) = self.sampled_texts() else {
            return Vec::new();
        };
        let whole = (0..texts.hashes.len()).filter(|at| texts.is_whole(*at));
        whole.filter_map(|at| text(texts.get(at))).collect()
    }

    fn is_identifier(
        &self,
        name: &str,
        described: &Described<'_>,
        distinct: Option<Distinct>,
    ) -> bool {
        let is_counted =
            distinct.is_some_and(|distinct| distinct.exact && distinct.count == self.values);
        let mut candidate = Candidate {
            name,
            values: self.values,
            is_unique: is_counted,
        };
        match (described.column.reading, described.bounds) {
            (Reading::Int64, Some((Bound::Int(min), Bound::Int(max)))) => {
                candidate.is_identifier_number(self.rises.then_some((*min, *max)))
            }
            (Reading::Text, _) => {
                candidate.is_unique |= self.is_likely_unique(distinct);
                let texts = self.whole_texts();
                let longest = self.texts.as_ref().map(|texts| texts.longest_bytes());
                let longest_bytes = longest.unwrap_or(0);
                candidate.is_unique
                    && candidate.is_identifier_text(longest_bytes, texts.into_iter())
            }
            (Reading::Boolean(_) | Reading::Int64 | Reading::Decimal(_), _) => false,
            (Reading::Float64 | Reading::Date(_) | Reading::Time, _) => false,
            (Reading::Timestamp { .. }, _) => false,
        }
    }

    /// Whether texts that are too many to count seem to be different: none comes twice in the sample, they are long, and the
    /// estimate agrees.
    fn is_likely_unique(&self, distinct: Option<Distinct>) -> bool {
        let Some(texts) = self.sampled_texts() else {
            return false;
        };
        let count = texts.hashes.len();
        let is_long = (0..count).all(|at| texts.get(at).len() >= HASH_BYTES_MIN);
        let is_close = distinct.is_some_and(|distinct| {
            let error = distinct.relative_error.unwrap_or(0.0);
            distinct.count as f64 >= self.values as f64 * (1.0 - 3.0 * error)
        });
        is_long
            && is_close
            && count as u64 >= SAMPLE_ROWS_MIN
            && counts_of_texts(texts).len() == count
    }
}

/// How often each text of the sample comes, told by their hashes.
fn counts_of_texts(texts: &SampledTexts) -> Counts<&[u8]> {
    let mut places: HashMap<u64, usize> = HashMap::with_capacity(texts.hashes.len());
    let mut counts: Counts<&[u8]> = Vec::new();
    for (at, hash) in texts.hashes.iter().enumerate() {
        let place = *places.entry(*hash).or_insert_with(|| {
            counts.push((texts.get(at), 0));
            counts.len() - 1
        });
        counts[place].1 += 1;
    }
    counts
}

impl Described<'_> {
    fn describe(&self, known: &Known<'_>, findings: &mut Findings) {
        match known {
            Known::Bools(counts) => {
                let counts: Counts<bool> = [false, true].into_iter().zip(*counts).collect();
                let top = distribution::top(&counts).into_iter();
                let top = top.filter(|(_, count)| *count > 0);
                findings.top_values = top
                    .map(|(value, count)| TopValue {
                        value: Scalar::Boolean(value),
                        count,
                    })
                    .collect();
            }
            Known::Numbers(counts) => {
                let top = distribution::top(counts).into_iter();
                findings.top_values = top
                    .map(|(value, count)| TopValue {
                        value: self.scalar(value),
                        count,
                    })
                    .collect();
                findings.quantiles = self.quantiles(counts);
                findings.histogram = self.histogram(counts);
            }
            Known::Texts(counts) => {
                let top = distribution::top(counts).into_iter();
                findings.top_values = top
                    .map(|(value, count)| TopValue {
                        value: Scalar::Text(beginning(value)),
                        count,
                    })
                    .collect();
            }
        }
    }

    fn is_float(&self) -> bool {
        matches!(self.column.reading, Reading::Float64)
    }

    /// The value of a number as it is counted.
    fn scalar(&self, value: i128) -> Scalar {
        let narrow = i64::try_from(value);
        let scalar = match narrow {
            Ok(value) if self.is_float() => (self.shown)(&Bound::Float(double(value))),
            Ok(value) => (self.shown)(&Bound::Int(value)),
            Err(_) => (self.shown)(&Bound::Wide(value)),
        };
        match scalar {
            // JSON has no number for it.
            Scalar::Float(value) if !value.is_finite() => Scalar::Text(value.to_string()),
            Scalar::Boolean(_) | Scalar::Int(_) | Scalar::Float(_) | Scalar::Text(_) => scalar,
        }
    }

    fn quantiles(&self, counts: &[(i128, u64)]) -> Option<Quantiles> {
        let nan = i128::from(key(f64::NAN));
        let counts = match counts.split_last() {
            Some(((last, _), rest)) if self.is_float() && *last == nan => rest,
            Some(_) | None => counts,
        };
        let [p01, p05, p25, p50, p75, p95, p99] =
            distribution::quantiles(counts)?.map(|value| self.scalar(value));
        Some(Quantiles {
            p01,
            p05,
            p25,
            p50,
            p75,
            p95,
            p99,
        })
    }

    fn histogram(&self, counts: &[(i128, u64)]) -> Option<Histogram> {
        let (finite, not_finite) = if self.is_float() {
            finite(counts)
        } else {
            (counts, 0)
        };
        let ((first, _), (last, _)) = (finite.first()?, finite.last()?);
        // The extremes are known even where the values are a sample.
        let (from, to) = match self.bounds {
            Some((Bound::Int(min), Bound::Int(max))) => (i128::from(*min), i128::from(*max)),
            Some((Bound::Wide(min), Bound::Wide(max))) => (*min, *max),
            Some((Bound::Float(min), Bound::Float(max))) if min.is_finite() && max.is_finite() => {
                (key(*min).into(), key(*max).into())
            }
            Some(_) | None => (*first, *last),
        };
        let edges = match (i64::try_from(from), i64::try_from(to)) {
            (Ok(from), Ok(to)) if self.is_float() => {
                distribution::double_edges(double(from), double(to))
            }
            _ => distribution::whole_edges(from, to),
        };
        Some(Histogram {
            from: self.scalar(from),
            to: self.scalar(to),
            counts: distribution::binned(finite, from, &edges),
            not_finite,
        })
    }
}

/// Those of doubles that are finite, and how many are not.
fn finite(counts: &[(i128, u64)]) -> (&[(i128, u64)], u64) {
    let (least, most) = (
        i128::from(key(f64::NEG_INFINITY)),
        i128::from(key(f64::INFINITY)),
    );
    let begin = counts.partition_point(|(value, _)| *value <= least);
    let end = counts.partition_point(|(value, _)| *value < most);
    let others = counts[..begin].iter().chain(&counts[end.max(begin)..]);
    let others = others.map(|(_, count)| count).sum();
    (&counts[begin..end.max(begin)], others)
}

fn beginning(text: &[u8]) -> String {
    let text = std::str::from_utf8(text).unwrap_or_default();
    text[..text.floor_char_boundary(TOP_VALUE_BYTES_MAX)].to_owned()
}
