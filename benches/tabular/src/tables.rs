//! The tables that are converted. The same size gives the same bytes.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use fastrand::Rng;

const MIB: u64 = 1024 * 1024;
const SEED: u64 = 0x5EED;

/// What is in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Days, moments, decimals, integers, words and quoted texts; cells that are empty, and a row in a hundred that is cut
    /// short.
    Transactions,
    /// Twenty columns of numbers.
    Numeric,
    /// Five hundred columns.
    Wide,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Transactions, Self::Numeric, Self::Wide];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Transactions => "transactions",
            Self::Numeric => "numeric",
            Self::Wide => "wide",
        }
    }

    /// Its size where `size_mib` is that of the largest one.
    pub(crate) fn size_mib(self, size_mib: u64) -> u64 {
        match self {
            Self::Transactions => size_mib,
            Self::Numeric => size_mib / 2,
            Self::Wide => size_mib / 5,
        }
    }

    /// Writes it, unless it is there already.
    pub(crate) fn write(self, path: &Path, size_mib: u64) -> io::Result<()> {
        if path.is_file() {
            return Ok(());
        }
        let partial = path.with_extension("partial");
        let mut file = BufWriter::with_capacity(1 << 20, File::create(&partial)?);
        let mut rng = Rng::with_seed(SEED);
        let mut row = self.header();
        let (mut written, mut number) = (0, 0);
        while written < size_mib * MIB {
            file.write_all(row.as_bytes())?;
            written += row.len() as u64;
            row.clear();
            number += 1;
            match self {
                Self::Transactions => transaction(&mut row, &mut rng, number),
                Self::Numeric => numbers(&mut row, &mut rng, number),
                Self::Wide => wide(&mut row, &mut rng, number),
            }
        }
        file.flush()?;
        std::fs::rename(partial, path)
    }

    fn header(self) -> String {
        let names = |count: usize| {
            let names: Vec<String> = (0..count).map(|at| format!("c{at}")).collect();
            names.join(",") + "\n"
        };
        match self {
            Self::Transactions => {
                "id,booked,at,account,amount,currency,quantity,rate,category,city,note\n".to_owned()
            }
            Self::Numeric => names(20),
            Self::Wide => names(500),
        }
    }
}

const WORDS: [&str; 32] = [
    "order", "refund", "late", "fee", "paid", "by", "card", "invoice", "see", "the", "note",
    "from", "March", "monthly", "rent", "deposit", "transfer", "to", "savings", "Zürich", "café",
    "shipping", "and", "handling", "gift", "for", "Ada", "return", "of", "goods", "cash", "tax",
];
const CURRENCIES: [&str; 5] = ["EUR", "USD", "GBP", "CHF", "JPY"];
const CATEGORIES: [&str; 12] = [
    "groceries",
    "rent",
    "travel",
    "salary",
    "utilities",
    "insurance",
    "books",
    "health",
    "clothing",
    "leisure",
    "repairs",
    "other",
];

fn transaction(row: &mut String, rng: &mut Rng, number: u64) {
    use std::fmt::Write as _;
    let (month, day) = (1 + number / 97 % 12, 1 + number / 7 % 28);
    let _ = write!(row, "{number},2024-{month:02}-{day:02},");
    let (hour, minute, second) = (rng.u8(..24), rng.u8(..60), rng.u8(..60));
    let _ = write!(
        row,
        "2024-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02},"
    );
    let _ = write!(row, "{},", rng.u32(10_000_000..99_999_999));
    let cents = rng.i64(-500_000..2_000_000);
    let sign = if cents < 0 { "-" } else { "" };
    let _ = write!(row, "{sign}{}.{:02},", cents.abs() / 100, cents.abs() % 100);
    let _ = write!(row, "{},", rng.choice(CURRENCIES).unwrap_or_default());
    if rng.u8(..20) > 0 {
        let _ = write!(row, "{}", rng.u8(1..50));
    }
    if rng.u8(..100) == 0 {
        row.push('\n');
        return;
    }
    let _ = write!(row, ",0.{:04},", rng.u16(1..9999));
    if rng.u8(..10) > 0 {
        row.push_str(rng.choice(CATEGORIES).unwrap_or_default());
    }
    let _ = write!(row, ",City {},\"", rng.u16(..800));
    for at in 0..rng.u8(2..12) {
        if at > 0 {
            row.push_str(if rng.u8(..6) == 0 { ", " } else { " " });
        }
        let word = rng.choice(WORDS).unwrap_or_default();
        if rng.u8(..40) == 0 {
            let _ = write!(row, "\"\"{word}\"\"");
        } else {
            row.push_str(word);
        }
    }
    row.push_str("\"\n");
}

fn numbers(row: &mut String, rng: &mut Rng, number: u64) {
    use std::fmt::Write as _;
    let _ = write!(row, "{number},{},{},", rng.u8(..), rng.u16(..));
    let _ = write!(
        row,
        "{},{},{}",
        rng.u32(..),
        rng.i32(..),
        rng.u64(..1 << 50)
    );
    for scale in [1, 2, 2, 3, 3, 4, 4, 5, 6, 6_usize] {
        let whole = rng.u32(..10_u32.pow(1 + u32::try_from(scale).unwrap_or(1) % 4));
        let fraction = rng.u32(..10_u32.pow(u32::try_from(scale).unwrap_or(1)));
        let sign = if rng.u8(..4) == 0 && whole > 0 {
            "-"
        } else {
            ""
        };
        let _ = write!(row, ",{sign}{whole}.{fraction:0scale$}");
    }
    // As programs write doubles.
    for _ in 0..4 {
        let _ = write!(row, ",{}", rng.f64() * 1000.0 - 200.0);
    }
    row.push('\n');
}

fn wide(row: &mut String, rng: &mut Rng, number: u64) {
    use std::fmt::Write as _;
    let _ = write!(row, "{number}");
    for column in 1..500 {
        row.push(',');
        if rng.u8(..20) == 0 {
            continue;
        }
        let _ = match column % 5 {
            0 => write!(row, "{}", rng.u16(..1000)),
            1 => write!(row, "{}.{:02}", rng.u16(..2000), rng.u8(..100)),
            2 => write!(row, "2024-{:02}-{:02}", rng.u8(1..=12), rng.u8(1..=28)),
            3 => write!(row, "{}", rng.choice(WORDS).unwrap_or_default()),
            _ => write!(row, "{}", rng.u32(..)),
        };
    }
    row.push('\n');
}
