//! `sign-upload` on Lambda as it is deployed, but for its records, which are in memory: what is measured is ours alone.

use std::process::ExitCode;

use consign_lambda::{Builder, Tokens, http};
use consign_testkit::MemoryRepo;

fn main() -> ExitCode {
    http::serve(
        "sign-upload",
        |environment| {
            let host = Builder::new(environment, Tokens::Taken)?
                .with_jobs()?
                .with_begin()?
                .build();
            Ok(host.with_repo(MemoryRepo::new()))
        },
        |host, routed| async move { sign_upload::handle(&*host, routed.request).await },
    )
}
