//! `sign-upload` on Lambda as it is deployed, but for its records, which are in memory: what is measured is ours alone.

use std::process::ExitCode;

use consign_lambda::{Host, Tokens, http};
use consign_testkit::MemoryRepo;

fn main() -> ExitCode {
    http::serve(
        "sign-upload",
        |environment| {
            Host::new(environment, Tokens::Taken)?
                .with_repo(MemoryRepo::new())
                .with_jobs(environment)?
                .with_begin()
        },
        |host, routed| async move { sign_upload::handle(&*host, routed.request).await },
    )
}
