//! Hosts that have much to do: a backlog of files, records that are due, a start with both.

use std::time::Duration;

use hostile::{Host, Pattern, Seed, counted, csv};
use tokio::task::JoinSet;

use crate::figures::{Figure, figure, mebibytes, more_than, number, percentile};
use crate::{Build, Stopwatch};

const LOOK: Duration = Duration::from_millis(100);
const READY: &str = "SELECT count(*) FROM uploads WHERE status = 'ready'";
/// The lone owner's uploads, one a second.
const LONE_UPLOADS: usize = 20;

async fn ready(host: &Host) -> usize {
    usize::try_from(counted(host, READY).await).unwrap_or(0)
}

/// A host with a backlog of one owner, which does not run yet.
async fn with_backlog(build: &Build, count: usize) -> Host {
    let mut host = build.host();
    let pattern = Pattern::unfinished(&mut host, "crowd").await;
    let seed = Seed {
        first: 0,
        count,
        signed_ago_s: None,
    };
    pattern.copy(&host, seed).await;
    host
}

/// Starts the host and waits for the first file; how long that took, unless nothing came.
async fn first_ingest(host: &mut Host, patience: Duration) -> Option<Duration> {
    let before = ready(host).await;
    let stopwatch = Stopwatch::start();
    host.spawn();
    while stopwatch.elapsed() < patience {
        if ready(host).await > before {
            return Some(stopwatch.elapsed());
        }
        tokio::time::sleep(LOOK).await;
    }
    None
}

/// What is ready a second while nobody calls. It begins with the first file, so a start does not count.
pub(crate) async fn idle(build: &Build, count: usize, seconds: u64) -> Vec<Figure> {
    let mut host = with_backlog(build, count).await;
    first_ingest(&mut host, Duration::from_secs(600)).await;
    let before = ready(&host).await;
    let stopwatch = Stopwatch::start();
    let limit = Duration::from_secs(seconds);
    let mut now = before;
    while stopwatch.elapsed() < limit && now <= count {
        tokio::time::sleep(LOOK).await;
        now = ready(&host).await;
    }
    let rate = number(now - before) / stopwatch.elapsed().as_secs_f64();
    vec![
        figure("idle API: ready a second", rate),
        figure(
            "idle API: peak memory, MiB",
            mebibytes(host.memory().peak_bytes),
        ),
    ]
}

/// How long one owner waits for a file beside another's backlog.
pub(crate) async fn lone(build: &Build, count: usize, seconds: u64) -> Vec<Figure> {
    let mut host = with_backlog(build, count).await;
    first_ingest(&mut host, Duration::from_secs(600)).await;
    let limit = Duration::from_secs(seconds);
    let mut uploads = JoinSet::new();
    for upload in 0..LONE_UPLOADS {
        let mut user = host.user("lone");
        uploads.spawn(async move {
            tokio::time::sleep(Duration::from_secs(upload as u64)).await;
            let stopwatch = Stopwatch::start();
            let file_id = user.put_csv(&csv(20)).await;
            user.confirm(&file_id).await;
            while stopwatch.elapsed() < limit {
                if user.status(&file_id).await["status"] == "ready" {
                    return Some(stopwatch.elapsed());
                }
                tokio::time::sleep(LOOK / 4).await;
            }
            None
        });
    }
    let mut times = Vec::new();
    let mut is_bound = false;
    while let Some(time) = uploads.join_next().await {
        let time = time.expect("an upload runs to its end");
        is_bound |= time.is_none();
        times.push(time.unwrap_or(limit));
    }
    let left = (count + 1).saturating_sub(ready(&host).await);
    let mut told = Vec::new();
    for hundredth in [50, 99] {
        let name = format!("lone owner: time to ready p{hundredth}, s");
        let time = percentile(&mut times, hundredth).as_secs_f64();
        told.push(match is_bound {
            true => more_than(name, time),
            false => figure(name, time),
        });
    }
    told.push(figure("lone owner: the other's backlog left", number(left)));
    told
}

/// How long it takes until nothing is due any more.
pub(crate) async fn sweep(build: &Build, count: usize, patience: u64) -> Vec<Figure> {
    let mut host = build.host();
    host.restart().await;
    let pattern = Pattern::signed(&host, "crowd").await;
    let seed = Seed {
        first: 0,
        count,
        signed_ago_s: Some(3 * 24 * 3600),
    };
    pattern.copy(&host, seed).await;
    let stopwatch = Stopwatch::start();
    let limit = Duration::from_secs(patience);
    let due = || async {
        let now_us = hostile::now_s() * 1_000_000;
        let sql = format!("SELECT count(*) FROM uploads WHERE due_at_us <= {now_us}");
        usize::try_from(counted(&host, &sql).await).unwrap_or(0)
    };
    let mut left = count;
    while stopwatch.elapsed() < limit && left > 0 {
        tokio::time::sleep(LOOK).await;
        left = due().await;
    }
    let elapsed_s = stopwatch.elapsed().as_secs_f64();
    let name = format!("sweep of {count}: seconds until nothing is due");
    vec![
        match left {
            0 => figure(name, elapsed_s),
            _ => more_than(name, elapsed_s),
        },
        figure(
            format!("sweep of {count}: looks a second"),
            number(count.saturating_sub(left)) / elapsed_s,
        ),
        figure(
            format!("sweep of {count}: peak memory, MiB"),
            mebibytes(host.memory().peak_bytes),
        ),
    ]
}

/// How long a start with unfinished work takes to its first file.
pub(crate) async fn restart(build: &Build, count: usize, patience: u64) -> Vec<Figure> {
    let mut host = with_backlog(build, count).await;
    let patience = Duration::from_secs(patience);
    let name = format!("restart with {count}: seconds to the first file");
    let first = first_ingest(&mut host, patience).await;
    let messages = counted(&host, "SELECT count(*) FROM messages").await;
    vec![
        match first {
            Some(time) => figure(name, time.as_secs_f64()),
            None => more_than(name, patience.as_secs_f64()),
        },
        figure(
            format!("restart with {count}: messages then"),
            number(usize::try_from(messages).unwrap_or(0)),
        ),
        figure(
            format!("restart with {count}: peak memory, MiB"),
            mebibytes(host.memory().peak_bytes),
        ),
    ]
}
