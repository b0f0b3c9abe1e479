//! XML as the reader of workbooks reads it, before it does: by the same library and from event to event, each of which is held at
//! once, so that each is bounded.

use std::io::{self, BufReader, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::input::room::Room;
use crate::refusal::Refusal;

/// The longest event in bytes, and the longest element that is kept until it ends: a cell has 32,767 letters at most.
const RUN_BYTES_MAX: u64 = 1 << 20;
/// The deepest nesting of elements; a part of a workbook has a tenth of it.
const DEPTH_MAX: usize = 256;
/// The longest tag whose attributes are looked at.
const TAG_BYTES_MAX: usize = 32 * 1024;

/// What looks at the events of a part.
pub(crate) trait Look {
    /// The name of the elements that the reader of workbooks keeps until they end.
    const KEPT: &'static str;

    fn event(&mut self, event: &Event<'_>, room: &mut Room) -> Result<(), Refusal>;
}

/// Reads a part to its end. What is not well formed is refused: then an element ends where it seems to.
pub(crate) fn read<L: Look>(part: impl Read, look: &mut L, room: &mut Room) -> Result<(), Refusal> {
    let metered = Metered {
        part,
        run_left: RUN_BYTES_MAX,
        left: room.expanded_left,
    };
    let mut xml = Reader::from_reader(BufReader::new(metered));
    xml.config_mut().expand_empty_elements = true;
    let mut open = Open::default();
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let Ok(event) = xml.read_event_into(&mut buffer) else {
            return Err(xml.get_ref().get_ref().refusal(room));
        };
        match &event {
            Event::Start(element) => {
                room.take_element()?;
                open.start(element, L::KEPT)?;
            }
            Event::End(_) => open.end(),
            Event::Eof => break,
            Event::Empty(_)
            | Event::Text(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_)
            | Event::GeneralRef(_) => {}
        }
        look.event(&event, room)?;
        if !open.is_kept() {
            xml.get_mut().get_mut().run_left = RUN_BYTES_MAX;
        }
    }
    room.expanded_left = xml.get_ref().get_ref().left;
    Ok(())
}

/// The attributes of an element by their names. One that is there twice is refused: readers differ on which one counts.
pub(crate) fn attributes<'a>(
    element: &'a BytesStart<'_>,
) -> Result<Vec<(&'a str, &'a str)>, Refusal> {
    if element.len() > TAG_BYTES_MAX {
        return Err(Refusal::WorkbookTooLarge {
            what: "a tag of it is",
            limit_bytes: TAG_BYTES_MAX as u64,
        });
    }
    let attributes = element.attributes();
    attributes
        .map(|attribute| {
            let attribute = attribute.map_err(|_| Refusal::BadWorkbook)?;
            let key = attribute.key.into_inner();
            match attribute.value {
                std::borrow::Cow::Borrowed(value) => Ok((key, value)),
                std::borrow::Cow::Owned(_) => Err(Refusal::BadWorkbook),
            }
        })
        .collect()
}

/// The elements that are open.
#[derive(Default)]
struct Open {
    /// The lengths of their names, which the library keeps.
    names: Vec<usize>,
    bytes: usize,
    /// How many are open around the outermost one that is kept.
    kept: Option<usize>,
}

impl Open {
    fn start(&mut self, element: &BytesStart<'_>, kept: &str) -> Result<(), Refusal> {
        let local = element.local_name();
        if self.kept.is_none() && local.as_ref() == kept {
            self.kept = Some(self.names.len());
        }
        let name = element.name().as_ref().len();
        self.names.push(name);
        self.bytes += name;
        if self.names.len() > DEPTH_MAX || self.bytes as u64 > RUN_BYTES_MAX {
            return Err(Refusal::BadWorkbook);
        }
        Ok(())
    }

    fn end(&mut self) {
        self.bytes -= self.names.pop().unwrap_or(0);
        if self.kept == Some(self.names.len()) {
            self.kept = None;
        }
    }

    fn is_kept(&self) -> bool {
        self.kept.is_some()
    }
}

/// A part that ends with an error where it is longer than it may be.
struct Metered<R> {
    part: R,
    /// Bytes of the event or element that is read.
    run_left: u64,
    /// Bytes of all parts.
    left: u64,
}

impl<R> Metered<R> {
    /// Why reading ended.
    fn refusal(&self, room: &Room) -> Refusal {
        if self.left == 0 {
            room.expanded()
        } else if self.run_left == 0 {
            Refusal::WorkbookTooLarge {
                what: "a cell, a tag or a comment in it is",
                limit_bytes: RUN_BYTES_MAX,
            }
        } else {
            Refusal::BadWorkbook
        }
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.run_left.min(self.left)).unwrap_or(usize::MAX);
        if most == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let most = most.min(into.len());
        let bytes = self.part.read(&mut into[..most])?;
        self.run_left -= bytes as u64;
        self.left -= bytes as u64;
        Ok(bytes)
    }
}
