//! The smallest run that fails in the same way.

use crate::fault::Kind;
use crate::run::{Report, Setup, run};

/// Switches off uploads and kinds of faults, one after another, while the same invariant does not hold. Returns the
/// smallest setup, and its report with a trace.
#[must_use]
pub fn minimise(setup: Setup) -> (Setup, Report) {
    let Some(failure) = invariant(&run(setup, false)) else {
        return (setup, run(setup, true));
    };
    let mut smallest = setup;
    loop {
        let before = smallest;
        for number in 0..u32::BITS {
            let smaller = Setup {
                uploads: smallest.uploads & !(1 << number),
                ..smallest
            };
            try_smaller(&mut smallest, smaller, failure);
        }
        for kind in Kind::ALL {
            let smaller = Setup {
                kinds: smallest.kinds.without(kind),
                ..smallest
            };
            try_smaller(&mut smallest, smaller, failure);
        }
        if smallest == before {
            return (smallest, run(smallest, true));
        }
    }
}

fn try_smaller(smallest: &mut Setup, smaller: Setup, failure: &str) {
    if smaller != *smallest && invariant(&run(smaller, false)) == Some(failure) {
        *smallest = smaller;
    }
}

fn invariant(report: &Report) -> Option<&'static str> {
    report
        .violations
        .first()
        .map(|violation| violation.invariant)
}
