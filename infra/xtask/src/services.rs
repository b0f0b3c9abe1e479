//! `cargo xtask services`: the stand-ins for AWS, started and ended for a developer.

use crate::cache;
use crate::host::{Host, Stopwatch, seconds};
use crate::process;
use crate::servers::{self, Servers};
use crate::tools;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const HELP: &str = "\
The servers that stand in for AWS, on this machine alone (127.0.0.1), without Docker. `infra/compose.yaml` has the same for Docker.

    cargo xtask services up [OPTIONS]   start what is not running, and print the environment to use it with
    cargo xtask services status         say what is running
    cargo xtask services down           end what `up` started; the data stays in .consign/services

Options of `up`:
    --minio-port N          S3 (9000)
    --dynamodb-port N       DynamoDB (8000)
    --elasticmq-port N      SQS (9324)
    --webhook URL           where MinIO reports the objects that were made (http://127.0.0.1:9400/events)
    --webhook-token TOKEN   what it sends there as `Authorization: Bearer TOKEN` (consign-development)

Buckets send notifications once they are told to: `consign bucket init` does that.

Example:
    cargo xtask services up --minio-port 9100
";

/// For development on one machine. DynamoDB Local takes only letters and digits.
const ACCESS_KEY: &str = "consign";
const SECRET_KEY: &str = "consign-development";

/// How long a server may take to answer, and to end.
const START_LIMIT: Duration = Duration::from_secs(60);
const END_LIMIT: Duration = Duration::from_secs(15);

/// What `up` was asked for.
#[derive(Debug)]
struct Options<'a> {
    minio_port: u16,
    dynamodb_port: u16,
    elasticmq_port: u16,
    webhook: &'a str,
    webhook_token: &'a str,
}

impl<'a> Options<'a> {
    fn parse(args: &[&'a str]) -> Result<Self> {
        let mut options = Self {
            minio_port: 9000,
            dynamodb_port: 8000,
            elasticmq_port: 9324,
            webhook: "http://127.0.0.1:9400/events",
            webhook_token: "consign-development",
        };
        for pair in args.chunks(2) {
            let [name, value] = *pair else {
                bail!("`{}` wants a value", pair.join(" "))
            };
            let port = || {
                value.parse().with_context(|| {
                    format!("`{name}` wants a port from 1 to 65535, not `{value}`")
                })
            };
            match name {
                "--minio-port" => options.minio_port = port()?,
                "--dynamodb-port" => options.dynamodb_port = port()?,
                "--elasticmq-port" => options.elasticmq_port = port()?,
                "--webhook" => options.webhook = value,
                "--webhook-token" => options.webhook_token = value,
                other => {
                    bail!("there is no option `{other}`; `cargo xtask services help` lists them")
                }
            }
        }
        Ok(options)
    }
}

/// What starting a server takes.
#[derive(Debug)]
struct Setting<'a> {
    host: &'a Host,
    servers: Servers,
    options: Options<'a>,
}

/// One of the servers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Service {
    Minio,
    Dynamodb,
    Elasticmq,
}

impl Service {
    const ALL: [Self; 3] = [Self::Minio, Self::Dynamodb, Self::Elasticmq];

