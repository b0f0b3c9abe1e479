//! `kind: "schedule"`: steps over a simulated clock, store and repository, through the real handlers.

mod step;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use consign_core::events::Sequencer;
use consign_core::ids::{ETag, ObjectRef, UploadId};
use consign_core::time::saturating_add_secs;
use consign_testkit::{ClientPut, Harm, Moment, Verb, When};
use contract::{BUCKET, Horizon, OTHER_BUCKET, World, notify};
use serde_json::{Value, json};

use step::{Act, Crash, Forged, Put, Step};

/// A file that can be read, and one of the same length that cannot.
const VALID: &[u8] = b"name,count\nwren,12\n";
const BROKEN: &[u8] =
    b"\x00\x01\xff\xfe\x00\x9c\x80\x07\x00\x00\xc3\x28\x00\x01\x02\x03\x04\x05\x06";
const _: () = assert!(VALID.len() == BROKEN.len());
/// The lives that a policy may give an upload URL, in seconds.
const URL_S: std::ops::RangeInclusive<u64> = 120..=604_800;
const OWNER: &str = "owner";

/// Runs a case and tells how its uploads ended.
pub(crate) fn answer(case: &Value) -> Result<Value, String> {
    let steps = case["steps"].as_array().ok_or("`steps` is not a list")?;
    let steps: Vec<Step> = steps.iter().map(Step::read).collect::<Result<_, _>>()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let mut schedule = Schedule::new(&steps)?;
        for step in &steps {
            schedule.take(step).await?;
        }
        if !schedule.world.settle(Horizon::End).await {
            return Err("the schedule does not settle".to_owned());
        }
        Ok(json!({ "final": schedule.finals() }))
    })
}

#[derive(Debug)]
struct Signed {
    id: UploadId,
    object: ObjectRef,
}

struct Schedule {
    world: World,
    /// The category of each upload.
    categories: HashMap<String, String>,
    signed: BTreeMap<String, Signed>,
    /// The place of the last change of each object, deletions among them: the store's own order, which steps need not keep.
    changed: HashMap<ObjectRef, Sequencer>,
}

impl Schedule {
    /// A world with a category for each upload, whose URLs live as long as its first `sign` asks.
    fn new(steps: &[Step]) -> Result<Self, String> {
        let mut categories = String::new();
        let mut lives = BTreeMap::new();
        for step in steps {
            if let Act::Sign { expires_s } = step.act {
                lives.entry(step.upload.as_str()).or_insert(expires_s);
            }
        }
        for (index, expires_s) in lives.values().enumerate() {
            let expires_s = expires_s.clamp(URL_S.start(), URL_S.end());
            // Writing to a text does not fail.
            let _ = write!(
                categories,
                "[category.c{index}]\nbucket = \"{BUCKET}\"\nkey = \"in/{{owner}}/{{file_id}}.{{ext}}\"\n\
                 output = \"out/{{owner}}/{{file_id}}/v{{version}}.{{ext}}\"\ningest = \"tabular\"\noverwrite = \"version\"\nkeep_original = true\n\
                 extensions = [\"csv\"]\nsize_max = 1000\nupload_url = {expires_s}\n"
            );
        }
        Ok(Self {
            world: World::new(&format!(
                "[tier.default]\nfile_size_max = 1000\n{categories}"
            ))?,
            categories: (lives.keys().enumerate())
                .map(|(index, name)| ((*name).to_owned(), format!("c{index}")))
                .collect(),
            signed: BTreeMap::new(),
            changed: HashMap::new(),
        })
    }

