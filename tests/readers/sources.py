"""Tables for the readers: every type with its extremes, one of several row groups, numbers that hardly come again, a wide one,
and random ones."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from tables import Cell, Dialect, Table, table

PLAIN = Dialect(",", "\n", header=True, trailing=False, encoding="utf-8", zipped=False, ends=True)
ROWS = 3_000
GROUP_ROWS = 150_000
WIDE = 600
RANDOM = 40

TYPES: dict[str, list[str]] = {
    "integer": ["0", "-1", "9223372036854775807", "-9223372036854775808", "9007199254740993"],
    "small_integer": ["1", "2", "3", "40"],
    "decimal": ["0.10", "-0.01", "99999999999999.99", "-99999999999999.99", "1234.50"],
    "wide_decimal": ["12345678901234567890.12", "-98765432109876543210.99", "0.01", "-0.01"],
    "double": ["0.1e0", "-0.0", "1e308", "-2.5e-300", "3.141592653589793", "inf", "-inf", "1e23"],
    "boolean": ["true", "false"],
    "date": ["0001-01-01", "1582-10-15", "1969-12-31", "1970-01-01", "2024-02-29", "9999-12-31"],
    "time": ["00:00:00", "23:59:59.999999", "12:00:00.000001", "08:30:00"],
    "timestamp": [
        "0001-01-01T00:00:00",
        "1969-12-31T23:59:59.999999",
        "2024-02-29 12:00:00.123456",
        "9999-12-31T23:59:59.999999",
    ],
    "timestamp_utc": ["1678-01-01T00:00:00Z", "2024-05-01T10:00:00.123456+02:00", "2262-01-01T00:00:00Z"],
    "text": ["a", "Zürich", "東京 🙂", "a\nb", '"', "007", "x" * 5_000, " ", "\x01"],
}


def cell(text: str, at: int) -> Cell:
    # A seventh of the cells is missing. In quotes, an empty text is a text; elsewhere a null.
    if at % 7 == 3:
        return Cell("", False)
    return Cell(text, any(sign in text for sign in ',"\n\r'))


def of_types() -> Table:
    columns = [[cell(values[at % len(values)], at) for at in range(ROWS)] for values in TYPES.values()]
    columns[-1][5] = Cell("", True)
    return Table(0, PLAIN, [Cell(name, False) for name in TYPES], [list(row) for row in zip(*columns, strict=True)])


def of_groups() -> Table:
    rng = Random(1)
    rows = [
        [
            Cell(str(at), False),
            Cell(f"{rng.getrandbits(200):x}", False),
            Cell(f"{rng.randint(0, 10**6) / 100:.2f}", False),
        ]
        for at in range(GROUP_ROWS)
    ]
    return Table(0, PLAIN, [Cell("id", False), Cell("text", False), Cell("price", False)], rows)


def of_spread(bits: int) -> Table:
    """Numbers that hardly come again: they are kept as differences, of up to so many bits."""
    rng = Random(bits)
    rows = [
        [str(at), str(rng.getrandbits(20)), str(rng.getrandbits(bits - 1) - 2 ** (bits - 2))] for at in range(2_000)
    ]
    return Table(
        0,
        PLAIN,
        [Cell(name, False) for name in ("id", "narrow", "wide")],
        [[Cell(text, False) for text in row] for row in rows],
    )


def of_moments() -> Table:
    """Timestamps that hardly come again."""
    rng = Random(3)

    def moment() -> str:
        day = f"{rng.randint(1678, 2261)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
        return f"{day}T{rng.randint(0, 23):02}:00:00.{rng.randint(0, 999_999):06}"

    rows = [[Cell(moment(), False), Cell(moment() + "Z", False)] for _ in range(2_000)]
    return Table(0, PLAIN, [Cell("timestamp", False), Cell("timestamp_utc", False)], rows)


def wide() -> Table:
    rows = [[Cell(str(at * column), False) for column in range(WIDE)] for at in range(50)]
    return Table(0, PLAIN, [Cell(f"c{column}", False) for column in range(WIDE)], rows)


def sources() -> Iterator[tuple[str, Table]]:
    yield "types", of_types()
    yield "groups", of_groups()
    yield "40 bits", of_spread(40)
    yield "64 bits", of_spread(64)
    yield "moments", of_moments()
    yield "wide", wide()
    for seed in range(1, RANDOM + 1):
        of = table(seed)
        names = [Cell(f"c{at}", False) for at in range(of.width)]
        yield f"random {seed}", replace(of, names=names, dialect=replace(of.dialect, header=True))