    fn name(self) -> &'static str {
        match self {
            Self::Minio => "minio",
            Self::Dynamodb => "dynamodb",
            Self::Elasticmq => "elasticmq",
        }
    }

    fn port(self, options: &Options<'_>) -> u16 {
        match self {
            Self::Minio => options.minio_port,
            Self::Dynamodb => options.dynamodb_port,
            Self::Elasticmq => options.elasticmq_port,
        }
    }

    /// What answers once the server is ready.
    fn ready_path(self) -> &'static str {
        match self {
            Self::Minio => "/minio/health/ready",
            Self::Dynamodb => "/",
            Self::Elasticmq => "/?Action=ListQueues",
        }
    }

    /// The command that runs the server. `state`, its folder, is part of it: so it is known again later.
    fn command(self, setting: &Setting<'_>, state: &Path) -> Command {
        let Setting {
            host,
            servers,
            options,
        } = setting;
        let port = self.port(options);
        let data = state.join("data");
        let java = |folder: &Path| {
            let mut java = host.command("java");
            java.current_dir(folder)
                .arg(format!("-Dconsign.state={}", state.display()));
            java
        };
        match self {
            Self::Minio => {
                let mut minio = host.command(&servers.minio);
                minio.arg("server").arg(&data).args([
                    "--address",
                    &format!("127.0.0.1:{port}"),
                    "--quiet",
                ]);
                minio
                    .env("MINIO_ROOT_USER", ACCESS_KEY)
                    .env("MINIO_ROOT_PASSWORD", SECRET_KEY);
                minio
                    .env("MINIO_BROWSER", "off")
                    .env("MINIO_UPDATE", "off")
                    .env("MINIO_API_CORS_ALLOW_ORIGIN", "*");
                minio.env("MINIO_NOTIFY_WEBHOOK_ENABLE_consign", "on");
                minio.env("MINIO_NOTIFY_WEBHOOK_ENDPOINT_consign", options.webhook);
                minio.env(
                    "MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_consign",
                    options.webhook_token,
                );
                // Without this folder MinIO forgets what it could not deliver.
                minio.env(
                    "MINIO_NOTIFY_WEBHOOK_QUEUE_DIR_consign",
                    state.join("undelivered"),
                );
                minio
            }
            Self::Dynamodb => {
                let mut java = java(&servers.dynamodb);
                java.args([
                    "-Djava.library.path=lib",
                    "-cp",
                    "lib/*",
                    "com.amazonaws.services.dynamodbv2.local.main.ServerRunner",
                ]);
                java.args([
                    "-sharedDb",
                    "-disableTelemetry",
                    "-port",
                    &port.to_string(),
                    "-dbPath",
                ])
                .arg(&data);
                java
            }
            Self::Elasticmq => {
                let mut java = java(&servers.elasticmq);
                java.arg(format!(
                    "-Dconfig.file={}",
                    host.root.join("infra/elasticmq.conf").display()
                ));
                java.arg(format!("-Dnode-address.port={port}"))
                    .arg(format!("-Drest-sqs.bind-port={port}"));
                java.arg("-Drest-sqs.bind-hostname=127.0.0.1");
                java.arg(format!(
                    "-Dmessages-storage.uri=jdbc:h2:{}",
                    data.join("messages").display()
                ));
                java.args([
                    "-Dmessages-storage.enabled=true",
                    "-cp",
                    "lib/*",
                    "org.elasticmq.server.Main",
                ]);
                java
            }
        }
    }
}

/// Does what `args` ask.
///
/// # Errors
/// When a server cannot be set up, started or ended.
pub(crate) fn run(host: &Host, args: &[&str]) -> Result<()> {
    let folder = host.root.join(".consign/services");
    match args {
        ["up", rest @ ..] => up(host, &folder, Options::parse(rest)?),
        ["down"] => Service::ALL
            .into_iter()
            .try_for_each(|service| down(host, service, &folder.join(service.name()))),
        ["status"] => {
            for service in Service::ALL {
                println!(
                    "{:10} {}",
                    service.name(),
                    status(host, service, &folder.join(service.name()))?
                );
            }
            Ok(())
        }
        _ => {
            print!("{HELP}");
            Ok(())
        }
    }
}

fn up(host: &Host, folder: &Path, options: Options<'_>) -> Result<()> {
    let servers = servers::set_up(host, &tools::python(host)?)?;
    let setting = Setting {
        host,
        servers,
        options,
    };
    for service in Service::ALL {
        start(&setting, service, &folder.join(service.name()))?;
    }
    println!(
        "export AWS_ACCESS_KEY_ID={ACCESS_KEY} AWS_SECRET_ACCESS_KEY={SECRET_KEY} AWS_REGION=us-east-1"
    );
    for (service, variable) in Service::ALL.into_iter().zip(["S3", "DYNAMODB", "SQS"]) {
        let port = Running::read(&folder.join(service.name()))?.map_or(0, |running| running.port);
        println!("export AWS_ENDPOINT_URL_{variable}=http://127.0.0.1:{port}");
    }
    Ok(())
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

fn down(host: &Host, service: Service, state: &Path) -> Result<()> {
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

fn status(host: &Host, service: Service, state: &Path) -> Result<String> {
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
    fn is_alive(&self, host: &Host, state: &Path) -> bool {
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

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn options_are_read_in_any_order_and_unknown_ones_refused() {
        let options = Options::parse(&["--webhook-token", "t", "--minio-port", "9100"]).unwrap();
        assert_eq!(
            (
                options.minio_port,
                options.webhook_token,
                options.dynamodb_port
            ),
            (9100, "t", 8000)
        );
        assert!(Options::parse(&["--minio-port"]).is_err());
        assert!(Options::parse(&["--minio-port", "70000"]).is_err());
        assert!(Options::parse(&["--port", "1"]).is_err());
    }
}
