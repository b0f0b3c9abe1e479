//! Dictionaries of a column chunk: each different value once, in the order of its first appearance.

use xxhash_rust::xxh3::xxh3_64;

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

/// Whether texts are equal, without a call for short ones.
#[inline]
fn is_equal(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() || one.len() < 4 || one.len() > 16 {
        return one == other;
    }
    let ends = |text: &[u8]| match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => {
            let word =
                |chunk: Option<&[u8; 4]>| chunk.map_or(0, |chunk| u32::from_le_bytes(*chunk));
            (
                word(text.first_chunk()).into(),
                word(text.last_chunk()).into(),
            )
        }
    };
    ends(one) == ends(other)
}

/// Short texts are hashed by their ends, which are all of them.
#[inline]
fn hash_of_text(text: &[u8]) -> u64 {
    let (first, last) = match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        (Some(first), Some(last)) if text.len() <= 16 => {
            (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
        }
        (None, None) if text.len() >= 4 => {
            let word =
                |chunk: Option<&[u8; 4]>| chunk.map_or(0, |chunk| u32::from_le_bytes(*chunk));
            (
                word(text.first_chunk()).into(),
                word(text.last_chunk()).into(),
            )
        }
        _ => return xxh3_64(text),
    };
    let seed = 0x9E37_79B9_7F4A_7C15 ^ text.len() as u64;
    let product = u128::from(first ^ seed).wrapping_mul(u128::from(last ^ 0xD6E8_FEB8_6659_FD93));
    (product as u64) ^ (product >> 64) as u64
}

/// Texts. They are kept as the dictionary page has them: each behind its length.
pub(crate) struct Texts {
    table: Table,
    pub(crate) page: Vec<u8>,
    ends: Vec<u32>,
    /// Bytes of the longest text.
    pub(crate) longest: usize,
}

impl Texts {
    pub(crate) const fn new() -> Self {
        Self {
            table: Table::new(),
            page: Vec::new(),
            ends: Vec::new(),
            longest: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, place: usize) -> &[u8] {
        let start = match place {
            0 => 0,
            _ => self.ends[place - 1] as usize,
        };
        &self.page[start + 4..self.ends[place] as usize]
    }

    /// The place of a text, which may be new; `None` where the dictionary has no room for it.
    #[inline]
    pub(crate) fn place(&mut self, text: &[u8], bytes_max: usize) -> Option<u32> {
        let hash = hash_of_text(text);
        let mut found = self
            .table
            .find(hash, |place| is_equal(self.get(place), text));
        if let Found::Place(place) = found {
            return Some(place);
        }
        if self.page.len() + text.len() + 4 > bytes_max {
            return None;
        }
        if self.table.is_full() {
            let mut table = std::mem::replace(&mut self.table, Table::new());
            table.grow(|place| hash_of_text(self.get(place)));
            self.table = table;
            found = self.table.find(hash, |_| false);
        }
        let Found::Slot(slot) = found else {
            return None;
        };
        let place = self.ends.len() as u32;
        self.page
            .extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.page.extend_from_slice(text);
        self.ends.push(self.page.len() as u32);
        self.longest = self.longest.max(text.len());
        self.table.slots[slot] = (place + 1, (hash >> 32) as u32);
        self.table.entries += 1;
        Some(place)
    }

    /// The place of a text in a dictionary that may grow beyond its bounds: once, since it is searched no more.
    pub(crate) fn append(&mut self, text: &[u8]) -> u32 {
        if let Some(place) = self.place(text, usize::MAX) {
            return place;
        }
        self.page
            .extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.page.extend_from_slice(text);
        self.ends.push(self.page.len() as u32);
        self.ends.len() as u32 - 1
    }

    pub(crate) fn clear(&mut self) {
        self.table.clear();
        self.page.clear();
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
        let full = texts.page.len();
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
