//! Dictionaries of a column chunk: each different value once, in the order of its first appearance.

use xxhash_rust::xxh3::xxh3_64;

use crate::types::window::{self, AHEAD, Window};

/// Places looked at before a value counts as not found: a dictionary that is made to collide is given up, not searched.
const PROBES_MAX: usize = 64;
/// The first size of the table, a power of two.
const SLOTS: usize = 64;

/// An open hash table of places in a dictionary.
struct Table {
    /// Place and one, beside the upper half of the hash; 0 is free.
    slots: Vec<(u32, u32)>,
    entries: usize,
}

/// What a look-up found.
enum Found {
    Place(u32),
    /// Free: here a new value goes.
    Slot(usize),
    /// Neither within the bound.
    None,
}

impl Table {
    const fn new() -> Self {
        Self {
            slots: Vec::new(),
            entries: 0,
        }
    }

    #[inline]
    fn find(&self, hash: u64, is_at: impl Fn(usize) -> bool) -> Found {
        let mask = self.slots.len().wrapping_sub(1);
        let tag = (hash >> 32) as u32;
        let mut at = hash as usize;
        for _ in 0..PROBES_MAX.min(self.slots.len()) {
            at &= mask;
            match self.slots[at] {
                (0, _) => return Found::Slot(at),
                (place, found) if found == tag && is_at(place as usize - 1) => {
                    return Found::Place(place - 1);
                }
                _ => at += 1,
            }
        }
        Found::None
    }

    fn grow(&mut self, hash_of: impl Fn(usize) -> u64) {
        let slots = (self.slots.len() * 2).max(SLOTS);
        self.slots.clear();
        self.slots.resize(slots, (0, 0));
        for place in 0..self.entries {
            let hash = hash_of(place);
            let mut at = hash as usize & (slots - 1);
            while self.slots[at].0 != 0 {
                at = (at + 1) & (slots - 1);
            }
            self.slots[at] = (place as u32 + 1, (hash >> 32) as u32);
        }
    }

    fn is_full(&self) -> bool {
        self.entries * 2 >= self.slots.len()
    }

    fn clear(&mut self) {
        self.slots.fill((0, 0));
        self.entries = 0;
    }
}

/// A text that is looked up. A short one is also a word, so that its length makes no branch.
#[derive(Clone, Copy)]
pub(crate) struct Key<'a> {
    text: &'a [u8],
    word: Option<u128>,
}

impl<'a> Key<'a> {
    #[inline]
    pub(crate) fn new(text: &'a [u8]) -> Self {
        let mut word = [0; AHEAD];
        let short = word.len().checked_sub(text.len());
        let word = short.map(|zeros| {
            word[zeros..].copy_from_slice(text);
            u128::from_le_bytes(word)
        });
        Self { text, word }
    }

    /// Of a text that stands behind others.
    #[inline]
    pub(crate) fn of(window: Window<'a>) -> Self {
        match window.short() {
            Some(word) => Self {
                text: window.bytes(),
                word: Some(word),
            },
            None => Self::new(window.bytes()),
        }
    }

    #[inline]
    fn hash(self) -> u64 {
        let Some(word) = self.word else {
            return xxh3_64(self.text);
        };
        let seed = 0x9E37_79B9_7F4A_7C15 ^ self.text.len() as u64;
        let first = u128::from(word as u64 ^ seed);
        let last = u128::from((word >> 64) as u64 ^ 0xD6E8_FEB8_6659_FD93);
        let product = first.wrapping_mul(last);
        (product as u64) ^ (product >> 64) as u64
    }
}

/// Texts. They are kept as the dictionary page has them: each behind its length.
pub(crate) struct Texts {
    table: Table,
    /// The page, with something ahead of its first text.
    bytes: Vec<u8>,
    ends: Vec<u32>,
    /// Bytes of the longest text.
    pub(crate) longest: usize,
}

