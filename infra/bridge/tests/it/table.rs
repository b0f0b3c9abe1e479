//! The table of the records.

use ports::free_port;
use std::process::{Child, Command, Stdio};

use consign_aws::{AwsOptions, DynamoRepo};
use consign_core::ids::OwnerId;
use consign_core::ports::UploadRepo as _;

use crate::support::{Bridge, until};

struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn dynamodb(port: u16) -> Guard {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test command says where the server is"
    )]
    let home = std::env::var("CONSIGN_DYNAMODB_DIR").expect(
        "CONSIGN_DYNAMODB_DIR names the table server; run `cargo xtask test`, or `eval \"$(cargo xtask tools --env)\"` first",
    );
    let child = Command::new("java")
        .current_dir(home)
        .args(["-XX:TieredStopAtLevel=1", "-Djava.library.path=lib"])
        .args([
            "-cp",
            "lib/*",
            "com.amazonaws.services.dynamodbv2.local.main.ServerRunner",
        ])
        .args(["-inMemory", "-sharedDb", "-disableTelemetry", "-port"])
        .arg(port.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Guard(child.unwrap())
}

#[tokio::test]
async fn the_table_is_made_as_soon_as_there_is_a_server() {
    let port = free_port();
    let endpoint = format!("http://127.0.0.1:{port}");
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let options = ["--table", "records", "--dynamodb-endpoint", &endpoint];
    let bridge = Bridge::start((&nobody, "none"), &nobody, &options).await;
    let _server = dynamodb(port);
    let access = AwsOptions {
        endpoint: Some(endpoint.clone()),
        region: "us-east-1".to_owned(),
        access_key: "consign".to_owned(),
        secret_key: "consign".to_owned(),
        session_token: None,
    };
    let repo = DynamoRepo::new(&access, "records");
    let owner = OwnerId::parse("ann").unwrap();
    until("the table can be read", async || {
        repo.reserved_bytes(&owner).await.is_ok()
    })
    .await;
    bridge.end().await;
    // One that is there is left as it is.
    Bridge::start((&nobody, "none"), &nobody, &options)
        .await
        .end()
        .await;
    assert_eq!(repo.reserved_bytes(&owner).await.unwrap(), 0);
}
