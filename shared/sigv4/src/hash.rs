//! SHA-256 and HMAC over the raw compression function, so that a keyed state can be kept and resumed at the cost of the
//! remaining blocks (FIPS 180-4, RFC 2104).

use sha2::block_api::compress256;
use zeroize::{Zeroize as _, Zeroizing};

/// Size of a SHA-256 block, in bytes.
const BLOCK_BYTES: usize = 64;
/// Bytes that are buffered before compression: half of a usual canonical request, so that the processor prepares the
/// rest while it still compresses these. Twice or a quarter of it costs a twentieth of the time of a URL.
const BUFFER_BYTES: usize = 4 * BLOCK_BYTES;
/// Size of a digest, in bytes.
pub(super) const DIGEST_BYTES: usize = 32;
/// Characters of a digest in hexadecimal.
pub(super) const HEX_BYTES: usize = 2 * DIGEST_BYTES;
/// Size of the message length at the end of the last block, in bytes.
const LENGTH_BYTES: usize = 8;
/// The most blocks that the rest of a block, a digest in hexadecimal and the padding fill.
const TAIL_BLOCKS: usize = (BLOCK_BYTES - 1 + HEX_BYTES + 1 + LENGTH_BYTES).div_ceil(BLOCK_BYTES);

const _: () = assert!(BUFFER_BYTES.is_multiple_of(BLOCK_BYTES) && BUFFER_BYTES >= BLOCK_BYTES);

/// FIPS 180-4, section 5.3.3.
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// Receives the canonical request: the hash, or in tests the text.
pub(super) trait Sink {
    /// Appends bytes.
    fn put(&mut self, bytes: &[u8]);

    /// Appends one byte.
    #[inline]
    fn put_byte(&mut self, byte: u8) {
        self.put(&[byte]);
    }
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// A SHA-256 in progress.
pub(super) struct Sha256 {
    state: [u32; 8],
    buffer: [u8; BUFFER_BYTES],
    buffered: usize,
    compressed_bytes: u64,
}

impl Sha256 {
    /// An empty message.
    pub(super) fn new() -> Self {
        Self::resume(INITIAL, 0)
    }

    fn resume(state: [u32; 8], compressed_bytes: u64) -> Self {
        Self {
            state,
            buffer: [0; BUFFER_BYTES],
            buffered: 0,
            compressed_bytes,
        }
    }

    /// Pads the message and returns its digest. Takes a reference, since the buffer is expensive to move. Do not use it
    /// again.
    pub(super) fn finish(&mut self) -> [u8; DIGEST_BYTES] {
        self.close();
        bytes_of(&self.state)
    }

    fn close(&mut self) {
        let bits = (self.compressed_bytes + self.buffered as u64) * 8;
        // `put` leaves room for at least one byte; the length may need another block.
        self.buffer[self.buffered] = 0x80;
        let mut end = (self.buffered + 1 + LENGTH_BYTES).next_multiple_of(BLOCK_BYTES);
        if end > BUFFER_BYTES {
            self.buffer[self.buffered + 1..].fill(0);
            compress256(&mut self.state, self.buffer.as_chunks().0);
            end = BLOCK_BYTES;
            self.buffer[..end - LENGTH_BYTES].fill(0);
        } else {
            self.buffer[self.buffered + 1..end - LENGTH_BYTES].fill(0);
        }
        self.buffer[end - LENGTH_BYTES..end].copy_from_slice(&bits.to_be_bytes());
        compress256(&mut self.state, self.buffer[..end].as_chunks().0);
    }
}

impl Sha256 {
    /// Takes the bytes that fill the buffer. Out of line, so that the usual case stays small when inlined.
    #[cold]
    #[inline(never)]
    fn put_across(&mut self, mut bytes: &[u8]) {
        loop {
            let free = &mut self.buffer[self.buffered..];
            if bytes.len() < free.len() {
                free[..bytes.len()].copy_from_slice(bytes);
                self.buffered += bytes.len();
                return;
            }
            let (now, later) = bytes.split_at(free.len());
            free.copy_from_slice(now);
            compress256(&mut self.state, self.buffer.as_chunks().0);
            self.compressed_bytes += BUFFER_BYTES as u64;
            self.buffered = 0;
            bytes = later;
        }
    }
}

impl Sink for Sha256 {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let end = self.buffered + bytes.len();
        // There is always room for one byte.
        match self.buffer.get_mut(self.buffered..end) {
            Some(free) if end < BUFFER_BYTES => {
                free.copy_from_slice(bytes);
                self.buffered = end;
            }
            _ => self.put_across(bytes),
        }
    }
}

