//! Which rows are in the sample: one of each so many, chosen by their number alone.
//!
//! Of every 2^level rows one is taken. The level grows with the table, so that the sample never has more rows than it may; the
//! rows of a higher level are among those of the lower one. Which row of a block it is follows from a hash of its number: taking
//! every so many-th row would see one value alone in a table whose rows alternate.

/// The rows of a sample.
pub(crate) struct Picks {
    rows_max: u64,
    rows: u64,
    level: u32,
    /// Rows of the current page, and their places in the sample.
    picked: Vec<Pick>,
}

/// A row of the sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pick {
    /// In its page.
    pub(crate) row: u32,
    /// Its block of rows.
    pub(crate) place: u32,
}

impl Picks {
    /// Of so many rows at most; with none there is no sample.
    pub(crate) fn new(rows_max: u32) -> Self {
        Self {
            rows_max: rows_max.into(),
            rows: 0,
            level: 0,
            picked: Vec::new(),
        }
    }

    /// Chooses among the next rows.
    pub(crate) fn begin_page(&mut self, rows: usize) {
        self.picked.clear();
        let (before, after) = (self.rows, self.rows + rows as u64);
        self.rows = after;
        if self.rows_max == 0 || rows == 0 {
            return;
        }
        while after.div_ceil(1 << self.level) > self.rows_max {
            self.level += 1;
        }
        for block in before >> self.level..=(after - 1) >> self.level {
            let row = row_of(block, self.level);
            if (before..after).contains(&row) {
                // Pages and samples have less than 2^32 rows.
                let (row, place) = ((row - before) as u32, block as u32);
                self.picked.push(Pick { row, place });
            }
        }
    }

    /// Gives the room of the page back: each column has picks of its own.
    pub(crate) fn end_page(&mut self) {
        self.picked = Vec::new();
    }

    /// One of each 2^level rows is in the sample.
    pub(crate) fn level(&self) -> u32 {
        self.level
    }

    /// Of the current page.
    pub(crate) fn picked(&self) -> &[Pick] {
        &self.picked
    }

    /// Whether every row so far is in the sample.
    pub(crate) fn are_all(&self) -> bool {
        self.rows == 0 || (self.rows_max > 0 && self.level == 0)
    }

    /// Rows of the sample.
    pub(crate) fn count(&self) -> u64 {
        if self.rows_max == 0 {
            return 0;
        }
        let whole = self.rows >> self.level;
        whole + u64::from(row_of(whole, self.level) < self.rows)
    }
}

/// The row of a block that is in the sample.
fn row_of(block: u64, level: u32) -> u64 {
    let levels = (0..level).rev();
    levels.fold(block, |at, level| at * 2 + side(level, at))
}

/// Which of two neighbours stays on the next level: 0 or 1.
fn side(level: u32, pair: u64) -> u64 {
    let mixed = (pair ^ u64::from(level) << 58).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ mixed >> 32).wrapping_mul(0xD6E8_FEB8_6659_FD93) >> 63
}

/// Where a row of this place is one level above, if it stays.
pub(crate) fn raised(place: u32, level: u32) -> Option<u32> {
    let pair = place >> 1;
    (u64::from(place & 1) == side(level, pair.into())).then_some(pair)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of the sample of so many rows, which come in pages of this length.
    fn sampled(rows: usize, page: usize) -> (Vec<u64>, u64) {
        let mut picks = Picks::new(64);
        let (mut places, mut level, mut begin) = (Vec::new(), 0, 0);
        while begin < rows {
            let length = page.min(rows - begin);
            picks.begin_page(length);
            while level < picks.level() {
                places = places
                    .into_iter()
                    .filter_map(|place| raised(place, level))
                    .collect();
                level += 1;
            }
            places.extend(picks.picked().iter().map(|pick| pick.place));
            begin += length;
        }
        let rows = places.iter().map(|place| row_of((*place).into(), level));
        (rows.collect(), picks.count())
    }

    #[test]
    fn the_sample_does_not_depend_on_the_pages() {
        for rows in [1, 2, 63, 64, 65, 1000, 4097, 100_000] {
            let (whole, count) = sampled(rows, rows);
            assert_eq!(whole.len() as u64, count, "{rows}");
            assert!(
                whole.len() <= 64 && whole.len() * 2 + 1 >= rows.min(64),
                "{rows}"
            );
            assert!(whole.iter().all(|row| *row < rows as u64));
            for page in [1, 7, 64, 1000] {
                assert_eq!(sampled(rows, page).0, whole, "{rows} {page}");
            }
        }
    }

    #[test]
    fn rows_that_alternate_are_both_in_the_sample() {
        let (rows, _) = sampled(100_000, 1000);
        let even = rows.iter().filter(|row| *row % 2 == 0).count();
        assert!((15..=50).contains(&even), "{even} of {}", rows.len());
    }
}
