//! `health` on Lambda: what belongs to none of the functions, and the refusal of what belongs to nobody.

use std::process::ExitCode;

use consign_lambda::{Host, Tokens, http};
use router::health;

fn main() -> ExitCode {
    http::serve(
        "health",
        |environment| Ok(Host::new(environment, Tokens::NotTaken)?.with_objects()),
        |host, routed| async move { health::handle(&*host, routed.target, routed.request).await },
    )
}
