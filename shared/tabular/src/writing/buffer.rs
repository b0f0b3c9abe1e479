//! The values of a column that wait for their page.

use crate::parsing::row::Cell;
use crate::writing::dictionary::Texts;

/// Texts after which a dictionary has to have paid.
const TRIAL: usize = 4096;

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
        self.state == State::Open
    }

    /// Takes a text, and says how many bytes it keeps waiting.
    #[inline]
    pub(crate) fn push(&mut self, cell: &Cell<'_>) -> usize {
        self.count += 1;
        if self.state == State::Open {
            let bytes_max = self.dictionary_bytes_max;
            let found = match cell.as_written() {
                Some(text) => self.dictionary.place(text.as_bytes(), bytes_max),
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
                None => self.close(State::Full),
            }
        }
        let start = self.plain.len();
        self.plain.extend_from_slice(&[0; 4]);
        cell.write(&mut self.plain);
        let length = (self.plain.len() - start - 4) as u32;
        self.plain[start..start + 4].copy_from_slice(&length.to_le_bytes());
        self.plain.len() - start
    }

    /// Gives the dictionary up where most texts of the first page are new.
    pub(crate) fn judge(&mut self) {
        if self.is_referred {
            return;
        }
        let is_first = self.dictionary.len() >= self.places.len() / 2;
        if self.state == State::Open && is_first && self.places.len() > 1 {
            self.close(State::Futile);
            self.dictionary.clear();
        }
    }

    /// Writes what waits out.
    #[cold]
    fn close(&mut self, state: State) {
        self.state = state;
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
        if self.state == State::Full {
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
