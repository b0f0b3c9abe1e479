//! The smallest and the largest value of a page, of a chunk, of a column.

use parquet::basic::Type;
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::file::statistics::{Statistics, ValueStatistics};

use crate::limits::TEXT_EXTREME_BYTES_MAX;
use crate::writing::buffer::{Buffer, TextValues, Values};

/// Longer texts are cut in the statistics.
const TEXT_BYTES_MAX: usize = 64;

/// A value that others are smaller or larger than.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Bound {
    Bool(bool),
    Int(i64),
    Float(f64),
    Wide(i128),
    Text(Box<str>),
}

/// The smallest and the largest value.
pub(crate) type Bounds = (Bound, Bound);

/// The bounds of both.
pub(crate) fn join(all: &mut Option<Bounds>, (least, most): Bounds) {
    match all {
        None => *all = Some((least, most)),
        Some((min, max)) => {
            if is_less(&least, min) {
                *min = least;
            }
            if is_less(max, &most) {
                *max = most;
            }
        }
    }
}

fn is_less(one: &Bound, other: &Bound) -> bool {
    match (one, other) {
        (Bound::Bool(one), Bound::Bool(other)) => !one & other,
        (Bound::Int(one), Bound::Int(other)) => one < other,
        (Bound::Float(one), Bound::Float(other)) => one < other,
        (Bound::Wide(one), Bound::Wide(other)) => one < other,
        (Bound::Text(one), Bound::Text(other)) => one < other,
        // A column has one type.
        (Bound::Bool(_) | Bound::Int(_) | Bound::Float(_) | Bound::Wide(_) | Bound::Text(_), _) => {
            false
        }
    }
}

/// The bounds of what waits, and how many values are not a number.
pub(crate) fn of(buffer: &Buffer) -> (Option<Bounds>, u64) {
    match &buffer.values {
        Values::Bools(values) => {
            let has = |value| values.contains(&value);
            let bounds =
                (!values.is_empty()).then(|| (Bound::Bool(!has(false)), Bound::Bool(has(true))));
            (bounds, 0)
        }
        Values::Ints(values) => {
            let Some(first) = values.first() else {
                return (None, 0);
            };
            let (mut min, mut max) = (*first, *first);
            for value in values {
                min = min.min(*value);
                max = max.max(*value);
            }
            (Some((Bound::Int(min), Bound::Int(max))), 0)
        }
        Values::Floats(values) => {
            let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
            let mut nans = 0;
            for value in values {
                nans += u64::from(value.is_nan());
                if *value < min {
                    min = *value;
                }
                if *value > max {
                    max = *value;
                }
            }
            let has_some = nans < values.len() as u64;
            let bounds = has_some.then_some((Bound::Float(min), Bound::Float(max)));
            // Nothing is smaller than infinity where nothing else was seen.
            let bounds = bounds.map(|bounds| repaired(values, bounds));
            (bounds, nans)
        }
        Values::Wides(values) => {
            let (min, max) = (values.iter().min(), values.iter().max());
            let bounds = min
                .zip(max)
                .map(|(min, max)| (Bound::Wide(*min), Bound::Wide(*max)));
            (bounds, 0)
        }
        Values::Texts(values) => (of_texts(values), 0),
    }
}

/// Bounds of doubles where all are the same infinity.
fn repaired(values: &[f64], (min, max): Bounds) -> Bounds {
    let is_met = |bound: &Bound| match bound {
        Bound::Float(bound) => values.contains(bound),
        Bound::Bool(_) | Bound::Int(_) | Bound::Wide(_) | Bound::Text(_) => true,
    };
    match (is_met(&min), is_met(&max)) {
        (true, true) => (min, max),
        (true, false) => (min.clone(), min),
        (false, _) => (max.clone(), max),
    }
}