    async fn take(&mut self, step: &Step) -> Result<(), String> {
        let clock = &self.world.clock;
        let at = saturating_add_secs(consign_testkit::sample::start(), step.t_s);
        clock.set(at.max(consign_core::ports::Clock::now(clock)));
        match (&step.act, self.signed.get(&step.upload)) {
            (Act::Sign { .. }, _) => self.sign(&step.upload).await?,
            (Act::Reconcile, _) => {
                self.world.settle(Horizon::Work).await;
            }
            // What was never signed has no place in the store.
            (_, None) => {}
            (Act::Put(put), Some(signed)) => {
                let object = signed.object.clone();
                self.put(object, put);
            }
            (Act::Confirm, Some(signed)) => {
                let body = json!({ "file_id": signed.id.to_string() });
                self.world.confirm(OWNER, &body).await;
            }
            (
                Act::Event {
                    etag,
                    seq,
                    crash,
                    forged,
                },
                Some(signed),
            ) => {
                let mut object = signed.object.clone();
                match forged {
                    // The host refuses it, and the consumer never hears of it.
                    Some(Forged::Token) => return Ok(()),
                    Some(Forged::Bucket) => object.bucket = OTHER_BUCKET.to_owned(),
                    Some(Forged::UnknownKey) => object.key = format!("unknown/{}", object.key),
                    None => {}
                }
                let size_bytes = u64::try_from(VALID.len()).unwrap_or(u64::MAX);
                let body = notify::created(&object, (etag, size_bytes), seq.as_ref());
                self.deliver(body, *crash).await;
            }
            (Act::Delete { seq }, Some(signed)) => {
                let object = signed.object.clone();
                let body = notify::removed(&object, seq.as_ref());
                if self.is_news(&object, seq.as_ref()) {
                    self.world.objects.client_delete(&object);
                }
                self.deliver(body, None).await;
            }
        }
        Ok(())
    }

    /// Signs an upload; again is the same call again, for a fresh signature.
    async fn sign(&mut self, name: &str) -> Result<(), String> {
        let category = self.categories.get(name).map(String::as_str);
        let body = json!({
            "filename": "file.csv",
            "content_type": "text/csv",
            "file_size_bytes": VALID.len(),
            "category": category,
            // Its object may be replaced, as a schedule has it; a PUT's may not.
            "strategy": "post",
        });
        let (status, body) = self.world.sign(OWNER, &body, category).await;
        if self.signed.contains_key(name) {
            return Ok(());
        }
        let id = body["file_id"]
            .as_str()
            .and_then(|id| UploadId::parse(id).ok());
        let id = id.ok_or_else(|| format!("sign_upload answers {status}: {body}"))?;
        let record = self
            .world
            .record(id)
            .ok_or("a signed upload has no record")?;
        let object = record.object;
        self.signed.insert(name.to_owned(), Signed { id, object });
        Ok(())
    }

    fn put(&mut self, object: ObjectRef, put: &Put) {
        if !put.is_accepted || !self.is_news(&object, put.seq.as_ref()) {
            return;
        }
        self.world.objects.honour_if_none_match(false);
        let body = if put.is_valid { VALID } else { BROKEN };
        let client_put = ClientPut {
            etag: Some(ETag::new(&put.etag)),
            ..ClientPut::new("text/csv", body)
        };
        self.world.objects.client_put(&object, client_put);
    }

    /// Whether a change is later in the store's order than the last one of the object; it is the last one then.
    fn is_news(&mut self, object: &ObjectRef, seq: Option<&Sequencer>) -> bool {
        let Some(seq) = seq else { return true };
        let is_news = self.changed.get(object).is_none_or(|last| seq > last);
        if is_news {
            self.changed.insert(object.clone(), seq.clone());
        }
        is_news
    }

    /// Hands a message to the consumer, which may die of it; then the queue delivers it again by and by.
    async fn deliver(&self, body: String, crash: Option<Crash>) {
        let faults = &self.world.faults;
        if let Some(crash) = crash {
            let (verb, nth, moment) = match crash {
                Crash::BeforeClaim => (Verb::Save, 1, Moment::Before),
                Crash::AfterClaim => (Verb::Save, 1, Moment::After),
                Crash::Timeout => (Verb::ReadChunk, 1, Moment::Before),
                Crash::AfterWriteParquet => (Verb::Save, 2, Moment::Before),
                Crash::AfterState => (Verb::Save, 2, Moment::After),
            };
            faults.plan(verb, When::Nth(nth), moment, Harm::Death);
        }
        let verdict = faults.outlive(self.world.ingest(&body)).await;
        faults.clear();
        // Without a verdict, or with another than this, it is not acknowledged.
        if crash.is_some() || verdict != Some(ingest_on_object_created::Disposition::Ack) {
            self.world.messages.push(body);
        }
    }

    fn finals(&self) -> Value {
        let ended = self.signed.iter().map(|(name, signed)| {
            let record = self.world.record(signed.id);
            let ended = json!({
                "state": record.as_ref().map(|upload| upload.state.as_str()),
                "etag": record.as_ref().and_then(|upload| upload.etag()),
                "conversions": self.world.commits(signed.id).len(),
            });
            (name.clone(), ended)
        });
        Value::Object(ended.collect())
    }
}

#[cfg(test)]
mod tests;
