//! The parts of a workbook that its reader reads, looked at before: each is found as the reader finds it, and what it will keep
//! of it is counted.

use std::cmp::Ordering;
use std::collections::HashMap;

use bytes::Bytes;
use calamine::Style;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};

use crate::input::archive::Archive;
use crate::input::markup::{self, Look, attributes};
use crate::input::room::Room;
use crate::limits::Limits;
use crate::refusal::Refusal;

/// A list that grows is there twice for a moment, and may then be half empty.
const GROWING: u64 = 3;
/// What a small piece of memory takes beside its content.
const PIECE_BYTES: u64 = 32;
/// A text beside its letters, in a list that does not grow.
const STRING_BYTES: u64 = size_of::<String>() as u64;
/// The same in a list that grows.
const TEXT_BYTES: u64 = STRING_BYTES * GROWING + PIECE_BYTES;
/// A format beside its texts; fonts, fills and borders are parts of one.
const STYLE_BYTES: u64 = size_of::<Style>() as u64 * GROWING + 2 * PIECE_BYTES;
/// A relation, a sheet or a name beside its texts, of which it has three.
const ENTRY_BYTES: u64 = 3 * TEXT_BYTES + 64;
/// What the tags of all sheets take at most, of which none takes less than some bytes: the reader looks for a sheet in a list.
const SHEETS_BYTES_MAX: u64 = 1 << 20;
const SHEET_BYTES_MIN: u64 = 64;
/// Brackets of a format, which the reader counts in a byte.
const BRACKETS_MAX: usize = 255;

pub(crate) struct Package {
    archive: Archive,
    room: Room,
    /// The paths of the sheets, in their order.
    sheets: Vec<String>,
}

impl Package {
    /// Looks at what the reader reads before it knows a sheet.
    pub(crate) fn open(bytes: &Bytes, limits: &Limits) -> Result<Self, Refusal> {
        let mut room = Room::new(limits);
        room.take(bytes.len() as u64)?;
        let archive = Archive::open(bytes, &mut room)?;
        let mut package = Self {
            archive,
            room,
            sheets: Vec::new(),
        };
        let mut roots = Roots::default();
        package.look("_rels/.rels", &mut roots)?;
        let (folder, name) = main_part(&roots.target);
        package.look(
            &format!("{folder}sharedStrings.xml"),
            &mut Strings::default(),
        )?;
        package.look(&format!("{folder}theme/theme1.xml"), &mut Plain)?;
        package.look(&format!("{folder}styles.xml"), &mut Styles::default())?;
        let mut relations = Relations::default();
        package.look(&format!("{folder}_rels/{name}.rels"), &mut relations)?;
        let mut sheets = Sheets {
            targets: relations.targets,
            folder,
            paths: Vec::new(),
            bytes: 0,
            names: 0,
        };
        package.look(&format!("{}{name}", sheets.folder), &mut sheets)?;
        package.sheets = sheets.paths;
        Ok(package)
    }

    /// Looks at a sheet before the reader reads it.
    pub(crate) fn check_sheet(&mut self, at: usize) -> Result<(), Refusal> {
        let path = self.sheets.get(at).ok_or(Refusal::BadWorkbook)?.clone();
        self.look(&path, &mut Cells)
    }

    /// A part that is not there is not read either.
    fn look<L: Look>(&mut self, path: &str, look: &mut L) -> Result<(), Refusal> {
        match self.archive.part(path)? {
            Some(part) => markup::read(part, look, &mut self.room),
            None => Ok(()),
        }
    }
}

/// The folder of the main part, and its name in it.
fn main_part(target: &str) -> (String, String) {
    let (folder, name) = match target.rfind('/') {
        Some(at) => target.split_at(at + 1),
        None => ("", target),
    };
    let folder = folder.strip_prefix('/').unwrap_or(folder);
    let name = if name.is_empty() {
        "workbook.xml"
    } else {
        name
    };
    (folder.to_owned(), name.to_owned())
}

fn text(value: &str) -> Result<String, Refusal> {
    let text = unescape(value).map_err(|_| Refusal::BadWorkbook)?;
    Ok(text.into_owned())
}

/// The value of the attribute of this name.
fn value<'a>(attributes: &[(&str, &'a str)], name: &str) -> Option<&'a str> {
    let mut found = attributes.iter().filter(|(key, _)| *key == name);
    found.next().map(|(_, value)| *value)
}

/// The element that an event begins, where it is of this name.
fn start<'a, 'e>(event: &'a Event<'e>, name: &str) -> Option<&'a BytesStart<'e>> {
    let Event::Start(element) = event else {
        return None;
    };
    (element.local_name().as_ref() == name).then_some(element)
}

/// The relation that an event begins. The reader ends with the first list of relations; what follows it does not count.
fn relation<'a, 'e>(event: &'a Event<'e>, is_ended: &mut bool) -> Option<&'a BytesStart<'e>> {
    *is_ended |= ends(event, "Relationships");
    start(event, "Relationship").filter(|_| !*is_ended)
}

