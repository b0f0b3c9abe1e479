//! `cargo xtask edge`: the Cloudflare Worker, built and run on this machine.

use crate::cloudflare::{self, Workers, gzipped_bytes};
use crate::host::Workspace;
use crate::process;
use crate::wasm;
use anyhow::{Context as _, Result};
use std::path::PathBuf;

const HELP: &str = "\
The Cloudflare Worker, without an account.

    cargo xtask edge build [OPTIONS]    build it into hosts/cloudflare/build and print its size; OPTIONS go to cargo
    cargo xtask edge dev [PORT]         run it with the local R2, D1 and Queues (port 8787), built anew when a source changes
    cargo xtask edge wrangler ARGS…     run wrangler

Examples:
    cargo xtask edge build --no-default-features --features status,sign-upload
    cargo xtask edge dev 8788
    cargo xtask edge wrangler deploy --env production --dry-run
";

/// Does what `args` ask.
///
/// # Errors
/// When a tool cannot be had, or the Worker does not build or start.
pub(crate) fn run(host: &Workspace, args: &[&str]) -> Result<()> {
    match args {
        ["build"] if host.has_worker => Ok(()),
        ["build", rest @ ..] => {
            let workers = cloudflare::set_up(host)?;
            build(host, &workers, ("hosts/cloudflare", rest)).map(|size| size.print())
        }
        ["dev", rest @ ..] => dev(host, rest),
        ["wrangler", rest @ ..] => {
            process::replace(&mut cloudflare::set_up(host)?.wrangler(host, rest))
        }
        _ => {
            print!("{HELP}");
            Ok(())
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
    (folder, options): (&str, &[&str]),
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

fn dev(host: &Workspace, args: &[&str]) -> Result<()> {
    let port: u16 = match args {
        [] => 8787,
        [port, ..] => port
            .parse()
            .with_context(|| format!("`edge dev` wants a port, not `{port}`"))?,
    };
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
