//! `sign-upload` on Lambda.

use std::process::ExitCode;

use consign_lambda::{Host, Tokens, http};

fn main() -> ExitCode {
    http::serve(
        "sign-upload",
        |environment| {
            Host::new(environment, Tokens::Taken)?
                .with_records(environment)?
                .with_jobs(environment)?
                .with_begin()
        },
        |host, routed| async move { sign_upload::handle(&*host, routed.request).await },
    )
}
