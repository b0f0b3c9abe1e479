//! `sign-upload` on Lambda.

use std::process::ExitCode;

use consign_lambda::{Builder, Tokens, http};

fn main() -> ExitCode {
    http::serve(
        "sign-upload",
        |environment| {
            Ok(Builder::new(environment, Tokens::Taken)?
                .with_records()?
                .with_jobs()?
                .with_begin()?
                .build())
        },
        |host, routed| async move { sign_upload::handle(&*host, routed.request).await },
    )
}
