"""Everyday cells that readers of delimited text change, each in a small table, with what keeps it."""

import datetime
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Keeps = Callable[[Any], bool]
FAR = 100_000


@dataclass(frozen=True)
class Trap:
    """A table, the cell that is asked for, and which values say what the cell says."""

    group: str
    name: str
    cell: str
    data: bytes
    keeps: Keeps
    key: str | None = "1"  # The first cell of the row; None asks for names of columns.
    column: int = 1
    beside: str | None = None  # The key of a row whose value has to be another.
    note: str = ""


def text(expected: str) -> Keeps:
    """Nothing but the text keeps it."""
    return lambda value: value == expected


def digits(expected: str) -> Keeps:
    """The text, or a number that is written with the same digits."""
    return lambda value: not isinstance(value, bool) and str(value) == expected


def number(expected: str) -> Keeps:
    """The text, or the same number exactly. A double is what it is, not what it is shown as."""

    def keeps(value: Any) -> bool:
        if isinstance(value, str):
            return value == expected
        return (
            isinstance(value, int | float | Decimal)
            and not isinstance(value, bool)
            and Decimal(value) == Decimal(expected.replace(",", "."))
        )

    return keeps


def day(expected: str, year: int, month: int, date: int) -> Keeps:
    moment = datetime.datetime(year, month, date)
    return lambda value: value in (expected, moment, moment.date())


def word(expected: str, meaning: bool) -> Keeps:
    return lambda value: value == expected or value is meaning


def rows(*cells: str, name: str = "value", delimiter: str = ",") -> bytes:
    """A table with a number for each cell. The cells are as written."""
    lines = [f"id{delimiter}{name}"] + [f"{at}{delimiter}{cell}" for at, cell in enumerate(cells, 1)]
    return ("\n".join(lines) + "\n").encode()


def far(usual: Callable[[int], str], last: str) -> bytes:
    return rows(*(usual(at) for at in range(FAR)), last)


IDS = "Numbers that are names"
NUMBERS = "Numbers that count"
TIMES = "Dates and times"
MISSING = "Missing values and words"
SHAPE = "Rows, quotes and names"
BYTES = "Bytes"

