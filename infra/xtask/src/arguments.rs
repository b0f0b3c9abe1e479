//! The command line: `cargo xtask TASK`.

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::section::Section;
use crate::service::Options;

const EXAMPLES: &str = "\
Examples:
  cargo xtask dev                       # prints the address, a token and a curl session
  cargo xtask dev --help                # the options of `consign serve`
  cargo xtask test fmt clippy           # the two quick sections
  cargo xtask bench presign
  eval \"$(cargo xtask tools --env)\" && cargo test -p consign-e2e    # the tests of one package, with their environment

Tools are kept in $XDG_CACHE_HOME/consign (~/.cache/consign). The first run of `test` takes minutes to install them.";

const SIMULATE: &str = "\
Options:
  --seeds N         how many seeds [2000]
  --from K          the first seed [0]
  --seed S          this seed alone; a failure is made smaller, and its trace is printed
  --seed S --whole  the trace of this seed as it is
  --mutant NAME     remove a rule of consign first, which must be found; `--help` lists them

docs/simulation.md says what is simulated and checked.";

/// The tasks of this repository.
#[derive(Debug, Parser)]
#[command(
    bin_name = "cargo xtask",
    after_help = EXAMPLES,
    arg_required_else_help = true,
    infer_subcommands = false
)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) task: Task,
}

/// The tasks.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Build consign and run `consign serve --dev`; needs nothing but cargo
    #[command(disable_help_flag = true)]
    Dev {
        /// Options of `consign serve`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Set up the tools, then run every check, or only the sections named
    Test {
        /// The sections to run, in any order; all where none is named
        sections: Vec<Section>,
    },
    /// Set up the tools, and print where they are
    Tools {
        /// Print the environment of the tests, for `eval`
        #[arg(long)]
        env: bool,
    },
    /// Generate the types of the wire that editors read beside the page, from openapi.json
    Types,
    /// Measure the line coverage of the rules alone
    Coverage,
    /// Build for wasm32 the crates that Workers need, and nothing else
    WasmCheck,
    /// Run a benchmark; prints figures and ratios, and never fails for being slow
    #[command(subcommand, arg_required_else_help = true)]
    Bench(Benchmark),
    #[command(flatten)]
    Compared(Compared),
    /// Put this build under load, beside an older one; prints figures and ratios
    Load(Load),
    /// Run the whole system with simulated faults, seed by seed, in release mode
    #[command(after_help = SIMULATE)]
    Simulate(Passed),
    /// Print how large the Lambda programs are as deployed, and how soon they take requests
    Size,
    /// Start and stop the servers that stand in for AWS, on 127.0.0.1 and without Docker
    #[command(subcommand, arg_required_else_help = true)]
    Services(Services),
    /// Build and run the Cloudflare Worker, without an account
    #[command(subcommand, arg_required_else_help = true)]
    Edge(Edge),
    /// Remove every tool that was set up
    CleanCache,
}

/// The benchmarks, each beside its peers in the same run.
#[derive(Debug, Subcommand)]
pub(crate) enum Benchmark {
    /// One presigned PUT, beside three other signers and the hash alone
    Presign(Passed),
    /// Requests per second of sign-upload on Lambda, beside a bare function
    Lambda,
    /// Sign, upload and download 10 MB: over MinIO, and on Lambda
    Transfer,
    /// The Worker in workerd, beside Workers that do next to nothing: start, requests per second
    Edge(Passed),
    /// Tables to Parquet, beside DuckDB, Polars, pyarrow and arrow-rs
    #[command(after_help = "Options: --size-mib N, --older PROGRAM")]
    Tabular(Passed),
    /// The tabular engine in V8, beside the same source natively: speed, and equal bytes
    #[command(after_help = "Options: --size-mib N, --rounds N, --table NAME")]
    Wasm(Passed),
}

/// consign beside other readers and writers of tables, in release mode.
#[derive(Debug, Subcommand)]
pub(crate) enum Compared {
    /// Random tables, cell by cell against their generator, Python's `csv` and DuckDB: a long run
    #[command(after_help = "Options: --tables N [20000], --seed N [1], --jobs N [2]")]
    Differential(Passed),
    /// Make docs/no-silent-cell.md from what consign and four other readers do
    SilentCells {
        /// Fail where the page differs, and write nothing
        #[arg(long)]
        check: bool,
    },
    /// Read the Parquet of consign with many readers, and make the table of docs/parquet.md
    Readers {
        /// Fail where the table differs, and write nothing
        #[arg(long)]
        check: bool,
    },
}

