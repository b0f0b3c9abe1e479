//! The encodings of Parquet that are written (<https://github.com/apache/parquet-format/blob/master/Encodings.md>).

/// Values of a block of deltas, and of a part of it that has a width of its own.
const BLOCK: usize = 128;
const MINIBLOCK: usize = 32;

/// The variable-length integers of Parquet and of Thrift.
pub(crate) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Signed integers for [`varint`].
pub(crate) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// How many bits hold a value.
pub(crate) fn width(value: u64) -> u32 {
    u64::BITS - value.leading_zeros()
}

/// Packs values of `width` bits, the least significant first, and fills the last byte with zeros.
fn pack(out: &mut Vec<u8>, values: impl Iterator<Item = u64>, width: u32) {
    let (mut bits, mut used) = (0_u64, 0_u32);
    for value in values {
        bits |= value << used;
        used += width;
        if used >= u64::BITS {
            out.extend_from_slice(&bits.to_le_bytes());
            used -= u64::BITS;
            bits = value.checked_shr(width - used).unwrap_or(0);
        }
    }
    let rest = used.div_ceil(8) as usize;
    out.extend_from_slice(&bits.to_le_bytes()[..rest]);
}

/// The definition levels of a page of so many rows, of which these are null: behind their length, as in a page of version 1.
pub(crate) fn levels(out: &mut Vec<u8>, rows: usize, nulls: &[u32]) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    if nulls.is_empty() || nulls.len() == rows {
        varint(out, (rows as u64) << 1);
        out.push(u8::from(nulls.is_empty()));
    } else {
        let bytes = rows.div_ceil(8);
        varint(out, (bytes as u64) << 1 | 1);
        let bits = out.len();
        out.resize(bits + bytes, 0xFF);
        for null in nulls {
            out[bits + *null as usize / 8] &= !(1 << (null % 8));
        }
    }
    let length = u32::try_from(out.len() - start - 4).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// Places in a dictionary of so many entries.
pub(crate) fn places(out: &mut Vec<u8>, places: &[u32], entries: usize) {
    // Some readers know no width of nothing.
    let width = width(entries.saturating_sub(1) as u64).max(1);
    out.push(width as u8);
    let Some((first, rest)) = places.split_first() else {
        return;
    };
    if rest.iter().all(|place| place == first) {
        varint(out, (places.len() as u64) << 1);
        out.extend_from_slice(&first.to_le_bytes()[..width.div_ceil(8) as usize]);
        return;
    }
    let groups = places.len().div_ceil(8);
    varint(out, (groups as u64) << 1 | 1);
    let padding = std::iter::repeat_n(0, groups * 8 - places.len());
    let places = places.iter().map(|place| u64::from(*place));
    pack(out, places.chain(padding), width);
}

/// DELTA_BINARY_PACKED: integers by how they differ.
pub(crate) fn deltas(out: &mut Vec<u8>, values: &[i64]) {
    varint(out, BLOCK as u64);
    varint(out, (BLOCK / MINIBLOCK) as u64);
    varint(out, values.len() as u64);
    varint(out, zigzag(values.first().copied().unwrap_or(0)));
    let mut block = [0_i64; BLOCK];
    let mut at = 1;
    while at < values.len() {
        let end = values.len().min(at + BLOCK);
        let length = end - at;
        for (delta, pair) in block.iter_mut().zip(values[at - 1..end].windows(2)) {
            *delta = pair[1].wrapping_sub(pair[0]);
        }
        let least = block[..length].iter().copied().min().unwrap_or(0);
        varint(out, zigzag(least));
        let widths = out.len();
        out.extend_from_slice(&[0; BLOCK / MINIBLOCK]);
        for (which, part) in block[..length].chunks(MINIBLOCK).enumerate() {
            let mut above = [0_u64; MINIBLOCK];
            let mut all = 0;
            for (above, delta) in above.iter_mut().zip(part) {
                *above = delta.wrapping_sub(least) as u64;
                all |= *above;
            }
            let width = width(all);
            out[widths + which] = width as u8;
            pack(out, above.into_iter(), width);
        }
        at = end;
    }
}

/// Booleans, a bit each.
pub(crate) fn bits(out: &mut Vec<u8>, values: &[bool]) {
    pack(out, values.iter().map(|value| u64::from(*value)), 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpack(bytes: &[u8], width: u32, count: usize) -> Vec<u64> {
        let bit = |at: usize| u64::from(bytes[at / 8] >> (at % 8) & 1);
        let value = |at: usize| (0..width as usize).map(move |n| bit(at * width as usize + n) << n);
        (0..count).map(|at| value(at).sum()).collect()
    }

    #[test]
    fn values_of_any_width_are_packed_from_the_lowest_bit_on() {
        for width in 0..=64 {
            let mask = u64::MAX.checked_shr(64 - width).unwrap_or(0);
            let value = |at: u64| at.wrapping_mul(0x9E37_79B9_7F4A_7C15) & mask;
            let values: Vec<u64> = (0..77).map(value).collect();
            let mut out = Vec::new();
            pack(&mut out, values.iter().copied(), width);
            assert_eq!(out.len(), (77 * width as usize).div_ceil(8));
            assert_eq!(unpack(&out, width, 77), values, "{width}");
        }
    }

    #[test]
    fn levels_say_which_rows_are_null() {
        let mut out = Vec::new();
        levels(&mut out, 10, &[0, 9]);
        assert_eq!(out, [3, 0, 0, 0, 0b101, 0b1111_1110, 0b1111_1101]);
        out.clear();
        levels(&mut out, 300, &[]);
        assert_eq!(out, [3, 0, 0, 0, 0xD8, 4, 1]);
    }
}
