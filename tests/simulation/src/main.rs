//! `cargo xtask simulate`: runs seeds, or one seed with its trace.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a command"
)]

use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum as _};
use simulation::{Mutant, Setup, Tally, minimise, run, run_all};

/// After how many runs the progress is printed.
const PROGRESS_RUNS: u64 = 2_000;

/// Runs the whole system with simulated faults, and checks its invariants.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask simulate")]
struct Arguments {
    /// How many seeds to run
    #[arg(long, default_value_t = 2_000)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Run this seed alone; a failure is minimised, and its trace is printed
    #[arg(long)]
    seed: Option<u64>,
    /// Print the trace of the seed as it is, also where nothing fails
    #[arg(long, requires = "seed")]
    whole: bool,
    /// Remove a rule of the product first, which must be found
    #[arg(long, value_enum)]
    mutant: Option<Mutant>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.seed {
        Some(seed) => one(&arguments, seed),
        None => many(&arguments),
    }
}

fn one(arguments: &Arguments, seed: u64) -> ExitCode {
    let setup = Setup::of(seed).with_mutant(arguments.mutant);
    if arguments.whole {
        let report = run(setup, true);
        println!("{}", report.trace.join("\n"));
        println!(
            "{setup:?}\nends {:?}\nfaults {:?}",
            report.ends, report.faults
        );
        return code(report.violations.is_empty());
    }
    if run(setup, false).violations.is_empty() {
        println!("seed {seed}: nothing found");
        return ExitCode::SUCCESS;
    }
    explain(setup);
    ExitCode::FAILURE
}

/// Prints the smallest run that fails as this one does.
fn explain(setup: Setup) {
    println!("seed {} fails; making it smaller …", setup.seed);
    let (smallest, report) = minimise(setup);
    println!("{}", report.trace.join("\n"));
    println!(
        "\nseed {}: uploads {:b} of {:b}, faults {:?}",
        setup.seed, smallest.uploads, setup.uploads, smallest.kinds
    );
    for violation in &report.violations {
        println!("invariant {}: {}", violation.invariant, violation.what);
    }
}

#[expect(clippy::disallowed_methods, reason = "a command measures its own time")]
fn many(arguments: &Arguments) -> ExitCode {
    let begun = Instant::now();
    let rate = |runs: u64| runs as f64 / begun.elapsed().as_secs_f64();
    let end = arguments.from.saturating_add(arguments.seeds);
    let tally = run_all(arguments.from..end, arguments.mutant, |runs| {
        if runs % PROGRESS_RUNS == 0 {
            eprintln!(
                "{runs} of {} seeds, {:.0} a second",
                arguments.seeds,
                rate(runs)
            );
        }
    });
    print(&tally);
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{} seeds in {seconds:.1} s, {:.0} a second",
        tally.runs,
        rate(tally.runs)
    );
    let Some(&seed) = tally.failed.first() else {
        println!("nothing found");
        return ExitCode::SUCCESS;
    };
    explain(Setup::of(seed).with_mutant(arguments.mutant));
    let mutant = arguments
        .mutant
        .and_then(|mutant| mutant.to_possible_value());
    let option = mutant.map_or(String::new(), |name| {
        format!(" --mutant {}", name.get_name())
    });
    println!("repeat it with: cargo xtask simulate --seed {seed}{option}");
    ExitCode::FAILURE
}

fn print(tally: &Tally) {
    let uploads: u64 = tally.ends.values().sum();
    println!("{uploads} uploads ended: {:?}", tally.ends);
    println!("faults: {:?}", tally.faults);
}

fn code(is_good: bool) -> ExitCode {
    if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
