//! `ingest-on-object-created` on Lambda: batches of the ingest queue, and the schedule's sweep.

use std::process::ExitCode;

use consign_lambda::{Host, Tokens, batch};

fn main() -> ExitCode {
    batch::serve(|environment| {
        let host = Host::new(environment, Tokens::NotTaken)?
            .with_records(environment)?
            .with_jobs(environment)?
            .with_objects();
        let letters = host.dead_letters(environment);
        Ok((host, letters))
    })
}