fn of_texts(values: &TextValues) -> Option<Bounds> {
    let mut bounds: Option<[(u64, &[u8]); 2]> = None;
    let mut take = |text| {
        let text = (key(text), text);
        match &mut bounds {
            None => bounds = Some([text, text]),
            Some([min, _]) if text < *min => *min = text,
            Some([_, max]) if text > *max => *max = text,
            Some(_) => {}
        }
    };
    if values.has_places() {
        let mut is_used = vec![false; values.dictionary.len()];
        for place in &values.places {
            is_used[*place as usize] = true;
        }
        let used = (0..is_used.len()).filter(|place| is_used[*place]);
        used.for_each(|place| take(values.dictionary.get(place)));
    } else {
        values.plain_texts().for_each(take);
    }
    let text = |text: &[u8]| {
        let text = std::str::from_utf8(text).unwrap_or_default();
        // Of a long text as much as anybody looks at: its beginning is the smallest or the largest one too.
        let end = text.ceil_char_boundary(TEXT_EXTREME_BYTES_MAX + 1);
        Bound::Text(text[..end].into())
    };
    bounds.map(|[(_, min), (_, max)]| (text(min), text(max)))
}

/// The first eight bytes in their order: where they differ, no more needs to be compared.
#[inline]
fn key(text: &[u8]) -> u64 {
    match text.first_chunk::<8>() {
        Some(first) => u64::from_be_bytes(*first),
        None => {
            let mut first = [0; 8];
            first[..text.len()].copy_from_slice(text);
            u64::from_be_bytes(first)
        }
    }
}

/// A bound as Parquet has it in its indexes: not above the smallest, and not below the largest value.
pub(crate) fn bytes(bound: &Bound, physical: Type, is_max: bool) -> Option<Vec<u8>> {
    Some(match bound {
        Bound::Bool(value) => vec![u8::from(*value)],
        Bound::Int(value) if physical == Type::INT32 => {
            i32::try_from(*value).ok()?.to_le_bytes().to_vec()
        }
        Bound::Int(value) => value.to_le_bytes().to_vec(),
        Bound::Float(value) => signed_zero(*value, is_max).to_le_bytes().to_vec(),
        Bound::Wide(value) => value.to_be_bytes().to_vec(),
        Bound::Text(text) if text.len() <= TEXT_BYTES_MAX => text.as_bytes().to_vec(),
        Bound::Text(text) if is_max => above(cut(text))?.into_bytes(),
        Bound::Text(text) => cut(text).as_bytes().to_vec(),
    })
}

/// The statistics of a chunk.
pub(crate) fn statistics(
    bounds: Option<&Bounds>,
    physical: Type,
    nulls: u64,
    nans: u64,
) -> Option<Statistics> {
    let nulls = Some(nulls);
    let is_exact = |bound: &Bound| match bound {
        Bound::Text(text) => text.len() <= TEXT_BYTES_MAX,
        Bound::Bool(_) | Bound::Int(_) | Bound::Float(_) | Bound::Wide(_) => true,
    };
    let Some((min, max)) = bounds else {
        return none(physical, nulls, nans);
    };
    Some(match (min, max) {
        (Bound::Bool(min), Bound::Bool(max)) => {
            Statistics::boolean(Some(*min), Some(*max), None, nulls, false)
        }
        (Bound::Int(min), Bound::Int(max)) if physical == Type::INT32 => {
            let narrow = |value: i64| i32::try_from(value).ok();
            Statistics::int32(narrow(*min), narrow(*max), None, nulls, false)
        }
        (Bound::Int(min), Bound::Int(max)) => {
            Statistics::int64(Some(*min), Some(*max), None, nulls, false)
        }
        (Bound::Float(min), Bound::Float(max)) => {
            let (min, max) = (signed_zero(*min, false), signed_zero(*max, true));
            Statistics::Double(
                ValueStatistics::new(Some(min), Some(max), None, nulls, false)
                    .with_nan_count(Some(nans)),
            )
        }
        (min @ Bound::Wide(_), max) => {
            let value = |bound, is_max| {
                let bytes = bytes(bound, physical, is_max)?;
                Some(FixedLenByteArray::from(ByteArray::from(bytes)))
            };
            let (min, max) = (value(min, false), value(max, true));
            Statistics::fixed_len_byte_array(min, max, None, nulls, false)
        }
        (min, max) => {
            let value = |bound, is_max| bytes(bound, physical, is_max).map(ByteArray::from);
            let values =
                ValueStatistics::new(value(min, false), value(max, true), None, nulls, false);
            Statistics::ByteArray(
                values
                    .with_min_is_exact(is_exact(min))
                    .with_max_is_exact(is_exact(max)),
            )
        }
    })
}

