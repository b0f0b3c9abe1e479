"""Makes docs/no-silent-cell.md from what the packages that are installed do with the traps."""

import argparse
import difflib
import sys
import tempfile
from pathlib import Path

from tools import KEPT, SILENT, TOOLS, VISIBLE, Answer, Tool, ask, by_consign
from traps import TRAPS, Trap

SIGNS = {KEPT: "✓", VISIBLE: "!", SILENT: "✗"}

HEAD = """\
# No silent cell

What consign and four other readers make of the same cell. Every tool is called with a path and nothing else:
`consign convert IN OUT`, `duckdb.read_csv(IN)`, `polars.read_csv(IN)`, `pyarrow.csv.read_csv(IN)` and `pandas.read_csv(IN)`. Most of them
have options that keep such a cell, for those who know that it is there. consign has them as well; see "Hints" in
[`shared/tabular`](../shared/tabular/src/lib.rs).

`cargo xtask silent-cells` makes this page from the packages themselves. `cargo xtask test differential` fails where the page is not what
they do. The tables are in [`tests/silent-cells/traps.py`](../tests/silent-cells/traps.py).

- ✓ kept: the text, or a value that says the same. A number has the same digits, a day is the same day.
- ! changed, and the tool says so: an error, a warning, a rejected row. consign writes a profile beside each table, and what it counts there
  for the column is named behind the value. A profile helps those who read it, as a warning does.
- ✗ changed, and nothing says so.

The type stands behind the value. "No such row" means that no row has the number of the one that is asked for in its first column, and says
how many columns were read, or what the tool tells.

"""

TAIL = """
## What consign does that you may not want

A cell of these was changed by consign, or left out. With `!` the profile or the rejects say so.

"""


def cell(answer: Answer) -> str:
    if answer.value in ("error", "no such row"):
        return f"{SIGNS[answer.mark]} {answer.value}: {answer.kind}"
    return f"{SIGNS[answer.mark]} {code(answer.value)} {answer.kind}".rstrip()


def code(text: str) -> str:
    """Text as it is, in a table of Markdown."""
    text = text.replace("|", "\\|").replace("\r", "\\r").replace("\n", "\\n")
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def table(traps: list[Trap], names: list[str], answers: dict[tuple[str, str], Answer]) -> list[str]:
    lines = ["| cell | " + " | ".join(names) + " |", "| --- |" + " --- |" * len(names)]
    for trap in traps:
        found = [cell(answers[trap.group + trap.name, name]) for name in names]
        lines.append(f"| {trap.name}: {code(trap.cell)} | " + " | ".join(found) + " |")
    return lines


def summary(names: list[str], answers: dict[tuple[str, str], Answer]) -> list[str]:
    lines = ["| of " + str(len(TRAPS)) + " cells | " + " | ".join(names) + " |", "| --- |" + " ---: |" * len(names)]
    for mark, what in ((KEPT, "✓ kept"), (VISIBLE, "! changed visibly"), (SILENT, "✗ changed silently")):
        counts = [sum(answer.mark == mark for (_, tool), answer in answers.items() if tool == name) for name in names]
        lines.append(f"| {what} | " + " | ".join(str(count) for count in counts) + " |")
    return lines + [
        "",
        "These traps were chosen because readers fall into them: the shares say nothing of usual cells.",
    ]


def page(tools: dict[str, tuple[str, Tool]]) -> str:
    answers: dict[tuple[str, str], Answer] = {}
    with tempfile.TemporaryDirectory() as folder:
        for at, trap in enumerate(TRAPS):
            path = Path(folder) / f"{at}.csv{'.gz' if trap.data[:2] == bytes([0x1F, 0x8B]) else ''}"
            path.write_bytes(trap.data)
            for name, (_, tool) in tools.items():
                answers[trap.group + trap.name, name] = ask(tool, path, trap)
    titles = [f"{name} {version}".strip() for name, (version, _) in tools.items()]
    lines = [HEAD + "\n".join(rename(summary(list(tools), answers), tools, titles)), ""]
    for group in dict.fromkeys(trap.group for trap in TRAPS):
        traps = [trap for trap in TRAPS if trap.group == group]
        lines += [f"\n## {group}\n", *table(traps, list(tools), answers)]
    lines.append(TAIL.rstrip("\n") + "\n")
    for trap in TRAPS:
        answer = answers[trap.group + trap.name, "consign"]
        if answer.mark != KEPT:
            lines.append(f"- {trap.name}, {code(trap.cell)}: {cell(answer)}. {trap.note}".rstrip())
    return "\n".join(lines).rstrip() + "\n"


def rename(lines: list[str], tools: dict[str, tuple[str, Tool]], titles: list[str]) -> list[str]:
    """Versions are named once, in the first table."""
    return [lines[0].replace(" | ".join(tools), " | ".join(titles)), *lines[1:]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True, help="the program `conformance`")
    parser.add_argument("--page", required=True, type=Path)
    parser.add_argument("--check", action="store_true", help="fail where the page differs, and write nothing")
    options = parser.parse_args()
    made = page({"consign": ("", by_consign(options.program)), **TOOLS})
    if not options.check:
        options.page.write_text(made, encoding="utf-8")
        return 0
    kept = options.page.read_text(encoding="utf-8")
    difference = list(
        difflib.unified_diff(kept.splitlines(), made.splitlines(), str(options.page), "made", lineterm="", n=0)
    )
    print("\n".join(difference) or f"{options.page.name} says what {len(TRAPS)} traps give with {len(TOOLS) + 1} tools")
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
