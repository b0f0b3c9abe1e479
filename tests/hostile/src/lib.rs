//! What attacks on a `consign serve` need, and what `benches/load` needs beside them: the process, with its limits and its
//! memory; a client that counts bytes itself; a store that misbehaves; a database with as much unfinished work as asked for.
//!
//! Nothing here is linked with consign's own crates but the program under attack: `CONSIGN_HOSTILE_BIN` names another build of
//! it, so that the same attack shows what an older one does.

#![expect(
    clippy::expect_used,
    reason = "this is a test's support: what it cannot do fails the test"
)]

mod host;
mod http;
mod proxy;
mod raw;
mod seed;
mod sign;
mod user;

pub use host::{Host, Memory, Options, POLICY, SECRET, program, program_beside};
pub use http::{Answer, Client};
pub use proxy::{Harm, Proxy, Seen};
pub use raw::Raw;
pub use seed::{Kept, Pattern, Seed, counted, write_sql};
pub use sign::{StoreKeys, hex_sha256, now_s, token};
pub use user::{Signed, User, csv};
