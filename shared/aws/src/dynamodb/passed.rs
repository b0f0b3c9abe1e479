//! How far a line was passed on: one item for each line, in place of a write for each upload.

use std::collections::BTreeMap;

use consign_core::ids::UploadId;
use consign_core::ports::{Due, DueLine, DueRun, Fault};
use consign_core::time::{self, Timestamp};

use super::DynamoRepo;
use super::item::{self, Item, get_number, name, number, text, us};
use super::table::TTL;
use crate::fault::fault;

const OPERATION: &str = "hold_runs";

/// What stands in a line up to a place is held.
struct Mark {
    /// Up to this place, itself included.
    through: Due,
    /// From then on. Where the clock was set back behind it, nothing is held.
    since: Timestamp,
    /// Until then.
    until: Timestamp,
}

impl Mark {
    fn is_alive(&self, now: Timestamp) -> bool {
        self.since <= now && now < self.until
    }
}

impl DynamoRepo {
    /// The place up to which a line is held at this instant.
    pub(super) async fn held_through(
        &self,
        line: &DueLine,
        now: Timestamp,
    ) -> Result<Option<Due>, Fault> {
        let mark = self.mark("due", line).await?;
        Ok(mark
            .filter(|mark| mark.is_alive(now))
            .map(|mark| mark.through))
    }

    /// Holds each line up to the end of its last stretch. A hold that is alive moves on and keeps its end: what was passed
    /// on first is passed on again then, however much has come since.
    ///
    /// Two that do so at once leave the place of one of them. Where that is the earlier one, some uploads are passed on
    /// twice, and whoever comes second finds them due no more.
    pub(super) async fn hold_lines(
        &self,
        stretches: &[DueRun],
        now: Timestamp,
        until: Timestamp,
    ) -> Result<(), Fault> {
        let ends = stretches
            .iter()
            .filter_map(|stretch| Some((&stretch.line, *stretch.due.last()?)));
        for (line, through) in ends.collect::<BTreeMap<_, _>>() {
            let held = self
                .mark(OPERATION, line)
                .await?
                .filter(|mark| mark.is_alive(now));
            let (since, until) = held.map_or((now, until), |mark| (mark.since, mark.until));
            let mark = Mark {
                through,
                since,
                until,
            };
            let call = self.client.put_item().table_name(&self.table);
            let call = call.set_item(Some(to_item(line, &mark))).send();
            call.await.map_err(|error| fault(OPERATION, &error))?;
        }
        Ok(())
    }

    async fn mark(&self, operation: &'static str, line: &DueLine) -> Result<Option<Mark>, Fault> {
        let item = self.get(operation, item::line_key(line)).await?;
        Ok(item.as_ref().and_then(from_item))
    }
}

fn to_item(line: &DueLine, mark: &Mark) -> Item {
    let mut item = item::line_key(line);
    item.extend([
        (
            name::UPLOAD_ID.to_owned(),
            text(mark.through.id.to_string()),
        ),
        (name::THROUGH.to_owned(), number(us(mark.through.at))),
        (name::SINCE.to_owned(), number(us(mark.since))),
        (name::UNTIL.to_owned(), number(us(mark.until))),
        (TTL.to_owned(), number(mark.until.timestamp())),
    ]);
    item
}

/// `None` where an item is not as this program writes it: then nothing is held, and what is due is passed on once more.
fn from_item(item: &Item) -> Option<Mark> {
    let at = |name| time::from_micros(get_number(item, name)?);
    Some(Mark {
        through: Due {
            at: at(name::THROUGH)?,
            id: UploadId::parse(item::get_text(item, name::UPLOAD_ID)?).ok()?,
        },
        since: at(name::SINCE)?,
        until: at(name::UNTIL)?,
    })
}
