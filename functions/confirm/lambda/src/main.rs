//! `confirm` on Lambda.

use std::process::ExitCode;

use consign_lambda::{Host, Tokens, http};

fn main() -> ExitCode {
    http::serve(
        "confirm",
        |environment| {
            let host = Host::new(environment, Tokens::Taken)?
                .with_records(environment)?
                .with_jobs(environment)?;
            Ok(host.with_objects())
        },
        |host, routed| async move { confirm::handle(&*host, routed.request).await },
    )
}
