//! The development session: only where it was asked for, and never through a proxy.

use bytes::Bytes;
use hostile::{Answer, Client, Host, Options};

async fn get(host: &Host, path: &str, headers: &[(&str, &str)]) -> Answer {
    let headers = headers.iter();
    let headers: Vec<(String, String)> = headers
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let url = format!("{}{path}", host.base_url);
    let mut client = Client::default();
    let answer = client.send(("GET", &url), &headers, Bytes::new()).await;
    answer.expect("it answers")
}

/// A host whose policy takes the secret that development makes: there it has a session to give.
fn development(args: &[&str]) -> Options {
    Options {
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        // The last `--config` counts.
        ..Options::default()
    }
}

/// The policy of the attacks with the secret of development.
async fn host_in_development(args: &[&str]) -> Host {
    let mut host = Host::new(development(args));
    let policy = hostile::POLICY.replace("CONSIGN_HOSTILE_SECRET", "CONSIGN_DEV_SECRET");
    std::fs::write(host.folder().join("consign.toml"), policy).unwrap();
    host.restart().await;
    host
}

#[tokio::test]
async fn no_session_and_no_figures_unless_development_was_asked_for() {
    let host = Host::start().await;
    let session = get(&host, "/dev/session", &[]).await;
    assert_eq!(session.status, 404, "{}", session.text());
    let figures = get(&host, "/metrics", &[]).await;
    assert_eq!(figures.status, 401, "{}", figures.text());
}

/// Where the policy wants the secret that only development makes, nothing is made by itself.
#[tokio::test]
async fn no_secret_is_made_unless_development_was_asked_for() {
    let mut host = Host::new(development(&[]));
    let policy = hostile::POLICY.replace("CONSIGN_HOSTILE_SECRET", "CONSIGN_DEV_SECRET");
    std::fs::write(host.folder().join("consign.toml"), policy).unwrap();
    host.spawn();
    assert!(
        host.ends_within(std::time::Duration::from_secs(20)).await,
        "it serves with a secret of its own making"
    );
}

#[tokio::test]
async fn a_session_is_refused_through_a_proxy_or_by_another_name() {
    let host = host_in_development(&["--dev"]).await;
    let direct = get(&host, "/dev/session", &[]).await;
    assert_eq!(direct.status, 200, "{}", direct.text());
    for header in [
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-host", "files.example.org"),
        ("x-forwarded-proto", "https"),
        ("x-real-ip", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9"),
        ("via", "1.1 proxy"),
    ] {
        for path in ["/dev/session", "/metrics"] {
            let answer = get(&host, path, &[header]).await;
            assert!(answer.status >= 400, "{path} {header:?}: {}", answer.status);
            assert!(!answer.text().contains("eyJ"));
        }
    }
}
