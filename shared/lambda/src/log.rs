//! The log: a JSON object per line, as CloudWatch reads it. Never a secret, a signature or a URL.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::Environment;

/// Whose words are logged down to the level asked for; of all others only warnings are, since what an SDK says further
/// down holds headers and URLs.
const OWN: [&str; 10] = [
    "confirm",
    "consign_aws",
    "consign_core",
    "consign_lambda",
    "download_url",
    "files",
    "ingest_on_object_created",
    "router",
    "sign_upload",
    "status",
];

/// Installs the log of the process; a second call changes nothing.
pub(crate) fn install(environment: &Environment) {
    let level = environment
        .get("CONSIGN_LOG")
        .map_or(LevelFilter::INFO, level);
    let targets = OWN.iter().map(|target| (*target, level));
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_targets(targets);
    let format = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_current_span(false)
        .with_span_list(false);
    let installed = tracing_subscriber::registry()
        .with(filter)
        .with(format)
        .try_init();
    if installed.is_err() {
        tracing::debug!("a log is installed already");
    }
}

/// The levels of Lambda's own logging configuration, of which `FATAL` has no like here.
fn level(name: &str) -> LevelFilter {
    if name.eq_ignore_ascii_case("fatal") {
        return LevelFilter::ERROR;
    }
    name.parse().unwrap_or(LevelFilter::INFO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_those_of_lambda() {
        for (name, expected) in [
            ("FATAL", LevelFilter::ERROR),
            ("ERROR", LevelFilter::ERROR),
            ("WARN", LevelFilter::WARN),
            ("INFO", LevelFilter::INFO),
            ("debug", LevelFilter::DEBUG),
            ("loud", LevelFilter::INFO),
        ] {
            assert_eq!(level(name), expected, "{name}");
        }
    }
}
