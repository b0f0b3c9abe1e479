//! What was measured, in words.

use crate::load::Contender;

/// How busy the machine is: with others at work on it, less is reached, by some more than by others.
pub(crate) fn machine() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?");
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!(
        "Load of the machine: {load}, of {cores} cores. What else runs makes all of this slower."
    )
}

/// The one in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = sorted.get(middle).copied().unwrap_or(f64::NAN);
    if sorted.len() % 2 == 1 {
        return upper;
    }
    let lower = middle.checked_sub(1).and_then(|at| sorted.get(at));
    lower.map_or(upper, |lower| f64::midpoint(*lower, upper))
}

/// The lowest and the highest.
pub(crate) fn range(values: &[f64]) -> (f64, f64) {
    let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
    (lowest, values.iter().copied().fold(0.0, f64::max))
}

/// The median rate of a contender; no number where there is none of that name.
pub(crate) fn median_of(contenders: &[Contender<'_>], name: &str) -> f64 {
    let found = contenders.iter().find(|contender| contender.name == name);
    found.map_or(f64::NAN, |contender| median(&contender.rates))
}

/// A line for each, with its ratio to the constant, and where it has one to its floor.
pub(crate) fn print_rates(contenders: &[Contender<'_>], constant: &str) {
    let constant = median_of(contenders, constant);
    println!(
        "\n{:32}{:>8}{:>14}{:>14}{:>14}",
        "", "median", "all rounds", "to constant", "to bare D1"
    );
    for contender in contenders {
        let rate = median(&contender.rates);
        let (lowest, highest) = range(&contender.rates);
        let rounds = format!("{lowest:.0}–{highest:.0}");
        let floor = contender.floor.map(|floor| median_of(contenders, floor));
        let to_floor = floor.map_or_else(String::new, |floor| format!("{:.2}", rate / floor));
        println!(
            "{:32}{rate:8.0}{rounds:>14}{:>14.2}{to_floor:>14}",
            contender.name,
            rate / constant
        );
    }
}
