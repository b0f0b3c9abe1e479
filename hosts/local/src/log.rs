//! The log: a JSON object per line for machines, or text for people. It contains no secret, no signature and no URL.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::args::LogFormat;

/// Events of consign, and warnings of other crates. `s3s` is excluded, since it logs signatures (invariant 24).
const FILTER: &str = "warn,consign=info,consign_core=info,consign_embedded=info,consign_sql=info,\
                      ingest_on_object_created=info,router=info,sign_upload=info,confirm=info,s3s=off";

/// Installs the log of the process. A second call has no effect.
pub(crate) fn install(format: LogFormat) {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(FILTER))
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let installed = match format {
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_target(false)
            .try_init(),
        LogFormat::Text => builder.compact().with_target(false).try_init(),
    };
    if installed.is_err() {
        tracing::debug!("a log is installed already");
    }
}
