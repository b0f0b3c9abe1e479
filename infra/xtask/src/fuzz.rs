//! Short runs of the fuzz targets.

use crate::cache;
use crate::host::Workspace;
use crate::process;
use crate::tools::cargo_fuzz;
use crate::wasm::target_dir;
use anyhow::{Context as _, Result};
use std::fs;
use std::path::PathBuf;

/// How long each target runs.
const RUN_S: u32 = 15;

/// Builds every fuzz target and runs it for a short while. Says so where that cannot be done.
///
/// # Errors
/// When a target does not build or finds an input that breaks it.
pub(crate) fn check(host: &Workspace) -> Result<()> {
    let folders = folders(host)?;
    if folders.is_empty() {
        println!("NOT RUN: there is no fuzz target in this tree");
        return Ok(());
    }
    let nightly = |program: &str| {
        let mut command = host.command(program);
        command
            .env("RUSTUP_TOOLCHAIN", "nightly")
            .env_remove("CARGO")
            .env_remove("LD_LIBRARY_PATH");
        command
    };
    if process::capture(nightly("cargo").arg("--version")).is_err() {
        println!(
            "NOT RUN: no nightly toolchain is installed; `rustup toolchain install nightly` brings one"
        );
        return Ok(());
    }
    let cargo_fuzz = cargo_fuzz(host)?;
    let built = target_dir(host)?.join("fuzz");
    for folder in folders {
        let fuzz = |task: &str| {
            let mut command = nightly(&cargo_fuzz.to_string_lossy());
            command.args(["fuzz", task, "--fuzz-dir"]).arg(&folder);
            command
        };
        let targets = process::capture(&mut fuzz("list"))?;
        for target in targets.split_whitespace() {
            // What a run learnt is kept beside the build, where the next one goes on from.
            let (learnt, seeds) = (
                built.join("corpus").join(target),
                folder.join("seeds").join(target),
            );
            cache::create(&learnt)?;
            let log = built.join(format!("{target}.log"));
            cache::remove_file(&log)?;
            let mut run = fuzz("run");
            run.arg("--target-dir")
                .arg(&built)
                .arg(target)
                .arg(&learnt)
                .args(seeds.is_dir().then_some(&seeds));
            run.args([
                "--",
                &format!("-max_total_time={RUN_S}"),
                "-timeout=10",
                "-print_final_stats=1",
            ]);
            process::run_logged(&mut run, &log)
                .with_context(|| format!("the fuzz target {target} in {}", folder.display()))?;
            let text = fs::read_to_string(&log)?;
            let done = text
                .lines()
                .rfind(|line| line.starts_with("Done "))
                .context("libFuzzer did not say how far it came")?;
            println!("{target}: nothing found. {done}");
        }
    }
    Ok(())
}

/// The folders with fuzz targets: `fuzz` in a crate, or in `tests`.
fn folders(host: &Workspace) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for parent in ["shared", "functions", "hosts", "tests", "."] {
        for entry in fs::read_dir(host.root.join(parent))? {
            let path = entry?.path();
            folders.extend(
                [path.join("fuzz"), path]
                    .into_iter()
                    .filter(|folder| folder.ends_with("fuzz")),
            );
        }
    }
    folders.retain(|folder| folder.join("Cargo.toml").is_file());
    folders.sort();
    folders.dedup();
    Ok(folders)
}
