//! The Worker in the runtime that Cloudflare has: its size, its own tests, and the black-box suite over it.

use crate::cloudflare::{self, Workers};
use crate::edge::{self, Size};
use crate::host::{HAS_WORKER, Stopwatch, Workspace, seconds};
use crate::process;
use crate::tests::{self, Tally, cargo_test};
use crate::tools::Tools;
use anyhow::{Context as _, Result, bail, ensure};
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The largest that the Worker may be, gzipped.
const SIZE_BYTES_MAX: usize = 2_500_000;
/// The largest that it may be without ingest.
const SIZE_WITHOUT_INGEST_BYTES_MAX: usize = 1_000_000;
/// What the Worker mounts when it leaves ingest to another.
const WITHOUT_INGEST: [&str; 3] = [
    "--no-default-features",
    "--features",
    "sign-upload,confirm,status,download-url,files,health,page",
];

/// The environments of `wrangler.toml`.
const ENVIRONMENTS: [&str; 2] = ["dev", "production"];
/// What each of them binds.
const BINDINGS: [&str; 4] = ["INGEST", "DEAD", "DB", "BUCKET_CONSIGN"];

/// How long a Worker may take to start.
const START_LIMIT: Duration = Duration::from_secs(180);
/// The secret of the tokens, as the Workers under test are given it.
const SECRET: &str = "the-suite-signs-its-tokens-with-this-secret";

/// Builds the Workers, judges their size and runs their tests.
///
/// # Errors
/// When a tool cannot be had, or a Worker does not build, is too large, or does not start.
pub(crate) fn check(host: &Workspace, tools: &Tools) -> Result<Tally> {
    let workers = cloudflare::set_up(host)?;
    let without = edge::build(host, &workers, "hosts/cloudflare", &WITHOUT_INGEST)?;
    judge("without ingest", without, SIZE_WITHOUT_INGEST_BYTES_MAX)?;
    let all = edge::build(host, &workers, "hosts/cloudflare", &[])?;
    judge("with all functions", all, SIZE_BYTES_MAX)?;
    deployable(host, &workers)?;
    edge::build(host, &workers, "tests/edge-contract", &[])?;
    let own = own_tests(host, tools, &workers)?;
    Ok(own.and(black_box(host, tools, &workers)?))
}

/// Packs the Worker as a deployment of each environment of `wrangler.toml` would, build command included, and sends nothing.
fn deployable(host: &Workspace, workers: &Workers) -> Result<()> {
    for environment in ENVIRONMENTS {
        let folder = crate::wasm::target_dir(host)?.join("deployment");
        let mut wrangler = workers.wrangler(host, &["deploy", "--dry-run", "--env", environment]);
        wrangler.arg("--outdir").arg(&folder).env(HAS_WORKER, "1");
        let said = process::capture(&mut wrangler)?;
        for binding in BINDINGS {
            ensure!(
                said.contains(&format!("env.{binding} ")),
                "a deployment to `{environment}` has no binding `{binding}`:\n{said}"
            );
        }
        println!("A deployment to `{environment}` is complete");
    }
    Ok(())
}

fn judge(what: &str, size: Size, bytes_max: usize) -> Result<()> {
    println!(
        "The Worker {what} has {} bytes gzipped, of at most {bytes_max}",
        size.all
    );
    ensure!(
        size.all <= bytes_max,
        "the Worker {what} is too large: {} bytes gzipped",
        size.all
    );
    Ok(())
}

/// The tests that start a Worker by themselves.
fn own_tests(host: &Workspace, tools: &Tools, workers: &Workers) -> Result<Tally> {
    let mut cargo = cargo_test(host, tools);
    cargo.args([
        "--features",
        "consign-edge-tests/workerd",
        "--test",
        "workerd",
    ]);
    name(host, workers, &mut cargo);
    cargo.env("CONSIGN_EDGE_CONTRACT", built(host, "tests/edge-contract"));
    tests::count(cargo)
}

/// Tells `command` where consign's Worker is, and what runs it.
fn name(host: &Workspace, workers: &Workers, command: &mut Command) {
    command
        .env("CONSIGN_NODE", workers.node())
        .env("CONSIGN_WRANGLER", workers.wrangler_js())
        .env("CONSIGN_EDGE", built(host, "hosts/cloudflare"));
}

