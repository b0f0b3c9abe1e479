//! What grows until it is whole: the text of a row, and what waits for its end.

use crate::limits::{Limits, PIECE_BYTES};

/// The least room.
const ROOM_BYTES_MIN: usize = 256;
/// Room that is kept for the next rows.
const ROOM_BYTES_KEPT: usize = 8 * PIECE_BYTES;

/// Appends a piece. The room grows by doubling, but not beyond what the longest row and a piece take.
pub(crate) fn append(text: &mut String, piece: &str, limits: &Limits) {
    let needed = text.len() + piece.len();
    if needed > text.capacity() {
        let most = limits.row_bytes_max.saturating_add(PIECE_BYTES);
        let room = (text.capacity() * 2).max(ROOM_BYTES_MIN).min(most);
        text.reserve_exact(room.max(needed) - text.len());
    }
    text.push_str(piece);
}

/// Appends bytes to many others. The room grows by a quarter: it is there twice while it grows, and doubling would leave half of
/// it empty.
pub(crate) fn append_bytes(all: &mut Vec<u8>, bytes: &[u8]) {
    if all.capacity() - all.len() < bytes.len() {
        all.reserve_exact(bytes.len().max(all.len() / 4));
    }
    all.extend_from_slice(bytes);
}

/// Gives the room of a long row back once it is gone.
pub(crate) fn release(text: &mut String) {
    if text.capacity() > ROOM_BYTES_KEPT && text.len() <= PIECE_BYTES {
        text.shrink_to(PIECE_BYTES);
    }
}
