//! The developers' task runner: `cargo xtask help` lists what it does.
//!
//! It needs nothing but cargo to start, and brings what the tasks need by itself: see [`tools`].

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
mod process;
mod servers;
mod service;
mod services;
mod suite;
mod templates;
mod tests;
mod tools;
mod wasm;
mod workerd;

use crate::host::Workspace;
use anyhow::{Result, bail};
use std::process::ExitCode;

const HELP: &str = "\
The tasks of this repository.

    cargo xtask dev [ARGS…]         build consign and run `consign serve --dev ARGS…`; needs nothing but cargo
    cargo xtask test [SECTION…]     set up the tools, then run every check (or only the sections named)
    cargo xtask tools [--env]       only set up the tools, and say where they are
    cargo xtask types               make the types that editors read beside the page, from openapi.json
    cargo xtask coverage            only the line coverage of shared/core, sigv4 and time
    cargo xtask wasm-check          only the wasm32 build of the crates that Workers need
    cargo xtask bench NAME          a benchmark; `bench help` lists them
    cargo xtask load [PART…]        this build under load beside an older one, side by side; `load help` says more
    cargo xtask size                the Lambda programs as deployed: how large, and how soon they take requests
    cargo xtask services up|down|status   the servers that stand in for AWS; `services help` says more
    cargo xtask edge build|dev      the Cloudflare Worker; `edge help` says more
    cargo xtask clean-cache         remove every tool that was set up

Sections of `test`, in their order: fmt, clippy, deny, wasm, templates, tests, hostile, e2e-minio, e2e-lambda, workerd, browser, coverage, fuzz.
Tools are kept in $XDG_CACHE_HOME/consign (~/.cache/consign): the first run of `test` takes minutes, the next ones do not.

Examples:
    cargo xtask dev                          # the address, a token and a curl session are printed
    cargo xtask dev --help                   # the options of `consign serve`
    cargo xtask test fmt clippy              # the two quick ones
    cargo xtask bench presign
    eval \"$(cargo xtask tools --env)\" && cargo test -p consign-e2e    # one package's tests with their environment
";

/// Where the page's modules and their editors expect the types of the wire.
const TYPES: &str = "web/types/api.d.ts";

fn main() -> ExitCode {
    match Workspace::from_process().and_then(|host| run(&host)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(host: &Workspace) -> Result<()> {
    let args: Vec<&str> = host.args.iter().map(String::as_str).collect();
    match args.as_slice() {
        [] | ["help" | "-h" | "--help", ..] => {
            print!("{HELP}");
            Ok(())
        }
        ["dev", rest @ ..] => dev(host, rest),
        ["test", sections @ ..] => suite::run(host, sections),
        ["tools"] => tools::set_up(host).map(|tools| tools.print()),
        ["tools", "--env"] => tools::set_up(host).map(|tools| tools.print_exports()),
        ["types"] => types(host),
        ["coverage"] => coverage::check(host, &tools::tarpaulin(host)?),
        ["wasm-check"] => wasm::check(host),
        ["bench", rest @ ..] => bench::run(host, rest),
        ["load", rest @ ..] => load::run(host, rest),
        ["size"] => lambda::size(host),
        ["services", rest @ ..] => services::run(host, rest),
        ["edge", rest @ ..] => edge::run(host, rest),
        ["clean-cache"] => cache::clean(host),
        [other, ..] => bail!(
            "there is no task `{}`; `cargo xtask help` lists them",
            args_text(other, &args)
        ),
    }
}

fn args_text(first: &str, all: &[&str]) -> String {
    if all.len() == 1 {
        first.to_owned()
    } else {
        all.join(" ")
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

/// Replaces this process by `consign serve`, so that signals reach it directly.
fn dev(host: &Workspace, args: &[&str]) -> Result<()> {
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
        .args(args),
    )
}
