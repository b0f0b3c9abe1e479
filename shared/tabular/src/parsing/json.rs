//! JSON -> rows: a document per line, or an array of objects. Keys are columns, in the order of their first appearance.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::held;
use crate::limits::{COLUMNS_MAX, Limits};
use crate::parsing::row::{Place, Row, RowBuilder};
use crate::refusal::Refusal;

/// Members of an object that are kept: one more than there may be columns.
const MEMBERS_MAX: usize = COLUMNS_MAX + 1;

/// Whether a text begins as objects do: `{"key":`, or the same in an array.
pub(crate) fn begins(sample: &str) -> bool {
    let text = sample.trim_start();
    let text = text.strip_prefix('[').map_or(text, str::trim_start);
    let Some(rest) = text.strip_prefix('{').map(str::trim_start) else {
        return false;
    };
    if rest.starts_with('}') {
        return true;
    }
    let Some(end) = rest.strip_prefix('"').and_then(|key| key.find('"')) else {
        return false;
    };
    rest[end + 2..].trim_start().starts_with(':')
}

/// The push parser. Memory: the longest object and one piece, and the keys.
pub(crate) struct Json {
    limits: Limits,
    buffer: String,
    /// Up to where the buffer was looked at.
    at: usize,
    start: usize,
    depth: u32,
    in_string: bool,
    escaped: bool,
    in_array: bool,
    line: u64,
    /// Where in the text the buffer begins.
    offset: u64,
    start_line: u64,
    /// Nothing came behind the last line end.
    ends_line: bool,
    /// Something was read already.
    begun: bool,
    keys: Vec<String>,
    index: HashMap<String, usize>,
    key_bytes: usize,
    /// The keys are those of an earlier pass, and no other may come.
    frozen: bool,
    /// Objects so far, and the last one of them in which each key was met.
    objects: u64,
    met: Vec<u64>,
    /// Columns of the keys of an object, where they are known.
    found: Vec<Option<usize>>,
    row: RowBuilder,
}

impl Json {
    /// A first pass, or with `keys` a second one.
    pub(crate) fn new(limits: Limits, keys: Option<&[String]>) -> Self {
        let known = keys.unwrap_or_default();
        Self {
            limits,
            buffer: String::new(),
            at: 0,
            start: 0,
            depth: 0,
            in_string: false,
            escaped: false,
            in_array: false,
            line: 1,
            offset: 0,
            start_line: 1,
            ends_line: false,
            begun: false,
            index: known.iter().cloned().zip(0..).collect(),
            keys: known.to_vec(),
            key_bytes: 0,
            frozen: keys.is_some(),
            objects: 0,
            met: vec![0; known.len()],
            found: Vec::new(),
            row: RowBuilder::default(),
        }
    }

    /// Says where the text begins.
    pub(crate) fn start_at(&mut self, line: u64, offset: u64) {
        (self.line, self.start_line, self.offset) = (line, line, offset);
    }

    /// Lines so far.
    pub(crate) fn lines(&self) -> u64 {
        self.line - u64::from(self.ends_line)
    }

