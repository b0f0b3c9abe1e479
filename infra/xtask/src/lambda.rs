//! The Lambda programs as they are deployed: how large they are, how soon they take requests (`cargo xtask size`), and how
//! many (`cargo xtask bench lambda`).

use crate::host::{Stopwatch, Workspace, seconds};
use crate::process;
use crate::tools;
use anyhow::{Context as _, Result, bail, ensure};
use std::fs;
use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The profile that programs for Lambda are built with.
const PROFILE: &str = "deploy";
/// The functions, and the largest that each may be in bytes, where a limit is set.
const FUNCTIONS: [(&str, Option<u64>); 7] = [
    ("sign-upload", Some(6_000_000)),
    ("confirm", None),
    ("status", Some(6_000_000)),
    ("download-url", None),
    ("files", None),
    ("health", None),
    ("ingest-on-object-created", Some(16_000_000)),
];
/// What they are measured against.
const BARE: &str = "bare-lambda";
const BARE_PACKAGE: &str = "consign-bare-lambda";

/// Starts of each program that are measured.
const STARTS: usize = 41;
/// How much later than the bare program's the first poll may come.
const START_RATIO_MAX: f64 = 1.5;
/// A program that has not polled by then does not start.
const START_LIMIT: Duration = Duration::from_secs(10);
/// How often is looked whether a program is still there.
const LOOK: Duration = Duration::from_millis(100);

/// Builds the bare program and those of these packages as they are deployed; the folder that they are in.
fn build(host: &Workspace, packages: &[&str]) -> Result<PathBuf> {
    let mut which = vec!["--profile", PROFILE, "--bins", "--package", BARE_PACKAGE];
    which.extend(packages.iter().flat_map(|name| ["--package", name]));
    let program = process::build_from(host, &which, BARE)?;
    Ok(program
        .parent()
        .context("a program lies in a folder")?
        .to_owned())
}

/// Prints sizes and starts.
///
/// # Errors
/// When a program does not build or start, or is too large.
pub(crate) fn size(host: &Workspace) -> Result<()> {
    let functions = FUNCTIONS.map(|(name, _)| format!("consign-{name}-lambda"));
    let folder = build(host, &functions.each_ref().map(String::as_str))?;
    let too_large = sizes(&folder)?;
    starts(host, &folder)?;
    ensure!(too_large.is_empty(), "too large: {}", too_large.join(", "));
    Ok(())
}

/// Prints the sizes; the programs that are too large.
fn sizes(folder: &Path) -> Result<Vec<&'static str>> {
    let mut too_large = Vec::new();
    for (name, limit) in [(BARE, None)].into_iter().chain(FUNCTIONS) {
        let bytes = fs::metadata(folder.join(name))?.len();
        let limit = limit.map(|limit| {
            if bytes > limit {
                too_large.push(name);
            }
            format!(" (at most {})", megabytes(limit))
        });
        println!(
            "{name:26} {:>9}{}",
            megabytes(bytes),
            limit.unwrap_or_default()
        );
    }
    Ok(too_large)
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{:02} MB", bytes / 1_000_000, bytes % 1_000_000 / 10_000)
}

/// Prints the time from exec to the first poll of the runtime interface: the median of each program's starts, in turns.
fn starts(host: &Workspace, folder: &Path) -> Result<()> {
    let names: Vec<&str> = [BARE]
        .into_iter()
        .chain(FUNCTIONS.map(|(name, _)| name))
        .collect();
    let mut times = vec![Vec::new(); names.len()];
    for turn in 0..=STARTS {
        for (name, times) in names.iter().zip(&mut times) {
            let time = start(host, &folder.join(name))?;
            // The first brings the program into the cache of files.
            if turn > 0 {
                times.push(time);
            }
        }
    }
    let medians: Vec<f64> = times
        .iter_mut()
        .map(|times| {
            times.sort_unstable();
            times[STARTS / 2].as_secs_f64() * 1e3
        })
        .collect();
    println!(
        "\nFrom exec to the first poll, and to that of {BARE} (target: at most {START_RATIO_MAX}):"
    );
    for (name, median) in names.iter().zip(&medians) {
        println!("{name:26} {median:6.2} ms {:6.2}", median / medians[0]);
    }
    Ok(())
}

/// Starts a program and measures the time until it asks for its first invocation.
fn start(host: &Workspace, program: &Path) -> Result<Duration> {
    let interface = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut command = host.command(program);
    command
        .env(
            "AWS_LAMBDA_RUNTIME_API",
            interface.local_addr()?.to_string(),
        )
        .env("AWS_LAMBDA_FUNCTION_NAME", "measured")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "not-a-secret")
        .env("AWS_SESSION_TOKEN", "not-a-token")
        .env("CONSIGN_CONFIG", host.root.join("infra/aws/consign.toml"))
        .env("CONSIGN_TABLE", "measured")
        .env(
            "CONSIGN_QUEUE_URL",
            "https://sqs.eu-central-1.amazonaws.com/1/measured",
        )
        .env(
            "CONSIGN_TOKEN_SECRET",
            "only-the-start-is-measured-here-and-no-token",
        )
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let stopwatch = Stopwatch::start();
    let mut child = command.spawn().context("cannot start the program")?;
    let polled = polled(&interface, &mut child, stopwatch);
    child.kill()?;
    child.wait()?;
    polled.with_context(|| format!("{} did not start", program.display()))
}

/// Waits for the first poll. Nothing else runs meanwhile, but for a look now and then whether the program is still there.
fn polled(interface: &TcpListener, child: &mut Child, stopwatch: Stopwatch) -> Result<Duration> {
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || tell.send(first_poll(interface, stopwatch)));
        loop {
            if let Ok(first) = told.recv_timeout(LOOK) {
                return first;
            }
            let ended = child.try_wait()?;
            if ended.is_some() || stopwatch.elapsed() > START_LIMIT {
                // So that whoever waits for it waits no more.
                drop(TcpStream::connect(interface.local_addr()?));
                match ended {
                    Some(status) => bail!("it ended with {status}"),
                    None => bail!("it had not polled after {}", seconds(START_LIMIT)),
                }
            }
        }
    })
}

fn first_poll(interface: &TcpListener, stopwatch: Stopwatch) -> Result<Duration> {
    let (mut connection, _) = interface.accept()?;
    let mut request = [0; 512];
    let length = connection.read(&mut request)?;
    let elapsed = stopwatch.elapsed();
    ensure!(request[..length].starts_with(b"GET "), "it did not poll");
    Ok(elapsed)
}

/// Runs the benchmark of the throughput behind cargo-lambda's runtime interface.
///
/// # Errors
/// When a program does not build or start.
pub(crate) fn throughput(host: &Workspace) -> Result<()> {
    let tools = tools::set_up(host)?;
    let folder = build(host, &["consign-bench-lambda"])?;
    let mut cargo = host.cargo(&[
        "bench",
        "--package",
        "consign-bench-lambda",
        "--bench",
        "throughput",
    ]);
    cargo.envs(tools.test_env.iter().map(|(name, path)| (name, path)));
    process::run(cargo.env("CONSIGN_LAMBDA_DIR", folder))
}
