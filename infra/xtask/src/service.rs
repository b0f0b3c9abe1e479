//! The programs of `cargo xtask services`: how each is asked for, and how it is run.

use crate::host::Workspace;
use crate::servers::Servers;
use anyhow::{Context as _, Result, bail};
use std::path::Path;
use std::process::Command;

/// For development on one machine. DynamoDB Local takes only letters and digits.
pub(crate) const ACCESS_KEY: &str = "consign";
pub(crate) const SECRET_KEY: &str = "consign-development";
pub(crate) const REGION: &str = "us-east-1";
/// The bridge's program, which is run from its own folder: so a later build does not disturb it.
pub(crate) const BRIDGE: &str = "consign-bridge";

/// What `up` was asked for.
#[derive(Debug)]
pub(crate) struct Options<'a> {
    minio_port: u16,
    dynamodb_port: u16,
    elasticmq_port: u16,
    webhook: &'a str,
    webhook_token: &'a str,
    /// Where functions are invoked; without it there is nothing to bridge.
    pub(crate) functions: Option<&'a str>,
}

impl<'a> Options<'a> {
    pub(crate) fn parse(args: &[&'a str]) -> Result<Self> {
        let mut options = Self {
            minio_port: 9000,
            dynamodb_port: 8000,
            elasticmq_port: 9324,
            webhook: "http://127.0.0.1:9400/events",
            webhook_token: "consign-development",
            functions: None,
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
                "--functions" => options.functions = Some(value),
                other => {
                    bail!("there is no option `{other}`; `cargo xtask services help` lists them")
                }
            }
        }
        options.check()
    }

    /// Takes note of where a server runs, which may be elsewhere than asked for when it ran before.
    pub(crate) fn runs_at(&mut self, service: Service, port: u16) {
        match service {
            Service::Minio => self.minio_port = port,
            Service::Dynamodb => self.dynamodb_port = port,
            Service::Elasticmq => self.elasticmq_port = port,
            Service::Bridge => {}
        }
    }

    /// The port of the webhook, where it is on this machine.
    fn webhook_port(&self) -> Option<u16> {
        let rest = self.webhook.strip_prefix("http://")?;
        let (host, port) = rest.split('/').next()?.split_once(':')?;
        let is_here = matches!(host, "127.0.0.1" | "localhost");
        is_here.then(|| port.parse().ok()).flatten()
    }

    /// Whether the bridge can be what MinIO reports to.
    ///
    /// # Errors
    /// When it is to run and cannot.
    fn check(self) -> Result<Self> {
        if self.functions.is_some() && self.webhook_port().is_none() {
            bail!(
                "the bridge takes MinIO's reports on this machine, such as at http://127.0.0.1:9400/events, not at {}",
                self.webhook
            );
        }
        Ok(self)
    }
}

/// What starting a server takes.
#[derive(Debug)]
pub(crate) struct Setting<'a> {
    pub(crate) host: &'a Workspace,
    pub(crate) servers: Servers,
    pub(crate) options: Options<'a>,
}

/// One of the programs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Service {
    Minio,
    Dynamodb,
    Elasticmq,
    Bridge,
}

impl Service {
    pub(crate) const ALL: [Self; 4] = [Self::Minio, Self::Dynamodb, Self::Elasticmq, Self::Bridge];
    /// Those that are always started, and what the SDKs call them.
    pub(crate) const STORES: [(Self, &str); 3] = [
        (Self::Minio, "S3"),
        (Self::Dynamodb, "DYNAMODB"),
        (Self::Elasticmq, "SQS"),
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Minio => "minio",
            Self::Dynamodb => "dynamodb",
            Self::Elasticmq => "elasticmq",
            Self::Bridge => "bridge",
        }
    }

    pub(crate) fn port(self, options: &Options<'_>) -> u16 {
        match self {
            Self::Minio => options.minio_port,
            Self::Dynamodb => options.dynamodb_port,
            Self::Elasticmq => options.elasticmq_port,
            Self::Bridge => options.webhook_port().unwrap_or_default(),
        }
    }

    /// What answers once the server is ready.
    pub(crate) fn ready_path(self) -> &'static str {
        match self {
            Self::Minio => "/minio/health/ready",
            Self::Dynamodb => "/",
            Self::Elasticmq => "/?Action=ListQueues",
            Self::Bridge => "/health",
        }
    }

    /// The command that runs the server. `state`, its folder, is part of it: so it is known again later.
    pub(crate) fn command(self, setting: &Setting<'_>, state: &Path) -> Command {
        let port = self.port(&setting.options);
        match self {
            Self::Minio => setting.minio(port, state),
            Self::Dynamodb => setting.dynamodb(port, state),
            Self::Elasticmq => setting.elasticmq(port, state),
            Self::Bridge => setting.bridge(port, state),
        }
    }
}

