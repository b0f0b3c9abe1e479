//! Holds on due lines: one item per line, instead of a write per upload.

use std::collections::BTreeMap;

use consign_core::ids::UploadId;
use consign_core::ports::{Due, DueLine, DueRun, Fault};
use consign_core::time::{self, Timestamp};

use super::DynamoRepo;
use super::item::{self, Item, get_number, name, number, text, us};
use super::table::TTL;
use crate::fault::fault;

const OPERATION: &str = "hold_runs";

/// A hold: uploads of a line up to a position are not due.
struct Hold {
    /// The last position that is held.
    through: Due,
    /// The start of the hold. If the clock was set back before it, nothing is held.
    since: Timestamp,
    /// The end of the hold.
    until: Timestamp,
}

impl Hold {
    fn is_alive(&self, now: Timestamp) -> bool {
        self.since <= now && now < self.until
    }
}

impl DynamoRepo {
    /// Returns the position up to which a line is held at this instant.
    pub(super) async fn held_through(
        &self,
        line: &DueLine,
        now: Timestamp,
    ) -> Result<Option<Due>, Fault> {
        let hold = self.line_hold("due", line).await?;
        Ok(hold
            .filter(|hold| hold.is_alive(now))
            .map(|hold| hold.through))
    }

    /// Holds each line up to the end of its last range. A current hold moves on and keeps its end, so that the uploads
    /// that were passed on first are passed on again then, however many followed since.
    ///
    /// Of two concurrent calls, one position remains. If it is the earlier one, some uploads are passed on twice. The
    /// second examination finds that they are no longer due.
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
                .line_hold(OPERATION, line)
                .await?
                .filter(|hold| hold.is_alive(now));
            let (since, until) = held.map_or((now, until), |hold| (hold.since, hold.until));
            let hold = Hold {
                through,
                since,
                until,
            };
            let call = self.client.put_item().table_name(&self.table);
            let call = call.set_item(Some(to_item(line, &hold))).send();
            call.await.map_err(|error| fault(OPERATION, &error))?;
        }
        Ok(())
    }

    async fn line_hold(
        &self,
        operation: &'static str,
        line: &DueLine,
    ) -> Result<Option<Hold>, Fault> {
        let item = self.get(operation, item::line_key(line)).await?;
        Ok(item.as_ref().and_then(from_item))
    }
}

fn to_item(line: &DueLine, hold: &Hold) -> Item {
    let mut item = item::line_key(line);
    item.extend([
        (
            name::UPLOAD_ID.to_owned(),
            text(hold.through.id.to_string()),
        ),
        (name::THROUGH.to_owned(), number(us(hold.through.at))),
        (name::SINCE.to_owned(), number(us(hold.since))),
        (name::UNTIL.to_owned(), number(us(hold.until))),
        (TTL.to_owned(), number(hold.until.timestamp())),
    ]);
    item
}

/// Returns `None` if the item cannot be decoded. Nothing is then held, and due uploads are passed on once more.
fn from_item(item: &Item) -> Option<Hold> {
    let at = |name| time::from_micros(get_number(item, name)?);
    Some(Hold {
        through: Due {
            at: at(name::THROUGH)?,
            id: UploadId::parse(item::get_text(item, name::UPLOAD_ID)?).ok()?,
        },
        since: at(name::SINCE)?,
        until: at(name::UNTIL)?,
    })
}
