//! What a client wants to upload, and how it behaves.

use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::rules::NAMES;

/// The owners.
pub(crate) const OWNERS: [&str; 2] = ["alice", "bob"];
/// The length of every part but the last, in bytes.
const PART_BYTES: usize = 5 << 20;
/// How long clients pause at most between the steps of an upload, in seconds.
const PAUSE_S_MAX: u64 = 3_600;
/// How long a slow client waits or sends, in seconds: longer than its URLs live.
const SLOW_S_MAX: u64 = 7_200;

static LARGE: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(vec![b'a'; PART_BYTES]));

/// The plan of one client, all of it drawn at once.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) number: u32,
    pub(crate) owner: &'static str,
    pub(crate) category: &'static str,
    extension: &'static str,
    /// The bytes. Of parts, those of the last.
    pub(crate) body: Bytes,
    /// Other bytes of the same length, for a second object.
    pub(crate) other: Bytes,
    /// And for a URL that is used again.
    pub(crate) reused: Bytes,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) begins_s: u64,
    pub(crate) pause_s: u64,
    /// How long a slow client waits before it sends.
    pub(crate) slow_s: u64,
    /// How long a slow transfer takes.
    pub(crate) transfer_s: u64,
    /// Whether it is torn: a multipart upload without a part, a PUT that ends half way.
    pub(crate) is_torn: bool,
    pub(crate) repeats_part: bool,
    /// Whether somebody removes its object, and it sends another.
    pub(crate) is_replaced: bool,
    pub(crate) reuses: bool,
    pub(crate) confirms: bool,
    pub(crate) downloads: bool,
    pub(crate) pries: bool,
    pub(crate) deletes_before: bool,
    pub(crate) deletes_after: bool,
}

impl Wish {
    pub(crate) fn draw(dice: &mut Dice, number: u32) -> Self {
        // Parts are large, and cost more time than the rest.
        let common = dice.below(15);
        let (category, extension) = match usize::try_from(common % 7).ok() {
            Some(6) if common > 7 => NAMES[6],
            Some(6) => NAMES[0],
            Some(index) => NAMES[index],
            None => NAMES[0],
        };
        let body = content(dice, number);
        // Another number of the same length, so that it is another version of the same size.
        let (other, reused) = (content_like(&body, 2), content_like(&body, 3));
        Self {
            number,
            owner: dice.pick(&OWNERS).unwrap_or_default(),
            category,
            extension,
            body,
            other,
            reused,
            idempotency_key: dice.percent(75).then(|| format!("key-{number}")),
            begins_s: dice.below(PAUSE_S_MAX),
            pause_s: dice.below(PAUSE_S_MAX),
            slow_s: dice.below(SLOW_S_MAX),
            transfer_s: dice.below(SLOW_S_MAX),
            is_torn: dice.percent(40),
            repeats_part: dice.percent(50),
            is_replaced: dice.percent(40),
            reuses: dice.percent(60),
            confirms: dice.percent(60),
            downloads: dice.percent(40),
            pries: dice.percent(15),
            deletes_before: dice.percent(15),
            deletes_after: dice.percent(35),
        }
    }

    /// Returns whether the file is sent in parts.
    pub(crate) fn is_in_parts(&self) -> bool {
        self.category == "parts"
    }

    /// Returns the parts.
    pub(crate) fn parts(&self) -> [Bytes; 2] {
        [LARGE.clone(), self.body.clone()]
    }

    /// Returns the body of `sign_upload`.
    pub(crate) fn request(&self) -> Value {
        let beside = if self.is_in_parts() { PART_BYTES } else { 0 };
        json!({
            "filename": format!("birds.{}", self.extension),
            "content_type": if self.extension == "csv" { "text/csv" } else { "text/plain" },
            "file_size_bytes": beside + self.body.len(),
            "category": self.category,
        })
    }
}

/// Returns a small CSV file that no other upload has. One of ten is no CSV file.
fn content(dice: &mut Dice, number: u32) -> Bytes {
    if dice.percent(10) {
        return Bytes::from(format!("%PDF-1.7 {number:06}"));
    }
    let mut text = "name,count\n".to_owned();
    for row in 0..dice.between(1, 4) {
        text.push_str(&format!("wren{number},{}\n", 1_000 + row));
    }
    Bytes::from(text)
}

/// Returns other bytes of the same length and kind.
fn content_like(body: &Bytes, version: u32) -> Bytes {
    let text = String::from_utf8_lossy(body);
    let text = text.replace(",10", &format!(",{version}0"));
    Bytes::from(text.replace("1.7", &format!("1.{version}")))
}
