"""Random tables through consign, cell by cell against what their generator wrote, Python's `csv` and DuckDB.

Each table is converted three times: with every column as text and with types, both told delimiter, header and encoding,
and with types and nothing told. See README.md here. Exits 1 where a cell changed silently.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

import peers
from consign import Program, Refused
from judge import Verdict, dialect_found, judge, sees
from minimise import minimise
from tables import Table, table

PART = 100
HINTED = {"utf-16-bare": "utf-16le", "cp1252": "windows-1252"}


@dataclass
class Sum:
    """What all tables gave together."""

    tables: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    changes: list[str] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)

    def add(self, other: "Sum") -> None:
        self.tables += other.tables
        self.counts.update(other.counts)
        self.changes += other.changes
        self.refused |= {reason: seed for reason, seed in other.refused.items() if reason not in self.refused}


def told(of: Table) -> dict[str, Any]:
    hints: dict[str, Any] = {"delimiter": of.dialect.delimiter, "header": of.dialect.header, "skip_rows": 0}
    encoding = HINTED.get(of.dialect.encoding)
    return hints | ({"encoding": encoding} if encoding else {})


def conversions(of: Table) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """The three conversions of a table: name, hints, and whether every column stays text."""
    yield "text", told(of), True
    yield "typed", told(of), False
    encoding = HINTED.get(of.dialect.encoding)
    yield "nothing told", {"encoding": encoding} if encoding else {}, False


def convert(program: Program, of: Table, hints: dict[str, Any], text: bool) -> Verdict | str:
    """The verdict, or why there is none."""
    source = program.folder / "in.csv"
    source.write_bytes(of.data())
    outcome = program.convert(source, hints, text)
    if isinstance(outcome, Refused):
        return f"refused: {outcome.code}"
    if not dialect_found(of, outcome.profile):
        return "read in another dialect, which the profile names"
    return judge(of, outcome)


def ask_peers(of: Table, program: Program, connection: duckdb.DuckDBPyConnection, total: Sum) -> None:
    """Compares the truth with what the peers read. Where one of them differs, it is counted and says nothing of consign."""
    truth = [tuple(cell.value for cell in row) for row in of.fitting()]
    texts = [tuple(cell or "" for cell in row) for row in truth]
    plain = program.folder / ("plain.csv.gz" if of.dialect.zipped else "plain.csv")
    # DuckDB reads UTF-8 alone without an extension.
    is_utf8 = of.dialect.encoding.startswith("utf-8")
    plain.write_bytes(of.data() if is_utf8 else of.text().encode())
    readers = {
        "csv": (texts, lambda: peers.by_csv(of, of.data())),
        "DuckDB": (truth, lambda: peers.by_duckdb(connection, of, plain)),
    }
    agree = 0
    for name, (expected, read) in readers.items():
        try:
            rows = read()
        except peers.Failed as failed:
            total.counts[f"{name} fails: {failed}"] += 1
            continue
        same = rows == expected
        agree += same
        if not same:
            what = "rows" if len(rows) != len(expected) else "cells"
            total.counts[f"{name} reads other {what}"] += 1
    total.counts[f"tables on which {agree} of 2 peers agree with the generator"] += 1


def one(program: Program, connection: duckdb.DuckDBPyConnection, seed: int, total: Sum) -> None:
    of = table(seed)
    total.tables += 1
    ask_peers(of, program, connection, total)
    for name, hints, text in conversions(of):
        verdict = convert(program, of, hints, text)
        if isinstance(verdict, str):
            total.counts[f"{name}: {verdict}"] += 1
            total.refused.setdefault(f"{name}: {verdict}", seed)
            if "crashed" in verdict:
                total.changes.append(f"seed {seed}, {name}: {verdict}")
            continue
        total.counts[f"{name}: tables"] += 1
        total.counts[f"{name}: cells"] += verdict.cells
        total.counts.update({f"{name}: {what}": count for what, count in verdict.seen.items() if count})
        if verdict.changes:
            total.changes.append(report(program, of, name, verdict))


def report(program: Program, of: Table, name: str, verdict: Verdict) -> str:
    """A change with the smallest table that shows it."""

    def changes(smaller: Table) -> bool:
        settings = {known: (hints, text) for known, hints, text in conversions(smaller)}
        found = convert(program, smaller, *settings[name])
        return isinstance(found, Verdict) and bool(found.changes)

    small = minimise(of, changes)
    settings = {known: (hints, text) for known, hints, text in conversions(small)}
    last = convert(program, small, *settings[name])
    said = last.changes[0] if isinstance(last, Verdict) and last.changes else verdict.changes[0]
    return f"seed {of.seed}, {name}: {said}\n  hints {settings[name][0]}\n  {small.dialect.encoding} {small.text()[:600]!r}"


def judge_is_awake(path: str, of: Table) -> bool:
    """A judge that sees no change anywhere would let every table pass."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in.csv"
        source.write_bytes(of.data())
        converted = Program(path, Path(folder)).convert(source, told(of), text=True)
    return not isinstance(converted, Refused) and bool(converted.rows) and sees(of, converted)


def part(path: str, seeds: range) -> Sum:
    total = Sum()
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        for seed in seeds:
            one(Program(path, Path(folder)), connection, seed, total)
    return total


def show(total: Sum, seconds: float) -> None:
    for what, count in sorted(total.counts.items()):
        seed = f" (as of seed {total.refused[what]})" if what in total.refused else ""
        print(f"{count:>10,}  {what}{seed}")
    for change in total.changes[:20]:
        print(f"\nCHANGED: {change}")
    cells = sum(count for what, count in total.counts.items() if what.endswith(": cells"))
    print(f"\n{total.tables:,} tables, {cells:,} cells compared, {len(total.changes)} silent changes, {seconds:.0f} s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True, help="the program `conformance`")
    parser.add_argument("--tables", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1, help="of the first table; the others follow")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    if not judge_is_awake(options.program, table(1)):
        print("error: the judge does not see a damaged table")
        return 1
    seeds = range(options.seed, options.seed + options.tables)
    parts = [seeds[at : at + PART] for at in range(0, len(seeds), PART)]
    total, start = Sum(), time.monotonic()
    with ProcessPoolExecutor(options.jobs) as pool:
        for done in pool.map(partial(part, options.program), parts):
            total.add(done)
    show(total, time.monotonic() - start)
    # A run in which most tables could not be judged says nothing.
    judged = total.counts["text: tables"]
    if judged < options.tables * 0.9:
        print(f"error: only {judged} tables were judged")
        return 1
    return 1 if total.changes else 0


if __name__ == "__main__":
    sys.exit(main())
