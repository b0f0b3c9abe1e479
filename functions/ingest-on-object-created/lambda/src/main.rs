//! `ingest-on-object-created` on Lambda: batches of the ingest queue, and the scheduled sweep.

use std::process::ExitCode;

use consign_lambda::{Builder, Tokens, batch, dead_letters};

fn main() -> ExitCode {
    batch::serve(|environment| {
        let host = Builder::new(environment, Tokens::NotTaken)?
            .with_records()?
            .with_jobs()?
            .with_objects()
            .build();
        let letters = dead_letters(&host.queue, environment);
        Ok((host, letters))
    })
}
