//! Where delimiters and line ends are in a text, 64 bytes at a time: the compiler makes of it what the processor has.
//! Intrinsics would need `unsafe`, for a per cent or two.

/// Bytes of a block.
pub(crate) const BLOCK: usize = 64;

/// A bit for each byte of the block that is a delimiter, LF or CR.
#[inline]
pub(crate) fn ends(block: &[u8; BLOCK], delimiter: u8) -> u64 {
    // Compilers have an instruction for this loop, and for the gathering of eight bytes none.
    let mut found = [0_u8; BLOCK];
    for (found, byte) in found.iter_mut().zip(block) {
        *found = u8::from(*byte == delimiter) | u8::from(*byte == b'\n') | u8::from(*byte == b'\r');
    }
    let (words, _) = found.as_chunks::<8>();
    let mut mask = 0;
    for (at, word) in words.iter().enumerate() {
        let bits = u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        mask |= bits << (at * 8);
    }
    mask
}

/// Walks over delimiters and line ends.
pub(crate) struct Ends<'a> {
    bytes: &'a [u8],
    delimiter: u8,
    base: usize,
    mask: u64,
}

impl<'a> Ends<'a> {
    pub(crate) fn new(bytes: &'a [u8], from: usize, delimiter: u8) -> Self {
        let mut ends = Self {
            bytes,
            delimiter,
            base: from,
            mask: 0,
        };
        ends.mask = ends.load();
        ends
    }

    #[inline]
    fn load(&self) -> u64 {
        let rest = self.bytes.get(self.base..).unwrap_or_default();
        match rest.first_chunk::<BLOCK>() {
            Some(block) => ends(block, self.delimiter),
            None => {
                let mut block = [0; BLOCK];
                block[..rest.len()].copy_from_slice(rest);
                ends(&block, self.delimiter) & !(u64::MAX << rest.len())
            }
        }
    }

    /// The next one.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<usize> {
        while self.mask == 0 {
            self.base += BLOCK;
            if self.base >= self.bytes.len() {
                self.base -= BLOCK;
                return None;
            }
            self.mask = self.load();
        }
        let at = self.base + self.mask.trailing_zeros() as usize;
        self.mask &= self.mask - 1;
        Some(at)
    }

    /// Passes over what is before `at`.
    #[inline]
    pub(crate) fn skip_to(&mut self, at: usize) {
        let blocks = at.saturating_sub(self.base) / BLOCK;
        if blocks > 0 {
            self.base += blocks * BLOCK;
            self.mask = self.load();
        }
        self.mask &= u64::MAX << (at.saturating_sub(self.base) % BLOCK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_told() {
        let mut state = 1_u64;
        for _ in 0..2000 {
            let block: [u8; BLOCK] = std::array::from_fn(|_| {
                state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
                let any = (state >> 33) as u8;
                [any, b',', b'\n', b'\r', b'-', 0x8D, 0x8A, 0][(state >> 61) as usize]
            });
            for delimiter in [b',', b';', b'\t', 1] {
                let is_end = |byte: u8| byte == delimiter || byte == b'\n' || byte == b'\r';
                let bits = block.iter().enumerate();
                let expected =
                    bits.fold(0, |mask, (at, byte)| mask | u64::from(is_end(*byte)) << at);
                assert_eq!(ends(&block, delimiter), expected);
            }
        }
    }

    #[test]
    fn ends_are_found_in_order_and_passed_over() {
        let text: Vec<u8> = (0..300)
            .map(|at| if at % 7 == 3 { b',' } else { b'x' })
            .collect();
        for from in 0..150 {
            for skip in (from..300).step_by(5) {
                let mut ends = Ends::new(&text, from, b',');
                ends.skip_to(skip);
                let found: Vec<usize> = std::iter::from_fn(|| ends.next()).collect();
                let expected: Vec<usize> = (skip..300).filter(|at| at % 7 == 3).collect();
                assert_eq!(found, expected, "{from} {skip}");
            }
        }
    }
}