fn bytes_of(state: &[u32; 8]) -> [u8; DIGEST_BYTES] {
    let mut bytes = [0; DIGEST_BYTES];
    for (chunk, word) in bytes.as_chunks_mut().0.iter_mut().zip(state) {
        *chunk = word.to_be_bytes();
    }
    bytes
}

/// An HMAC-SHA-256 key, stored as the two states after its inner and outer pad. The states suffice to sign: they are wiped
/// when they are dropped.
#[derive(Clone)]
pub(super) struct HmacKey {
    inner: [u32; 8],
    outer: [u32; 8],
}

impl Drop for HmacKey {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

impl HmacKey {
    /// Accepts a key of any length; a long one is hashed first (RFC 2104, section 2).
    pub(super) fn new(key: &[u8]) -> Self {
        let mut block = Zeroizing::new([0; BLOCK_BYTES]);
        if let Some(start) = block.get_mut(..key.len()) {
            start.copy_from_slice(key);
        } else {
            let mut hash = Sha256::new();
            hash.put(key);
            block[..DIGEST_BYTES].copy_from_slice(&hash.finish());
        }
        let after = |pad: u8| {
            let mut state = INITIAL;
            compress256(&mut state, &[block.map(|byte| byte ^ pad)]);
            state
        };
        Self {
            inner: after(0x36),
            outer: after(0x5c),
        }
    }

    /// Applies the outer hash to the inner digest.
    fn finish(&self, inner: &[u32; 8]) -> [u8; DIGEST_BYTES] {
        /// The outer message: the block of the pad and one digest.
        const OUTER_BITS: u64 = ((BLOCK_BYTES + DIGEST_BYTES) * 8) as u64;
        let mut block = [0; BLOCK_BYTES];
        block[..DIGEST_BYTES].copy_from_slice(&bytes_of(inner));
        block[DIGEST_BYTES] = 0x80;
        block[BLOCK_BYTES - LENGTH_BYTES..].copy_from_slice(&OUTER_BITS.to_be_bytes());
        let mut state = self.outer;
        compress256(&mut state, &[block]);
        bytes_of(&state)
    }

    /// Prepares messages that start with `start` and end with a digest in hexadecimal.
    pub(super) fn prepare(&self, start: &str) -> Prepared {
        let (blocks, rest) = start.as_bytes().as_chunks();
        let mut inner = self.inner;
        compress256(&mut inner, blocks);
        let (end, len) = (rest.len() + HEX_BYTES, start.len() + HEX_BYTES);
        let mut tail = [[0; BLOCK_BYTES]; TAIL_BLOCKS];
        let bytes = tail.as_flattened_mut();
        bytes[..rest.len()].copy_from_slice(rest);
        bytes[end] = 0x80;
        let tail_len = (end + 1 + LENGTH_BYTES).next_multiple_of(BLOCK_BYTES);
        let bits = 8 * (BLOCK_BYTES + len) as u64;
        bytes[tail_len - LENGTH_BYTES..tail_len].copy_from_slice(&bits.to_be_bytes());
        Prepared {
            key: Self {
                inner,
                outer: self.outer,
            },
            tail,
            tail_blocks: tail_len / BLOCK_BYTES,
            hex_at: rest.len(),
        }
    }

