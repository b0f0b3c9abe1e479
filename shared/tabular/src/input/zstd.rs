//! zstd (RFC 8878), pushed in pieces: block by block, so that memory follows the window and not the source.

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// The largest window in bytes: what decoders are asked to take (RFC 8878, section 3.1.1.1.2).
const WINDOW_BYTES_MAX: u64 = 8 << 20;
/// The longest header of a frame in bytes.
const FRAME_HEADER_BYTES_MAX: usize = 18;
const BLOCK_HEADER_BYTES: usize = 3;
/// The longest block in bytes.
const BLOCK_BYTES_MAX: usize = 128 << 10;
const CHECKSUM_BYTES: usize = 4;
/// Frames that hold no text begin with one of 16 numbers from here on, and their length.
const SKIPPABLE: u32 = 0x184D_2A50;
const SKIPPABLE_HEADER_BYTES: usize = 8;

/// What is wrong is said by the caller: damaged or incomplete.
pub(crate) struct Damaged;

/// The frames of a file, one after another.
pub(crate) struct Zstd {
    decoder: FrameDecoder,
    source: Vec<u8>,
    at: usize,
    /// Bytes of a frame that holds no text, still to come.
    skip: u64,
    in_frame: bool,
    ended: bool,
}

impl Zstd {
    pub(crate) fn new() -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW_BYTES_MAX);
        Self {
            decoder,
            source: Vec::new(),
            at: 0,
            skip: 0,
            in_frame: false,
            ended: false,
        }
    }

    /// Takes the next bytes of the source; `None` is its end.
    pub(crate) fn feed(&mut self, piece: Option<&[u8]>) {
        self.source.drain(..self.at);
        self.at = 0;
        match piece {
            Some(piece) => self.source.extend_from_slice(piece),
            None => self.ended = true,
        }
    }

    /// Unpacks at most one block behind `text`; `false` where more bytes are needed first.
    pub(crate) fn step(&mut self, text: &mut Vec<u8>) -> Result<bool, Damaged> {
        let left = self.source.len() - self.at;
        if self.skip > 0 {
            let passed = left.min(usize::try_from(self.skip).unwrap_or(usize::MAX));
            self.at += passed;
            self.skip -= passed as u64;
            return self.unless_ended(passed > 0);
        }
        if self.in_frame {
            self.block(text)
        } else if left == 0 {
            Ok(false)
        } else {
            self.frame()
        }
    }

    /// The end of the source within a frame is one too early.
    fn unless_ended(&self, progress: bool) -> Result<bool, Damaged> {
        if progress || !self.ended {
            Ok(progress)
        } else {
            Err(Damaged)
        }
    }

    fn frame(&mut self) -> Result<bool, Damaged> {
        let mut rest = &self.source[self.at..];
        if rest.len() < FRAME_HEADER_BYTES_MAX && !self.ended {
            return Ok(false);
        }
        let number = |bytes: &[u8]| bytes.try_into().ok().map(u32::from_le_bytes);
        let magic = rest.get(..4).and_then(number).ok_or(Damaged)?;
        if magic & !0xF == SKIPPABLE {
            let length = rest.get(4..SKIPPABLE_HEADER_BYTES).and_then(number);
            self.skip = u64::from(length.ok_or(Damaged)?);
            self.at += SKIPPABLE_HEADER_BYTES;
            return Ok(true);
        }
        let before = rest.len();
        self.decoder.reset(&mut rest).map_err(|_| Damaged)?;
        self.at += before - rest.len();
        self.in_frame = true;
        Ok(true)
    }

    fn block(&mut self, text: &mut Vec<u8>) -> Result<bool, Damaged> {
        const REPEATED: u32 = 1;
        let mut rest = &self.source[self.at..];
        let Some([low, middle, high]) = rest.first_chunk() else {
            return self.unless_ended(false);
        };
        let header = u32::from_le_bytes([*low, *middle, *high, 0]);
        let size = usize::try_from(header >> 3).unwrap_or(usize::MAX);
        if size > BLOCK_BYTES_MAX {
            return Err(Damaged);
        }
        let stored = if (header >> 1) & 3 == REPEATED {
            1
        } else {
            size
        };
        if rest.len() < BLOCK_HEADER_BYTES + stored + CHECKSUM_BYTES && !self.ended {
            return Ok(false);
        }
        let before = rest.len();
        let one = BlockDecodingStrategy::UptoBlocks(1);
        self.decoder
            .decode_blocks(&mut rest, one)
            .map_err(|_| Damaged)?;
        self.at += before - rest.len();
        self.decoder
            .collect_to_writer(&mut *text)
            .map_err(|_| Damaged)?;
        if self.decoder.is_finished() {
            self.in_frame = false;
            let told = self.decoder.get_checksum_from_data();
            if told.is_some() && told != self.decoder.get_calculated_checksum() {
                return Err(Damaged);
            }
        }
        Ok(true)
    }
}
