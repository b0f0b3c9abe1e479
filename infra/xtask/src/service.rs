//! The programs of `cargo xtask services`: how each is asked for, and how it is run.

use crate::host::Workspace;
use crate::servers::Servers;
use anyhow::{Result, bail};
use clap::Args;
use std::path::Path;
use std::process::Command;

/// For development on one machine. DynamoDB Local takes only letters and digits.
pub(crate) const ACCESS_KEY: &str = "consign";
pub(crate) const SECRET_KEY: &str = "consign-development";
pub(crate) const REGION: &str = "us-east-1";
/// The bridge's program, which is run from its own folder: so a later build does not disturb it.
pub(crate) const BRIDGE: &str = "consign-bridge";

/// What `services up` was asked for.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The port of S3
    #[arg(long, value_name = "N", default_value_t = 9000)]
    minio_port: u16,
    /// The port of DynamoDB
    #[arg(long, value_name = "N", default_value_t = 8000)]
    dynamodb_port: u16,
    /// The port of SQS
    #[arg(long, value_name = "N", default_value_t = 9324)]
    elasticmq_port: u16,
    /// Where MinIO reports the objects that were created
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:9400/events"
    )]
    webhook: String,
    /// What MinIO sends there as `Authorization: Bearer TOKEN`
    #[arg(long, value_name = "TOKEN", default_value = "consign-development")]
    webhook_token: String,
    /// Where Lambda functions are invoked, such as by `cargo lambda watch`. Starts the bridge too, which does between S3,
    /// SQS and Lambda what AWS does there (infra/bridge)
    #[arg(long, value_name = "URL")]
    pub(crate) functions: Option<String>,
}

impl Options {
    /// Sets the port on which a server runs already.
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
    pub(crate) fn check(self) -> Result<Self> {
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
    pub(crate) options: Options,
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

    pub(crate) fn port(self, options: &Options) -> u16 {
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
            &self.options.webhook,
        );
        minio.env(
            "MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_consign",
            &self.options.webhook_token,
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
            .args([
                "--runtime",
                self.options.functions.as_deref().unwrap_or_default(),
            ]);
        let at = |port: u16| format!("http://127.0.0.1:{port}");
        bridge
            .args(["--sqs-endpoint", &at(self.options.elasticmq_port)])
            .args(["--dynamodb-endpoint", &at(self.options.dynamodb_port)]);
        bridge
            .env("CONSIGN_WEBHOOK_TOKEN", &self.options.webhook_token)
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
    use clap::Parser as _;

    #[derive(Debug, clap::Parser)]
    struct Up {
        #[command(flatten)]
        options: Options,
    }

    fn checked(args: &[&str]) -> Result<Options> {
        Up::try_parse_from(["up"].iter().chain(args))?
            .options
            .check()
    }

    #[test]
    fn the_bridge_listens_where_minio_reports_to() {
        let ours = ["--functions", "http://127.0.0.1:9300"];
        let options = checked(&ours).unwrap();
        assert_eq!(Service::Bridge.port(&options), 9400);
        let elsewhere = ["--webhook", "http://127.0.0.1:9500/events"];
        let options = checked(&[ours, elsewhere].concat()).unwrap();
        assert_eq!(Service::Bridge.port(&options), 9500);
        let abroad = ["--webhook", "http://example.org/events"];
        assert!(checked(&abroad).is_ok());
        assert!(checked(&[ours, abroad].concat()).is_err());
    }
}
