//! The seeds that every check runs. `cargo xtask simulate` runs more.

use simulation::{Kind, Mutant, Setup, minimise, run, run_all};

/// How many seeds every check runs.
const SEEDS: u64 = 2_000;

#[test]
fn no_invariant_breaks() {
    let tally = run_all(0..SEEDS, None, |_| {});
    if let Some(&seed) = tally.failed.first() {
        let (smallest, report) = minimise(Setup::of(seed));
        let trace = report.trace.join("\n");
        panic!("{trace}\n{smallest:?}\n{:?}", report.violations);
    }
    assert_eq!(tally.runs, SEEDS);
    // A fault that never happens proves nothing, and neither does an end that is never reached.
    for kind in Kind::ALL {
        let count = tally.faults.get(&kind).copied().unwrap_or(0);
        assert!(count >= 100, "{kind:?} happened {count} times");
    }
    for end in ["ready", "failed", "expired", "deleted"] {
        let count = tally.ends.get(end).copied().unwrap_or(0);
        assert!(count >= 200, "{count} uploads ended {end}");
    }
}

#[test]
fn a_seed_repeats_to_the_last_line_of_its_trace() {
    for seed in 0..40 {
        let (first, again) = (run(Setup::of(seed), true), run(Setup::of(seed), true));
        assert!(!first.trace.is_empty());
        assert_eq!(first.trace, again.trace, "seed {seed}");
        assert_eq!(first.steps, run(Setup::of(seed), false).steps);
    }
}

#[test]
fn a_failure_is_made_smaller_and_stays_the_same_failure() {
    let mutant = Some(Mutant::AcknowledgeBeforeCommit);
    let setups = (0..100).map(|seed| Setup::of(seed).with_mutant(mutant));
    let failing = setups.filter(|setup| setup.uploads.count_ones() > 2);
    let found = failing
        .map(|setup| (setup, run(setup, false)))
        .find(|(_, report)| !report.violations.is_empty());
    let (setup, report) = found.expect("the mutant is found in most seeds");
    let (smallest, smaller) = minimise(setup);
    assert_eq!(smallest.uploads.count_ones(), 1);
    assert!(smallest.kinds.iter().count() < setup.kinds.iter().count().max(1));
    let invariants = |violations: &[simulation::Violation]| violations[0].invariant;
    assert_eq!(
        invariants(&smaller.violations),
        invariants(&report.violations)
    );
    assert!(
        smaller
            .trace
            .last()
            .is_some_and(|line| line.contains("VIOLATION"))
    );
}
