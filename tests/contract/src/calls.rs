//! Counts the port calls of typical lives of an upload. `consign cost` turns the counts into billed operations.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use consign_core::ids::UploadId;
use consign_core::ports::Clock as _;
use consign_core::upload::{Deletion, Upload, UploadState};
use consign_testkit::ClientPut;
use serde_json::{Value, json};

use crate::world::Get;
use crate::{World, notify};

/// The policy of the lives. Its templates are those of `infra/aws/consign.toml`.
const POLICY: &str = r#"
[tier.default]
file_size_max = "2 GB"
quota = "100 GB"
sign_uploads_per_min = 600
[category.dataset]
bucket = "files"
key = "uploads/{owner}/{file_id}.{ext}"
output = "datasets/{owner}/{file_id}/v{version}.{ext}"
ingest = "tabular"
extensions = ["csv"]
size_max = "2 GB"
multipart_over = "6 MiB"
part_size = "5 MiB"
[category.document]
bucket = "files"
key = "uploads/{owner}/{file_id}.{ext}"
ingest = "verify"
extensions = ["txt"]
size_max = "1 GB"
"#;

const OWNER: &str = "5f7c8ec7c33c6c004bbafe82";
const HEADER: &str =
    "id,created_at,customer,street,city,postcode,country,quantity,price,currency,discount,note\n";
const ROW: &str =
    "20437,2026-01-31,Wren and Sons,Mill Lane 7,Leeds,LS1 4AP,GB,12,104.50,GBP,0.05,by rail\n";
const TEXT: &str = "A text of one line.\n";
/// The length of a part of the life in parts, and its number of parts.
const PART_BYTES: usize = 5 << 20;
const PARTS: usize = 3;
/// The bytes of an item in DynamoDB besides its JSON, owner, category and state: names and values of the attributes in
/// `shared/aws/src/dynamodb/item.rs`.
const ITEM_BYTES_BESIDE: usize = 167;
/// The bytes of the attributes that an item has only while it is due.
const DUE_BYTES: usize = 26;
/// When the owner of the life with a deletion deletes it, in seconds. All URLs have ended by then.
const DELETED_AFTER_S: u64 = 2 * 86_400;
/// More sweeps than any of the lives needs.
const SWEEPS_MAX: usize = 200;

/// Calls that no host sends as a request of its own: chunks of bodies and the steps of a writer.
const WITHIN_REQUESTS: [&str; 3] = ["read_chunk", "writer", "write"];

/// What a step of a life does, by name.
type Facts = BTreeMap<&'static str, u64>;

/// A life of an upload.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    /// A table, and the event of its object.
    Event,
    /// A table, a confirm and the event. The confirm is first: the event of a store takes about a second.
    Confirmed,
    /// A table in three parts, a confirm and the event.
    Multipart,
    /// A file that is no table, and the event of its object.
    Verified,
    /// A file that is no table, a confirm and the event.
    VerifiedConfirmed,
    /// A table that its owner deletes two days later, until it is purged.
    Deleted,
}

impl Life {
    const ALL: [Self; 6] = [
        Self::Event,
        Self::Confirmed,
        Self::Multipart,
        Self::Verified,
        Self::VerifiedConfirmed,
        Self::Deleted,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Confirmed => "confirmed",
            Self::Multipart => "multipart",
            Self::Verified => "verified",
            Self::VerifiedConfirmed => "verified_confirmed",
            Self::Deleted => "deleted",
        }
    }

    const fn is_table(self) -> bool {
        !matches!(self, Self::Verified | Self::VerifiedConfirmed)
    }

    const fn is_confirmed(self) -> bool {
        matches!(
            self,
            Self::Confirmed | Self::Multipart | Self::VerifiedConfirmed
        )
    }

    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Verified | Self::VerifiedConfirmed => TEXT.as_bytes().to_vec(),
            Self::Multipart => {
                let mut table = HEADER.as_bytes().to_vec();
                while table.len() <= PART_BYTES * (PARTS - 1) {
                    table.extend_from_slice(ROW.as_bytes());
                }
                table
            }
            Self::Event | Self::Confirmed | Self::Deleted => format!("{HEADER}{ROW}").into_bytes(),
        }
    }
}

/// Lives every life, and returns the counts as TOML: for each life and step, the calls of ports and what was written.
///
/// # Errors
/// A life that does not end as it should.
pub async fn calls() -> Result<String, String> {
    let mut text = "# The port calls of typical lives of an upload, and what they write. Generated; do not edit:\n\
        #   cargo run -p consign-contract --example calls > cli/src/cost/calls.toml\n"
        .to_owned();
    let idle = idle().await?;
    section(&mut text, "idle", &idle);
    for life in Life::ALL {
        for (step, facts) in live(life).await? {
            section(&mut text, &format!("lives.{}.{step}", life.name()), &facts);
        }
    }
    Ok(text)
}

fn section(text: &mut String, name: &str, facts: &Facts) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "\n[{name}]");
    for (fact, count) in facts.iter().filter(|(_, count)| **count > 0) {
        let _ = writeln!(text, "{fact} = {count}");
    }
}

