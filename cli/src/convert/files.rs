//! Which files are read, and where their results go: all is decided before anything is written.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use tempfile::NamedTempFile;

/// Standard input, or output.
const STANDARD: &str = "-";
/// The suffixes of the profile and the rejects, after the name of the table.
const PROFILE: &str = ".profile.json";
const REJECTS: &str = ".rejects.parquet";
/// What tables and their packings end with: left out of the name of the result.
const PACKED: [&str; 4] = ["gz", "zst", "zip", "bgz"];

/// One file to convert.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) input: Input,
    pub(super) output: Output,
}

impl Job {
    pub(super) fn is_to_stdout(&self) -> bool {
        matches!(self.output, Output::Stdout)
    }
}

/// What is read.
#[derive(Debug)]
pub(super) enum Input {
    Stdin,
    File(PathBuf),
}

impl Input {
    pub(super) fn name(&self) -> String {
        match self {
            Self::Stdin => STANDARD.to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    fn canonical(&self) -> Option<PathBuf> {
        match self {
            Self::Stdin => None,
            Self::File(path) => path.canonicalize().ok(),
        }
    }

    pub(super) fn size_bytes(&self) -> Option<u64> {
        match self {
            Self::Stdin => None,
            Self::File(path) => path.metadata().ok().map(|metadata| metadata.len()),
        }
    }

    /// The name of the table: the file's, without what says how it is written.
    fn stem(&self) -> anyhow::Result<String> {
        let Self::File(path) = self else {
            bail!("standard input has no name: say a file, not a folder, as OUT")
        };
        let is_packed = path
            .extension()
            .is_some_and(|end| PACKED.iter().any(|packed| end.eq_ignore_ascii_case(packed)));
        let unpacked = if is_packed {
            path.with_extension("")
        } else {
            path.clone()
        };
        let stem = unpacked.file_stem().context("has no name")?;
        Ok(stem.to_string_lossy().into_owned())
    }
}

/// Where the table goes.
#[derive(Debug)]
pub(super) enum Output {
    Stdout,
    File(PathBuf),
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str(STANDARD),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl Output {
    /// Where results are written until they are whole: on the file system that they stay on.
    pub(super) fn folder(&self) -> PathBuf {
        match self {
            Self::Stdout => std::env::temp_dir(),
            Self::File(path) => match path.parent() {
                Some(folder) if folder.as_os_str().is_empty() => PathBuf::from("."),
                Some(folder) => folder.to_owned(),
                None => PathBuf::from("."),
            },
        }
    }
}

/// A source that can be opened again.
pub(super) enum Spooled<'a> {
    File(&'a Path),
    Kept(NamedTempFile),
}

impl Spooled<'_> {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Kept(kept) => kept.path(),
        }
    }
}

/// Appends to the name of a path.
fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The files that a conversion to `path` may write: the table, its profile, its rejects.
pub(super) fn results(path: &Path) -> [PathBuf; 3] {
    let beside = |suffix| suffixed(path, suffix);
    [path.to_owned(), beside(PROFILE), beside(REJECTS)]
}

/// Refuses to write where a source is, or something that is no file.
fn check_result(result: &Path, sources: &[PathBuf]) -> anyhow::Result<()> {
    let Ok(metadata) = result.metadata() else {
        return Ok(());
    };
    ensure!(
        metadata.is_file(),
        "{} exists and is no regular file",
        result.display()
    );
    let is_source = sources.contains(&result.canonicalize()?);
    ensure!(
        !is_source,
        "{} is read, and cannot be written too",
        result.display()
    );
    Ok(())
}

/// What to read, and where to write: each result has a place of its own, which is no input.
pub(super) fn jobs(inputs: &[String], output: &str) -> anyhow::Result<Vec<Job>> {
    let inputs = expanded(inputs)?;
    let folder = Path::new(output);
    let is_folder = folder.is_dir();
    ensure!(
        inputs.len() == 1 || is_folder,
        "OUT has to be a folder that exists where there are {} files; `{output}` is none",
        inputs.len()
    );
    let sources: Vec<PathBuf> = inputs.iter().filter_map(Input::canonical).collect();
    let mut jobs = Vec::with_capacity(inputs.len());
    let mut taken: BTreeMap<PathBuf, String> = BTreeMap::new();
    for input in inputs {
        let output = if output == STANDARD {
            Output::Stdout
        } else if is_folder {
            Output::File(folder.join(format!("{}.parquet", input.stem()?)))
        } else {
            Output::File(folder.to_owned())
        };
        if let Output::File(path) = &output {
            let folder = output.folder();
            ensure!(folder.is_dir(), "there is no folder {}", folder.display());
            if let Some(other) = taken.insert(path.clone(), input.name()) {
                bail!(
                    "{} and {other} would both become {}",
                    input.name(),
                    path.display()
                );
            }
            for result in results(path) {
                check_result(&result, &sources)?;
            }
        }
        jobs.push(Job { input, output });
    }
    Ok(jobs)
}

/// The inputs, patterns expanded where no file has such a name.
fn expanded(inputs: &[String]) -> anyhow::Result<Vec<Input>> {
    let mut found = Vec::new();
    for input in inputs {
        if input == STANDARD {
            found.push(Input::Stdin);
        } else if input.contains(['*', '?', '[']) && !Path::new(input).exists() {
            let mut paths: Vec<PathBuf> = glob::glob(input)
                .with_context(|| input.clone())?
                .collect::<Result<_, _>>()?;
            paths.retain(|path| path.is_file());
            ensure!(!paths.is_empty(), "{input}: no file matches");
            found.extend(paths.into_iter().map(Input::File));
        } else {
            let path = PathBuf::from(input);
            let metadata = path.metadata().with_context(|| input.clone())?;
            ensure!(
                !metadata.is_dir(),
                "{input} is a folder: name its files, as '{input}/*.csv'"
            );
            found.push(Input::File(path));
        }
    }
    ensure!(
        found
            .iter()
            .filter(|input| matches!(input, Input::Stdin))
            .count()
            <= 1,
        "standard input can be read once"
    );
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(inputs: &[&str], output: &str) -> anyhow::Result<Vec<String>> {
        let inputs: Vec<String> = inputs.iter().map(|&input| input.to_owned()).collect();
        let jobs = jobs(&inputs, output)?;
        Ok(jobs.iter().map(|job| job.output.to_string()).collect())
    }

    #[test]
    fn every_input_has_a_place_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, "a\n1\n").unwrap();
            path.to_str().unwrap().to_owned()
        };
        let (one, two, packed) = (file("one.csv"), file("two.tsv"), file("one.csv.gz"));
        let out = folder.path().to_str().unwrap();
        let found = outputs(&[&one, &two], out).unwrap();
        assert!(found[0].ends_with("/one.parquet") && found[1].ends_with("/two.parquet"));
        let found = outputs(&[&format!("{out}/*.csv")], out).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(outputs(&["-"], "-").unwrap(), ["-"]);
        let wrong: [(&[&str], &str); 8] = [
            (&[&one], "no/such/folder/a.parquet"),
            (&[&one, &packed], out),
            (&[&one, &two], "missing.parquet"),
            (&[&one], &one),
            (&["-", "-"], out),
            (&["-"], out),
            (&[out], "a.parquet"),
            (&["none/*.csv"], out),
        ];
        for (inputs, output) in wrong {
            assert!(outputs(inputs, output).is_err(), "{inputs:?} {output}");
        }
    }
}