    /// The keys seen so far.
    pub(crate) fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Takes a piece of text and hands every object that ends in it to `sink`.
    pub(crate) fn push<S>(&mut self, piece: &str, sink: &mut S) -> Result<(), Refusal>
    where
        S: FnMut(&Row<'_>) -> Result<(), Refusal>,
    {
        held::append(&mut self.buffer, piece, &self.limits);
        // Moved out for the scan, so that rows can borrow it while the state moves on.
        let mut buffer = std::mem::take(&mut self.buffer);
        self.scan(&buffer, sink)?;
        self.ends_line = buffer.ends_with('\n');
        let done = if self.depth == 0 { self.at } else { self.start };
        buffer.drain(..done);
        self.offset += done as u64;
        self.at -= done;
        self.start = 0;
        held::release(&mut buffer);
        self.buffer = buffer;
        if self.buffer.len() > self.limits.row_bytes_max {
            return Err(Refusal::RowTooLong {
                line: self.start_line,
                limit_bytes: self.limits.row_bytes_max,
            });
        }
        Ok(())
    }

    /// Ends the text.
    pub(crate) fn finish(&mut self) -> Result<(), Refusal> {
        if self.depth > 0 || self.in_array {
            return Err(self.bad("it ends inside an object or an array"));
        }
        Ok(())
    }

    fn bad(&self, what: &'static str) -> Refusal {
        Refusal::BadJson {
            line: self.line,
            what,
        }
    }

    fn scan<S>(&mut self, buffer: &str, sink: &mut S) -> Result<(), Refusal>
    where
        S: FnMut(&Row<'_>) -> Result<(), Refusal>,
    {
        let bytes = buffer.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            self.line += u64::from(byte == b'\n');
            self.at += 1;
            if self.in_string {
                let is_end = byte == b'"' && !self.escaped;
                self.escaped = byte == b'\\' && !self.escaped;
                self.in_string = !is_end;
                continue;
            }
            match byte {
                b'"' if self.depth > 0 => self.in_string = true,
                b'{' | b'[' if self.depth > 0 => self.depth += 1,
                b'{' => {
                    self.depth = 1;
                    self.start = self.at - 1;
                    self.start_line = self.line;
                    self.begun = true;
                }
                b'}' | b']' if self.depth > 1 => self.depth -= 1,
                b'}' | b']' if self.depth == 1 => {
                    self.depth = 0;
                    self.take(&buffer[self.start..self.at], sink)?;
                }
                b'[' if !self.begun => (self.in_array, self.begun) = (true, true),
                b']' if self.in_array => self.in_array = false,
                b',' | b' ' | b'\t' | b'\n' | b'\r' => {}
                _ if self.depth > 0 => {}
                // A mark between joined files.
                _ if buffer[self.at - 1..].starts_with('\u{feff}') => {
                    self.at += '\u{feff}'.len_utf8() - 1;
                }
                _ => return Err(self.bad("only objects are read, one per line or in an array")),
            }
        }
        Ok(())
    }

    /// One object.
    fn take<S>(&mut self, text: &str, sink: &mut S) -> Result<(), Refusal>
    where
        S: FnMut(&Row<'_>) -> Result<(), Refusal>,
    {
        let place = Place {
            line: self.start_line,
            lines: self.line - self.start_line + 1,
            offset: self.offset + self.start as u64,
        };
        let Ok(Object { members, is_cut }) = serde_json::from_str::<Object<'_>>(text) else {
            return sink(&RowBuilder::faulty(text, place));
        };
        if !self.find_columns(&members) {
            return sink(&Row {
                repeats_key: true,
                ..RowBuilder::faulty(text, place)
            });
        }
        if is_cut {
            return Err(self.too_many(members.len()));
        }
        let mut cells: Vec<Option<&str>> = vec![None; self.keys.len()];
        for (member, (key, value)) in members.into_iter().enumerate() {
            let at = match self.found[member] {
                Some(at) => at,
                None => {
                    cells.push(None);
                    self.add_column(key)?
                }
            };
            cells[at] = Some(value.get());
        }
        if !self.build(&cells, text.len()) {
            return sink(&RowBuilder::faulty(text, place));
        }
        sink(&self.row.row(place, &self.keys))?;
        self.row.release();
        Ok(())
    }

    /// Puts the row together; `false` where a string has what is no letter.
    fn build(&mut self, cells: &[Option<&str>], bytes_max: usize) -> bool {
        self.row.clear();
        self.row.expect(bytes_max);
        cells.iter().all(|value| {
            match value.and_then(|value| value.as_bytes().first()) {
                None | Some(b'n') => self.row.push(None, false),
                Some(b'"') => return self.row.push_json(value.unwrap_or_default()),
                Some(b'{' | b'[') => self.row.push(*value, true),
                Some(_) => self.row.push(*value, false),
            }
            true
        })
    }

    /// Finds the columns of the keys of a row, where they have one; `false` where a key is there twice. Readers differ on which
    /// of its values counts, so neither does.
    fn find_columns(&mut self, members: &[(String, &RawValue)]) -> bool {
        self.objects += 1;
        self.found.clear();
        let mut others = HashSet::new();
        for (key, _) in members {
            let at = self.index.get(key).copied();
            let is_first = match at {
                Some(at) => std::mem::replace(&mut self.met[at], self.objects) != self.objects,
                None => others.insert(key),
            };
            if !is_first {
                return false;
            }
            self.found.push(at);
        }
        true
    }

    fn too_many(&self, columns: usize) -> Refusal {
        Refusal::TooManyColumns {
            columns,
            limit: self.limits.columns_max,
        }
    }

    /// The column of a new key.
    fn add_column(&mut self, key: String) -> Result<usize, Refusal> {
        if self.frozen {
            return Err(Refusal::SourceChanged);
        }
        self.key_bytes += key.len();
        let are_long = self.key_bytes > self.limits.key_bytes_max();
        if self.keys.len() >= self.limits.columns_max || are_long {
            return Err(self.too_many(self.keys.len() + 1));
        }
        let at = self.keys.len();
        self.keys.push(key.clone());
        self.index.insert(key, at);
        self.met.push(self.objects);
        Ok(at)
    }
}

/// The members of an object in their order, values as they are written.
struct Object<'a> {
    members: Vec<(String, &'a RawValue)>,
    /// There are more.
    is_cut: bool,
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<'a>(std::marker::PhantomData<&'a ()>);

        impl<'de: 'a, 'a> Visitor<'de> for Members<'a> {
            type Value = Object<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut members = Vec::new();
                while members.len() < MEMBERS_MAX
                    && let Some(member) = map.next_entry::<String, &'de RawValue>()?
                {
                    members.push(member);
                }
                let mut is_cut = false;
                while members.len() == MEMBERS_MAX
                    && map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some()
                {
                    is_cut = true;
                }
                Ok(Object { members, is_cut })
            }
        }

        deserializer.deserialize_map(Members(std::marker::PhantomData))
    }
}
