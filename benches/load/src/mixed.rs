//! Clients that sign, send a small CSV, confirm it and ask for its status, each as fast as it is answered.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use hostile::{Signed, User, counted, csv};
use serde_json::json;
use tokio::task::JoinSet;

use crate::figures::{Figure, figure, mebibytes, number, percentile};
use crate::ledger::{Ledger, account};
use crate::{Build, Stopwatch};

const OWNERS: usize = 8;
const ROWS: usize = 20;
/// The longest that a client waits that was told to come later.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// The pause after an answer that does not say how long.
const PAUSE: Duration = Duration::from_millis(200);
const KINDS: [&str; 4] = ["sign", "put", "confirm", "status"];

/// What one client met.
#[derive(Debug, Default)]
struct Met {
    owner: String,
    ledger: Ledger,
    times: [Vec<Duration>; KINDS.len()],
    /// Answers that told it to come later.
    later: usize,
    /// Calls without an answer, or with another error.
    errors: usize,
}

/// How a call ended for the client.
enum End {
    Done(serde_json::Value),
    Later(Duration),
    Error,
}

/// So many clients for so long.
pub(crate) async fn measure(build: &Build, clients: usize, seconds: u64) -> Vec<Figure> {
    let mut host = build.host();
    host.restart().await;
    let content = csv(ROWS);
    let stopwatch = Stopwatch::start();
    let limit = Duration::from_secs(seconds);
    let mut running = JoinSet::new();
    for client in 0..clients {
        let owner = format!("owner-{}", client % OWNERS);
        let user = host.user(&owner);
        running.spawn(run(user, (owner, content.clone()), (stopwatch, limit)));
    }
    // What is ready is counted when the time is over, not when the last answer came.
    tokio::time::sleep(limit.saturating_sub(stopwatch.elapsed())).await;
    let ready = counted(&host, "SELECT count(*) FROM uploads WHERE status = 'ready'").await;
    let window_s = stopwatch.elapsed().as_secs_f64();
    let mut met = Vec::new();
    while let Some(client) = running.join_next().await {
        met.push(client.expect("a client runs to its end"));
    }
    let at = format!("{clients} connections");
    let accepted: usize = met.iter().map(|met| met.ledger.accepted.len()).sum();
    let mut told = vec![
        figure(
            format!("{at}: accepted a second"),
            number(accepted) / window_s,
        ),
        figure(
            format!("{at}: ready a second"),
            number(usize::try_from(ready).unwrap_or(0)) / window_s,
        ),
    ];
    let mut all = Vec::new();
    for (kind, name) in KINDS.iter().enumerate() {
        let times = met.iter().flat_map(|met| met.times[kind].iter().copied());
        let mut times: Vec<Duration> = times.collect();
        told.extend(times_of(&format!("{at}: {name}"), &mut times));
        all.extend(times);
    }
    told.extend(times_of(&format!("{at}: all calls"), &mut all));
    let sum = |of: fn(&Met) -> usize| number(met.iter().map(of).sum());
    told.push(figure(
        format!("{at}: told to come later"),
        sum(|met| met.later),
    ));
    told.push(figure(format!("{at}: errors"), sum(|met| met.errors)));
    told.push(figure(
        format!("{at}: peak memory, MiB"),
        mebibytes(host.memory().peak_bytes),
    ));
    told.extend(account(&host, &by_owner(met), &at).await);
    told
}

fn times_of(name: &str, times: &mut [Duration]) -> [Figure; 2] {
    [50, 99].map(|hundredth| {
        let time = percentile(times, hundredth);
        figure(
            format!("{name} p{hundredth}, ms"),
            time.as_secs_f64() * 1000.0,
        )
    })
}

fn by_owner(met: Vec<Met>) -> HashMap<String, Ledger> {
    let mut owners: HashMap<String, Ledger> = HashMap::new();
    for client in met {
        let ledger = owners.entry(client.owner).or_default();
        ledger.signed.extend(client.ledger.signed);
        ledger.accepted.extend(client.ledger.accepted);
    }
    owners
}

async fn run(
    mut user: User,
    (owner, content): (String, Bytes),
    (stopwatch, limit): (Stopwatch, Duration),
) -> Met {
    let mut met = Met {
        owner,
        ..Met::default()
    };
    while stopwatch.elapsed() < limit {
        if let Err(pause) = upload(&mut user, &content, &mut met).await {
            let left = limit.saturating_sub(stopwatch.elapsed());
            tokio::time::sleep(pause.min(left)).await;
        }
    }
    met
}

/// One upload; where a call was refused, the pause before the next.
async fn upload(user: &mut User, content: &Bytes, met: &mut Met) -> Result<(), Duration> {
    let wanted = json!({"filename": "table.csv", "content_type": "text/csv", "file_size_bytes": content.len()});
    let begun = Stopwatch::start();
    let answer = user
        .try_call(("POST", "/files/sign_upload"), Some(&wanted))
        .await;
    let signed = Signed(met.note(0, begun, answer)?);
    let file_id = signed.file_id();
    met.ledger.signed.push(file_id.clone());

    let begun = Stopwatch::start();
    let (put, headers) = (("PUT", signed.url()), signed.headers());
    let answer = user.client.send(put, &headers, content.clone()).await;
    met.note(1, begun, answer)?;

    let named = json!({"file_id": file_id});
    loop {
        let begun = Stopwatch::start();
        let answer = user
            .try_call(("POST", "/files/confirm"), Some(&named))
            .await;
        match met.note(2, begun, answer) {
            Ok(_) => break,
            // The bytes are there: the call is made again, as a client would.
            Err(pause) if met.errors == 0 => tokio::time::sleep(pause).await,
            Err(pause) => return Err(pause),
        }
    }
    met.ledger.accepted.push(file_id.clone());

    let begun = Stopwatch::start();
    let path = format!("/files/{file_id}/status");
    let answer = user.try_call(("GET", &path), None).await;
    met.note(3, begun, answer)?;
    Ok(())
}

impl Met {
    fn note(
        &mut self,
        kind: usize,
        begun: Stopwatch,
        answer: Result<hostile::Answer, String>,
    ) -> Result<serde_json::Value, Duration> {
        self.times[kind].push(begun.elapsed());
        let end = match answer {
            Ok(answer) if (200..300).contains(&answer.status) => End::Done(answer.json()),
            Ok(answer) if answer.status == 429 || answer.status == 503 => {
                let seconds = answer.header("retry-after").parse().ok();
                End::Later(seconds.map_or(PAUSE, Duration::from_secs).min(PAUSE_MAX))
            }
            Ok(_) | Err(_) => End::Error,
        };
        match end {
            End::Done(body) => Ok(body),
            End::Later(pause) => {
                self.later += 1;
                Err(pause)
            }
            End::Error => {
                self.errors += 1;
                Err(PAUSE)
            }
        }
    }
}
