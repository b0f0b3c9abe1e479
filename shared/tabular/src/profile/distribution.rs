//! Quantiles, histogram and most frequent values of numbers that are counted.

use std::cmp::Reverse;

use crate::profile::sample;
use crate::profile::summary::{HISTOGRAM_BINS, TOP_VALUES_MAX};

/// Hundredths of the quantiles of a profile.
pub(crate) const HUNDREDTHS: [u64; 7] = [1, 5, 25, 50, 75, 95, 99];

/// Different values in ascending order, and how often each comes.
pub(crate) type Counts<T> = Vec<(T, u64)>;

/// How often each of these comes.
pub(crate) fn counts<T: Ord>(mut values: Vec<T>) -> Counts<T> {
    values.sort_unstable();
    let mut counts: Counts<T> = Vec::new();
    for value in values {
        match counts.last_mut() {
            Some((last, count)) if *last == value => *count += 1,
            Some(_) | None => counts.push((value, 1)),
        }
    }
    counts
}

/// The values that so many hundredths do not exceed.
pub(crate) fn quantiles(counts: &[(i128, u64)]) -> Option<[i128; HUNDREDTHS.len()]> {
    let all: u64 = counts.iter().map(|(_, count)| count).sum();
    let (mut found, mut filled) = ([counts.first()?.0; HUNDREDTHS.len()], 0);
    let mut below = 0;
    for (value, count) in counts {
        below += count;
        while filled < found.len()
            && u128::from(below) * 100 >= u128::from(all) * u128::from(HUNDREDTHS[filled])
        {
            found[filled] = *value;
            filled += 1;
        }
    }
    Some(found)
}

/// Where the bins of whole numbers begin, but for the first one.
pub(crate) fn whole_edges(min: i128, max: i128) -> [i128; HISTOGRAM_BINS - 1] {
    let bins = HISTOGRAM_BINS as u128;
    let range = max.abs_diff(min);
    std::array::from_fn(|at| {
        let at = at as u128 + 1;
        let beyond = range / bins * at + (range % bins * at).div_ceil(bins);
        min.wrapping_add_unsigned(beyond)
    })
}

/// The same of doubles, by their keys.
pub(crate) fn double_edges(min: f64, max: f64) -> [i128; HISTOGRAM_BINS - 1] {
    let bins = HISTOGRAM_BINS as f64;
    // Of the largest doubles the difference is none.
    let step = max / bins - min / bins;
    std::array::from_fn(|at| sample::key(min + step * (at as f64 + 1.0)).into())
}

/// Values in each bin.
pub(crate) fn binned(
    counts: &[(i128, u64)],
    from: i128,
    edges: &[i128; HISTOGRAM_BINS - 1],
) -> Vec<u64> {
    let mut bins = vec![0; HISTOGRAM_BINS];
    let is_one = edges.iter().all(|edge| *edge <= from);
    let mut bin = 0;
    for (value, count) in counts {
        while !is_one && edges.get(bin).is_some_and(|edge| edge <= value) {
            bin += 1;
        }
        bins[bin] += count;
    }
    bins
}

/// The most frequent values, the smaller of two that come as often first.
pub(crate) fn top<T: Ord + Clone>(counts: &[(T, u64)]) -> Counts<T> {
    let mut order: Vec<(Reverse<u64>, &T)> = counts
        .iter()
        .map(|(value, count)| (Reverse(*count), value))
        .collect();
    if order.len() > TOP_VALUES_MAX {
        order.select_nth_unstable(TOP_VALUES_MAX);
        order.truncate(TOP_VALUES_MAX);
    }
    order.sort_unstable();
    let top = order.into_iter();
    top.map(|(count, value)| (value.clone(), count.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_by_their_rank() {
        let hundred = counts((1..=100_i128).rev().collect());
        let found = quantiles(&hundred).expect("values");
        assert_eq!(found, [1, 5, 25, 50, 75, 95, 99]);
        assert_eq!(quantiles(&[(7, 3)]), Some([7; 7]));
        assert_eq!(quantiles(&[]), None);
        assert_eq!(quantiles(&[(1, 1), (9, 1)]), Some([1, 1, 1, 1, 9, 9, 9]));
    }

    #[test]
    fn bins_have_the_same_width_and_hold_every_value() {
        let hundred = counts((0..=100_i128).collect());
        let bins = binned(&hundred, 0, &whole_edges(0, 100));
        assert_eq!(bins[..19], [5; 19]);
        assert_eq!(bins[19], 6);
        let extremes = counts(vec![i128::MIN, -1, i128::MAX]);
        let bins = binned(&extremes, i128::MIN, &whole_edges(i128::MIN, i128::MAX));
        assert_eq!((bins[0], bins[9], bins[19]), (1, 1, 1));
        let one = binned(&[(4, 9)], 4, &whole_edges(4, 4));
        assert_eq!(one[0], 9);
        let largest = double_edges(-f64::MAX, f64::MAX);
        assert!(largest.is_sorted() && largest[0] > sample::key(-f64::MAX).into());
    }

    #[test]
    fn the_most_frequent_values_come_first() {
        let values = counts(vec!["b", "a", "c", "b", "a", "d"]);
        assert_eq!(top(&values), [("a", 2), ("b", 2), ("c", 1), ("d", 1)]);
        let many = counts((0..1000).map(|n| n % 300).collect::<Vec<i64>>());
        let expected: Vec<(i64, u64)> = (0..10).map(|n| (n, 4)).collect();
        assert_eq!(top(&many), expected);
    }
}