/// Options that another program reads.
#[derive(Debug, Args)]
pub(crate) struct Passed {
    /// Options of the benchmark
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) options: Vec<String>,
}

/// `cargo xtask load`.
#[derive(Debug, Args)]
#[command(after_help = "\
Parts, each over an empty folder with the embedded store; the first three where none is named:
  mixed      clients sign, send a small CSV, confirm it and ask for its status, as fast as they are answered
  idle       files wait, and nobody calls
  lone       one owner's files beside another's backlog
  sweep      records that are due all at once
  restart    a start with much unfinished work

Other options:
  --seconds N             the length of each measurement [60]
  --connections A,B       simultaneous clients [64,256]
  --json FILE             write the figures as JSON
  --idle-backlog N, --lone-backlog N, --due N, --unfinished N, --patience SECONDS")]
pub(crate) struct Load {
    /// The older build, compiled once into the cache
    #[arg(long, value_name = "REV", default_value = "1146be4")]
    pub(crate) baseline: String,
    /// Measure one build alone
    #[arg(long)]
    pub(crate) only: Option<Only>,
    /// Parts and other options
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "PART|OPTION"
    )]
    pub(crate) rest: Vec<String>,
}

/// One of the two builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Only {
    /// The build of this checkout.
    Current,
    /// The older build.
    Baseline,
}

/// `cargo xtask services`.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Buckets send notifications after `consign bucket init`. infra/compose.yaml starts the same servers in Docker.

Examples:
  cargo xtask services up --minio-port 9100
  eval \"$(cargo xtask services up --functions http://127.0.0.1:9300)\"
  cargo lambda watch -A 127.0.0.1 -P 9300 --env-file infra/lambda.env")]
pub(crate) enum Services {
    /// Start what is not running, and print the environment to use it with
    Up(Options),
    /// Print what is running
    Status,
    /// Stop what `up` started; the data stays in .consign/services
    Down,
}

/// `cargo xtask edge`.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  cargo xtask edge build --no-default-features --features status,sign-upload
  cargo xtask edge dev 8788
  cargo xtask edge wrangler deploy --env production --dry-run")]
pub(crate) enum Edge {
    /// Build the Worker into hosts/cloudflare/build, and print its size
    Build {
        /// Options of cargo
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Run it with the local R2, D1 and Queues; a changed source is built again
    Dev {
        /// The port to listen on
        #[arg(default_value_t = 8787)]
        port: u16,
    },
    /// Run wrangler
    #[command(disable_help_flag = true)]
    Wrangler {
        /// Arguments of wrangler
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

#[cfg(test)]
mod checks {
    use super::*;
    use clap::CommandFactory as _;

    fn parse(line: &str) -> Result<Task, clap::Error> {
        let words = std::iter::once("xtask").chain(line.split_whitespace());
        Arguments::try_parse_from(words).map(|arguments| arguments.task)
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn options_of_another_program_reach_it() {
        let Ok(Task::Dev { options }) = parse("dev --help --port 0") else {
            panic!("`dev` takes every option");
        };
        assert_eq!(options, ["--help", "--port", "0"]);
        let Ok(Task::Load(load)) = parse("load --only current mixed --seconds 5") else {
            panic!("`load` takes a part");
        };
        assert_eq!(load.only, Some(Only::Current));
        assert_eq!(load.rest, ["mixed", "--seconds", "5"]);
        let Ok(Task::Compared(Compared::Differential(passed))) =
            parse("differential --tables 9 --seed 4")
        else {
            panic!("`differential` takes its options");
        };
        assert_eq!(passed.options, ["--tables", "9", "--seed", "4"]);
        let Ok(Task::Simulate(passed)) = parse("simulate --seeds 9 --from 4") else {
            panic!("`simulate` takes its options");
        };
        assert_eq!(passed.options, ["--seeds", "9", "--from", "4"]);
        let Ok(Task::Edge(Edge::Build { options })) = parse("edge build --features status") else {
            panic!("`edge build` takes options of cargo");
        };
        assert_eq!(options, ["--features", "status"]);
    }

    #[test]
    fn what_is_unknown_is_refused() {
        for line in [
            "nothing",
            "test nothing",
            "bench nothing",
            "load --only neither",
            "load --only",
            "edge dev x",
            "services up --minio-port 70000",
            "",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
