"""Random tables whose cells are known: the truth that every reader is judged by."""

import gzip
from dataclasses import dataclass, field, replace
from random import Random

import cells

ENCODINGS = ["utf-8"] * 14 + ["utf-8-sig"] * 3 + ["utf-16-le", "utf-16-be", "utf-16-bare"] + ["cp1252"] * 2
MARKS = {"utf-8-sig": b"\xef\xbb\xbf", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
NAMES = [
    "id",
    "name",
    "city",
    "price",
    "when",
    "note",
    "Größe",
    "first name",
    "a,b",
    'say "x"',
    "x\ny",
    "#",
    "größer als 10 %",
    "_",
    "col;1",
    "2020",
]

# The share of tables with so many rows that types are guessed from a part of them.
TALL = 0.004


@dataclass(frozen=True)
class Cell:
    """What a cell says, and whether it stands in quotes."""

    text: str
    quoted: bool

    @property
    def value(self) -> str | None:
        """An empty cell without quotes is no value; one in quotes is an empty text."""
        return None if not self.text and not self.quoted else self.text

    def written(self) -> str:
        return '"' + self.text.replace('"', '""') + '"' if self.quoted else self.text


@dataclass(frozen=True)
class Dialect:
    """How a table is written."""

    delimiter: str
    line_end: str
    header: bool
    trailing: bool
    encoding: str
    zipped: bool
    ends: bool


@dataclass(frozen=True)
class Table:
    """A table as written, with the rows that do not fit among the others."""

    seed: int
    dialect: Dialect
    names: list[Cell]
    rows: list[list[Cell]]
    ragged: frozenset[int] = field(default_factory=frozenset)

    @property
    def width(self) -> int:
        return len(self.names)

    def lines(self) -> list[str]:
        """Each row as it is written, the header first."""
        end = self.dialect.delimiter if self.dialect.trailing else ""
        head = [self.names] if self.dialect.header else []
        return [self.dialect.delimiter.join(cell.written() for cell in row) + end for row in head + self.rows]

    def text(self) -> str:
        return self.dialect.line_end.join(self.lines()) + (self.dialect.line_end if self.dialect.ends else "")

    def data(self) -> bytes:
        encoding = self.dialect.encoding
        codec = {"utf-8-sig": "utf-8", "utf-16-bare": "utf-16-le"}.get(encoding, encoding)
        data = MARKS.get(encoding, b"") + self.text().encode(codec)
        return gzip.compress(data, 1, mtime=0) if self.dialect.zipped else data

    def fitting(self) -> list[list[Cell]]:
        """The rows that belong into the table."""
        return [row for at, row in enumerate(self.rows) if at not in self.ragged]

    def is_sound(self) -> bool:
        """Empty lines above the first row of a table of one column, and below its last, are no rows."""
        ends = self.rows[-1:] if self.dialect.header else self.rows[:1] + self.rows[-1:]
        return self.width > 1 or (bool(ends) and all(row[0].value is not None for row in ends))

    def without_rows(self, gone: set[int]) -> "Table":
        kept = [at for at in range(len(self.rows)) if at not in gone]
        ragged = frozenset(new for new, old in enumerate(kept) if old in self.ragged)
        return replace(self, rows=[self.rows[at] for at in kept], ragged=ragged)

    def without_column(self, column: int) -> "Table":
        def cut(row: list[Cell]) -> list[Cell]:
            return row[:column] + row[column + 1 :]

        return replace(self, names=cut(self.names), rows=[cut(row) for row in self.rows])


def dialect(rng: Random) -> Dialect:
    encoding = rng.choice(ENCODINGS)
    return Dialect(
        delimiter=rng.choice(",,,,;;\t|"),
        line_end=rng.choice(["\n", "\n", "\n", "\r\n", "\r\n", "\r"]),
        header=rng.random() < 0.75,
        trailing=rng.random() < 0.06,
        encoding=encoding,
        zipped=encoding == "utf-8" and rng.random() < 0.1,
        ends=rng.random() < 0.8,
    )


def must_quote(text: str, written: Dialect, first: bool) -> bool:
    """What cannot stand without quotes: a mark at the beginning of a row belongs to no cell, and would be lost."""
    return (
        any(sign in text for sign in (written.delimiter, "\n", "\r"))
        or text.startswith('"')
        or (first and text.startswith("\ufeff"))
    )


class Writer:
    """Makes the cells of one table."""

    def __init__(self, rng: Random, written: Dialect) -> None:
        self.rng, self.written = rng, written
        self.share_quoted = rng.choice([0.0, 0.0, 0.1, 0.5, 1.0])
        self.quotes_strays = rng.random() < 0.8

    def cell(self, text: str, first: bool) -> Cell:
        if self.written.encoding == "cp1252":
            text = text.encode("cp1252", "ignore").decode("cp1252")
        quoted = must_quote(text, self.written, first) or ('"' in text and self.quotes_strays)
        return Cell(text, quoted or self.rng.random() < self.share_quoted)

    def row(self, kinds: list[cells.Kind], share_empty: float) -> list[Cell]:
        texts = ["" if self.rng.random() < share_empty else kind(self.rng) for kind in kinds]
        return [self.cell(text, at == 0) for at, text in enumerate(texts)]

    def names(self, width: int) -> list[Cell]:
        pool = NAMES + [f"c{number}" for number in range(width)]
        return [self.cell(name, at == 0) for at, name in enumerate(self.rng.sample(pool, width))]


def rag(rng: Random, row: list[Cell], written: Dialect) -> list[Cell]:
    """A row of another width. Where delimiters end the rows, one that is too short is no fault, and one more cell has a place."""
    if written.trailing or len(row) < 3 or rng.random() < 0.5:
        return row + [Cell("x", False)] * (rng.randint(1, 3) + written.trailing)
    # A row of one empty cell would be an empty line, which is none.
    return [Cell("x", False), *row[1 : rng.randint(1, len(row) - 1)]]


def table(seed: int) -> Table:
    """The table of a seed."""
    rng = Random(seed)
    written = dialect(rng)
    width = rng.choice([1, 2, 2, 3, 3, 4, 5, 6, 8])
    if width == 1:
        written = replace(written, trailing=False)
    writer = Writer(rng, written)
    names = writer.names(width)
    tall = rng.random() < TALL
    kinds = [cells.column(rng, tall) for _ in names]
    count = rng.randint(10_000, 20_000) if tall else rng.choice([1, 2, 3, 5, 8, 12, 20, 30, 50, 120])
    share_empty = rng.choice([0.0, 0.0, 0.05, 0.3])
    rows = [writer.row(kinds, share_empty) for _ in range(count)]
    ragged: set[int] = set()
    if count >= 20 and width > 1 and rng.random() < 0.3:
        ragged = set(rng.sample(range(count), rng.randint(1, min(count // 20, 50))))
        rows = [rag(rng, row, written) if at in ragged else row for at, row in enumerate(rows)]
    made = Table(seed, written, names, rows, frozenset(ragged))
    end = [Cell("x", False)]
    return made if made.is_sound() else replace(made, rows=[end, *rows, end])