/// Of a chunk without a value that has an order.
fn none(physical: Type, nulls: Option<u64>, nans: u64) -> Option<Statistics> {
    Some(match physical {
        Type::BOOLEAN => Statistics::boolean(None, None, None, nulls, false),
        Type::INT32 => Statistics::int32(None, None, None, nulls, false),
        Type::INT64 => Statistics::int64(None, None, None, nulls, false),
        Type::DOUBLE => Statistics::Double(
            ValueStatistics::new(None, None, None, nulls, false).with_nan_count(Some(nans)),
        ),
        Type::BYTE_ARRAY => Statistics::byte_array(None, None, None, nulls, false),
        Type::FIXED_LEN_BYTE_ARRAY => {
            Statistics::fixed_len_byte_array(None, None, None, nulls, false)
        }
        Type::INT96 | Type::FLOAT => return None,
    })
}

/// Zeros in statistics stand for both zeros: the smallest is the negative one
/// (<https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>, ColumnOrder).
fn signed_zero(value: f64, is_max: bool) -> f64 {
    match (value == 0.0, is_max) {
        (false, _) => value,
        (true, true) => 0.0,
        (true, false) => -0.0,
    }
}

/// The bounds of a page as they are kept until its chunk ends: of long texts as much as [`bytes`] looks at, so that memory does
/// not grow with the texts.
pub(crate) fn shortened((min, max): &Bounds) -> Bounds {
    let short = |bound: &Bound| match bound {
        Bound::Text(text) => {
            // Still longer than what is cut.
            let end = text.ceil_char_boundary(TEXT_BYTES_MAX + 1);
            Bound::Text(text[..end].into())
        }
        Bound::Bool(_) | Bound::Int(_) | Bound::Float(_) | Bound::Wide(_) => bound.clone(),
    };
    (short(min), short(max))
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}

/// The first text that is above all texts which begin so.
fn above(beginning: &str) -> Option<String> {
    let mut letters: Vec<char> = beginning.chars().collect();
    while let Some(last) = letters.pop() {
        let next = match u32::from(last) + 1 {
            0xD800 => Some('\u{E000}'),
            next => char::from_u32(next),
        };
        if let Some(next) = next {
            letters.push(next);
            return Some(letters.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_stays_a_bound() {
        let text = "z".repeat(70);
        let bound = Bound::Text(text.as_str().into());
        let max = bytes(&bound, Type::BYTE_ARRAY, true).unwrap();
        let min = bytes(&bound, Type::BYTE_ARRAY, false).unwrap();
        assert!(max.as_slice() > text.as_bytes() && min.as_slice() < text.as_bytes());
        assert_eq!(above("a\u{10FFFF}").as_deref(), Some("b"));
        assert_eq!(above("\u{D7FF}").as_deref(), Some("\u{E000}"));
        assert_eq!(above("\u{10FFFF}"), None);
    }

    #[test]
    fn infinities_alone_are_their_own_bounds() {
        for value in [f64::INFINITY, f64::NEG_INFINITY] {
            let buffer = Buffer::new(Values::Floats(vec![f64::NAN, value]));
            let bounds = Some((Bound::Float(value), Bound::Float(value)));
            assert_eq!(of(&buffer), (bounds, 1));
        }
    }
}
