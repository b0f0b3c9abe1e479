//! `status` on Lambda.

use std::process::ExitCode;

use consign_lambda::{Builder, Tokens, http};

fn main() -> ExitCode {
    http::serve(
        "status",
        |environment| {
            Ok(Builder::new(environment, Tokens::Taken)?
                .with_records()?
                .build())
        },
        |host, routed| async move { status::handle(&*host, routed.request, &routed.id).await },
    )
}
