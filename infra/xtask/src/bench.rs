//! `cargo xtask bench`: the benchmarks, each with what it runs against.

use crate::arguments::Benchmark;
use crate::host::Workspace;
use crate::{cache, cloudflare, lambda, process, tests, tools, workerd};
use anyhow::Result;

/// Runs a benchmark.
///
/// # Errors
/// When something does not build or start.
pub(crate) fn run(host: &Workspace, benchmark: Benchmark) -> Result<()> {
    match benchmark {
        Benchmark::Presign(passed) => {
            let mut cargo = host.cargo(&["bench", "--package", "consign-benches"]);
            process::run(
                cargo
                    .args(["--bench", "presign", "--"])
                    .args(passed.options),
            )
        }
        Benchmark::Lambda => lambda::throughput(host),
        Benchmark::Transfer => tests::transfer(host, &tools::set_up(host)?),
        Benchmark::Edge(passed) => workerd::bench(host, &passed.options),
        Benchmark::Tabular(passed) => tabular(host, &passed.options),
        Benchmark::Wasm(passed) => wasm(host, &passed.options),
    }
}

/// Tables to Parquet, in a Python with the peers of today: the tests pin other releases.
fn tabular(host: &Workspace, options: &[String]) -> Result<()> {
    let item = cache::Item {
        name: "tabular-peers",
        version: "",
        purpose: "what conversion is measured beside",
        usual_s: 30,
    };
    let python = tools::python_environment(host, item, "benches/tabular/python/requirements.txt")?;
    let which = ["--release", "--package", "consign-bench-tabular"];
    let bench = process::build_from(host, &which, "bench-tabular")?;
    process::run(
        host.command(bench)
            .arg("--python")
            .arg(python)
            .args(options),
    )
}

/// Tables to Parquet by the engine as the Worker has it, in the V8 of its node.
fn wasm(host: &Workspace, options: &[String]) -> Result<()> {
    const PACKAGE: &str = "consign-bench-wasm";
    let workers = cloudflare::set_up(host)?;
    let module = workers.module(host, PACKAGE)?;
    let build = |package, program| {
        let which = ["--release", "--package", package];
        process::build_from(host, &which, program)
    };
    let native = build(PACKAGE, "convert-native")?;
    let bench = build("consign-bench-tabular", "bench-tabular")?;
    let mut run = host.command(bench);
    run.arg("--native").arg(native).arg("--module").arg(module);
    run.arg("--node").arg(workers.node()).args(options);
    process::run(&mut run)
}
