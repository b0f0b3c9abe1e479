//! The steps of a schedule, as a case writes them.

use consign_core::events::Sequencer;
use serde_json::Value;

/// One step: when, on which upload, what.
#[derive(Debug)]
pub(super) struct Step {
    /// Seconds since the schedule began.
    pub(super) t_s: u64,
    /// The upload's name; empty where the step is about none.
    pub(super) upload: String,
    pub(super) act: Act,
}

/// What happens in a step.
#[derive(Debug)]
pub(super) enum Act {
    Sign {
        expires_s: u64,
    },
    Put(Put),
    Confirm,
    Event {
        etag: String,
        seq: Option<Sequencer>,
        crash: Option<Crash>,
        forged: Option<Forged>,
    },
    Delete {
        seq: Option<Sequencer>,
    },
    Reconcile,
}

/// A client writes to the store.
#[derive(Debug)]
pub(super) struct Put {
    pub(super) etag: String,
    pub(super) seq: Option<Sequencer>,
    pub(super) is_accepted: bool,
    pub(super) is_valid: bool,
}

/// Where the consumer dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crash {
    BeforeClaim,
    AfterClaim,
    AfterWriteParquet,
    AfterState,
    Timeout,
}

/// What is false about an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forged {
    Bucket,
    Token,
    UnknownKey,
}

const ACTS: [&str; 6] = [
    "sign",
    "put",
    "confirm",
    "event",
    "delete-event",
    "reconcile",
];

impl Step {
    /// Reads a step. The field that names what happens is the one that holds one of the six names.
    pub(super) fn read(step: &Value) -> Result<Self, String> {
        let fields = step.as_object().ok_or("a step is not an object")?;
        let mut names = fields
            .iter()
            .filter(|(field, _)| !matches!(field.as_str(), "upload" | "etag"));
        let act = names
            .find_map(|(_, value)| value.as_str().filter(|name| ACTS.contains(name)))
            .ok_or_else(|| format!("no step of a known name: {step}"))?;
        Ok(Self {
            t_s: step["t"].as_f64().map_or(0, whole),
            upload: text(&step["upload"]),
            act: read_act(act, step)?,
        })
    }
}

fn read_act(act: &str, step: &Value) -> Result<Act, String> {
    let flag = |name: &str, default| step[name].as_bool().unwrap_or(default);
    Ok(match act {
        "sign" => Act::Sign {
            expires_s: step["expires"].as_f64().map_or(900, whole),
        },
        "put" => Act::Put(Put {
            etag: text(&step["etag"]),
            seq: seq(&step["seq"])?,
            is_accepted: flag("store_accepts", true),
            is_valid: flag("valid_file", true),
        }),
        "confirm" => Act::Confirm,
        "event" => Act::Event {
            etag: text(&step["etag"]),
            seq: seq(&step["seq"])?,
            crash: match step["crash"].as_str() {
                None => None,
                Some("before-claim") => Some(Crash::BeforeClaim),
                Some("after-claim") => Some(Crash::AfterClaim),
                Some("after-write-parquet") => Some(Crash::AfterWriteParquet),
                Some("after-state") => Some(Crash::AfterState),
                Some("timeout") => Some(Crash::Timeout),
                Some(other) => return Err(format!("no crash {other}")),
            },
            forged: match step["forged"].as_str() {
                None => None,
                Some("bucket") => Some(Forged::Bucket),
                Some("token") => Some(Forged::Token),
                Some("unknown-key") => Some(Forged::UnknownKey),
                Some(other) => return Err(format!("no forgery {other}")),
            },
        },
        "delete-event" => Act::Delete {
            seq: seq(&step["seq"])?,
        },
        _ => Act::Reconcile,
    })
}

/// A sequencer: S3's text, or a number, which is written as S3 writes its own.
fn seq(value: &Value) -> Result<Option<Sequencer>, String> {
    let text = match (value.as_u64(), value.as_str()) {
        (Some(number), _) => format!("{number:018X}"),
        (None, Some(text)) => text.to_owned(),
        (None, None) => return Ok(None),
    };
    Sequencer::parse(&text)
        .map(Some)
        .map_err(|error| error.to_string())
}

/// A name, which a case may also write as a number.
fn text(value: &Value) -> String {
    if value.is_null() {
        return String::new();
    }
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Seconds, whole; nobody is in a hurry within one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates"
)]
fn whole(seconds: f64) -> u64 {
    seconds as u64
}