impl Texts {
    pub(crate) const fn new() -> Self {
        Self {
            table: Table::new(),
            bytes: Vec::new(),
            ends: Vec::new(),
            longest: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn page(&self) -> &[u8] {
        self.bytes.get(AHEAD..).unwrap_or_default()
    }

    pub(crate) fn get(&self, place: usize) -> &[u8] {
        let (start, end) = self.range(place);
        &self.bytes[start..end]
    }

    #[inline]
    fn range(&self, place: usize) -> (usize, usize) {
        let before = match place {
            0 => AHEAD,
            _ => self.ends[place - 1] as usize,
        };
        (before + 4, self.ends[place] as usize)
    }

    #[inline]
    fn is_at(&self, place: usize, key: Key<'_>) -> bool {
        let (start, end) = self.range(place);
        if end - start != key.text.len() {
            return false;
        }
        match key.word {
            Some(_) => window::last(&self.bytes[..end], end - start) == key.word,
            None => &self.bytes[start..end] == key.text,
        }
    }

    /// The place of a text, which may be new; `None` where the dictionary has no room for it.
    pub(crate) fn place(&mut self, text: &[u8], bytes_max: usize) -> Option<u32> {
        self.place_of(Key::new(text), bytes_max)
    }

    /// The same of a text that is looked up by its key.
    #[inline]
    pub(crate) fn place_of(&mut self, key: Key<'_>, bytes_max: usize) -> Option<u32> {
        let hash = key.hash();
        match self.table.find(hash, |place| self.is_at(place, key)) {
            Found::Place(place) => Some(place),
            found @ (Found::Slot(_) | Found::None) => self.insert((key, hash), found, bytes_max),
        }
    }

    /// Adds a text where there is room.
    #[inline(never)]
    fn insert(
        &mut self,
        (key, hash): (Key<'_>, u64),
        mut found: Found,
        bytes_max: usize,
    ) -> Option<u32> {
        let text = key.text;
        if self.page().len() + text.len() + 4 > bytes_max {
            return None;
        }
        if self.table.is_full() {
            let mut table = std::mem::replace(&mut self.table, Table::new());
            table.grow(|place| Key::new(self.get(place)).hash());
            self.table = table;
            found = self.table.find(hash, |_| false);
        }
        let Found::Slot(slot) = found else {
            return None;
        };
        let place = self.write(text);
        self.longest = self.longest.max(text.len());
        self.table.slots[slot] = (place + 1, (hash >> 32) as u32);
        self.table.entries += 1;
        Some(place)
    }

    fn write(&mut self, text: &[u8]) -> u32 {
        if self.bytes.is_empty() {
            self.bytes.extend_from_slice(&[0; AHEAD]);
        }
        self.bytes
            .extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len() as u32);
        self.ends.len() as u32 - 1
    }

    /// The place of a text in a dictionary that may grow beyond its bounds: once, since it is searched no more.
    pub(crate) fn append(&mut self, text: &[u8]) -> u32 {
        let found = self.place(text, usize::MAX);
        found.unwrap_or_else(|| self.write(text))
    }

    pub(crate) fn clear(&mut self) {
        self.table.clear();
        self.bytes.clear();
        self.ends.clear();
        self.longest = 0;
    }
}

/// Values of eight bytes.
pub(crate) struct Numbers {
    table: Table,
    pub(crate) values: Vec<i64>,
}

impl Numbers {
    pub(crate) const fn new() -> Self {
        Self {
            table: Table::new(),
            values: Vec::new(),
        }
    }

    #[inline]
    pub(crate) fn place(&mut self, value: i64, entries_max: usize) -> Option<u32> {
        let hash_of = |value: i64| {
            let product =
                u128::from(value as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
            (product >> 64) as u64 ^ (product >> 32) as u64
        };
        let hash = hash_of(value);
        let values = &self.values;
        let mut found = self.table.find(hash, |place| values[place] == value);
        if let Found::Place(place) = found {
            return Some(place);
        }
        if self.values.len() >= entries_max {
            return None;
        }
        if self.table.is_full() {
            let values = &self.values;
            self.table.grow(|place| hash_of(values[place]));
            found = self.table.find(hash, |_| false);
        }
        let Found::Slot(slot) = found else {
            return None;
        };
        let place = self.values.len() as u32;
        self.values.push(value);
        self.table.slots[slot] = (place + 1, (hash >> 32) as u32);
        self.table.entries += 1;
        Some(place)
    }

    pub(crate) fn clear(&mut self) {
        self.table.clear();
        self.values.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_has_one_place() {
        let mut texts = Texts::new();
        for round in 0..2 {
            for n in 0_u32..5000 {
                let place = texts.place(n.to_string().as_bytes(), usize::MAX);
                assert_eq!(place, Some(n), "{round}");
            }
        }
        assert_eq!(texts.get(4321), b"4321");
        let full = texts.page().len();
        assert_eq!(texts.place(b"x", full), None);
        assert_eq!(texts.place(b"17", full), Some(17));
    }

    #[test]
    fn each_number_has_one_place() {
        let mut numbers = Numbers::new();
        for n in (0_u32..3000).chain(0..3000) {
            assert_eq!(numbers.place(i64::from(n) << 40, 3000), Some(n));
        }
        assert_eq!(numbers.place(-1, 3000), None);
    }
}
