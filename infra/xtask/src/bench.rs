//! `cargo xtask bench`: the benchmarks, each with what it runs against.

use crate::host::Workspace;
use crate::{cache, lambda, process, tests, tools, workerd};
use anyhow::{Result, bail};

const HELP: &str = "\
The benchmarks. All print figures and ratios; none fails for being slow.

    cargo xtask bench presign     one presigned PUT, beside three other signers and the hash alone
    cargo xtask bench lambda      requests per second of sign-upload on Lambda, beside a bare function
    cargo xtask bench transfer    sign, upload and download 10 MB: over MinIO, and on Lambda
    cargo xtask bench edge        the Worker in workerd, beside Workers that do next to nothing: start, requests per second
    cargo xtask bench tabular     tables to Parquet, beside DuckDB, Polars, pyarrow and arrow-rs; `--size-mib N`, `--older PROGRAM`
";

/// Runs the benchmark named.
///
/// # Errors
/// When there is none of that name, or something does not build or start.
pub(crate) fn run(host: &Workspace, args: &[&str]) -> Result<()> {
    match args {
        ["presign", rest @ ..] => {
            let mut cargo = host.cargo(&[
                "bench",
                "--package",
                "consign-benches",
                "--bench",
                "presign",
                "--",
            ]);
            process::run(cargo.args(rest))
        }
        ["lambda"] => lambda::throughput(host),
        ["transfer"] => tests::transfer(host, &tools::set_up(host)?),
        ["edge", rest @ ..] => workerd::bench(host, rest),
        ["tabular", rest @ ..] => tabular(host, rest),
        [] | ["help"] => {
            print!("{HELP}");
            Ok(())
        }
        [other, ..] => {
            bail!("there is no benchmark `{other}`; `cargo xtask bench help` lists them")
        }
    }
}

/// Tables to Parquet, in a Python with the peers of today: the tests pin other releases.
fn tabular(host: &Workspace, args: &[&str]) -> Result<()> {
    let item = cache::Item {
        name: "tabular-peers",
        version: "",
        purpose: "what conversion is measured beside",
        usual_s: 30,
    };
    let python = tools::python_environment(host, item, "benches/tabular/python/requirements.txt")?;
    let which = ["--release", "--package", "consign-bench-tabular"];
    let bench = process::build_from(host, &which, "bench-tabular")?;
    process::run(host.command(bench).arg("--python").arg(python).args(args))
}