/// The calls of one run of the sweep that finds nothing due.
async fn idle() -> Result<Facts, String> {
    let world = World::new(POLICY)?;
    // The first run marks the bucket.
    world.sweep().await;
    let mut counter = Counter::new(world);
    counter.world.sweep().await;
    Ok(counter.facts())
}

/// The world of a life, and how far it is counted.
struct Counter {
    world: World,
    calls: BTreeMap<&'static str, usize>,
    written: usize,
}

impl Counter {
    fn new(world: World) -> Self {
        let (calls, written) = (world.faults.all_calls(), world.ledger.written().len());
        Self {
            world,
            calls,
            written,
        }
    }

    /// What happened since the last call.
    fn facts(&mut self) -> Facts {
        let mut facts = Facts::new();
        let calls = self.world.faults.all_calls();
        for (verb, count) in &calls {
            let before = self.calls.get(verb).copied().unwrap_or(0);
            if !WITHIN_REQUESTS.contains(verb) {
                add(&mut facts, verb, count - before);
            }
        }
        let written = self.world.ledger.written();
        for (index, after) in written.iter().enumerate().skip(self.written) {
            let before = written.iter().take(index).rfind(|one| one.id == after.id);
            count_write(&mut facts, before, after);
        }
        self.calls = calls;
        self.written = written.len();
        facts
    }

    /// Delivers every message. How many there were.
    async fn deliver(&self) -> usize {
        let mut messages = 0;
        loop {
            match self.world.deliver().await {
                0 => return messages,
                delivered => messages += delivered,
            }
        }
    }

    /// Sweeps whenever the upload is due, until it never is again. The calls of an idle run are not part of it: a run
    /// serves all uploads.
    async fn sweeps(&mut self, idle: &Facts) -> Result<Facts, String> {
        let (mut runs, mut messages) = (0, 0);
        loop {
            let all = self.world.ledger.all();
            let Some(due) = all.iter().filter_map(|upload| upload.next_check_at).min() else {
                break;
            };
            if due > self.world.clock.now() {
                self.world.clock.set(due);
            }
            self.world.sweep().await;
            messages += self.deliver().await;
            runs += 1;
            if runs > SWEEPS_MAX {
                return Err("the sweep does not end".to_owned());
            }
        }
        let mut facts = self.facts();
        facts.remove("due");
        for (fact, count) in idle.iter().filter(|(fact, _)| **fact != "due") {
            let all = facts.entry(fact).or_default();
            *all = all.saturating_sub(count * runs as u64);
        }
        add(&mut facts, "messages", messages);
        Ok(facts)
    }
}

fn add(facts: &mut Facts, fact: &'static str, count: usize) {
    *facts.entry(fact).or_default() += count as u64;
}

/// Counts what a write of a record costs beyond its call: kilobytes, the owner's account, and entries of indexes.
fn count_write(facts: &mut Facts, before: Option<&Upload>, after: &Upload) {
    let json_bytes = after.to_short_json().map_or(0, |json| json.len());
    let derived = after.owner.as_str().len() + after.category.len() + after.state.as_str().len();
    let due_bytes = after.next_check_at.map_or(0, |_| DUE_BYTES);
    let item_kb = (json_bytes + ITEM_BYTES_BESIDE + derived + due_bytes).div_ceil(1 << 10);
    let due_before = before.and_then(|before| before.next_check_at);
    let due_entries = match (due_before, after.next_check_at) {
        (before, after) if before == after => 0,
        (Some(_), Some(_)) => 2,
        _ => 1,
    };
    add(facts, "due_index_entries", due_entries);
    let Some(before) = before else {
        add(facts, "item_kb_inserted", item_kb);
        return;
    };
    let moves_account = before.reserved_bytes != after.reserved_bytes
        || before.counts_as_file() != after.counts_as_file();
    let is_purge = before.deletion != after.deletion && after.deletion == Some(Deletion::Purged);
    if moves_account || is_purge {
        add(facts, "item_kb_transacted", item_kb);
    } else {
        add(facts, "item_kb_saved", item_kb);
    }
    add(facts, "account_moves", usize::from(moves_account));
    add(facts, "purges", usize::from(is_purge));
    add(
        facts,
        "state_moves",
        usize::from(before.state != after.state),
    );
    let is_deletion =
        (before.state == UploadState::Deleted) != (after.state == UploadState::Deleted);
    add(facts, "deletions", usize::from(is_deletion));
}