fn ends(event: &Event<'_>, name: &str) -> bool {
    matches!(event, Event::End(element) if element.local_name().as_ref() == name)
}

/// A part of which hardly anything is kept.
struct Plain;

impl Look for Plain {
    const KEPT: &'static str = "";

    fn event(&mut self, _: &Event<'_>, room: &mut Room) -> Result<(), Refusal> {
        // A color of a theme.
        room.take(8)
    }
}

/// Where the main part is.
#[derive(Default)]
struct Roots {
    target: String,
    is_ended: bool,
}

impl Look for Roots {
    const KEPT: &'static str = "";

    fn event(&mut self, event: &Event<'_>, _: &mut Room) -> Result<(), Refusal> {
        if let Some(element) = relation(event, &mut self.is_ended) {
            let attributes = attributes(element)?;
            let kind = value(&attributes, "Type").unwrap_or_default();
            if let Some(target) = value(&attributes, "Target")
                && kind.ends_with("/relationships/officeDocument")
            {
                self.target = text(target)?;
            }
        }
        Ok(())
    }
}

/// The table of texts.
#[derive(Default)]
struct Strings {
    /// For how many texts the reader makes room before it reads one.
    told: u64,
    texts: u64,
    /// Runs of the text so far, and their bytes: a text of several runs grows as lists do.
    runs: u64,
    bytes: u64,
}

impl Look for Strings {
    const KEPT: &'static str = "si";

    fn event(&mut self, event: &Event<'_>, room: &mut Room) -> Result<(), Refusal> {
        if let Event::Start(element) = event {
            return self.start(element, room);
        }
        if let Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) = event {
            let bytes = event.len() as u64;
            self.bytes += bytes;
            room.take(bytes * self.runs.clamp(1, 2))?;
        }
        Ok(())
    }
}

impl Strings {
    fn start(&mut self, element: &BytesStart<'_>, room: &mut Room) -> Result<(), Refusal> {
        match element.local_name().as_ref() {
            "sst" => {
                let attributes = attributes(element)?;
                let count = value(&attributes, "uniqueCount").unwrap_or_default();
                let told = told(count);
                self.told = self.told.max(told);
                room.take(told.saturating_mul(STRING_BYTES))
            }
            "si" => {
                (self.runs, self.bytes) = (0, 0);
                self.texts += 1;
                room.take(match self.texts.cmp(&(self.told + 1)) {
                    Ordering::Less => PIECE_BYTES,
                    // Now the list grows, with all that is in it.
                    Ordering::Equal => TEXT_BYTES * self.texts,
                    Ordering::Greater => TEXT_BYTES,
                })
            }
            "r" => {
                self.runs = self.runs.max(1);
                Ok(())
            }
            "t" => {
                self.runs += 1;
                room.take(if self.runs == 2 { self.bytes } else { 0 })
            }
            _ => Ok(()),
        }
    }
}

/// A number that a file says, at least: the reader makes room for so many.
fn told(digits: &str) -> u64 {
    let digits = digits.bytes().filter(u8::is_ascii_digit);
    digits.fold(0, |number: u64, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    })
}

/// Formats of cells.
#[derive(Default)]
struct Styles {
    /// Open elements whose content is kept: fonts, fills, borders and formats of cells.
    fonts: u64,
    fills: u64,
    borders: u64,
    cells: u64,
    /// The longest texts, of which a format of cells has its own.
    font_bytes: u64,
    format_bytes: u64,
}

impl Styles {
    fn list(&mut self, name: &str) -> Option<&mut u64> {
        match name {
            "fonts" => Some(&mut self.fonts),
            "fills" => Some(&mut self.fills),
            "borders" => Some(&mut self.borders),
            "cellXfs" => Some(&mut self.cells),
            _ => None,
        }
    }
}

impl Look for Styles {
    const KEPT: &'static str = "";

    fn event(&mut self, event: &Event<'_>, room: &mut Room) -> Result<(), Refusal> {
        if let Event::End(element) = event
            && let Some(open) = self.list(element.local_name().as_ref())
        {
            *open -= 1;
        }
        let Event::Start(element) = event else {
            return Ok(());
        };
        let bytes = element.len() as u64;
        if self.fonts > 0 {
            self.font_bytes = self.font_bytes.max(bytes);
        }
        let local = element.local_name();
        if let Some(open) = self.list(local.as_ref()) {
            *open += 1;
            return Ok(());
        }
        match local.as_ref() {
            "numFmt" => {
                let brackets = element.matches('[').count();
                if brackets > BRACKETS_MAX {
                    return Err(Refusal::BadWorkbook);
                }
                self.format_bytes = self.format_bytes.max(bytes);
                room.take(ENTRY_BYTES + 2 * bytes)
            }
            "font" if self.fonts > 0 => room.take(STYLE_BYTES + bytes),
            "fill" if self.fills > 0 => room.take(STYLE_BYTES),
            "border" if self.borders > 0 => room.take(STYLE_BYTES),
            "xf" if self.cells > 0 => room.take(STYLE_BYTES + self.font_bytes + self.format_bytes),
            _ if self.fonts > 0 => room.take(bytes),
            _ => Ok(()),
        }
    }
}