/// Builds the Workers, and measures how fast they start and answer.
///
/// # Errors
/// When a tool cannot be had, or a Worker does not build or start.
pub(crate) fn bench(host: &Workspace, options: &[String]) -> Result<()> {
    let workers = cloudflare::set_up(host)?;
    edge::build(host, &workers, "hosts/cloudflare", &[])?;
    edge::build(host, &workers, "tests/edge-peers", &[])?;
    let mut cargo = host.cargo(&["bench", "--locked", "--package", "consign-edge-tests"]);
    cargo.args(["--features", "workerd", "--bench", "edge", "--"]);
    cargo.args(options);
    name(host, &workers, &mut cargo);
    cargo
        .env("CONSIGN_WORKERD", workers.workerd())
        .env("CONSIGN_EDGE_PEERS", built(host, "tests/edge-peers"))
        .env(
            "CONSIGN_EDGE_CONSTANT",
            host.root.join("tests/edge-peers/constant.js"),
        );
    process::run(&mut cargo)
}

/// The black-box suite, over two Workers that run already: one for each policy.
fn black_box(host: &Workspace, tools: &Tools, workers: &Workers) -> Result<Tally> {
    let suite = Running::start(host, workers, "tests/e2e/policy.toml")?;
    let other = Running::start(host, workers, "examples/reconciliation/consign.toml")?;
    let mut cargo = cargo_test(host, tools);
    cargo
        .args(["--test", "any", "--test", "flights"])
        .env("CONSIGN_E2E_HOST", "url")
        .env("CONSIGN_E2E_STORE", "r2-local");
    for (running, suffix) in [(&suite, ""), (&other, "_RECONCILIATION")] {
        let url = format!("http://127.0.0.1:{}", running.port);
        let endpoint = format!("{url}/cdn-cgi/local/r2/s3");
        for (name, value) in [
            ("URL", url.as_str()),
            ("SECRET", SECRET),
            ("S3_ENDPOINT", &endpoint),
            ("S3_ACCESS_KEY", "consign"),
            ("S3_SECRET_KEY", "consign-development"),
        ] {
            cargo.env(format!("CONSIGN_E2E_{name}{suffix}"), value);
        }
    }
    let tally = tests::count(cargo)?;
    if tally.failed > 0 {
        for running in [&suite, &other] {
            println!(
                "The end of the Worker's log:\n{}",
                process::tail(&running.log())
            );
        }
    }
    Ok(tally)
}

fn built(host: &Workspace, folder: &str) -> PathBuf {
    host.root.join(folder).join("build/index.js")
}

/// A Worker under test, which ends with this value, and with this process.
struct Running {
    process: Child,
    folder: PathBuf,
    port: u16,
}

impl Running {
    fn start(host: &Workspace, workers: &Workers, policy: &str) -> Result<Self> {
        let port = ports::free_port();
        let folder = state_folder(host)?.join(port.to_string());
        crate::cache::remove(&folder)?;
        crate::cache::create(&folder)?;
        let options = format!(
            "{{\"wrangler\":{:?},\"worker\":{:?},\"migrations\":{:?},\"policy\":{:?},\"state\":{:?},\"port\":{port},\
             \"sweepSeconds\":1,\"whileStdin\":true,\"vars\":{{\"CONSIGN_DEV_SECRET\":\"{SECRET}\",\
             \"CONSIGN_JWT_SECRET\":\"{SECRET}\"}}}}",
            workers.wrangler_js(),
            built(host, "hosts/cloudflare"),
            host.root.join("infra/migrations/sqlite"),
            host.root.join(policy),
            folder.join("state"),
        );
        let log = File::create(folder.join("log"))?;
        let mut node: Command = host.command(workers.node());
        let process = node
            .arg(host.root.join("infra/edge/dev.mjs"))
            .arg(options)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .context("cannot start node")?;
        let mut running = Self {
            process,
            folder,
            port,
        };
        running.wait()?;
        Ok(running)
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn wait(&mut self) -> Result<()> {
        let stopwatch = Stopwatch::start();
        while !says(&self.log(), "consign is up") {
            let ended = self.process.try_wait()?.is_some();
            if ended || stopwatch.elapsed() > START_LIMIT {
                bail!(
                    "the Worker did not start within {}; the end of its log:\n{}",
                    seconds(START_LIMIT),
                    process::tail(&self.log())
                );
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Its group: wrangler has children.
        let group = format!("-{}", self.process.id());
        let ended = Command::new("kill").args(["-KILL", "--", &group]).status();
        drop(ended.and_then(|_| self.process.wait()));
    }
}

fn says(log: &Path, text: &str) -> bool {
    std::fs::read(log).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(text))
}

/// Where the state of Workers under test is kept.
fn state_folder(host: &Workspace) -> Result<PathBuf> {
    Ok(crate::wasm::target_dir(host)?.join("workerd"))
}
