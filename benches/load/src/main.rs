//! Load on builds of `consign serve`, one after the other on one machine, and what each did side by side.
//!
//! `cargo xtask load` builds the programs and starts this. Every part has a host of its own, over an empty folder.

#![expect(
    clippy::expect_used,
    reason = "this measures: what it cannot do ends it"
)]

mod backlog;
mod figures;
mod ledger;
mod mixed;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use hostile::{Host, Options};

use crate::figures::Figures;

/// Builds of consign under load.
#[derive(Debug, Parser)]
struct Args {
    /// What is measured: all but `sweep` and `restart` where nothing is named.
    parts: Vec<Part>,
    /// A build: its name and its program
    #[arg(long = "build", value_name = "NAME=PATH", required = true)]
    builds: Vec<String>,
    /// How long each measurement lasts
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Clients at once
    #[arg(long, value_delimiter = ',', default_values_t = [64, 256])]
    connections: Vec<usize>,
    /// Files that wait when the idle host is measured
    #[arg(long, default_value_t = 6_000)]
    idle_backlog: usize,
    /// Files of another owner that wait before the lone owner's
    #[arg(long, default_value_t = 10_000)]
    lone_backlog: usize,
    /// Records that are due at the sweep
    #[arg(long, default_value_t = 100_000)]
    due: usize,
    /// Files that wait at the restart
    #[arg(long, default_value_t = 200_000)]
    unfinished: usize,
    /// How long sweep and restart are waited for
    #[arg(long, default_value_t = 400)]
    patience: u64,
    /// Where the figures are written as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

/// A measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Clients that sign, send, confirm and ask, as fast as they are answered.
    Mixed,
    /// A backlog, and nobody who calls.
    Idle,
    /// One owner's files beside another's backlog.
    Lone,
    /// Records that are due, all at once.
    Sweep,
    /// A start with much unfinished work.
    Restart,
}

const USUAL: [Part; 3] = [Part::Mixed, Part::Idle, Part::Lone];

/// A build under load.
#[derive(Debug, Clone)]
pub(crate) struct Build {
    pub(crate) name: String,
    program: PathBuf,
}

impl Build {
    fn parse(text: &str) -> Self {
        let (name, program) = text.split_once('=').expect("NAME=PATH");
        Self {
            name: name.to_owned(),
            program: program.into(),
        }
    }

    /// A host of this build over an empty folder; it does not run yet.
    pub(crate) fn host(&self) -> Host {
        Host::new(Options {
            program: Some(self.program.clone()),
            ..Options::default()
        })
    }
}

/// The time since it began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "this program measures")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

#[tokio::main]
async fn main() {
    let args = Args::parse();
    let builds: Vec<Build> = args.builds.iter().map(|text| Build::parse(text)).collect();
    let parts = match args.parts.as_slice() {
        [] => &USUAL,
        parts => parts,
    };
    let mut figures = Figures::new(&builds);
    for part in parts {
        for (column, build) in builds.iter().enumerate() {
            let told = match part {
                Part::Mixed => {
                    let mut told = Vec::new();
                    for clients in &args.connections {
                        eprintln!(
                            "{}: {clients} connections for {} s",
                            build.name, args.seconds
                        );
                        told.extend(mixed::measure(build, *clients, args.seconds).await);
                    }
                    told
                }
                Part::Idle => {
                    eprintln!("{}: {} files, nobody calls", build.name, args.idle_backlog);
                    backlog::idle(build, args.idle_backlog, args.seconds).await
                }
                Part::Lone => {
                    eprintln!(
                        "{}: one owner beside {} files",
                        build.name, args.lone_backlog
                    );
                    backlog::lone(build, args.lone_backlog, args.seconds).await
                }
                Part::Sweep => {
                    eprintln!("{}: a sweep of {} records", build.name, args.due);
                    backlog::sweep(build, args.due, args.patience).await
                }
                Part::Restart => {
                    eprintln!("{}: a restart with {} files", build.name, args.unfinished);
                    backlog::restart(build, args.unfinished, args.patience).await
                }
            };
            figures.add(column, told);
        }
    }
    print!("{}", figures.table());
    if let Some(path) = &args.json {
        std::fs::write(path, figures.json()).expect("the figures are written");
    }
}
