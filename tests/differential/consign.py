"""One table through `conformance convert`, read back by pyarrow."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet


@dataclass(frozen=True)
class Converted:
    """What a conversion gave."""

    rows: list[tuple[Any, ...]]
    profile: dict[str, Any]
    rejects: list[dict[str, Any]]


@dataclass(frozen=True)
class Refused:
    """Why there is no table."""

    code: str
    detail: str


@dataclass(frozen=True)
class Program:
    """The program `conformance`, and a folder for what it writes."""

    path: str
    folder: Path
    options: tuple[str, ...] = ()

    def convert(self, source: Path, hints: dict[str, Any], text: bool) -> Converted | Refused:
        target = self.folder / "out.parquet"
        command = [self.path, "convert", str(source), str(target), "--hints", json.dumps(hints), *self.options]
        ended = subprocess.run(command + ["--text"] * text, capture_output=True, encoding="utf-8", check=False)
        if ended.returncode == 2:
            code, _, detail = ended.stderr.strip().partition(": ")
            return Refused(code, detail)
        if ended.returncode != 0:
            return Refused("crashed", f"exit {ended.returncode}: {ended.stderr.strip()}")
        table = parquet.read_table(target, use_threads=False)
        rejects = Path(f"{target}.rejects.parquet")
        return Converted(
            rows=list(zip(*(column.to_pylist() for column in table.columns), strict=True)),
            profile=json.loads(Path(f"{target}.profile.json").read_bytes()),
            rejects=parquet.read_table(rejects, use_threads=False).to_pylist() if rejects.exists() else [],
        )