/// What the main part relates to.
#[derive(Default)]
struct Relations {
    targets: HashMap<String, String>,
    is_ended: bool,
}

impl Look for Relations {
    const KEPT: &'static str = "";

    fn event(&mut self, event: &Event<'_>, room: &mut Room) -> Result<(), Refusal> {
        if let Some(element) = relation(event, &mut self.is_ended) {
            // It is kept here and by the reader.
            room.take(2 * (ENTRY_BYTES + element.len() as u64))?;
            let attributes = attributes(element)?;
            if let Some(id) = value(&attributes, "Id") {
                let target = value(&attributes, "Target").unwrap_or_default();
                self.targets.insert(id.to_owned(), target.to_owned());
            }
        }
        Ok(())
    }
}

/// The main part: sheets and names.
struct Sheets {
    targets: HashMap<String, String>,
    folder: String,
    paths: Vec<String>,
    bytes: u64,
    /// Names that are open: in one of them the reader sees no sheet.
    names: u64,
}

impl Look for Sheets {
    const KEPT: &'static str = "definedName";

    fn event(&mut self, event: &Event<'_>, room: &mut Room) -> Result<(), Refusal> {
        if ends(event, "definedName") {
            self.names -= 1;
        }
        if let Some(name) = start(event, "definedName") {
            self.names += 1;
            return room.take(ENTRY_BYTES + 2 * name.len() as u64);
        }
        if let Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) = event {
            return room.take(2 * event.len() as u64);
        }
        let Some(element) = start(event, "sheet") else {
            return Ok(());
        };
        if self.names > 0 {
            return Err(Refusal::BadWorkbook);
        }
        let bytes = element.len() as u64;
        self.bytes += bytes.max(SHEET_BYTES_MIN);
        if self.bytes > SHEETS_BYTES_MAX {
            return Err(Refusal::WorkbookTooLarge {
                what: "its list of sheets is",
                limit_bytes: SHEETS_BYTES_MAX,
            });
        }
        let attributes = attributes(element)?;
        let ids = attributes.iter().rev();
        let mut ids = ids.filter(|(key, _)| *key == "id" || key.ends_with(":id"));
        let id = ids.next().map_or("", |(_, id)| *id);
        let target = self.targets.get(id).ok_or(Refusal::BadWorkbook)?;
        let path = match target.strip_prefix('/') {
            Some(path) => path.to_owned(),
            None => format!("{}{target}", self.folder),
        };
        room.take(2 * (ENTRY_BYTES + bytes + path.len() as u64))?;
        self.paths.push(path);
        Ok(())
    }
}

/// Cells of a sheet.
struct Cells;

impl Look for Cells {
    const KEPT: &'static str = "c";

    fn event(&mut self, event: &Event<'_>, _: &mut Room) -> Result<(), Refusal> {
        let Event::Start(element) = event else {
            return Ok(());
        };
        let (name, is_area) = match element.local_name().as_ref() {
            "c" | "row" => ("r", false),
            "dimension" => ("ref", true),
            _ => return Ok(()),
        };
        for attribute in element.attributes().with_checks(false) {
            let attribute = attribute.map_err(|_| Refusal::BadWorkbook)?;
            let value = attribute.value.as_ref();
            let is_known = attribute.key.as_ref() != name
                || if is_area {
                    is_an_area(value)
                } else {
                    place(value).is_some()
                };
            if !is_known {
                return Err(Refusal::BadWorkbook);
            }
        }
        Ok(())
    }
}

/// A place in a sheet, row and column from 1, as far as the reader can count: beyond, it would come out somewhere else.
fn place(text: &str) -> Option<(u32, u32)> {
    let digits = text.find(|letter: char| letter.is_ascii_digit())?;
    let (letters, digits) = text.split_at(digits);
    let is_known = letters.len() <= 3 && letters.bytes().all(|byte| byte.is_ascii_alphabetic());
    let column = letters.bytes().fold(0, |column, letter| {
        column * 26 + u32::from(letter.to_ascii_uppercase() - b'@')
    });
    let is_number = digits.len() <= 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let row = digits.parse().ok().filter(|_| is_known && is_number)?;
    Some((row, column))
}

/// Whether it is one place, or two of which the second is not above the first nor left of it.
fn is_an_area(text: &str) -> bool {
    match text.split_once(':') {
        None => place(text).is_some(),
        Some((first, last)) => match (place(first), place(last)) {
            (Some(first), Some(last)) => first.0 <= last.0 && first.1 <= last.1,
            (None, _) | (_, None) => false,
        },
    }
}