    /// Signs a message.
    pub(super) fn sign(&self, message: &[u8]) -> [u8; DIGEST_BYTES] {
        let mut hash = Sha256::resume(self.inner, BLOCK_BYTES as u64);
        hash.put(message);
        hash.close();
        self.finish(&hash.state)
    }
}

/// Messages under one key that differ only in the digest at the end. The full blocks before the digest are already
/// compressed, and the last blocks are padded.
pub(super) struct Prepared {
    /// The inner state after the full blocks.
    key: HmacKey,
    tail: [[u8; BLOCK_BYTES]; TAIL_BLOCKS],
    tail_blocks: usize,
    hex_at: usize,
}

impl Prepared {
    /// Signs the message that ends with this digest.
    pub(super) fn sign(&self, digest: &[u8; DIGEST_BYTES]) -> [u8; DIGEST_BYTES] {
        let mut tail = self.tail;
        tail.as_flattened_mut()[self.hex_at..self.hex_at + HEX_BYTES].copy_from_slice(&hex(digest));
        let mut state = self.key.inner;
        compress256(&mut state, &tail[..self.tail_blocks]);
        self.key.finish(&state)
    }
}

/// Returns a digest in lower-case hexadecimal. Arithmetic vectorises better than a table.
#[inline]
pub(super) fn hex(digest: &[u8; DIGEST_BYTES]) -> [u8; HEX_BYTES] {
    /// The distance from the character after `9` to `a`.
    const GAP: u8 = b'a' - b'9' - 1;
    let mut text = [0; HEX_BYTES];
    for (pair, byte) in text.as_chunks_mut().0.iter_mut().zip(digest) {
        *pair = [byte >> 4, byte & 15];
    }
    text.map(|digit| digit + b'0' + u8::from(digit > 9) * GAP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::Digest;

    #[test]
    fn every_length_hashes_as_the_reference_does() {
        let text: Vec<u8> = (0..2_100u32).map(|n| (n % 251) as u8).collect();
        for length in (0..700).chain([1_023, 1_024, 1_087, 1_088, 2_047, 2_048, 2_100]) {
            let mut ours = Sha256::new();
            text[..length].iter().for_each(|&byte| ours.put_byte(byte));
            assert_eq!(
                ours.finish()[..],
                sha2::Sha256::digest(&text[..length])[..],
                "{length}"
            );
            for piece in [1, 63, 64, 511, 512, 4_096] {
                let mut ours = Sha256::new();
                text[..length]
                    .chunks(piece)
                    .for_each(|bytes| ours.put(bytes));
                assert_eq!(
                    ours.finish()[..],
                    sha2::Sha256::digest(&text[..length])[..],
                    "{length} by {piece}"
                );
            }
        }
    }

    #[test]
    fn every_length_of_key_signs_as_the_reference_does() {
        let text: Vec<u8> = (0..600u32).map(|n| (n % 251) as u8).collect();
        for length in 0..140 {
            let mut reference = <Hmac<sha2::Sha256>>::new_from_slice(&text[..length]).unwrap();
            reference.update(&text[length..]);
            let ours = HmacKey::new(&text[..length]).sign(&text[length..]);
            assert_eq!(ours[..], reference.finalize().into_bytes()[..], "{length}");
        }
    }

    #[test]
    fn a_prepared_message_of_every_length_signs_as_the_whole_does() {
        let text = "0123456789abcde".repeat(20);
        let (key, digest) = (HmacKey::new(b"key"), [0x7a; DIGEST_BYTES]);
        for length in 0..text.len() {
            let start = &text[..length];
            let prepared = key.prepare(start);
            let whole = [start.as_bytes(), &hex(&digest)].concat();
            for _ in 0..2 {
                assert_eq!(prepared.sign(&digest), key.sign(&whole), "{length}");
            }
        }
    }

    #[test]
    fn hexadecimal_is_lower_case() {
        let mut digest = [0; DIGEST_BYTES];
        digest[0] = 0xaf;
        digest[31] = 0x09;
        assert_eq!(&hex(&digest)[..4], b"af00");
        assert_eq!(&hex(&digest)[60..], b"0009");
    }
}
