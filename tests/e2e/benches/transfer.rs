//! A file of 10 MB through a host, as a page sees it: signed, sent, confirmed, ready, downloaded. Run by
//! `cargo xtask bench transfer`. Prints the time of each step, and how much of an upload and of a download is spent in our
//! functions rather than between client and store.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a benchmark measures time, and ends where it cannot go on"
)]

use std::time::{Duration, Instant};

use e2e::{Answer, Host, Policy};
use reqwest::Method;
use serde_json::Value;

const FILE_BYTES: usize = 10_000_000;
const ROUNDS: usize = 21;
/// What users expect, in milliseconds.
const TARGETS: [(&str, f64); 3] = [("upload", 2000.0), ("download", 1000.0), ("presign", 100.0)];

/// The steps of one round, in milliseconds.
#[derive(Default)]
struct Steps {
    presign: Vec<f64>,
    put: Vec<f64>,
    confirm: Vec<f64>,
    ready: Vec<f64>,
    url: Vec<f64>,
    get: Vec<f64>,
    upload: Vec<f64>,
    download: Vec<f64>,
}

#[tokio::main]
async fn main() {
    let host = Host::start(Policy::Suite).await;
    let user = host.user("bench");
    let mut content = e2e::csv(FILE_BYTES / 20);
    content.truncate(FILE_BYTES);
    let end = content.iter().rposition(|byte| *byte == b'\n').unwrap();
    content.truncate(end + 1);

    let mut steps = Steps::default();
    for round in 0..=ROUNDS {
        // The first connects, and makes whatever is made once.
        if round == 1 {
            steps = Steps::default();
        }
        let start = Instant::now();
        let signed = user.sign_csv(&content).await;
        push(&mut steps.presign, start);
        let put = Instant::now();
        assert_eq!(user.put(&signed, &content).await, 200);
        push(&mut steps.put, put);
        let file_id = signed.file_id();
        let confirm = Instant::now();
        let confirmed = user.confirm(&file_id).await;
        push(&mut steps.confirm, confirm);
        push(&mut steps.upload, start);
        assert!(matches!(confirmed.status, 200 | 202), "{}", confirmed.text);
        user.wait_ready(&file_id).await;
        push(&mut steps.ready, put);

        let start = Instant::now();
        let path = format!("/files/{file_id}/download-url?variant=original");
        let answer: Value = Answer::of(user.request(Method::GET, &path)).await.body;
        push(&mut steps.url, start);
        let get = Instant::now();
        let sent = user.http.get(answer["url"].as_str().unwrap()).send().await;
        let bytes = sent.unwrap().bytes().await.unwrap();
        push(&mut steps.get, get);
        push(&mut steps.download, start);
        assert_eq!(bytes.len(), content.len());
    }
    report(content.len(), &mut steps);
}

fn push(times: &mut Vec<f64>, since: Instant) {
    times.push(milliseconds(since.elapsed()));
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn report(bytes: usize, steps: &mut Steps) {
    let kind = e2e::Kind::asked();
    println!("\n{kind:?}: {bytes} bytes, the median of {ROUNDS} rounds and the slowest, in ms");
    let mut medians = Vec::new();
    for (name, times) in [
        ("presign", &mut steps.presign),
        ("put", &mut steps.put),
        ("confirm", &mut steps.confirm),
        ("upload", &mut steps.upload),
        ("download-url", &mut steps.url),
        ("get", &mut steps.get),
        ("download", &mut steps.download),
        ("ready", &mut steps.ready),
    ] {
        times.sort_by(f64::total_cmp);
        let (median, slowest) = (times[ROUNDS / 2], times[ROUNDS - 1]);
        let target = TARGETS.iter().find(|(target, _)| *target == name);
        let verdict = target.map_or_else(String::new, |(_, limit)| {
            let verdict = if slowest < *limit { "met" } else { "missed" };
            format!("  target: under {limit}, {verdict}")
        });
        println!("{name:14} {median:9.1} {slowest:9.1}{verdict}");
        medians.push((name, median));
    }
    let of = |name: &str| medians.iter().find(|(step, _)| *step == name).unwrap().1;
    println!(
        "spent in our functions: {:.0} % of an upload, {:.0} % of a download",
        (of("presign") + of("confirm")) / of("upload") * 100.0,
        of("download-url") / of("download") * 100.0
    );
}
