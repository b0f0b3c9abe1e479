//! The developers' task runner: `cargo xtask help` lists what it does.
//!
//! It needs nothing but cargo to start, and brings what the tasks need by itself: see [`tools`].

mod arguments;
mod bench;
mod browser;
mod cache;
mod ci;
mod cloudflare;
mod coverage;
mod debian;
mod deny;
mod edge;
mod fuzz;
mod host;
mod lambda;
mod load;
mod node;
mod peers;
mod pip;
mod process;
mod section;
mod servers;
mod service;
mod services;
mod suite;
mod templates;
mod tests;
mod tools;
mod wasm;
mod workerd;

use crate::arguments::{Arguments, Task};
use crate::host::Workspace;
use anyhow::Result;
use clap::Parser as _;
use std::process::ExitCode;

/// Where the page's modules and their editors expect the types of the wire.
const TYPES: &str = "web/types/api.d.ts";

fn main() -> ExitCode {
    let Arguments { task } = Arguments::parse();
    match Workspace::from_process().and_then(|host| run(&host, task)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(host: &Workspace, task: Task) -> Result<()> {
    match task {
        Task::Dev { options } => dev(host, &options),
        Task::Test { sections } => suite::run(host, &sections),
        Task::Tools { env: false } => tools::set_up(host).map(|tools| tools.print()),
        Task::Tools { env: true } => tools::set_up(host).map(|tools| tools.print_exports()),
        Task::Types => types(host),
        Task::Coverage => coverage::check(host, &tools::tarpaulin(host)?),
        Task::WasmCheck => wasm::check(host),
        Task::Bench(benchmark) => bench::run(host, benchmark),
        Task::Compared(compared) => peers::run(host, compared),
        Task::Load(load) => load::run(host, &load),
        Task::Simulate(passed) => simulate(host, &passed.options),
        Task::Size => lambda::size(host),
        Task::Services(services) => services::run(host, services),
        Task::Edge(edge) => edge::run(host, edge),
        Task::CleanCache => cache::clean(host),
    }
}

/// Makes `web/types`, which is not committed: the check of the page makes its own, of the document as it is then.
fn types(host: &Workspace) -> Result<()> {
    let packages = tools::typescript(host)?;
    let mut generate = host.command(node::node(host)?);
    generate
        .arg(packages.join("node_modules/openapi-typescript/bin/cli.js"))
        .args(["functions/health/src/openapi.json", "--output", TYPES]);
    process::run(&mut generate)
}

/// Builds the simulator in release mode, and runs it.
fn simulate(host: &Workspace, options: &[String]) -> Result<()> {
    const NAME: &str = "consign-simulation";
    let which = ["--release", "--package", NAME, "--bin", NAME];
    let program = process::build_from(host, &which, NAME)?;
    process::run(host.command(program).args(options))
}

/// Replaces this process by `consign serve`, so that signals reach it directly.
fn dev(host: &Workspace, options: &[String]) -> Result<()> {
    eprintln!("Building consign (the first build takes some minutes, the next ones seconds) …");
    process::replace(
        host.cargo(&[
            "run",
            "--package",
            "consign",
            "--bin",
            "consign",
            "--",
            "serve",
            "--dev",
        ])
        .args(options),
    )
}
