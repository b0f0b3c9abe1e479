//! The values of a column that wait for their page.

use crate::limits::PAGES_BYTES_MAX;
use crate::parsing::row::Cell;
use crate::types::window::Window;
use crate::writing::dictionary::{Key, Texts};

/// Texts after which a dictionary has to have paid.
const TRIAL: usize = 4096;
/// How many times larger than its dictionary may be what is written out of it.
const WRITTEN_OUT: usize = 8;

/// Values without the nulls between them.
pub(crate) enum Values {
    Bools(Vec<bool>),
    /// Integers, and what is kept as one: decimals of up to 18 digits, days, times and moments.
    Ints(Vec<i64>),
    Floats(Vec<f64>),
    /// Decimals of more digits.
    Wides(Vec<i128>),
    Texts(TextValues),
}

/// What waits for a page.
pub(crate) struct Buffer {
    pub(crate) values: Values,
    /// Which rows of the page are null.
    pub(crate) nulls: Vec<u32>,
}

impl Buffer {
    pub(crate) const fn new(values: Values) -> Self {
        Self {
            values,
            nulls: Vec::new(),
        }
    }

    pub(crate) fn push_null(&mut self) {
        self.nulls.push(self.rows() as u32);
    }

    pub(crate) fn rows(&self) -> usize {
        self.nulls.len() + self.len()
    }

    /// Values, nulls excluded.
    fn len(&self) -> usize {
        match &self.values {
            Values::Bools(values) => values.len(),
            Values::Ints(values) => values.len(),
            Values::Floats(values) => values.len(),
            Values::Wides(values) => values.len(),
            Values::Texts(values) => values.count,
        }
    }

    /// Gives room back that is not used. Nothing waits.
    pub(crate) fn release(&mut self) {
        if let Values::Texts(values) = &mut self.values {
            (values.plain, values.places) = (Vec::new(), Vec::new());
        }
    }

    /// Bytes of the texts that wait and are in no dictionary.
    pub(crate) fn plain_bytes(&self) -> usize {
        match &self.values {
            Values::Texts(values) => values.plain.len(),
            Values::Bools(_) | Values::Ints(_) | Values::Floats(_) | Values::Wides(_) => 0,
        }
    }

    /// Whether the page has to end before a long text comes.
    pub(crate) fn ends_before_long(&self) -> bool {
        matches!(&self.values, Values::Texts(values) if values.ends_before_long())
    }

    /// Makes room for a value that is written with so many bytes.
    pub(crate) fn expect(&mut self, bytes: usize) {
        if let Values::Texts(values) = &mut self.values {
            values.expect(bytes);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.nulls.clear();
        match &mut self.values {
            Values::Bools(values) => values.clear(),
            Values::Ints(values) => values.clear(),
            Values::Floats(values) => values.clear(),
            Values::Wides(values) => values.clear(),
            Values::Texts(values) => {
                values.is_referred |= !values.places.is_empty();
                values.count = 0;
                values.plain.clear();
                values.places.clear();
                if values.state == State::Ending {
                    values.state = State::Full;
                }
            }
        }
    }
}

/// Texts: as places in the dictionary of their chunk while it pays, else as the page has them, each behind its length.
pub(crate) struct TextValues {
    pub(crate) count: usize,
    pub(crate) plain: Vec<u8>,
    pub(crate) places: Vec<u32>,
    pub(crate) dictionary: Texts,
    /// Whether a page of this chunk has places in the dictionary, which then stays as it is.
    is_referred: bool,
    dictionary_bytes_max: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// New texts go into the dictionary.
    Open,
    /// It is full, but what waits for this page stays in it: written out it would take too much.
    Ending,
    /// This chunk's dictionary is full.
    Full,
    /// Hardly a text comes twice.
    Futile,
}

impl TextValues {
    pub(crate) const fn new(dictionary_bytes_max: usize) -> Self {
        Self {
            count: 0,
            plain: Vec::new(),
            places: Vec::new(),
            dictionary: Texts::new(),
            is_referred: false,
            dictionary_bytes_max,
            state: State::Open,
        }
    }

    /// Whether what waits are places in the dictionary.
    pub(crate) fn has_places(&self) -> bool {
        matches!(self.state, State::Open | State::Ending)
    }

    /// Takes a text, and says how many bytes it keeps waiting.
    #[inline]
    pub(crate) fn push(&mut self, cell: &Cell<'_>) -> usize {
        self.push_by(cell, |text| Key::new(text.as_bytes()))
    }

    /// The same of a text that stands behind others.
    #[inline]
    pub(crate) fn push_behind<'a>(&mut self, cell: &Cell<'a>, window: Window<'a>) -> usize {
        self.push_by(cell, |_| Key::of(window))
    }

