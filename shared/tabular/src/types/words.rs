//! Words that are no values and those that are nothing else: units, and what people write where there is no value.

use std::collections::HashSet;

/// What is written where a value is missing, in small letters.
const NOTHING: &str = "absent, blank, cancelled, closed, dnf, dns, empty, err, error, failed, invalid, missing, n.a., n.d., n/d, na, nan, \
    nd, nil, no data, none, not available, not started, null, off, offline, pending, tba, tbc, tbd, trace, unavailable, \
    undefined, unknown";

/// Units and what they are made of, in small letters.
const UNITS: &str = "a, amp, amps, arb, atm, au, b, bar, bit, bits, bool, boolean, bps, byte, bytes, c, cd, celsius, chf, cm, cnt, count, \
    counts, cts, d, date, datetime, day, days, db, dbm, decimal, deg, degc, degree, degrees, degf, dimensionless, dl, \
    dollar, dollars, double, eur, euro, euros, f, fahrenheit, feet, float, fl, foot, ft, g, gal, gb, gbp, ghz, gram, \
    grams, gw, h, ha, hour, hours, hpa, hr, hrs, hz, in, inch, inches, index, int, integer, j, jpy, k, kb, kelvin, kg, \
    khz, kj, km, kmh, kn, knots, kpa, kph, kt, kv, kw, kwh, l, lb, lbs, liter, liters, litre, litres, lux, m, ma, mb, \
    mbar, mbps, meter, meters, metre, metres, mg, mhz, mi, mile, miles, min, mins, minute, minutes, mj, ml, mm, mol, \
    month, months, mpa, mph, ms, mv, mw, mwh, n, nm, ns, number, oz, pa, pct, pcs, per, percent, ph, ppb, ppm, psi, psu, \
    rad, rpm, s, sec, second, seconds, t, text, time, ug, um, unitless, us, usd, v, volt, volts, w, watts, week, weeks";
/// Signs that stand in units.
const SIGNS: &str = "#%°²³µμΩ€$£¥";
/// Words of a sentence at least.
const SENTENCE_WORDS: usize = 3;

/// Whether a word says that there is no value.
pub(crate) fn says_nothing(word: &str) -> bool {
    let word = word.to_lowercase();
    let word = word.trim_matches(['(', ')', '<', '>', '[', ']']);
    let is_said = |c: char| c.is_alphanumeric() || SIGNS.contains(c);
    !word.contains(is_said) || NOTHING.split(", ").any(|nothing| nothing == word)
}

/// Whether a row of words stands for units, or says what the columns are: else it is a row whose values are missing.
pub(crate) fn are_units<'a>(words: impl Iterator<Item = &'a String> + Clone) -> bool {
    let mut all = HashSet::new();
    let are_unlike = words.clone().all(|word| all.insert(word));
    let is_sentence = |word: &str| word.split_whitespace().count() >= SENTENCE_WORDS;
    let count = words.clone().count();
    let known = words
        .clone()
        .filter(|word| is_unit(word) || are_unlike && is_sentence(word));
    !words.clone().any(|word| says_nothing(word)) && known.count() * 2 >= count
}

/// Whether a word is a unit, as `kg`, `[m/s]`, `W m-2` and `°C` are.
fn is_unit(word: &str) -> bool {
    let word = word.to_lowercase();
    let is_known = |part: &str| {
        part.contains(|c| SIGNS.contains(c)) || UNITS.split(", ").any(|unit| unit == part)
    };
    let is_apart = |c: char| c.is_ascii_digit() || " /.·*-^_()[]<>{}".contains(c);
    let mut parts = word.split(is_apart).filter(|part| !part.is_empty());
    let first = parts.next();
    first.is_some_and(is_known) && parts.all(is_known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_known_from_what_is_missing() {
        let are_units = |words: &str| {
            are_units(
                words
                    .split(',')
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
                    .iter(),
            )
        };
        for units in [
            "s,°C,m",
            "kg",
            "[m/s],(W m-2)",
            "mm,mm",
            "€,USD",
            "Time of day in UTC,Air temperature at noon",
        ] {
            assert!(are_units(units), "{units}");
        }
        for values in [
            "error,error",
            "unknown,missing",
            "off,off",
            "s,n.d.",
            "lost,found",
            "(none),m",
            "out of order,out of order",
        ] {
            assert!(!are_units(values), "{values}");
        }
    }
}
