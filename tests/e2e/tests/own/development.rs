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

/// Every file and folder under this one that others than its owner may read.
fn open_to_others(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // Some are renamed or removed while we look.
        let Ok(metadata) = path.symlink_metadata() else {
            continue;
        };
        if metadata.permissions().mode() & 0o077 != 0 {
            found.push(path.clone());
        }
        if metadata.is_dir() {
            found.extend(open_to_others(&path));
        }
    }
    found
}

#[tokio::test]
async fn what_is_kept_is_for_its_owner_alone() {
    let host = OwnHost::embedded(POLICY).await;
    let user = host.user("ann");
    let file_id = user.put_csv(&e2e::csv(10)).await;
    user.wait_ready(&file_id).await;
    let found = open_to_others(&host.data());
    assert!(found.is_empty(), "{found:?}");
}

#[tokio::test]
async fn a_flood_of_questions_about_health_looks_once() {
    let host = OwnHost::embedded(POLICY).await;
    let user = host.user("ann");
    let asked = (0..200).map(|_| user.bare(Method::GET, "/health/storage").send());
    let asked: Vec<_> = asked.map(tokio::spawn).collect();
    let mut refused = 0;
    for answer in asked {
        let status = answer.await.unwrap().unwrap().status();
        // Until the first look has ended, nobody knows.
        refused += u32::from(status != 200);
    }
    assert_eq!(
        Answer::of(user.bare(Method::GET, "/health/storage"))
            .await
            .status,
        200
    );
    assert!(refused < 200);
    // No probe is left, and none begins for whoever asks within the same seconds.
    let probes = host
        .data()
        .join("objects")
        .join(host.bucket())
        .join("consign-health");
    let left = std::fs::read_dir(probes).map_or(0, Iterator::count);
    assert!(left <= 1, "{left}");
}
