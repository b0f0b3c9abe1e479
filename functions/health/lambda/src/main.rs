//! `health` on Lambda. It also answers unknown paths.

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
