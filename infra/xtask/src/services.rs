//! `cargo xtask services`: the stand-ins for AWS, started and ended for a developer.

use crate::arguments::Services;
use crate::cache;
use crate::host::{Stopwatch, Workspace, seconds};
use crate::process;
use crate::servers;
use crate::service::{ACCESS_KEY, BRIDGE, Options, REGION, SECRET_KEY, Service, Setting};
use crate::tools;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a server may take to answer, and to end.
const START_LIMIT: Duration = Duration::from_secs(60);
// ElasticMQ ends when the last request for messages does, which it may hold for 20 s.
const END_LIMIT: Duration = Duration::from_secs(30);

/// Runs a task of the servers.
///
/// # Errors
/// When a server cannot be set up, started or ended.
pub(crate) fn run(host: &Workspace, task: Services) -> Result<()> {
    let folder = host.root.join(".consign/services");
    match task {
        Services::Up(options) => up(host, &folder, options.check()?),
        Services::Down => Service::ALL
            .into_iter()
            .rev()
            .try_for_each(|service| down(host, service, &folder.join(service.name()))),
        Services::Status => {
            for service in Service::ALL {
                let status = status(host, service, &folder.join(service.name()))?;
                println!("{:10} {status}", service.name());
            }
            Ok(())
        }
    }
}

fn up(host: &Workspace, folder: &Path, options: Options) -> Result<()> {
    let python = tools::python(host)?;
    let servers = servers::set_up(host, &python)?;
    let mut setting = Setting {
        host,
        servers,
        options,
    };
    for (service, _) in Service::STORES {
        start(&setting, service, &folder.join(service.name()))?;
        if let Some(running) = Running::read(&folder.join(service.name()))? {
            setting.options.runs_at(service, running.port);
        }
    }
    println!(
        "export AWS_ACCESS_KEY_ID={ACCESS_KEY} AWS_SECRET_ACCESS_KEY={SECRET_KEY} AWS_REGION={REGION}"
    );
    for (service, variable) in Service::STORES {
        let port = service.port(&setting.options);
        println!("export AWS_ENDPOINT_URL_{variable}=http://127.0.0.1:{port}");
    }
    if setting.options.functions.is_none() {
        eprintln!("With --functions URL the bridge to Lambda functions is started too.");
        return Ok(());
    }
    let state = folder.join(Service::Bridge.name());
    let cargo_lambda = tools::cargo_lambda(host, &python)?;
    if !is_running(host, &state)? {
        let program = process::build(host, BRIDGE, BRIDGE)?;
        cache::create(&state)?;
        // Aside and renamed: the file of a program that runs cannot be written.
        let aside = state.join("new");
        fs::copy(&program, &aside)
            .and_then(|_| fs::rename(&aside, state.join(BRIDGE)))
            .with_context(|| format!("cannot copy {}", program.display()))?;
    }
    start(&setting, Service::Bridge, &state)?;
    if let Some(folder) = cargo_lambda.parent() {
        println!("export PATH=\"{}:$PATH\"", folder.display());
    }
    Ok(())
}

/// Whether a program that `up` started lives.
fn is_running(host: &Workspace, state: &Path) -> Result<bool> {
    Ok(Running::read(state)?.is_some_and(|running| running.is_alive(host, state)))
}

