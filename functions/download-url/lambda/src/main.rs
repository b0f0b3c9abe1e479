//! `download-url` on Lambda.

use std::process::ExitCode;

use consign_lambda::{Host, Tokens, http};

fn main() -> ExitCode {
    http::serve(
        "download-url",
        |environment| Host::new(environment, Tokens::Taken)?.with_records(environment),
        |host, routed| async move { download_url::handle(&*host, routed.request, &routed.id).await },
    )
}
