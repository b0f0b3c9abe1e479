//! What is found out of the values of a column beside their extremes and their sum: page by page, so that it does not depend on
//! how the source was cut.

use xxhash_rust::xxh3::xxh3_64;

use crate::limits::TEXT_EXTREME_BYTES_MAX;
use crate::profile::counted::{CountedNumbers, CountedTexts};
use crate::profile::formula;
use crate::profile::picks::Picks;
use crate::profile::sample::{Sample, Sampled, SampledTexts, key};
use crate::profile::summary::Longest;
use crate::profile::sums::Sums;
use crate::types::reading::Reading;
use crate::writing::bounds::{Bound, Bounds};
use crate::writing::buffer::{Buffer, TextValues, Values};

/// Values that are looked at for all of it before the next ones, so that they are fetched once.
const BLOCK: usize = 1024;

/// Of one column. What few columns have is elsewhere: there may be thousands.
pub(crate) struct Facts {
    pub(crate) sums: Sums,
    /// None of too many columns.
    pub(crate) sample: Option<Box<Sample>>,
    /// Rows that are in it.
    pub(crate) picks: Picks,
    pub(crate) counted: Counted,
    /// Values, nulls excluded.
    pub(crate) values: u64,
    /// Whether each integer so far is larger than the one before it.
    pub(crate) rises: bool,
    last: Option<i64>,
    pub(crate) texts: Option<Box<TextFacts>>,
}

/// How often values come.
pub(crate) enum Counted {
    /// Of booleans: `false` and `true`.
    Bools([u64; 2]),
    /// Of integers, and of doubles by their keys.
    Numbers(Box<CountedNumbers>),
    /// Of decimals of more than 18 digits, by their hashes.
    Wides(Box<CountedNumbers>),
    Texts(Box<CountedTexts>),
    /// Of too many columns.
    Nothing,
}

/// How much is found out of each column.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    /// Rows of the sample at most; with none there is no sample.
    pub(crate) sample_rows: u32,
    /// How many different values are counted, if any.
    pub(crate) entries_max: Option<usize>,
}

/// What texts alone have.
#[derive(Default)]
pub(crate) struct TextFacts {
    pub(crate) empty: u64,
    pub(crate) formulas: u64,
    longest_bytes: usize,
    longest: Box<[u8]>,
    /// Entries of the dictionary of this row group that are counted.
    seen: usize,
}

impl TextFacts {
    /// Takes a text that comes so many times.
    #[inline]
    fn add(&mut self, text: &[u8], times: u64) {
        if text.len() > self.longest_bytes {
            self.longest_bytes = text.len();
            let end = text.len().min(TEXT_EXTREME_BYTES_MAX);
            self.longest = text[..end].into();
        }
        if text.is_empty() {
            self.empty += times;
        } else if formula::may_be_formula(text) && formula::is_formula(text) {
            self.formulas += times;
        }
    }

    pub(crate) fn longest_bytes(&self) -> usize {
        self.longest_bytes
    }

    /// The longest text, of so many.
    pub(crate) fn longest(&self, texts: u64) -> Option<Longest> {
        let text = match std::str::from_utf8(&self.longest) {
            Ok(text) => text,
            // It was cut within a letter.
            Err(error) => std::str::from_utf8(&self.longest[..error.valid_up_to()]).ok()?,
        };
        (texts > 0).then(|| Longest {
            bytes: self.longest_bytes as u64,
            text: text.to_owned(),
        })
    }
}

impl Facts {
    /// Of a column that is read so, and has such values.
    pub(crate) fn new(reading: Reading, values: &Values, room: Room) -> Self {
        let counted = match (values, room.entries_max) {
            (Values::Bools(_), _) => Counted::Bools([0; 2]),
            (_, None) => Counted::Nothing,
            (Values::Ints(_) | Values::Floats(_), Some(entries)) => {
                Counted::Numbers(Box::new(CountedNumbers::new(entries)))
            }
            (Values::Wides(_), Some(entries)) => {
                Counted::Wides(Box::new(CountedNumbers::new(entries)))
            }
            (Values::Texts(_), Some(entries)) => {
                Counted::Texts(Box::new(CountedTexts::new(entries)))
            }
        };
        let is_text = matches!(values, Values::Texts(_));
        Self {
            sums: Sums::new(reading),
            sample: (room.sample_rows > 0).then(|| Box::new(Sample::new(values))),
            picks: Picks::new(room.sample_rows),
            counted,
            values: 0,
            rises: matches!(values, Values::Ints(_)),
            last: None,
            texts: is_text.then(Box::default),
        }
    }

