//! `files` on Lambda: the listing and the deletion.

use std::process::ExitCode;

use consign_core::routes::Target;
use consign_lambda::{Builder, Tokens, http};

fn main() -> ExitCode {
    http::serve(
        "files",
        |environment| {
            Ok(Builder::new(environment, Tokens::Taken)?
                .with_records()?
                .with_jobs()?
                .build())
        },
        |host, routed| async move {
            if routed.target == Target::Delete {
                files::delete(&*host, routed.request, &routed.id).await
            } else {
                files::list(&*host, routed.request).await
            }
        },
    )
}
