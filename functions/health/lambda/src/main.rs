//! `health` on Lambda: what belongs to none of the functions, and the refusal of what belongs to nobody.

use std::process::ExitCode;

use consign_lambda::{Builder, Tokens, http};

fn main() -> ExitCode {
    http::serve(
        "health",
        |environment| {
            Ok(Builder::new(environment, Tokens::NotTaken)?
                .with_objects()
                .build())
        },
        |host, routed| async move { health::handle(&*host, routed.target, routed.request).await },
    )
}
