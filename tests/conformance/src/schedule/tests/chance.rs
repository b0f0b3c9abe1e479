//! Schedules by chance, against an oracle written from the document alone.

use serde_json::{Value, json};

use super::*;

/// A write or a deletion as the store saw it.
struct Change {
    seq: u64,
    etag: Option<String>,
    is_valid: bool,
}

/// What the document says of an upload to whose object this happened.
fn oracle(changes: &[Change]) -> (&'static str, Option<&str>, std::ops::RangeInclusive<u64>) {
    let last = changes.iter().max_by_key(|change| change.seq);
    let readable = changes.iter().filter(|change| change.is_valid).count() as u64;
    match last {
        None => ("expired", None, 0..=0),
        Some(Change { etag: None, .. }) => ("deleted", None, 0..=readable),
        Some(Change {
            etag: Some(etag),
            is_valid: true,
            ..
        }) => ("ready", Some(etag), 1..=readable),
        Some(Change {
            etag: Some(etag),
            is_valid: false,
            ..
        }) => ("failed", Some(etag), 0..=readable),
    }
}

/// A schedule by chance, and what happened to the object. The steps of one upload, each with its time.
fn chance(random: &mut fastrand::Rng) -> (Vec<Value>, Vec<Change>) {
    let mut steps = vec![sign(0)];
    let mut changes: Vec<Change> = Vec::new();
    let span = [100, 2_000, 20_000][random.usize(0..3)];
    for number in 0..[0, 1, 1, 1, 2, 3][random.usize(0..6)] {
        changes.extend(write(random, (number, span), &mut steps));
    }
    for _ in 0..random.usize(0..3) {
        steps.push(confirm(random.u64(1..2 * span)));
    }
    for how in ["bucket", "token", "unknown-key"] {
        if random.u8(0..5) == 0 {
            steps.push(forged(
                random.u64(1..span),
                "forged",
                random.u64(1..400),
                how,
            ));
        }
    }
    if random.u8(0..3) == 0 {
        steps.push(reconcile(random.u64(1..span)));
        // The sweep looks once more when a URL is dead, and then no more: hours later, an event has to tell.
        let told: Vec<_> = (changes.iter())
            .filter_map(|change| Some((change.etag.clone()?, change.seq)))
            .collect();
        for (etag, seq) in told {
            steps.push(event(2 * span, &etag, seq));
        }
    }
    if random.u8(0..4) == 0 && !changes.is_empty() {
        let deletion = deletion(random, &changes, &mut steps);
        changes.extend(deletion);
    }
    steps.sort_by_key(|step| step["t"].as_u64());
    steps.push(reconcile(latest(&steps) + 1));
    (steps, changes)
}

/// A write, by its number, and its events, some of which meet a crash. A write that the store refuses is no change.
fn write(
    random: &mut fastrand::Rng,
    (number, span): (u64, u64),
    steps: &mut Vec<Value>,
) -> Option<Change> {
    let (t, seq, is_valid) = (
        random.u64(1..span),
        random.u64(1..50) * 4 + number,
        random.u8(0..5) > 0,
    );
    let etag = format!("etag-{number}");
    if random.u8(0..6) == 0 {
        steps.push(refused(t, &etag, seq));
        return None;
    }
    steps.push(if is_valid {
        put(t, &etag, seq)
    } else {
        broken(t, &etag, seq)
    });
    for _ in 0..random.usize(0..4) {
        let later = t + random.u64(0..span);
        let died = CRASHES[random.usize(0..CRASHES.len())];
        steps.push(if random.u8(0..3) == 0 {
            crash(later, (&etag, seq), died)
        } else {
            event(later, &etag, seq)
        });
    }
    Some(Change {
        seq,
        etag: Some(etag),
        is_valid,
    })
}

/// The event of a deletion after all the writes, or of one that is older than the last of them, which changes nothing.
fn deletion(
    random: &mut fastrand::Rng,
    changes: &[Change],
    steps: &mut Vec<Value>,
) -> Option<Change> {
    let last = changes.iter().map(|change| change.seq).max().unwrap_or(0);
    let seq = if random.bool() {
        last + 1
    } else {
        random.u64(0..last)
    };
    steps.push(deleted(latest(steps), seq));
    (seq > last).then_some(Change {
        seq,
        etag: None,
        is_valid: false,
    })
}

/// The time of the latest step.
fn latest(steps: &[Value]) -> u64 {
    let times = steps.iter().filter_map(|step| step["t"].as_u64());
    times.max().unwrap_or(0)
}

#[test]
fn schedules_by_chance_end_as_the_document_says() {
    for seed in 0..2000 {
        let (steps, changes) = chance(&mut fastrand::Rng::with_seed(seed));
        let (state, etag, conversions) = oracle(&changes);
        let end = &ends(&steps)["u"];
        let context = || {
            format!(
                "seed {seed}: {end}, {state} {etag:?} {conversions:?}\n{}",
                json!(steps)
            )
        };
        assert_eq!(end["state"], state, "{}", context());
        if state != "deleted" {
            assert_eq!(end["etag"].as_str(), etag, "{}", context());
        }
        assert!(
            conversions.contains(&end["conversions"].as_u64().unwrap()),
            "{}",
            context()
        );
    }
}
