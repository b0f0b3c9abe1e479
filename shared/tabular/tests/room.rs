//! The profile takes its part of the memory budget, however many the columns.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;

use consign_tabular::{Ended, Limits, MEMORY_BYTES_DEFAULT, OnePass, Options, Profile, Step};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Rows of long texts and of numbers, none of which comes twice.
fn rows(columns: usize, rows: usize, mut take: impl FnMut(&[u8])) {
    let mut seed = 1_u64;
    let mut text = String::new();
    for _ in 0..rows {
        for column in 0..columns {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let sign = if column + 1 < columns { ',' } else { '\n' };
            if column % 2 == 0 {
                write!(text, "{}{sign}", seed >> 20).unwrap();
            } else {
                write!(text, "{seed:064x}-{seed:032x}{sign}").unwrap();
            }
        }
        take(text.as_bytes());
        text.clear();
    }
}

fn converted(columns: usize, count: usize, two_threads: bool) -> Profile {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let options = Options {
        two_threads,
        ..Options::default()
    };
    let mut pass = OnePass::new(options, Limits::for_memory(MEMORY_BYTES_DEFAULT));
    rows(columns, count, |row| {
        assert_eq!(pass.push(row).unwrap(), Step::Taken);
        drop(pass.take_output());
    });
    let Ended::Converted(converted) = pass.finish().unwrap() else {
        unreachable!("the types of the beginning hold")
    };
    let taken = (MEMORY.peak_usage() - before) as u64;
    assert!(taken <= MEMORY_BYTES_DEFAULT, "{columns} columns: {taken}");
    converted.profile
}

/// In one test: what another takes would count.
#[test]
fn the_budget_holds_however_many_the_columns() {
    for (columns, count) in [
        (4, 100_000),
        (40, 20_000),
        (300, 4000),
        (650, 2000),
        (2500, 500),
    ] {
        let profile = converted(columns, count, false);
        assert!(profile == converted(columns, count, true));
        let column = &profile.columns[0];
        assert_eq!(profile.rows, count as u64);
        assert_eq!(column.distinct.is_some(), columns <= 650, "{columns}");
        // A sample that is too small says nothing.
        assert_eq!(column.quantiles.is_some(), columns <= 650, "{columns}");
        assert!(column.standard_deviation.is_some());
    }
}
