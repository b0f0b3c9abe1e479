//! `conformance convert IN OUT [--text] [--two-threads] [--memory-mb N] [--explain] [--hints JSON]`: one file to Parquet, by the ingest
//! function's engine. `--explain` prints what was understood of the file, as a line of JSON. `--hints` says what binds:
//! `{"delimiter": ";", "columns": {"id": "int64"}}`.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use consign_tabular::{
    Charset, Converted, Hints, Limits, MEMORY_BYTES_DEFAULT, Options, Profile, Sinks, StreamError,
    convert as convert_stream,
};
use serde::Serialize;

const USAGE: u8 = 64;
const REFUSED: u8 = 2;
const FAILED: u8 = 1;
const MIB: u64 = 1024 * 1024;

struct Arguments {
    input: PathBuf,
    output: PathBuf,
    options: Options,
    limits: Limits,
    explain: bool,
}

/// Why the arguments are not taken.
enum Wrong {
    Usage,
    Hints(String),
}

/// Runs the subcommand with the arguments that follow its name.
pub(crate) fn run(args: &[String]) -> ExitCode {
    let arguments = match parse(args) {
        Ok(arguments) => arguments,
        Err(wrong) => {
            match wrong {
                Wrong::Usage => eprintln!(
                    "usage: conformance convert IN OUT [--text] [--two-threads] [--memory-mb N] [--explain] [--charset LABEL] [--hints JSON]"
                ),
                Wrong::Hints(what) => eprintln!("bad_hint: {what}"),
            }
            return ExitCode::from(USAGE);
        }
    };
    match convert(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(StreamError::Refused(refusal)) => {
            eprintln!("{}: {}", refusal.code(), refusal.detail());
            ExitCode::from(REFUSED)
        }
        Err(StreamError::Io(error)) => {
            eprintln!("{error}");
            ExitCode::from(FAILED)
        }
    }
}

fn parse(args: &[String]) -> Result<Arguments, Wrong> {
    let mut paths = Vec::new();
    let mut options = Options {
        rejects: true,
        ..Options::default()
    };
    let mut memory_bytes = MEMORY_BYTES_DEFAULT;
    let mut explain = false;
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let mut value = || rest.next().ok_or(Wrong::Usage);
        match arg.as_str() {
            "--text" => options.text = true,
            "--two-threads" => options.two_threads = true,
            "--explain" => explain = true,
            "--charset" => options.charset = Charset::of_label(value()?),
            "--memory-mb" => memory_bytes = mebibytes(value()?).ok_or(Wrong::Usage)?,
            "--hints" => options.hints = hints(value()?)?,
            flag if flag.starts_with("--") => return Err(Wrong::Usage),
            path => paths.push(PathBuf::from(path)),
        }
    }
    let [input, output] = <[PathBuf; 2]>::try_from(paths).map_err(|_| Wrong::Usage)?;
    Ok(Arguments {
        input,
        output,
        options,
        limits: Limits::for_memory(memory_bytes),
        explain,
    })
}

/// Where the files are while they grow.
struct Partial {
    table: PathBuf,
    rejects: PathBuf,
}

fn mebibytes(value: &str) -> Option<u64> {
    value.parse::<u64>().ok()?.checked_mul(MIB)
}

fn hints(value: &str) -> Result<Hints, Wrong> {
    let json = serde_json::from_str(value).map_err(|error| Wrong::Hints(error.to_string()))?;
    Hints::from_json(&json).map_err(|bad| Wrong::Hints(bad.to_string()))
}

fn convert(arguments: &Arguments) -> Result<(), StreamError> {
    let Arguments { input, output, .. } = arguments;
    let [profile_path, rejects_path, rejected_path] =
        [".profile.json", ".rejects.json", ".rejects.parquet"]
            .map(|suffix| suffixed(output, suffix));
    let partial = Partial {
        table: suffixed(output, ".partial"),
        rejects: suffixed(output, ".rejects.partial"),
    };
    if input.canonicalize()? == output.canonicalize().unwrap_or_default() {
        return Err(io::Error::other("IN and OUT are the same file").into());
    }
    // Nothing of an earlier run is left beside what this one says.
    [output, &profile_path, &rejects_path, &rejected_path]
        .into_iter()
        .try_for_each(|path| remove(path))?;

    // Written beside, then renamed: a refused file leaves no half of a Parquet file.
    let open = || File::open(input);
    let create = || {
        Ok(Sinks {
            table: File::create(&partial.table)?,
            rejects: File::create(&partial.rejects)?,
        })
    };
    let converted = match convert_stream(&arguments.options, arguments.limits, open, create) {
        Ok((converted, _)) => converted,
        Err(error) => {
            remove(&partial.table)?;
            remove(&partial.rejects)?;
            return Err(error);
        }
    };
    let Converted {
        profile, rejects, ..
    } = converted;
    std::fs::write(profile_path, pretty(&profile)?)?;
    if rejects.total > 0 {
        std::fs::write(rejects_path, pretty(&rejects)?)?;
        std::fs::rename(partial.rejects, rejected_path)?;
    } else {
        remove(&partial.rejects)?;
    }
    if arguments.explain {
        println!("{}", explanation(&profile)?);
    }
    Ok(std::fs::rename(partial.table, output)?)
}

/// What was understood of the file, on one line.
fn explanation(profile: &Profile) -> io::Result<String> {
    let dialect = profile.dialect;
    Ok(serde_json::to_string(&serde_json::json!({
        "dialect": dialect,
        "delimiter": dialect.delimiter,
        "quote": dialect.quote,
        "escape": if dialect.backslash { "backslash" } else { "doubled" },
        "encoding": profile.encoding,
        "compression": profile.compression,
        "header_line": profile.header.then_some(dialect.first_line),
        "header_rows": dialect.header_rows,
        "end_line": dialect.end_line,
        "skipped_lines": profile.skipped_lines,
        "blank_lines": profile.blank_lines,
        "total_line": profile.total_line,
        "passes": profile.passes,
        "hints": profile.hints,
        "rows": profile.rows,
        "rejects": profile.rejects,
    }))?)
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Err(_) | Ok(()) => Ok(()),
    }
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn pretty(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(text)
}