/// Lives a life, and returns its steps.
async fn live(life: Life) -> Result<Vec<(&'static str, Facts)>, String> {
    let idle = idle().await?;
    let world = World::new(POLICY)?;
    world.sweep().await;
    let mut counter = Counter::new(world);
    let mut steps = Vec::new();
    let bytes = life.bytes();
    // 1. Sign and send.
    let upload = sign(&counter.world, life, bytes.len()).await?;
    let mut facts = counter.facts();
    add(&mut facts, "requests", 1);
    steps.push(("sign", facts));
    let body = json!({ "file_id": upload.id.to_string() });
    let told = if life == Life::Multipart {
        send_parts(&counter.world, &upload, &bytes)?;
        None
    } else {
        Some(send(&counter.world, &upload, bytes)?)
    };
    let sends = if life == Life::Multipart { PARTS } else { 1 };
    let mut facts = Facts::new();
    add(&mut facts, "client_puts", sends);
    steps.push(("send", facts));
    // 2. Confirm.
    counter.world.clock.advance_s(1);
    if life.is_confirmed() {
        let answer = counter.world.confirm(OWNER, &body).await;
        expect(answer.0 == 200, "confirm", &answer.1)?;
        let mut facts = counter.facts();
        add(&mut facts, "requests", 1);
        steps.push(("confirm", facts));
    }
    // 3. The event, and all messages.
    counter.world.clock.advance_s(1);
    counter.world.messages.push(match told {
        Some(told) => told,
        None => completed(&counter.world, upload.id)?,
    });
    let messages = counter.deliver().await;
    let mut facts = counter.facts();
    add(&mut facts, "messages", messages);
    steps.push(("ingest", facts));
    ask(&mut counter, life, upload.id, &mut steps).await?;
    // 4. What is due later.
    if life == Life::Deleted {
        counter.world.clock.advance_s(DELETED_AFTER_S);
        steps.push(("wait", counter.sweeps(&idle).await?));
        let status = counter.world.delete(OWNER, &upload.id.to_string()).await;
        expect(status == 204, "delete", &Value::Null)?;
        let mut facts = counter.facts();
        add(&mut facts, "requests", 1);
        steps.push(("delete", facts));
    }
    steps.push(("sweep", counter.sweeps(&idle).await?));
    let ended = counter.world.record(upload.id).map(|upload| upload.state);
    let end = if life == Life::Deleted {
        UploadState::Deleted
    } else {
        UploadState::Ready
    };
    expect(ended == Some(end), life.name(), &Value::Null)?;
    Ok(steps)
}

fn expect(is_so: bool, step: &str, answer: &Value) -> Result<(), String> {
    if is_so {
        Ok(())
    } else {
        Err(format!("{step}: {answer}"))
    }
}

async fn sign(world: &World, life: Life, size_bytes: usize) -> Result<Upload, String> {
    let (filename, content_type, category) = if life.is_table() {
        ("orders-2026-01.csv", "text/csv", "dataset")
    } else {
        ("minutes.txt", "text/plain", "document")
    };
    let body = json!({
        "filename": filename, "content_type": content_type, "file_size_bytes": size_bytes, "category": category,
    });
    // Every client of consign sends a key, so that it can repeat the call.
    let (status, answer) = world.sign(OWNER, &body, Some("a key")).await;
    expect(status == 201, "sign", &answer)?;
    let id = answer["file_id"].as_str().unwrap_or_default();
    let id = UploadId::parse(id).map_err(|error| error.to_string())?;
    world.record(id).ok_or_else(|| "no record".to_owned())
}

/// Puts the object. Returns its notification.
fn send(world: &World, upload: &Upload, bytes: Vec<u8>) -> Result<String, String> {
    let put = ClientPut::new(&upload.content_type, Bytes::from(bytes));
    let version = world.objects.client_put(&upload.object, put);
    let version = version.ok_or("the object was not taken")?;
    let told = (version.etag.as_str(), version.size_bytes);
    Ok(notify::created(
        &upload.object,
        told,
        version.sequencer.as_ref(),
    ))
}

fn send_parts(world: &World, upload: &Upload, bytes: &[u8]) -> Result<(), String> {
    let multipart = upload.multipart_upload_id.as_deref().ok_or("no parts")?;
    for (number, part) in (1..).zip(bytes.chunks(PART_BYTES)) {
        let put = world
            .objects
            .client_put_part(multipart, number, part.to_vec());
        put.ok_or("a part was not taken")?;
    }
    Ok(())
}

/// The notification of a multipart upload that the confirm completed.
fn completed(world: &World, id: UploadId) -> Result<String, String> {
    let upload = world.record(id).ok_or("no record")?;
    let version = upload.observed.as_ref().ok_or("no object")?;
    let told = (version.etag.as_str(), version.size_bytes);
    Ok(notify::created(&upload.object, told, None))
}

/// Asks once for the status and once for a download.
async fn ask(
    counter: &mut Counter,
    life: Life,
    id: UploadId,
    steps: &mut Vec<(&'static str, Facts)>,
) -> Result<(), String> {
    let variant = if life.is_table() {
        "parquet"
    } else {
        "original"
    };
    for (step, what) in [
        ("status", Get::Status),
        ("download", Get::Download(variant)),
    ] {
        let (status, answer) = counter.world.get(OWNER, &id.to_string(), what).await;
        expect(status == 200, step, &answer)?;
        let mut facts = counter.facts();
        add(&mut facts, "requests", 1);
        if step == "download" {
            add(&mut facts, "client_gets", 1);
        }
        steps.push((step, facts));
    }
    Ok(())
}
