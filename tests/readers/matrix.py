"""Reads tables that consign converted with many readers of Parquet, and compares every cell. Exits 1 where one of the readers
of `--must` differs in a cell.

`matrix.py --program PROGRAM --python NAME=PYTHON… [--node NODE --modules FOLDER] [--must READER,…] [--page FILE [--check]]`
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sources import sources

from consign import Program, Refused
from differential import told
from judge import judge
from normal import normal

HERE = Path(__file__).parent
TYPES = ["int64", "decimal", "float64", "boolean", "date", "time", "timestamp", "timestamp_utc", "text"]
LIBRARIES = {
    "older": ["pyarrow", "polars", "duckdb"],
    "between": ["polars", "datafusion"],
    "current": ["pyarrow", "polars", "duckdb", "datafusion", "fastparquet"],
}
NODE = ["hyparquet", "parquet-wasm-0.6", "parquet-wasm-0.7", "parquet-wasm"]
START, END = "<!-- readers: made by `cargo xtask readers` -->", "<!-- /readers -->"


@dataclass
class Reading:
    """What one reader did with all tables: cells by type, those that differ, and why a file was not read."""

    title: str
    cells: Counter[str] = field(default_factory=Counter)
    other: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def is_same(self) -> bool:
        return not self.other and not self.errors and bool(self.cells)


@dataclass(frozen=True)
class Expected:
    """A converted table: the types of its columns, and its cells in their normal form."""

    kinds: list[str]
    columns: list[list[str | None]]


def convert(program: str, folder: Path) -> dict[str, Expected]:
    """Converts the tables, and makes sure that they say what their source says before anybody else reads them."""
    expected = {}
    for name, of in sources():
        work = folder / "work"
        work.mkdir(exist_ok=True)
        source = work / "in.csv"
        source.write_bytes(of.data())
        # The least memory makes several row groups of what is not small.
        converted = Program(program, work, ("--memory-mb", "16")).convert(source, told(of), text=False)
        if isinstance(converted, Refused):
            continue
        changes = judge(of, converted).changes
        if changes:
            raise SystemExit(f"{name}: {changes[0]}")
        kinds = [column["type"] for column in converted.profile["columns"]]
        columns = [[normal(row[at], kind) for row in converted.rows] for at, kind in enumerate(kinds)]
        (work / "out.parquet").rename(folder / f"{name}.parquet")
        (folder / f"{name}.kinds.json").write_text(json.dumps(kinds))
        expected[name] = Expected(kinds, columns)
    return expected


def read(command: list[str], folder: Path, expected: dict[str, Expected]) -> Reading:
    """Runs a reader whose name is the word before the folder. Where it ends early, the file that it was at is its fault, and the
    others are read anew."""
    reader = command[-1]
    reading = Reading(reader)
    left = list(expected)
    while left:
        ended = subprocess.run([*command, str(folder), *left], capture_output=True, encoding="utf-8", check=False)
        done = 0
        while done < len(left) and (path := folder / f"{left[done]}.{reader}.json").exists():
            take(reading, left[done], expected[left[done]], json.loads(path.read_text()))
            done += 1
        if done < len(left):
            said = (ended.stderr.strip().splitlines() or [""])[-1]
            # Which table it was is not told: it concerns the safety of another program.
            reading.errors.append("some tables: the process ended" if ended.returncode < 0 else f"{left[done]}: {said}")
        left = left[done + 1 :]
    for name in expected:
        (folder / f"{name}.{reader}.json").unlink(missing_ok=True)
    return reading


def take(reading: Reading, name: str, truth: Expected, answer: dict[str, Any]) -> None:
    # The packages of npm are named after their versions where there are several.
    reading.title = f"{reading.title.split('-0')[0].split()[0]} {answer['version']}"
    if "error" in answer:
        reading.errors.append(f"{name}: {answer['error']}")
    else:
        check(reading, name, truth, answer["columns"])


def check(reading: Reading, name: str, truth: Expected, columns: list[list[Any]]) -> None:
    if [len(column) for column in columns] != [len(column) for column in truth.columns]:
        reading.errors.append(f"{name}: other rows or columns")
        return
    for kind, expected, found in zip(truth.kinds, truth.columns, columns, strict=True):
        reading.cells[kind] += len(expected)
        for one, two in zip(expected, found, strict=True):
            if one != two:
                reading.other[kind] += 1
                reading.examples.setdefault(kind, f"{short(one)} is {short(two)}")


def short(text: str | None) -> str:
    return "null" if text is None else f"`{text[:60]}`"


def read_all(options: argparse.Namespace, folder: Path, expected: dict[str, Expected]) -> list[Reading]:
    commands = []
    for named in options.python:
        place, _, python = named.partition("=")
        commands += [[python, str(HERE / "read_python.py"), library] for library in LIBRARIES[place]]
    if options.node:
        commands += [[options.node, str(HERE / "read_node.mjs"), options.modules, library] for library in NODE]
    readings = [read(command, folder, expected) for command in commands]
    return sorted(
        readings,
        key=lambda reading: [
            part.zfill(6) if part.isdecimal() else part for part in reading.title.replace(" ", ".").split(".")
        ],
    )


def table(readings: list[Reading], expected: dict[str, Expected]) -> list[str]:
    cells = Counter(
        kind
        for truth in expected.values()
        for kind, column in zip(truth.kinds, truth.columns, strict=True)
        for _ in column
    )
    lines = ["| reader | " + " | ".join(TYPES) + " |", "| --- |" + " ---: |" * len(TYPES)]
    lines.append("| cells | " + " | ".join(f"{cells[kind]:,}" for kind in TYPES) + " |")
    for reading in readings:
        lines.append(f"| {reading.title} | " + " | ".join(verdict(reading, kind, cells[kind]) for kind in TYPES) + " |")
    return lines


def verdict(reading: Reading, kind: str, cells: int) -> str:
    """What was read the same. Where files were not read, of how many cells."""
    read = reading.cells[kind]
    if not read:
        return "not read"
    same = f"{reading.other[kind]:,} differ" if reading.other[kind] else "same"
    return same if read == cells else f"{same} of {read:,}"


def notes(readings: list[Reading]) -> list[str]:
    """What differs, with the first cell of each type."""
    lines = []
    for reading in readings:
        found = [f"{kind}: {example}" for kind, example in reading.examples.items()]
        grouped: dict[str, list[str]] = defaultdict(list)
        for error in reading.errors:
            name, _, why = error.partition(": ")
            grouped[why].append(name)
        for why, names in grouped.items():
            names = list(dict.fromkeys(names))
            found.append(f"{', '.join(names[:3])}{' …' if len(names) > 3 else ''}: {why}")
        if found:
            lines += [f"- {reading.title}", *(f"  - {what}" for what in found)]
    return lines


def put(page: Path, lines: list[str], check_only: bool) -> bool:
    """Puts the table between its marks, or says whether it is there."""
    kept = page.read_text(encoding="utf-8")
    before, _, rest = kept.partition(START)
    made = f"{before}{START}\n\n" + "\n".join(lines) + f"\n\n{END}{rest.partition(END)[2]}"
    if not check_only:
        page.write_text(made, encoding="utf-8")
    return made == kept


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    parser.add_argument("--python", action="append", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--node")
    parser.add_argument("--modules")
    parser.add_argument("--must", default="pyarrow,polars,duckdb")
    parser.add_argument("--page", type=Path)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        expected = convert(options.program, folder)
        readings = read_all(options, folder, expected)
    lines = [*table(readings, expected), "", *notes(readings)]
    print("\n".join(lines))
    if options.page and not put(options.page, lines, options.check) and options.check:
        print(f"error: {options.page} has another table")
        return 1
    must = [reading for reading in readings if reading.title.split()[0] in options.must.split(",")]
    wrong = [reading.title for reading in must if not reading.is_same()]
    if wrong or not must:
        print(f"error: {', '.join(wrong) or 'no reader'} does not read the same cells")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