    #[inline]
    fn push_by<'a>(&mut self, cell: &Cell<'a>, key: impl Fn(&'a str) -> Key<'a>) -> usize {
        self.count += 1;
        if self.state == State::Open {
            let bytes_max = self.dictionary_bytes_max;
            let found = match cell.as_written() {
                Some(text) => self.dictionary.place_of(key(text), bytes_max),
                // An escaped letter takes two bytes.
                None if cell.raw.len() / 2 > bytes_max => None,
                None => self.dictionary.place(cell.value().as_bytes(), bytes_max),
            };
            match found {
                Some(place) => {
                    self.places.push(place);
                    if self.places.len() == TRIAL {
                        self.judge();
                    }
                    return size_of::<u32>();
                }
                None => self.fill(),
            }
        }
        if self.state == State::Ending {
            return self.push_last(cell);
        }
        let start = self.plain.len();
        self.plain.extend_from_slice(&[0; 4]);
        cell.write(&mut self.plain);
        let length = (self.plain.len() - start - 4) as u32;
        self.plain[start..start + 4].copy_from_slice(&length.to_le_bytes());
        self.plain.len() - start
    }

    /// Takes a text into a dictionary that is full, and ends the page.
    #[cold]
    fn push_last(&mut self, cell: &Cell<'_>) -> usize {
        let place = self.dictionary.append(cell.value().as_bytes());
        self.places.push(place);
        PAGES_BYTES_MAX as usize
    }

    /// Gives the dictionary up where most texts of the first page are new.
    pub(crate) fn judge(&mut self) {
        if self.is_referred {
            return;
        }
        let is_first = self.dictionary.len() >= self.places.len() / 2;
        let may_close = self.state == State::Open && is_first && self.places.len() > 1;
        if may_close && self.can_write_out() {
            self.close(State::Futile);
            self.dictionary.clear();
        }
    }

    /// The dictionary has no room for the next text.
    #[cold]
    fn fill(&mut self) {
        if self.can_write_out() {
            self.close(State::Full);
        } else {
            self.state = State::Ending;
        }
    }

    /// Bytes of what waits once it is written out, and no less.
    fn written_bytes_max(&self) -> usize {
        self.places
            .len()
            .saturating_mul(self.dictionary.longest + 4)
    }

    fn written_bytes(&self) -> usize {
        let bytes = |place: &u32| self.dictionary.get(*place as usize).len() + 4;
        self.places.iter().map(bytes).sum()
    }

    /// Whether what waits is not too much once it is written out: its texts may be there many times.
    fn can_write_out(&self) -> bool {
        let most = self.dictionary_bytes_max.saturating_mul(WRITTEN_OUT);
        self.written_bytes_max() <= most || self.written_bytes() <= most
    }

    /// Whether the page has to end before a long text comes.
    pub(crate) fn ends_before_long(&self) -> bool {
        let most = self.dictionary_bytes_max.saturating_mul(WRITTEN_OUT);
        self.has_places() && self.written_bytes_max() > most
    }

    /// Makes room for a text of so many bytes, and no more.
    pub(crate) fn expect(&mut self, bytes: usize) {
        if self.state == State::Open {
            if bytes / 2 <= self.dictionary_bytes_max {
                return;
            }
            self.fill();
        }
        self.plain.reserve_exact(bytes + 4);
    }

    /// Writes what waits out.
    #[cold]
    fn close(&mut self, state: State) {
        self.state = state;
        self.plain.reserve_exact(self.written_bytes());
        for place in self.places.drain(..) {
            let text = self.dictionary.get(place as usize);
            self.plain
                .extend_from_slice(&(text.len() as u32).to_le_bytes());
            self.plain.extend_from_slice(text);
        }
    }

    /// Begins a chunk: its dictionary is empty.
    pub(crate) fn begin(&mut self) {
        self.dictionary.clear();
        self.is_referred = false;
        if matches!(self.state, State::Full | State::Ending) {
            self.state = State::Open;
        }
    }

    /// The texts that wait, in their order.
    pub(crate) fn plain_texts(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.plain.as_slice();
        std::iter::from_fn(move || {
            let (length, behind) = rest.split_first_chunk::<4>()?;
            let (text, behind) = behind.split_at(u32::from_le_bytes(*length) as usize);
            rest = behind;
            Some(text)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(buffer: &mut Buffer, text: &str) {
        if let Values::Texts(values) = &mut buffer.values {
            let mut cell: Cell<'_> = Cell::ABSENT;
            cell.raw = text;
            values.push(&cell);
        }
    }

    /// It would be emptied under the places of the pages before.
    #[test]
    fn a_dictionary_that_pages_refer_to_is_not_given_up() {
        let mut buffer = Buffer::new(Values::Texts(TextValues::new(usize::MAX)));
        for _ in 0..1000 {
            push(&mut buffer, "first");
        }
        buffer.clear();
        for n in 0..2 * TRIAL {
            push(&mut buffer, &format!("text {n}"));
        }
        let Values::Texts(values) = &mut buffer.values else {
            unreachable!()
        };
        assert!(values.has_places());
        assert_eq!(values.dictionary.get(0), b"first");
        assert_eq!(values.dictionary.len(), 1 + 2 * TRIAL);
        values.begin();
        assert_eq!(values.dictionary.len(), 0);
    }
}
