//! Every upload accounted for: what clients were told, held against what the host lists.

use std::collections::{HashMap, HashSet};

use hostile::Host;

use crate::figures::{Figure, figure, number};

/// What one owner's clients were told.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Ids that were signed.
    pub(crate) signed: Vec<String>,
    /// Those of them whose confirm was answered with success.
    pub(crate) accepted: Vec<String>,
}

/// Lists each owner's files, and counts: nothing that was signed may be missing, nothing that was accepted may have ended badly.
pub(crate) async fn account(
    host: &Host,
    owners: &HashMap<String, Ledger>,
    at: &str,
) -> Vec<Figure> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    let (mut signed, mut missing, mut lost) = (0, 0, 0);
    for (owner, ledger) in owners {
        let states = list(host, owner).await;
        for id in &ledger.signed {
            signed += 1;
            match states.get(id) {
                Some(state) => *counts.entry(state.clone()).or_default() += 1,
                None => missing += 1,
            }
        }
        let ended = ["expired", "deleted", "failed"];
        let accepted: HashSet<&String> = ledger.accepted.iter().collect();
        lost += accepted
            .into_iter()
            .filter(|id| {
                states
                    .get(*id)
                    .is_none_or(|state| ended.contains(&state.as_str()))
            })
            .count();
    }
    let mut count = |name: &str| counts.remove(name).unwrap_or(0);
    let ended = ["ready", "failed", "expired", "deleted"].map(|name| (name, count(name)));
    let moving: usize = counts.values().sum();
    let mut told = vec![figure(format!("{at}: signed"), number(signed))];
    for (name, count) in ended {
        told.push(figure(format!("{at}: … of them {name}"), number(count)));
    }
    told.push(figure(
        format!("{at}: … of them still moving"),
        number(moving),
    ));
    told.push(figure(
        format!("{at}: … of them not listed"),
        number(missing),
    ));
    told.push(figure(format!("{at}: accepted and lost"), number(lost)));
    told
}

/// The state of each of an owner's files, page after page.
async fn list(host: &Host, owner: &str) -> HashMap<String, String> {
    let mut user = host.user(owner);
    let mut states = HashMap::new();
    let mut cursor = String::new();
    loop {
        let answer = user.get(&format!("/files?limit=500{cursor}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let page = answer.json();
        for file in page["files"].as_array().expect("a listing has files") {
            let text = |name: &str| file[name].as_str().unwrap_or_default().to_owned();
            states.insert(text("file_id"), text("status"));
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return states,
        }
    }
}
