//! Sources that are made while they are read.

/// A part of a source.
#[derive(Clone)]
pub(crate) enum Part {
    Text(&'static str),
    Made(String),
    /// Letters that hardly shrink.
    Noise(usize),
    /// A letter so many times.
    Same(char, usize),
}

/// What comes first, and parts that come again so many times.
#[derive(Clone)]
pub(crate) struct Made {
    again: Vec<Part>,
    left: usize,
    /// What comes next, from the end on.
    next: Vec<Part>,
    seed: u64,
    is_utf16: bool,
    /// Bytes that were made, and how many of them were taken.
    bytes: Vec<u8>,
    taken: usize,
    /// The sizes of the pieces, one after another.
    sizes: &'static [usize],
    pieces: usize,
}

impl Made {
    pub(crate) fn new(first: Vec<Part>, again: Vec<Part>, times: usize) -> Self {
        Self {
            again,
            left: times,
            next: first.into_iter().rev().collect(),
            seed: 88_172_645_463_325_252,
            is_utf16: false,
            bytes: Vec::new(),
            taken: 0,
            sizes: &[super::memory::PIECE_BYTES],
            pieces: 0,
        }
    }

    pub(crate) fn in_pieces(mut self, sizes: &'static [usize]) -> Self {
        self.sizes = sizes;
        self
    }

    pub(crate) fn in_utf16(mut self) -> Self {
        self.is_utf16 = true;
        self
    }

    fn noise(&mut self, bytes: usize) -> String {
        const LETTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut text = String::with_capacity(bytes + 8);
        while text.len() < bytes {
            self.seed ^= self.seed << 13;
            self.seed ^= self.seed >> 7;
            self.seed ^= self.seed << 17;
            let seed = self.seed;
            text.extend((0..8).map(|at| char::from(LETTERS[(seed >> (at * 7)) as usize & 63])));
        }
        text.truncate(bytes);
        text
    }

    /// Makes the next bytes; `false` at the end.
    fn make(&mut self) -> bool {
        const AT_ONCE: usize = 64 * 1024;
        let text = match self.next.pop() {
            Some(Part::Text(text)) => text.to_owned(),
            Some(Part::Made(text)) => text,
            Some(Part::Same(letter, times)) => letter.to_string().repeat(times),
            Some(Part::Noise(bytes)) => {
                if bytes > AT_ONCE {
                    self.next.push(Part::Noise(bytes - AT_ONCE));
                }
                self.noise(bytes.min(AT_ONCE))
            }
            None if self.left == 0 => return false,
            None => {
                self.left -= 1;
                self.next = self.again.iter().rev().cloned().collect();
                String::new()
            }
        };
        self.bytes = if self.is_utf16 {
            text.encode_utf16().flat_map(u16::to_le_bytes).collect()
        } else {
            text.into_bytes()
        };
        self.taken = 0;
        true
    }
}

impl Iterator for Made {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let size = self.sizes[self.pieces % self.sizes.len()];
        self.pieces += 1;
        let mut piece = Vec::with_capacity(size);
        while piece.len() < size {
            let rest = &self.bytes[self.taken..];
            if rest.is_empty() {
                if self.make() {
                    continue;
                }
                break;
            }
            let taken = rest.len().min(size - piece.len());
            piece.extend_from_slice(&rest[..taken]);
            self.taken += taken;
        }
        (!piece.is_empty()).then_some(piece)
    }
}
