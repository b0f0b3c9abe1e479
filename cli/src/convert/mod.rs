//! `consign convert`: tables to Parquet on this machine, by the engine of ingest and without a server.

mod files;

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use clap::Args;
use consign_tabular::{AtMost, Converted, Limits, Options, Profile, Sinks, StreamError, convert};
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use tempfile::NamedTempFile;

use crate::hints::HintArgs;
use crate::show::{Bars, FileBar, printable, size};
use files::{Input, Job, Output};

/// The exit code where a file is refused.
const REFUSED: u8 = 2;
const MIB: u64 = 1 << 20;

/// Arguments of `consign convert`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Beside OUT it writes OUT.profile.json, and OUT.rejects.parquet where rows were rejected.
A file that is refused leaves nothing, and the command ends with 2.

Examples:
  consign convert flights.csv flights.parquet
  consign convert exports/*.csv.gz tables/               a folder that exists: tables/NAME.parquet
  curl -s https://example.org/a.csv | consign convert - - > a.parquet
  consign convert prices.csv prices.parquet --delimiter ';' --decimal , --column article=text
  consign convert flights.csv flights.parquet --json | jq '.profile.columns[].type'"
)]
pub(super) struct ConvertArgs {
    /// Tables: CSV and its kin, JSON lines, a JSON array of objects, workbooks (XLSX); also packed. `-` is standard input. A pattern such as
    /// 'data/*.csv' is expanded
    #[arg(required = true, value_name = "IN")]
    inputs: Vec<String>,
    /// A file, a folder that exists, or `-` for standard output
    #[arg(required = true, value_name = "OUT")]
    output: String,
    /// Keep every column as text
    #[arg(long)]
    text: bool,
    /// Refuse a file of which more is rejected: a number of lines, or a share [default: 10%]
    #[arg(long, value_name = "N|SHARE%")]
    rejects_max: Option<AtMost>,
    /// Fail where a row was rejected; the files are written all the same
    #[arg(long)]
    fail_on_rejects: bool,
    /// The memory of one conversion, in MiB
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u64).range(16..=1024))]
    memory_mib: u64,
    /// Threads of one conversion
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    threads: u8,
    /// Files at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    jobs: u8,
    /// A line of JSON for each file: its names, and its profile or the error
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    hints: HintArgs,
}

/// The result of one conversion.
enum End {
    Written(Box<Profile>),
    Refused { code: &'static str, detail: String },
    Failed(anyhow::Error),
}

/// Converts every file. Fails if one failed.
pub(super) async fn run(args: ConvertArgs) -> anyhow::Result<ExitCode> {
    // 1. Check everything before anything is written.
    let hints = args.hints.read()?;
    let jobs = files::jobs(&args.inputs, &args.output)?;
    let options = Options {
        hints,
        text: args.text,
        rejects_max: args.rejects_max,
        rejects: true,
        two_threads: args.threads > 1,
        ..Options::default()
    };
    let limits = Limits::for_memory(args.memory_mib * MIB);
    let (bars, stopped) = (Bars::new(), Arc::new(AtomicBool::new(false)));
    let watch = tokio::spawn(stop_on_interrupt(Arc::clone(&stopped)));
    // 2. Convert, `--jobs` at a time.
    let (count, is_piped) = (jobs.len(), jobs.iter().any(Job::is_to_stdout));
    let mut running = stream::iter(jobs)
        .map(|job| {
            let bar = bars.bar(&job.input.name(), job.input.size_bytes());
            let (options, stopped) = (options.clone(), Arc::clone(&stopped));
            let work = move || {
                let end = one(&job, &options, limits, &Source { bar, stopped });
                (job, end)
            };
            async { tokio::task::spawn_blocking(work).await }
        })
        .buffer_unordered(args.jobs.into());
    let (mut worst, mut failures) = (0, 0_usize);
    while let Some(ended) = running.next().await {
        let (job, end) = ended.context("a conversion ended early")?;
        let code = end.exit_code(args.fail_on_rejects);
        failures += usize::from(code != 0);
        worst = worst.max(code);
        // 3. Report. Standard output is for programs, unless the table goes there.
        let line = if args.json {
            end.json(&job)
        } else {
            end.line(&job)
        };
        match (&end, args.json) {
            (_, true) | (End::Written(_), false) if !is_piped => bars.print(&line),
            _ => bars.print_error(&line),
        }
    }
    watch.abort();
    if failures > 0 && count > 1 {
        bars.print_error(&format!("{failures} of {count} failed"));
    }
    Ok(ExitCode::from(worst))
}

/// Tells the conversions to stop. They remove their temporary files.
async fn stop_on_interrupt(stopped: Arc<AtomicBool>) {
    if tokio::signal::ctrl_c().await.is_ok() {
        stopped.store(true, Ordering::Relaxed);
    }
}

fn one(job: &Job, options: &Options, limits: Limits, source: &Source) -> End {
    let end = match written(job, options, limits, source) {
        Ok(profile) => End::Written(Box::new(profile)),
        Err(error) => match error.downcast::<StreamError>() {
            Ok(StreamError::Refused(refusal)) => End::Refused {
                code: refusal.code(),
                detail: refusal.detail(),
            },
            Ok(StreamError::Io(error)) => End::Failed(error.into()),
            Err(error) => End::Failed(error),
        },
    };
    source.bar.finish();
    end
}

/// Writes the results to temporary files in the target folder, then renames them. A refused file leaves nothing.
fn written(
    job: &Job,
    options: &Options,
    limits: Limits,
    source: &Source,
) -> anyhow::Result<Profile> {
    let input = job.input.spooled(source)?;
    let folder = job.output.folder();
    let create = || {
        let file = || temporary(&folder);
        Ok(Sinks {
            table: file()?,
            rejects: file()?,
        })
    };
    let open = || Ok(source.over(File::open(input.path())?));
    let (converted, sinks) = convert(options, limits, open, create)?;
    let Converted {
        profile, rejects, ..
    } = converted;
    match &job.output {
        Output::Stdout => {
            let mut table = sinks.table.reopen()?;
            let mut stdout = io::stdout().lock();
            io::copy(&mut table, &mut stdout).and_then(|_| stdout.flush())?;
        }
        Output::File(path) => {
            let [path, profile_path, rejects_path] = files::results(path);
            let mut json = temporary(&folder)?;
            json.write_all(&serde_json::to_vec_pretty(&profile)?)?;
            json.write_all(b"\n")?;
            if rejects.total > 0 {
                persist(sinks.rejects, &rejects_path)?;
            } else if rejects_path.exists() {
                // From an earlier run.
                std::fs::remove_file(&rejects_path)?;
            }
            persist(json, &profile_path)?;
            persist(sinks.table, &path)?;
        }
    }
    Ok(profile)
}

/// Creates a temporary file in the target folder, with the permissions of a new file.
fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// Renames a file to its place.
fn persist(file: NamedTempFile, path: &Path) -> anyhow::Result<()> {
    let persisted = file.persist(path);
    persisted
        .map(drop)
        .with_context(|| path.display().to_string())
}

/// Reads for a conversion: moves the bar, and fails once the command is interrupted.
struct Source {
    bar: FileBar,
    stopped: Arc<AtomicBool>,
}

impl Source {
    fn over<R: Read>(&self, source: R) -> Watched<'_, R> {
        Watched {
            source,
            watch: self,
            read_bytes: 0,
        }
    }
}

struct Watched<'a, R> {
    source: R,
    watch: &'a Source,
    read_bytes: u64,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.watch.stopped.load(Ordering::Relaxed) {
            return Err(io::Error::other("interrupted"));
        }
        let length = self.source.read(buffer)?;
        self.read_bytes += u64::try_from(length).unwrap_or(u64::MAX);
        self.watch.bar.reached(self.read_bytes);
        Ok(length)
    }
}

impl End {
    fn exit_code(&self, fail_on_rejects: bool) -> u8 {
        match self {
            Self::Written(profile) => u8::from(fail_on_rejects && profile.rejects > 0),
            Self::Failed(_) => 1,
            Self::Refused { .. } => REFUSED,
        }
    }

    fn line(&self, job: &Job) -> String {
        let name = printable(&job.input.name());
        match self {
            Self::Written(profile) => {
                let rejected = match profile.rejects {
                    0 => String::new(),
                    1 => ", 1 line rejected".to_owned(),
                    lines => format!(", {lines} lines rejected"),
                };
                format!(
                    "{name}: {} rows, {} columns{rejected} -> {} ({})",
                    profile.rows,
                    profile.columns.len(),
                    printable(&job.output.to_string()),
                    size(profile.parquet_bytes)
                )
            }
            Self::Refused { code, detail } => format!("{name}: {code}: {}", printable(detail)),
            Self::Failed(error) => format!("{name}: {}", printable(&format!("{error:#}"))),
        }
    }

    fn json(&self, job: &Job) -> String {
        let (input, output) = (job.input.name(), job.output.to_string());
        match self {
            Self::Written(profile) => {
                json!({"input": input, "output": output, "profile": profile})
            }
            Self::Refused { code, detail } => {
                json!({"input": input, "error": {"code": code, "detail": detail}})
            }
            Self::Failed(error) => {
                json!({"input": input, "error": {"code": "io", "detail": format!("{error:#}")}})
            }
        }
        .to_string()
    }
}

impl Input {
    /// Returns a file that can be read more than once. Standard input and pipes are copied first.
    fn spooled(&self, source: &Source) -> anyhow::Result<files::Spooled<'_>> {
        match self {
            Self::File(path) if path.metadata()?.is_file() => Ok(files::Spooled::File(path)),
            Self::File(path) => kept(source.over(File::open(path)?)),
            Self::Stdin => kept(source.over(io::stdin().lock())),
        }
    }
}

fn kept(mut source: impl Read) -> anyhow::Result<files::Spooled<'static>> {
    let mut kept = NamedTempFile::new()?;
    io::copy(&mut source, &mut kept)?;
    Ok(files::Spooled::Kept(kept))
}
