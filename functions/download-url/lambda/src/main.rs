//! `download-url` on Lambda.

use std::process::ExitCode;

use consign_lambda::{Builder, Tokens, http};

fn main() -> ExitCode {
    http::serve(
        "download-url",
        |environment| {
            Ok(Builder::new(environment, Tokens::Taken)?
                .with_records()?
                .build())
        },
        |host, routed| async move { download_url::handle(&*host, routed.request, &routed.id).await },
    )
}
