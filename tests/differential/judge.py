"""Whether what came out of a conversion is what the table says: every cell, every row, and the counts of the profile."""

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import canonical
from consign import Converted
from tables import Cell, Table

LINE_END = re.compile(r"\r\n|\r|\n")
SHOWN = 80


@dataclass
class Verdict:
    """What was found. A change is a cell or a row that is not what it was, with nothing that says so."""

    changes: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    cells: int = 0


def shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text)} letters)"


def numbered(table: Table) -> list[tuple[int, int, list[Cell]]]:
    """Every row with the line where it begins and the number it has among the rows; the header has -1."""
    first = -1 if table.dialect.header else 0
    rows = [table.names] * table.dialect.header + table.rows
    found, line = [], 1
    for at, (row, text) in enumerate(zip(rows, table.lines(), strict=True)):
        found.append((line, at + first, row))
        line += 1 + len(LINE_END.findall(text))
    return found


def judge(table: Table, converted: Converted) -> Verdict:
    """Judges every cell. Rows may be missing where rejects or the profile name them."""
    verdict = Verdict()
    profile = converted.profile
    parts = ("skipped_lines", "header_lines", "row_lines", "rejects", "blank_lines")
    if profile["lines"] != sum(profile[part] for part in parts):
        verdict.changes.append("lines are not the sum of what they were taken for")
    body = rows_left(table, converted, verdict)
    if len(body) != len(converted.rows):
        verdict.changes.append(f"{len(body)} rows are left in the source, {len(converted.rows)} in Parquet")
        return verdict
    names(table, profile, verdict)
    for at, column in enumerate(profile["columns"]):
        texts = [row[at].value if at < len(row) else None for row in body]
        values = [row[at] for row in converted.rows]
        if at >= table.width and any(value is not None for value in values):
            verdict.changes.append(f"{column['name']} is a column that the table does not have")
        compare(column, texts, values, verdict)
    missing(body, table.width, len(profile["columns"]), verdict)
    return verdict


def missing(body: list[list[Cell]], width: int, found: int, verdict: Verdict) -> None:
    """Delimiters that end every row, and blanks behind them, make no column. Nothing tells them from a last column that has no
    cell and no name."""
    for at in range(found, width):
        if any(at < len(row) and (row[at].quoted or row[at].text.strip(" ")) for row in body):
            verdict.changes.append(f"{found} columns of {width}")
            return
        verdict.seen["last columns without a cell, taken for delimiters that end rows"] += 1


def rows_left(table: Table, converted: Converted, verdict: Verdict) -> list[list[Cell]]:
    """The rows that nothing names as skipped, as header or as rejected."""
    profile = converted.profile
    first = profile["dialect"]["first_line"] + (profile["header_lines"] if profile["header"] else 0)
    rejected = {reject["line"]: reject["reason"] for reject in converted.rejects}
    left = []
    for line, number, row in numbered(table):
        if line < first:
            verdict.seen["rows that became names of columns"] += number >= 0
        elif line in rejected:
            known = number in table.ragged
            verdict.seen[
                f"rows rejected: {rejected[line]}" if known else f"rows rejected though they fit: {rejected[line]}"
            ] += 1
        elif number in table.ragged and len(row) < table.width:
            verdict.seen["short rows kept, with nulls"] += 1
            left.append(row)
        elif number in table.ragged:
            verdict.changes.append(f"line {line} has too many fields and was not rejected")
        else:
            left.append(row)
    return left


def names(table: Table, profile: dict[str, Any], verdict: Verdict) -> None:
    found = profile["dialect"]
    if not (table.dialect.header and profile["header"] and (found["first_line"], found["header_rows"]) == (1, 1)):
        return
    for cell, column in zip(table.names, profile["columns"], strict=False):
        name = column.get("original_name", column["name"])
        if name.strip() != cell.text.strip():
            verdict.changes.append(f"the column {shown(cell.text)} is named {shown(name)}")


def compare(column: dict[str, Any], texts: list[str | None], values: list[Any], verdict: Verdict) -> None:
    kind = column["type"]
    tokens = padded = 0
    for text, value in zip(texts, values, strict=True):
        verdict.cells += 1
        if value is None:
            tokens += text is not None
            fits = canonical.is_null(text, kind)
        else:
            fits = text is not None and canonical.says_same(text, value, column)
            padded += kind != "text" and text is not None and text != text.strip(canonical.BLANKS)
        if not fits:
            verdict.changes.append(f"{column['name']} ({kind}): {shown(text)} became {shown(value)}")
    verdict.seen[f"cells of type {kind}"] += len(values)
    for what, count in (("null_tokens", tokens), ("padded", padded)):
        if column[what] != count:
            verdict.changes.append(
                f"{column['name']} ({kind}): the profile counts {column[what]} {what}, there are {count}"
            )


def sees(table: Table, converted: Converted) -> bool:
    """Whether the judge notices a cell that is changed, one that is lost or made up, and a row that is missing."""
    first, *others = converted.rows

    def with_first(value: Any) -> Converted:
        return replace(converted, rows=[(value, *first[1:]), *others])

    damaged = [with_first("other"), with_first(None if first[0] else "x"), replace(converted, rows=others)]
    return not judge(table, converted).changes and all(judge(table, other).changes for other in damaged)


def dialect_found(table: Table, profile: dict[str, Any]) -> bool:
    """Whether the text was divided as it was written. Where it was not, the profile says so."""
    found = profile["dialect"]
    other = ("backslash", "merged_delimiters", "bare_quotes", "spaced_delimiters", "blanks_before_quote")
    one = table.width == 1 and len(profile["columns"]) == 1
    delimiter = one or found["delimiter"] == table.dialect.delimiter
    return delimiter and found["quote"] in ('"', None) and not any(found[name] for name in other)