impl Setting<'_> {
    fn minio(&self, port: u16, state: &Path) -> Command {
        let mut minio = self.host.command(&self.servers.minio);
        minio.arg("server").arg(state.join("data")).args([
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
        // An object is neither taken before its bucket's rules are known, nor told of before its event is kept.
        minio
            .env("MINIO_SYNC_BOOT", "on")
            .env("MINIO_API_SYNC_EVENTS", "on");
        minio.env("MINIO_NOTIFY_WEBHOOK_ENABLE_consign", "on");
        minio.env(
            "MINIO_NOTIFY_WEBHOOK_ENDPOINT_consign",
            self.options.webhook,
        );
        minio.env(
            "MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_consign",
            self.options.webhook_token,
        );
        // Without this folder MinIO forgets what it could not deliver.
        minio.env(
            "MINIO_NOTIFY_WEBHOOK_QUEUE_DIR_consign",
            state.join("undelivered"),
        );
        minio
    }

    fn dynamodb(&self, port: u16, state: &Path) -> Command {
        let mut java = self.java(&self.servers.dynamodb, state);
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
        .arg(state.join("data"));
        java
    }

    fn elasticmq(&self, port: u16, state: &Path) -> Command {
        let mut java = self.java(&self.servers.elasticmq, state);
        java.arg(format!(
            "-Dconfig.file={}",
            self.host.root.join("infra/elasticmq.conf").display()
        ));
        java.arg(format!("-Dnode-address.port={port}"))
            .arg(format!("-Drest-sqs.bind-port={port}"));
        java.arg("-Drest-sqs.bind-hostname=127.0.0.1");
        java.arg(format!(
            "-Dmessages-storage.uri=jdbc:h2:{}",
            state.join("data").join("messages").display()
        ));
        java.args([
            "-Dmessages-storage.enabled=true",
            "-cp",
            "lib/*",
            "org.elasticmq.server.Main",
        ]);
        java
    }

    fn bridge(&self, port: u16, state: &Path) -> Command {
        let mut bridge = self.host.command(state.join(BRIDGE));
        bridge
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--runtime", self.options.functions.unwrap_or_default()]);
        let at = |port: u16| format!("http://127.0.0.1:{port}");
        bridge
            .args(["--sqs-endpoint", &at(self.options.elasticmq_port)])
            .args(["--dynamodb-endpoint", &at(self.options.dynamodb_port)]);
        bridge
            .env("CONSIGN_WEBHOOK_TOKEN", self.options.webhook_token)
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .env("AWS_REGION", REGION);
        bridge
    }

    fn java(&self, folder: &Path, state: &Path) -> Command {
        let mut java = self.host.command("java");
        java.current_dir(folder)
            .arg(format!("-Dconsign.state={}", state.display()));
        java
    }
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

    #[test]
    fn the_bridge_listens_where_minio_reports_to() {
        let ours = ["--functions", "http://127.0.0.1:9300"];
        let options = Options::parse(&ours).unwrap();
        assert_eq!(Service::Bridge.port(&options), 9400);
        let elsewhere = ["--webhook", "http://127.0.0.1:9500/events"];
        let options = Options::parse(&[ours, elsewhere].concat()).unwrap();
        assert_eq!(Service::Bridge.port(&options), 9500);
        let abroad = ["--webhook", "http://example.org/events"];
        assert!(Options::parse(&abroad).is_ok());
        assert!(Options::parse(&[ours, abroad].concat()).is_err());
    }
}