TRAPS = [
    Trap(IDS, "leading zeros", "007", rows("007", "042", "100"), text("007")),
    Trap(
        IDS,
        "leading zeros, far down",
        "00420",
        far(lambda at: str(10_000 + at % 89_999), "00420"),
        text("00420"),
        key=str(FAR + 1),
        note=f"The first {FAR:,} cells are numbers without leading zeros.",
    ),
    Trap(
        IDS,
        "20 digits",
        "12345678901234567890",
        rows("12345678901234567890", "98765432109876543210"),
        digits("12345678901234567890"),
    ),
    Trap(
        IDS,
        "beyond 2^53, beside an empty cell",
        "9007199254740993",
        rows("9007199254740993", ""),
        digits("9007199254740993"),
    ),
    Trap(IDS, "article number", "1e5", rows("1e5", "2e7", "4e2"), text("1e5")),
    Trap(
        IDS,
        "article number among numbers",
        "1e5",
        rows("1e5", "4711", "4712"),
        text("1e5"),
        note="Read as a number with an exponent, as in files of measurements.",
    ),
    Trap(IDS, "telephone number", "+4315880110", rows("+4315880110", "+4315880120"), text("+4315880110")),
    Trap(IDS, "version", "1.10", rows("1.10", "1.11", "1.12"), digits("1.10")),
    Trap(
        IDS,
        "version beside a longer one",
        "1.9",
        rows("1.9", "1.10", "1.11"),
        digits("1.9"),
        note="A decimal column has one number of digits behind the point: 1.9 becomes 1.90.",
    ),
    Trap(IDS, "hexadecimal", "0x1F", rows("0x1F", "0x2A"), text("0x1F")),
    Trap(IDS, "digits with an underscore", "1_000", rows("1_000", "2_000"), text("1_000")),
    Trap(NUMBERS, "price", "0.10", rows("0.10", "2.50", "3.00"), digits("0.10")),
    Trap(NUMBERS, "0.1 exactly", "0.1", rows("0.1", "0.2"), number("0.1")),
    Trap(
        NUMBERS,
        "large decimal beside a small one",
        "1234567890123456.78",
        rows("1234567890123456.78", "0.10"),
        number("1234567890123456.78"),
    ),
    Trap(NUMBERS, "decimal comma", "3,50", rows("3,50", "12,00", name="price", delimiter=";"), number("3,50")),
    Trap(NUMBERS, "comma, as thousands or decimal", "1,234", rows('"1,234"', '"5,678"'), text("1,234")),
    Trap(
        NUMBERS,
        "text in a column of numbers, far down",
        "unknown",
        far(str, "unknown"),
        text("unknown"),
        key=str(FAR + 1),
        note=f"The first {FAR:,} cells are integers.",
    ),
    Trap(
        NUMBERS,
        "percentage",
        "5 %",
        rows("5 %", "10 %"),
        text("5 %"),
        note="The sign is kept in the profile and in the metadata of the column.",
    ),
    Trap(
        NUMBERS,
        "negative zero",
        "-0",
        rows("-0", "1", "2"),
        digits("-0"),
        note="As a double it is -0.0, and so are the other cells.",
    ),
    Trap(
        NUMBERS,
        "blanks around a number",
        " 7",
        rows(" 7", "8", " 9"),
        text(" 7"),
        note="The value is 7. The profile counts cells with blanks.",
    ),
    Trap(TIMES, "day or month first", "03/04/2024", rows("03/04/2024", "05/06/2024"), text("03/04/2024")),
    Trap(
        TIMES,
        "day first, as another cell shows",
        "03/04/2024",
        rows("03/04/2024", "25/04/2024"),
        day("03/04/2024", 2024, 4, 3),
    ),
    Trap(
        TIMES,
        "month first, as another cell shows",
        "03/04/2024",
        rows("03/04/2024", "04/25/2024"),
        day("03/04/2024", 2024, 3, 4),
    ),
    Trap(
        TIMES,
        "day first, as a cell far down shows",
        "03/04/2024",
        rows("03/04/2024", *["05/06/2024"] * FAR, "25/04/2024"),
        day("03/04/2024", 2024, 4, 3),
    ),
    Trap(TIMES, "end of a day", "24:00", rows("24:00", "08:00"), text("24:00")),
    Trap(
        TIMES,
        "offset from UTC",
        "2024-05-01T10:00:00+02:00",
        rows("2024-05-01T10:00:00+02:00", "2024-05-02T10:00:00+02:00"),
        text("2024-05-01T10:00:00+02:00"),
        note="The moment is kept, in UTC. The offset is gone; the profile counts such cells.",
    ),
    Trap(
        TIMES,
        "seven digits of a second",
        "2024-05-01 10:00:00.1234567",
        rows("2024-05-01 10:00:00.1234567", "2024-05-01 10:00:01.0000001"),
        lambda value: str(value).rstrip("0") == "2024-05-01 10:00:00.1234567",
    ),
    Trap(TIMES, "day without signs", "20240501", rows("20240501", "20240502"), digits("20240501")),
    Trap(MISSING, "Namibia among countries", "NA", rows("NA", "AT", "DE"), text("NA")),
    Trap(
        MISSING,
        "NA among numbers",
        "NA",
        rows("NA", "1", "2"),
        text("NA"),
        note="A column of numbers holds no text. The profile counts such nulls.",
    ),
    Trap(
        MISSING,
        "NaN among integers",
        "NaN",
        rows("NaN", "1", "2"),
        lambda value: value == "NaN" or value != value,
        note="As NA: null, and counted.",
    ),
    Trap(MISSING, "surname", "NULL", rows("NULL", "Smith", "Gruber"), text("NULL")),
    Trap(MISSING, "word", "None", rows("None", "Peanuts", "Milk"), text("None")),
    Trap(
        MISSING,
        "quoted empty cell beside an empty one",
        '""',
        rows('""', "", "x"),
        lambda value: value == "",
        beside="2",
    ),
    Trap(MISSING, "boolean", "TRUE", rows("TRUE", "FALSE"), word("TRUE", True)),
    Trap(MISSING, "boolean in words", "yes", rows("yes", "no"), word("yes", True)),
    Trap(
        MISSING,
        "letter",
        "F",
        rows("F", "F", "F", name="sex"),
        text("F"),
        note="A column of nothing but `t` and `f`, in one case or both, is read as boolean. A hint (`--column sex=text`) prevents it.",
    ),
    Trap(SHAPE, "blank at the end of a text", "x ", rows("x ", "y"), text("x ")),
    Trap(
        SHAPE,
        "blank after each comma",
        " x",
        b"id, value, more\n1, x, y\n2, z, w\n",
        text(" x"),
        note="Where a blank follows every comma, it is taken as a part of it. The profile names the dialect.",
    ),
    Trap(
        SHAPE,
        "row that is too short",
        "2,b",
        b"id,value,more\n1,a,x\n2,b\n3,c,y\n4,d,z\n",
        lambda value: False,
        key="2",
        column=2,
        note="A missing cell is no value: nothing keeps it.",
    ),
    Trap(
        SHAPE,
        "row that is too long",
        "2,b,x,y",
        b"id,value,more\n1,a,x\n2,b,x,y\n3,c,y\n4,d,z\n",
        lambda value: False,
        key="2",
        column=2,
    ),
    Trap(
        SHAPE,
        "quote that is not closed",
        '2,"b',
        b'id,value\n1,a\n2,"b\n3,c\n4,d\n5,e\n',
        text("c"),
        key="3",
        note="Row 3 is asked for: it must not become a part of row 2.",
    ),
    Trap(SHAPE, "quote in a cell without quotes", '5" pipe', b'id,value\n1,5" pipe\n2,6" pipe\n', text('5" pipe')),
    Trap(SHAPE, "line end in a cell", "a\\r\\nb", b'id,value\r\n1,"a\r\nb"\r\n2,c\r\n', text("a\r\nb")),
    Trap(
        SHAPE,
        "line feed in a name, rows end with CRLF",
        "a\\nb",
        b'id,"a\nb"\r\n1,x\r\n2,y\r\n',
        lambda names: names == ["id", "a\nb"],
        key=None,
    ),
    Trap(SHAPE, "cell with a hash", "#12", b"value,id\n#12,1\n#13,2\n14,3\n", text("#12"), key="#12", column=0),
    Trap(
        SHAPE,
        "note below the table",
        "Source: census",
        b"id,value\n1,a\n2,b\n3,c\n\nSource: census\n",
        text("Source: census"),
        key="Source: census",
        column=0,
        note="It is among the rejects.",
    ),
    Trap(
        SHAPE,
        "two columns of one name",
        "value,value",
        b"id,value,value\n1,a,b\n2,c,d\n",
        lambda names: names == ["id", "value", "value"],
        key=None,
    ),
    Trap(
        BYTES,
        "byte order mark",
        "id",
        b"\xef\xbb\xbfid,value\n1,a\n2,b\n",
        lambda names: names == ["id", "value"],
        key=None,
    ),
    Trap(BYTES, "UTF-16", "Zürich", "\ufeffid,value\n1,Zürich\n2,Graz\n".encode("utf-16-le"), text("Zürich")),
    Trap(BYTES, "Windows-1252", "Zürich", "id,value\n1,Zürich\n2,Graz\n".encode("cp1252"), text("Zürich")),
    Trap(BYTES, "gzip", "Zürich", gzip.compress("id,value\n1,Zürich\n2,Graz\n".encode(), mtime=0), text("Zürich")),
]
