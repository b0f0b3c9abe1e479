//! The cells of one column in many rows, read in a loop of its own for each type.

use crate::parsing::row::Span;
use crate::refusal::Refusal;
use crate::types::fast;
use crate::types::window::{self, Decimals, Window};
use crate::writing::batch::Batch;
use crate::writing::buffer::{TextValues, Values};
use crate::writing::column::{Builder, Usual};

/// What waits for a number, and for a null.
const NUMBER_BYTES: usize = size_of::<i64>();
const NULL_BYTES: usize = size_of::<u32>();

/// The cells of a column that are not taken yet.
struct Rest<'a> {
    batch: &'a Batch,
    column: usize,
    row: usize,
    /// What waits for those that are.
    bytes: usize,
}

impl Builder {
    /// Takes this column's cells of the rows, and says how many bytes wait for them. A cell that the column's type does not hold
    /// was not there in the first pass.
    pub(crate) fn take_all(&mut self, batch: &Batch, column: usize) -> Result<usize, Refusal> {
        let mut rest = Rest {
            batch,
            column,
            row: 0,
            bytes: 0,
        };
        let is_usual = batch.nulls().is_empty() && !batch.has_literals();
        loop {
            if is_usual {
                self.take_run(&mut rest);
            }
            let Some(span) = batch.spans(column, rest.row).next() else {
                return Ok(rest.bytes);
            };
            let cell = batch.cell(span);
            rest.bytes += if cell.is_one_of(batch.nulls()) {
                self.take_null_word()
            } else {
                self.take(&cell)?
            };
            rest.row += 1;
        }
    }

    /// Takes cells up to the first that is not written as usual.
    fn take_run(&mut self, rest: &mut Rest<'_>) {
        let nulls = &mut self.buffer.nulls;
        let before = nulls.len();
        match (&mut self.buffer.values, self.usual) {
            (Values::Ints(values), Usual::Int64) => run(rest, values, nulls, window::int64),
            (Values::Ints(values), Usual::Decimal(scale)) => {
                let decimals = Decimals::new(scale);
                run(rest, values, nulls, |cell| decimals.read(cell));
            }
            (Values::Floats(values), Usual::Float64) => run(rest, values, nulls, window::float64),
            (Values::Ints(values), Usual::Date) => run(rest, values, nulls, |cell| {
                cell.bytes().try_into().ok().and_then(fast::date)
            }),
            (Values::Ints(values), Usual::Timestamp) => {
                run(rest, values, nulls, |cell| fast::timestamp(cell.bytes()));
            }
            (Values::Texts(values), _) if self.evidence.is_none() => texts(rest, values, nulls),
            (
                Values::Bools(_)
                | Values::Ints(_)
                | Values::Floats(_)
                | Values::Wides(_)
                | Values::Texts(_),
                _,
            ) => {}
        }
        self.nulls += (self.buffer.nulls.len() - before) as u64;
    }
}

#[inline]
fn run<T>(
    rest: &mut Rest<'_>,
    values: &mut Vec<T>,
    nulls: &mut Vec<u32>,
    read: impl Fn(Window<'_>) -> Option<T>,
) {
    let (before, nulls_before) = (values.len(), nulls.len());
    for span in rest.batch.spans(rest.column, rest.row) {
        if span.is_absent() {
            nulls.push((nulls.len() + values.len()) as u32);
        } else if let Some(value) = read(rest.batch.window(span)) {
            values.push(value);
        } else {
            break;
        }
    }
    let (values, nulls) = (values.len() - before, nulls.len() - nulls_before);
    rest.row += values + nulls;
    rest.bytes += values * NUMBER_BYTES + nulls * NULL_BYTES;
}

fn texts(rest: &mut Rest<'_>, values: &mut TextValues, nulls: &mut Vec<u32>) {
    let batch = rest.batch;
    let take = |span: &Span| {
        if span.is_absent() {
            nulls.push((nulls.len() + values.count) as u32);
            NULL_BYTES
        } else {
            values.push_behind(&batch.cell(span), batch.window(span))
        }
    };
    rest.bytes += batch.spans(rest.column, rest.row).map(take).sum::<usize>();
    rest.row = batch.rows();
}
