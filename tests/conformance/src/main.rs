//! `conformance`: plain plumbing over the library. It reads cases and writes answers; it holds no expectations.

use std::process::ExitCode;

mod convert;
mod events;
mod presign;
mod schedule;

const USAGE: &str = "\
usage: conformance presign              JSON lines in on stdin, JSON lines out on stdout
       conformance events               JSON lines in on stdin, JSON lines out on stdout
       conformance convert IN OUT [--text] [--memory-mb N]";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.split_first() {
        Some((command, rest)) if command == "presign" => presign::run(rest),
        Some((command, rest)) if command == "events" => events::run(rest),
        Some((command, rest)) if command == "convert" => convert::run(rest),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(64)
        }
    }
}
