//! `cargo xtask edge`: the Cloudflare Worker, built and run on this machine.

use crate::arguments::Edge;
use crate::cloudflare::{self, Workers, gzipped_bytes};
use crate::host::Workspace;
use crate::process;
use crate::wasm;
use anyhow::Result;
use std::path::PathBuf;

/// Runs a task of the Worker.
///
/// # Errors
/// When a tool cannot be had, or the Worker does not build or start.
pub(crate) fn run(host: &Workspace, task: Edge) -> Result<()> {
    match task {
        Edge::Build { .. } if host.has_worker => Ok(()),
        Edge::Build { options } => {
            let workers = cloudflare::set_up(host)?;
            let options: Vec<&str> = options.iter().map(String::as_str).collect();
            build(host, &workers, "hosts/cloudflare", &options).map(|size| size.print())
        }
        Edge::Dev { port } => dev(host, port),
        Edge::Wrangler { args } => {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            process::replace(&mut cloudflare::set_up(host)?.wrangler(host, &args))
        }
    }
}

/// How large a built Worker is, compressed as an upload to Cloudflare is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// All of it, in bytes.
    pub(crate) all: usize,
    /// Its WebAssembly, in bytes.
    pub(crate) wasm: usize,
}

impl Size {
    fn print(self) {
        eprintln!(
            "The Worker is {} kB gzipped, {} kB of it WebAssembly",
            self.all / 1000,
            self.wasm / 1000
        );
    }
}

/// Builds the Worker of a folder into `build` there; the options go to cargo.
///
/// # Errors
/// When it does not build.
pub(crate) fn build(
    host: &Workspace,
    workers: &Workers,
    folder: &str,
    options: &[&str],
) -> Result<Size> {
    let folder = host.root.join(folder);
    let mut command = workers.worker_build(host);
    wasm::prepare(host, &mut command)?;
    // The positional argument is the crate; what follows it goes to cargo.
    command
        .args(["--profile", "worker", "--out-dir", "build"])
        .arg(&folder)
        .args(["--locked"])
        .args(options);
    process::run(&mut command)?;
    let size = |name: &str| gzipped_bytes(host, &folder.join("build").join(name));
    let wasm = size("index_bg.wasm")?;
    Ok(Size {
        all: size("index.js")? + wasm,
        wasm,
    })
}

fn dev(host: &Workspace, port: u16) -> Result<()> {
    // Wrangler builds it, now and after each change.
    let workers = cloudflare::set_up(host)?;
    let state: PathBuf = host.root.join(".wrangler/state");
    let options = format!(
        "{{\"wrangler\":{:?},\"config\":{:?},\"state\":{:?},\"port\":{port}}}",
        workers.wrangler_js(),
        host.root.join("wrangler.toml"),
        state
    );
    let mut command = host.command(workers.node());
    command
        .arg(host.root.join("infra/edge/dev.mjs"))
        .arg(options);
    process::replace(&mut command)
}
