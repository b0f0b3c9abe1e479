//! Figures of several builds, side by side.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::Build;

/// A figure: its name, its value, and more words on it.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    /// As in `> 60`: it is a bound, since the measurement ended before.
    pub(crate) is_bound: bool,
}

/// `name` is `value`.
pub(crate) fn figure(name: impl Into<String>, value: f64) -> Figure {
    Figure {
        name: name.into(),
        value,
        is_bound: false,
    }
}

/// `name` is more than `value`.
pub(crate) fn more_than(name: impl Into<String>, value: f64) -> Figure {
    Figure {
        is_bound: true,
        ..figure(name, value)
    }
}

/// The figures: a row for each name, a column for each build.
#[derive(Debug)]
pub(crate) struct Figures {
    builds: Vec<String>,
    rows: Vec<(String, Vec<Option<Figure>>)>,
}

impl Figures {
    pub(crate) fn new(builds: &[Build]) -> Self {
        Self {
            builds: builds.iter().map(|build| build.name.clone()).collect(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, column: usize, figures: Vec<Figure>) {
        for figure in figures {
            let mut line = format!("  {}: {}", figure.name, shown(&figure));
            line.push('\n');
            eprint!("{line}");
            let known = self.rows.iter().position(|(name, _)| *name == figure.name);
            let row = known.unwrap_or_else(|| {
                let empty = vec![None; self.builds.len()];
                self.rows.push((figure.name.clone(), empty));
                self.rows.len() - 1
            });
            self.rows[row].1[column] = Some(figure);
        }
    }

    /// For people. The last column is the last build's value over the first one's.
    pub(crate) fn table(&self) -> String {
        let mut table = format!("\n{:52}", "");
        for build in &self.builds {
            let _ = write!(table, "{build:>14}");
        }
        table.push_str(if self.builds.len() > 1 {
            "     ratio\n"
        } else {
            "\n"
        });
        for (name, cells) in &self.rows {
            let _ = write!(table, "{name:52}");
            for cell in cells {
                let text = cell.as_ref().map(shown).unwrap_or_default();
                let _ = write!(table, "{text:>14}");
            }
            if let [Some(first), .., Some(last)] = cells.as_slice()
                && first.value > 0.0
            {
                let _ = write!(table, "{:>10.2}", last.value / first.value);
            }
            table.push('\n');
        }
        table
    }

    pub(crate) fn json(&self) -> String {
        let mut all = Map::new();
        for (name, cells) in &self.rows {
            let mut row = Map::new();
            for (build, cell) in self.builds.iter().zip(cells) {
                let value = cell.as_ref().map_or(
                    Value::Null,
                    |figure| json!({"value": figure.value, "is_bound": figure.is_bound}),
                );
                row.insert(build.clone(), value);
            }
            all.insert(name.clone(), row.into());
        }
        format!("{:#}\n", Value::Object(all))
    }
}

fn shown(figure: &Figure) -> String {
    let sign = if figure.is_bound { "> " } else { "" };
    match figure.value {
        value if value >= 100.0 || value.fract() == 0.0 => format!("{sign}{value:.0}"),
        value => format!("{sign}{value:.2}"),
    }
}

/// The time that so many of a hundred took at most; nothing where there is none.
pub(crate) fn percentile(times: &mut [Duration], hundredth: usize) -> Duration {
    times.sort_unstable();
    let index = (times.len() * hundredth).div_ceil(100).saturating_sub(1);
    times.get(index).copied().unwrap_or_default()
}

/// In mebibytes.
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
pub(crate) fn mebibytes(bytes: u64) -> f64 {
    (bytes >> 20) as f64
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
pub(crate) fn number(count: usize) -> f64 {
    count as f64
}
