//! Which delimiter a file uses, from its beginning.

use crate::limits::Limits;
use crate::rows::Rows;

/// In order of preference where two explain the text equally well: letters of prose come last.
const DELIMITERS: [u8; 4] = [b'\t', b'|', b';', b','];
/// Delimiters that fit this many percent fewer rows than the best one still compete by their number of columns.
const TOLERANCE_PERCENT: u64 = 10;

/// The delimiter by which most rows of `sample` have as many fields as the first, and the first has the most. A
/// comma where no delimiter occurs. `whole` says that the sample is the whole text.
pub(crate) fn delimiter(sample: &str, whole: bool, limits: Limits) -> u8 {
    let fits = DELIMITERS.map(|delimiter| (delimiter, fit(sample, whole, delimiter, limits)));
    let best = fits.iter().map(|(_, fit)| fit.percent).max().unwrap_or(0);
    let mut chosen = (b',', 1);
    for (delimiter, fit) in fits {
        if fit.columns > chosen.1 && fit.percent + TOLERANCE_PERCENT >= best {
            chosen = (delimiter, fit.columns);
        }
    }
    chosen.0
}

struct Fit {
    columns: usize,
    /// Rows that have as many fields as the first, and look whole. Zero where the first has one field.
    percent: u64,
}

fn fit(sample: &str, whole: bool, delimiter: u8, limits: Limits) -> Fit {
    let mut rows = Rows::new(delimiter, limits);
    let (mut columns, mut all, mut fitting) = (0, 0_u64, 0_u64);
    let mut count = |row: &crate::rows::Row<'_>| {
        if all == 0 {
            columns = row.fields;
        }
        all += 1;
        // A quote inside a plain cell suggests that the delimiter cut through a quoted one.
        let cut = row
            .cells()
            .any(|cell| !cell.quoted && cell.raw.contains('"'));
        fitting += u64::from(row.fields == columns && !row.faulty && !cut);
        Ok(())
    };
    // A row that is too long or an open quote ends the count; the survey will name it.
    let read = rows.push(sample, &mut count);
    // The last row of a sample is cut anywhere: it counts only where nothing else does.
    if read.is_ok() && (whole || all_is_one_line(sample)) {
        let _ = rows.finish(&mut count);
    }
    let percent = if columns > 1 && all > 0 {
        fitting * 100 / all
    } else {
        0
    };
    Fit { columns, percent }
}

fn all_is_one_line(sample: &str) -> bool {
    memchr::memchr2(b'\n', b'\r', sample.as_bytes()).is_none()
}
