//! What is at hand in development is at hand on this machine only, and only where it was asked for.

use std::process::{Command, Stdio};

use e2e::{Answer, OwnHost, POLICY, program};
use reqwest::Method;

/// Runs `consign serve` in a folder without a policy of its own until it ends by itself.
fn refused(listen: &str, args: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(program());
    command
        .arg("serve")
        .args(["--listen", listen, "--store-listen", "127.0.0.1:0"])
        .args(args)
        .current_dir(folder.path())
        .env_remove("CONSIGN_DEV_SECRET")
        .env_remove("CONSIGN_CONFIG")
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    for _ in 0..200 {
        if let Some(status) = process.try_wait().unwrap() {
            assert!(!status.success());
            let output = process.wait_with_output().unwrap();
            return String::from_utf8_lossy(&output.stderr).into_owned();
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    process.kill().unwrap();
    process.wait().unwrap();
    unreachable!("it serves")
}

#[test]
fn without_being_asked_no_secret_is_made_up() {
    let told = refused("127.0.0.1:0", &[]);
    assert!(told.contains("--dev"), "{told}");
}

#[test]
fn development_listens_on_this_machine_alone() {
    let told = refused("0.0.0.0:0", &["--dev"]);
    assert!(told.contains("127.0.0.1"), "{told}");
}

#[tokio::test]
async fn what_is_for_this_machine_is_not_passed_on_by_a_proxy() {
    let host = OwnHost::spawn(POLICY).await;
    let user = host.user("ann");
    let ask = |path: &'static str, header: (&'static str, &'static str)| {
        Answer::of(user.bare(Method::GET, path).header(header.0, header.1))
    };
    let plain = ("accept", "*/*");
    assert_eq!(ask("/dev/session", plain).await.status, 200);
    assert_eq!(ask("/metrics", plain).await.status, 200);
    for header in [
        ("x-forwarded-for", "10.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-real-ip", "10.0.0.1"),
        ("forwarded", "for=10.0.0.1"),
        ("via", "1.1 proxy"),
        ("host", "files.example.org"),
    ] {
        assert_eq!(ask("/dev/session", header).await.status, 404, "{header:?}");
        assert_eq!(ask("/metrics", header).await.status, 401, "{header:?}");
    }
}
