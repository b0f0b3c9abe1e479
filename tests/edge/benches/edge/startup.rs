//! The start: from the start of the runtime with a Worker, to its first answer. workerd alone, without wrangler: that takes
//! seconds to start, whatever it serves.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use edge_tests::{SECRET, needed};

use crate::figures::{median, range};

/// How often each is started in a round.
const STARTS: usize = 3;
/// What is asked first. consign reads its policy for it, and looks for all of its bindings.
const FIRST: &[u8] = b"GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n";
/// Between two looks whether it listens.
const PAUSE: Duration = Duration::from_micros(500);

/// Prints how long each Worker takes to start.
pub(crate) fn measure(policy: &str, rounds: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let workers: Vec<Worker> = [
        ("a constant, in JavaScript", "CONSIGN_EDGE_CONSTANT"),
        ("a constant", "CONSIGN_EDGE_PEERS"),
        ("consign", "CONSIGN_EDGE"),
    ]
    .map(|(name, variable)| Worker::new(name, &needed(variable), (folder.path(), policy)))
    .into();
    let mut times = vec![Vec::new(); workers.len()];
    for _ in 0..rounds * STARTS {
        for (worker, times) in workers.iter().zip(&mut times) {
            times.push(worker.start().as_secs_f64() * 1000.0);
        }
    }
    println!(
        "\nStart of workerd to the first answer, in milliseconds, {} starts each:\n",
        rounds * STARTS
    );
    println!(
        "{:32}{:>8}{:>16}{:>14}",
        "", "median", "all starts", "more than JS"
    );
    let first = median(&times[0]);
    for (worker, times) in workers.iter().zip(&times) {
        let (lowest, highest) = range(times);
        println!(
            "{:32}{:8.1}{:>16}{:>14.1}",
            worker.name,
            median(times),
            format!("{lowest:.0}–{highest:.0}"),
            median(times) - first,
        );
    }
}

/// A Worker as workerd takes it.
struct Worker {
    name: &'static str,
    configuration: PathBuf,
    port: u16,
}

impl Worker {
    fn new(name: &'static str, script: &str, (folder, policy): (&Path, &str)) -> Self {
        let port = ports::free_port();
        let folder = folder.join(port.to_string());
        std::fs::create_dir(&folder).expect("a folder");
        std::fs::copy(script, folder.join("index.js")).expect("the script");
        // Its WebAssembly lies beside it, where it has some.
        let wasm = Path::new(script).with_file_name("index_bg.wasm");
        let has_wasm = std::fs::copy(wasm, folder.join("index_bg.wasm")).is_ok();
        std::fs::write(folder.join("policy.toml"), r2(policy)).expect("the policy");
        let configuration = folder.join("workerd.capnp");
        std::fs::write(&configuration, text(port, has_wasm)).expect("the configuration");
        Self {
            name,
            configuration,
            port,
        }
    }

    /// How long it takes to the first answer.
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
    fn start(&self) -> Duration {
        let start = Instant::now();
        let process = Command::new(needed("CONSIGN_WORKERD"))
            .args(["serve", "--experimental"])
            .arg(&self.configuration)
            .stdin(Stdio::null())
            .spawn();
        let mut process = Running(process.expect("workerd starts"));
        let answer = loop {
            if let Some(answer) = self.ask() {
                break answer;
            }
            let ended = process.0.try_wait().expect("a child can be waited for");
            assert!(ended.is_none(), "workerd ended: {ended:?}");
            std::thread::sleep(PAUSE);
        };
        let elapsed = start.elapsed();
        assert!(
            answer.starts_with("HTTP/1.1 200 "),
            "{}: {answer}",
            self.name
        );
        elapsed
    }

    /// The answer, once somebody listens.
    fn ask(&self) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let mut answer = String::new();
        stream.write_all(FIRST).ok()?;
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let ended = self.0.kill().and_then(|()| self.0.wait());
        ended.expect("a child can be ended");
    }
}

/// The policy over R2, as dev.mjs makes it.
fn r2(policy: &str) -> String {
    let store = "[store]\nprovider = \"r2\"\nendpoint = \"http://127.0.0.1:1\"\n";
    policy.replace("[store]\nprovider = \"embedded\"\n", store)
}

/// The configuration: the bindings are there, with nothing behind them.
fn text(port: u16, has_wasm: bool) -> String {
    let mut text = format!(
        "using Workerd = import \"/workerd/workerd.capnp\";\n\
         const config :Workerd.Config = (\n\
         services = [(name = \"main\", worker = .worker), (name = \"nobody\", external = (address = \"127.0.0.1:1\"))],\n\
         sockets = [(name = \"http\", address = \"127.0.0.1:{port}\", http = (), service = \"main\")]);\n\
         const worker :Workerd.Worker = (\n\
         compatibilityDate = \"2026-11-01\",\n\
         modules = [(name = \"index.js\", esModule = embed \"index.js\")"
    );
    if has_wasm {
        text.push_str(", (name = \"./index_bg.wasm\", wasm = embed \"index_bg.wasm\")");
    }
    text.push_str("],\nbindings = [(name = \"CONSIGN_CONFIG\", text = embed \"policy.toml\")");
    for (name, value) in [
        ("CONSIGN_STORE_ACCESS_KEY", "consign"),
        ("CONSIGN_STORE_SECRET_KEY", "consign-development"),
        ("CONSIGN_DEV_SECRET", SECRET),
        ("CONSIGN_LOG", "warn"),
    ] {
        write!(text, ", (name = \"{name}\", text = \"{value}\")").expect("a text grows");
    }
    text.push_str(
        ",\n(name = \"DB\", wrapped = (moduleName = \"cloudflare-internal:d1-api\", \
         innerBindings = [(name = \"fetcher\", service = \"nobody\")])),\n\
         (name = \"INGEST\", queue = \"nobody\"), (name = \"DEAD\", queue = \"nobody\"), \
         (name = \"BUCKET_E2E_FILES\", r2Bucket = \"nobody\")]);\n",
    );
    text
}
