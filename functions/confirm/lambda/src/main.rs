//! `confirm` on Lambda.

use std::process::ExitCode;

use consign_lambda::{Builder, Tokens, http};

fn main() -> ExitCode {
    http::serve(
        "confirm",
        |environment| {
            Ok(Builder::new(environment, Tokens::Taken)?
                .with_records()?
                .with_jobs()?
                .with_objects()
                .build())
        },
        |host, routed| async move { confirm::handle(&*host, routed.request).await },
    )
}