fn start(setting: &Setting<'_>, service: Service, state: &Path) -> Result<()> {
    let host = setting.host;
    let (name, port) = (service.name(), service.port(&setting.options));
    if let Some(running) = Running::read(state)?.filter(|running| running.is_alive(host, state)) {
        eprintln!("{name} is running already, on port {}", running.port);
        return Ok(());
    }
    if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err() {
        bail!("port {port} is in use by another program; choose another with --{name}-port");
    }
    cache::create(&state.join("data"))?;
    let log = state.join("log");
    cache::remove_file(&log)?;
    let mut command = service.command(setting, state);
    // A group of its own: an interrupt meant for the task runner does not reach it.
    let mut child = process::spawn_logged(command.process_group(0), &log)?;
    let running = Running {
        pid: child.id(),
        port,
    };
    running.write(state)?;
    let stopwatch = Stopwatch::start();
    while !answers(port, service.ready_path()) {
        if let Some(status) = child.try_wait()? {
            bail!(
                "{name} ended with {status}; the end of {}:\n{}",
                log.display(),
                process::tail(&log)
            );
        }
        if stopwatch.elapsed() > START_LIMIT {
            down(host, service, state)?;
            bail!(
                "{name} does not answer on port {port}; the end of {}:\n{}",
                log.display(),
                process::tail(&log)
            );
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    eprintln!(
        "{name} answers on port {port} after {}; its log is {}",
        seconds(stopwatch.elapsed()),
        log.display()
    );
    Ok(())
}

fn down(host: &Workspace, service: Service, state: &Path) -> Result<()> {
    let name = service.name();
    let Some(running) = Running::read(state)? else {
        eprintln!("{name} was not started");
        return Ok(());
    };
    if running.is_alive(host, state) {
        let pid = running.pid.to_string();
        process::run(
            host.command("sh")
                .args(["-c", "kill -s TERM \"$1\"", "sh", &pid]),
        )?;
        let stopwatch = Stopwatch::start();
        while running.is_alive(host, state) {
            if stopwatch.elapsed() > END_LIMIT {
                bail!(
                    "{name}, process {pid}, did not end within {}",
                    seconds(END_LIMIT)
                );
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        eprintln!("{name} ended");
    } else {
        eprintln!(
            "{name} had ended by itself; the end of its log is in {}",
            state.join("log").display()
        );
    }
    cache::remove_file(&Running::file(state))
}

fn status(host: &Workspace, service: Service, state: &Path) -> Result<String> {
    Ok(match Running::read(state)? {
        None => "not started".to_owned(),
        Some(Running { pid, port }) if Running { pid, port }.is_alive(host, state) => {
            let health = if answers(port, service.ready_path()) {
                "answers"
            } else {
                "does not answer"
            };
            format!("{health} on http://127.0.0.1:{port}, process {pid}")
        }
        Some(_) => format!("ended by itself; see {}", state.join("log").display()),
    })
}

/// A server that `up` started, as its folder remembers it.
#[derive(Debug, PartialEq)]
struct Running {
    pid: u32,
    port: u16,
}

impl Running {
    fn file(state: &Path) -> PathBuf {
        state.join("pid")
    }

    fn read(state: &Path) -> Result<Option<Self>> {
        let file = Self::file(state);
        if !file.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&file)?;
        let numbers = text.trim().split_once(' ').and_then(|(pid, port)| {
            Some(Self {
                pid: pid.parse().ok()?,
                port: port.parse().ok()?,
            })
        });
        numbers.map(Some).with_context(|| {
            format!(
                "{} is not what `services up` writes; remove it",
                file.display()
            )
        })
    }

    fn write(&self, state: &Path) -> Result<()> {
        let file = Self::file(state);
        fs::write(&file, format!("{} {}\n", self.pid, self.port))
            .with_context(|| format!("cannot write {}", file.display()))
    }

    /// The process lives and is the one that was started: a number is used again, a command line with this folder is not.
    fn is_alive(&self, host: &Workspace, state: &Path) -> bool {
        let proc = PathBuf::from(format!("/proc/{}/cmdline", self.pid));
        let command = match fs::read(proc) {
            Ok(words) => String::from_utf8_lossy(&words).into_owned(),
            Err(_) => process::capture(host.command("ps").args([
                "-o",
                "command=",
                "-p",
                &self.pid.to_string(),
            ]))
            .unwrap_or_default(),
        };
        command.contains(&state.display().to_string())
    }
}

/// Whether an HTTP server on this machine answers `path` with anything but a fault of its own.
fn answers(port: u16, path: &str) -> bool {
    let ask = || -> std::io::Result<Vec<u8>> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(
            format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")
                .as_bytes(),
        )?;
        let mut head = vec![0; "HTTP/1.1 200".len()];
        stream.read_exact(&mut head)?;
        Ok(head)
    };
    ask().is_ok_and(|head| {
        head.starts_with(b"HTTP/1.")
            && head
                .get(9)
                .is_some_and(|digit| (b'2'..=b'4').contains(digit))
    })
}