    /// Takes what waits for a page.
    pub(crate) fn add(&mut self, buffer: &Buffer, bounds: Option<&Bounds>) {
        self.picks.begin_page(buffer.rows());
        self.values += (buffer.rows() - buffer.nulls.len()) as u64;
        let sampled = match &mut self.sample {
            Some(sample) => sample.add(buffer, &self.picks),
            None => Vec::new(),
        };
        self.picks.end_page();
        match &buffer.values {
            Values::Bools(values) => {
                if let Counted::Bools([falses, trues]) = &mut self.counted {
                    let all = values.iter().filter(|value| **value).count();
                    *trues += all as u64;
                    *falses += (values.len() - all) as u64;
                }
            }
            Values::Ints(values) => {
                if let Some((Bound::Int(min), Bound::Int(max))) = bounds {
                    self.add_ints(values, (*min, *max));
                }
            }
            Values::Floats(values) => {
                for block in values.chunks(BLOCK) {
                    self.sums.add_floats(block);
                    if let Counted::Numbers(counted) = &mut self.counted {
                        counted.add_each(block.iter().map(|value| key(*value)));
                    }
                }
            }
            Values::Wides(values) => {
                self.sums.add_wides(values);
                if let Counted::Wides(counted) = &mut self.counted {
                    let hash = |value: &i128| xxh3_64(&value.to_le_bytes()) as i64;
                    counted.add_each(values.iter().map(hash));
                }
            }
            Values::Texts(values) => self.add_texts(values, &sampled),
        }
    }

    fn add_ints(&mut self, values: &[i64], bounds: (i64, i64)) {
        let Self { sums, counted, .. } = self;
        let mut counted = match counted {
            Counted::Numbers(counted) => Some(counted),
            Counted::Bools(_) | Counted::Wides(_) | Counted::Texts(_) | Counted::Nothing => None,
        };
        if let Some(near) = counted.take_if(|counted| counted.are_near(values.len(), bounds)) {
            near.add_near(values, bounds);
        }
        for block in values.chunks(BLOCK) {
            sums.add_ints(block, bounds);
            if self.rises {
                self.rises = self.last.is_none_or(|last| Some(&last) < block.first())
                    && block.is_sorted_by(|one, other| one < other);
                self.last = block.last().copied();
            }
            if let Some(counted) = &mut counted {
                counted.add(block);
            }
        }
    }

    fn add_texts(&mut self, values: &TextValues, sampled: &[u32]) {
        let (Some(facts), sample) = (&mut self.texts, &mut self.sample) else {
            return;
        };
        let counted = match &mut self.counted {
            Counted::Texts(counted) => Some(&mut **counted),
            Counted::Bools(_) | Counted::Numbers(_) | Counted::Wides(_) | Counted::Nothing => None,
        };
        let mut sample = match sample.as_mut().map(|sample| &mut sample.values) {
            Some(Sampled::Texts(texts)) => Some(texts),
            Some(Sampled::Numbers(_) | Sampled::Wides(_) | Sampled::Nothing) | None => None,
        };
        if values.has_places() {
            if let Some(sample) = &mut sample {
                for index in sampled {
                    let place = values.places[*index as usize];
                    sample.push(values.dictionary.get(place as usize));
                }
            }
            facts.add_places(values, counted);
        } else {
            facts.add_plain(values, counted, (sample, sampled));
        }
    }

    /// Begins a row group, with an empty dictionary.
    pub(crate) fn begin_row_group(&mut self) {
        if let Some(texts) = &mut self.texts {
            texts.seen = 0;
        }
    }
}

impl TextFacts {
    /// Takes texts that are not in a dictionary. Those of these places go into the sample.
    fn add_plain(
        &mut self,
        values: &TextValues,
        mut counted: Option<&mut CountedTexts>,
        (mut sample, sampled): (Option<&mut SampledTexts>, &[u32]),
    ) {
        let mut sampled = sampled.iter().map(|index| *index as usize);
        let mut next = sampled.next();
        for (at, text) in values.plain_texts().enumerate() {
            self.add(text, 1);
            if let Some(counted) = &mut counted {
                counted.add(text, 1);
            }
            if next == Some(at) {
                next = sampled.next();
                if let Some(sample) = &mut sample {
                    sample.push(text);
                }
            }
        }
    }

    /// Takes texts that are in the dictionary of the row group.
    fn add_places(&mut self, values: &TextValues, mut counted: Option<&mut CountedTexts>) {
        let entries = values.dictionary.len();
        // Twice, so that equal neighbours do not wait for each other.
        let mut counts = vec![[0_u32; 2]; entries];
        let (pairs, last) = values.places.as_chunks::<2>();
        for [one, other] in pairs {
            counts[*one as usize][0] += 1;
            counts[*other as usize][1] += 1;
        }
        last.iter()
            .for_each(|place| counts[*place as usize][0] += 1);
        for (place, [even, odd]) in counts.into_iter().enumerate() {
            let times = u64::from(even) + u64::from(odd);
            if times == 0 {
                continue;
            }
            let text = values.dictionary.get(place);
            self.add(text, times);
            if let Some(counted) = &mut counted
                && counted.counts()
            {
                counted.add(text, times);
            }
        }
        // Then only those that are new: how often they come does not matter.
        if let Some(counted) = counted.filter(|counted| !counted.counts()) {
            for place in self.seen..entries {
                counted.add(values.dictionary.get(place), 1);
            }
            self.seen = entries;
        }
    }
}
