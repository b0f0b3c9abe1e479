//! `cargo xtask bench tabular`: tables to Parquet, consign beside its peers, each in a process of its own. Figures are
//! printed; nothing fails for being slow.

mod convert;
mod tables;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, Subcommand};
use serde::Deserialize;
use tables::Kind;

const MIB: f64 = 1024.0 * 1024.0;
const MB: f64 = 1e6;

#[derive(Parser)]
#[command(
    name = "cargo xtask bench tabular",
    about = "Tables to Parquet, consign beside its peers"
)]
struct Arguments {
    #[command(subcommand)]
    child: Option<Child>,
    /// The size of the largest table in MiB; the others are a half and a fifth of it.
    #[arg(long, default_value_t = 1000)]
    size_mib: u64,
    /// Where the tables are made and kept.
    #[arg(long, default_value = "target/bench-tabular")]
    folder: PathBuf,
    /// A Python with the peers.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
    /// Older programs `conformance` to measure beside this build.
    #[arg(long)]
    older: Vec<PathBuf>,
    /// How often each is measured; the fastest run counts.
    #[arg(long, default_value_t = 1)]
    rounds: u32,
    /// Of which tables alone: transactions, numeric, wide.
    #[arg(long)]
    table: Vec<String>,
    /// Of which contenders alone, by the beginning of their names.
    #[arg(long)]
    only: Vec<String>,
    /// How many threads each may use; of consign at most two.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// The folder of the engine as a module, which is measured beside `--native` alone.
    #[arg(long, requires = "native")]
    module: Option<PathBuf>,
    /// The same engine natively: a program that takes IN and OUT.
    #[arg(long)]
    native: Option<PathBuf>,
    /// The node that runs the module.
    #[arg(long, default_value = "node")]
    node: PathBuf,
}

#[derive(Subcommand)]
enum Child {
    /// One table by consign's library.
    #[command(hide = true)]
    Consign {
        threads: usize,
        source: PathBuf,
        target: PathBuf,
    },
    /// One table by arrow-rs.
    #[command(hide = true)]
    Arrow { source: PathBuf, target: PathBuf },
}

/// What a run took, as `measure.py` says it.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Taken {
    ok: bool,
    wall_s: f64,
    cpu_s: f64,
    peak_kib: f64,
}

struct Contender {
    name: String,
    command: Vec<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match &arguments.child {
        Some(Child::Consign {
            threads,
            source,
            target,
        }) => convert::consign(*threads, source, target),
        Some(Child::Arrow { source, target }) => convert::arrow(source, target),
        None => compare(&arguments),
    }
}

fn contenders(arguments: &Arguments, scripts: &Path) -> Result<Vec<Contender>> {
    let this = std::env::current_exe()?;
    if let (Some(module), Some(native)) = (&arguments.module, &arguments.native) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wasm/convert.mjs");
        let of = |name: &str, command: Vec<PathBuf>| Contender {
            name: name.to_owned(),
            command,
        };
        let wasm = vec![arguments.node.clone(), script, module.clone()];
        return Ok(vec![of("native", vec![native.clone()]), of("wasm", wasm)]);
    }
    let contender = |name: &str, command: &[&Path]| Contender {
        name: name.to_owned(),
        command: command.iter().map(|part| part.to_path_buf()).collect(),
    };
    let threads = PathBuf::from(arguments.threads.to_string());
    let mut all = vec![contender(
        "consign",
        &[&this, Path::new("consign"), &threads],
    )];
    for older in &arguments.older {
        let name = older.file_name().unwrap_or_default().to_string_lossy();
        all.push(contender(&name, &[older, Path::new("convert")]));
    }
    let peers = scripts.join("peers.py");
    for peer in ["duckdb", "polars", "pyarrow"] {
        let command = [&arguments.python, &peers, Path::new(peer), &threads];
        all.push(contender(peer, &command));
    }
    all.push(contender("arrow-rs", &[&this, Path::new("arrow")]));
    let is_wanted = |name: &str| {
        let only = &arguments.only;
        only.is_empty() || only.iter().any(|only| name.starts_with(only.as_str()))
    };
    all.retain(|contender| is_wanted(&contender.name));
    Ok(all)
}

fn compare(arguments: &Arguments) -> Result<()> {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    std::fs::create_dir_all(&arguments.folder)?;
    let contenders = contenders(arguments, &scripts)?;
    println!("table          MB  contender          MB/CPU s  MB/wall s  peak MiB  output MB");
    for kind in Kind::ALL {
        let is_wanted = arguments.table.iter().any(|table| table == kind.name());
        if !arguments.table.is_empty() && !is_wanted {
            continue;
        }
        let size_mib = kind.size_mib(arguments.size_mib);
        let source = arguments
            .folder
            .join(format!("{}-{size_mib}.csv", kind.name()));
        kind.write(&source, size_mib)?;
        let megabytes = std::fs::metadata(&source)?.len() as f64 / MB;
        let mut native = None;
        for contender in &contenders {
            let target = arguments.folder.join("out.parquet");
            let mut best: Option<Taken> = None;
            for _ in 0..arguments.rounds {
                let taken = measure(arguments, &scripts, contender, [&source, &target])?;
                if best.is_none_or(|best| taken.cpu_s < best.cpu_s) {
                    best = Some(taken);
                }
            }
            let output = std::fs::metadata(&target).map_or(0.0, |found| found.len() as f64);
            if arguments.module.is_some() {
                let bytes = std::fs::read(&target)?;
                let same = native.as_ref().is_none_or(|native| *native == bytes);
                ensure!(same, "{} is not what native writes", contender.name);
                native = Some(bytes);
            }
            let _ = std::fs::remove_file(&target);
            let head = format!("{:12} {megabytes:4.0}  {:18}", kind.name(), contender.name);
            match best {
                Some(Taken {
                    ok: true,
                    wall_s,
                    cpu_s,
                    peak_kib,
                }) => println!(
                    "{head} {:8.1} {:10.1} {:9.1} {:10.2}",
                    megabytes / cpu_s,
                    megabytes / wall_s,
                    peak_kib * 1024.0 / MIB,
                    output / MB
                ),
                Some(Taken { ok: false, .. }) | None => println!("{head}   failed"),
            }
        }
    }
    Ok(())
}

fn measure(
    arguments: &Arguments,
    scripts: &Path,
    contender: &Contender,
    paths: [&Path; 2],
) -> Result<Taken> {
    let output = Command::new(&arguments.python)
        .arg(scripts.join("measure.py"))
        .args(&contender.command)
        .args(paths)
        .output()
        .context("cannot start Python")?;
    Ok(serde_json::from_slice(&output.stdout)?)
}
