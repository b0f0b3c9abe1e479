"""Texts of cells by kind: everyday values, and what readers of delimited text stumble over. Each kind takes a random source."""

from collections.abc import Callable
from random import Random

Kind = Callable[[Random], str]

WORDS = "alpha beta gamma delta Wien Graz Zürich İstanbul naïve 東京 данные Ελλάδα 🙂 e\u0301 ﬁ".split()
NASTY = [
    ",",
    ";",
    "|",
    "\t",
    '"',
    '""',
    "\n",
    "\r\n",
    "\r",
    " ",
    "'",
    "\\",
    "\\n",
    '\\"',
    "#",
    "=",
    "\u00a0",
    "\u2028",
    "\ufeff",
    "\x01",
    "\x1f",
    "\x7f",
    "\x0b",
    "\x0c",
    "\x85",
    "\u200b",
]
NULL_TOKENS = ["NA", "N/A", "n/a", "#N/A", "NULL", "null", "None", "\\N", "NaN", "nan", "-", "?", "nil"]
BOOLEANS = [
    ("true", "false"),
    ("TRUE", "FALSE"),
    ("True", "False"),
    ("yes", "no"),
    ("t", "f"),
    ("0", "1"),
    ("on", "off"),
]


def digits(rng: Random, least: int, most: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(rng.randint(least, most)))


def integer(rng: Random) -> str:
    return str(rng.choice([rng.randint(-9, 99), rng.randint(-(10**6), 10**6), rng.randint(-(2**63), 2**63 - 1)]))


def small_integer(rng: Random) -> str:
    return str(rng.randint(0, 40))


def near_limit(rng: Random) -> str:
    return str(rng.choice([2**53, 2**63, -(2**63), 2**64, 10**18, 10**38]) + rng.randint(-2, 2))


def leading_zeros(rng: Random) -> str:
    return "0" * rng.randint(0, 3) + digits(rng, 1, 6)


def huge_digits(rng: Random) -> str:
    return rng.choice("123456789") + digits(rng, 17, 60)


def money(rng: Random) -> str:
    return f"{rng.randint(-99999, 999999) / 100:.2f}"


def loose_decimal(rng: Random) -> str:
    return f"{rng.randint(-999, 9999)}.{digits(rng, 1, 6)}"


def wide_decimal(rng: Random) -> str:
    return f"{rng.randint(0, 10**12)}.{digits(rng, 10, 30)}"


def decimal_comma(rng: Random) -> str:
    return f"{rng.randint(0, 9999):,}".replace(",", rng.choice([".", ""])) + "," + digits(rng, 2, 2)


def thousands(rng: Random) -> str:
    return f"{rng.randint(0, 10**8):,}" + rng.choice(["", ".50", ".5"])


def with_unit(rng: Random) -> str:
    return rng.choice(["{} €", "{}€", "€{}", "{} %", "${}", "{} kg"]).format(money(rng))


def real(rng: Random) -> str:
    return repr(rng.choice([rng.random(), rng.gauss(0, 1e6), rng.random() * 10.0 ** rng.randint(-300, 300)]))


def exponent(rng: Random) -> str:
    return f"{rng.randint(1, 999)}{rng.choice(['e', 'E', '.5e', 'e+', 'E-'])}{rng.randint(0, 20)}"


def odd_number(rng: Random) -> str:
    return rng.choice(
        [
            "-0",
            "0",
            "-0.0",
            "+1",
            ".5",
            "5.",
            "1_000",
            "0x1F",
            "inf",
            "-inf",
            "Infinity",
            "NaN",
            "1e400",
            "1e-400",
            "5e-324",
            "١٢٣",
            "1 000",
            "1'000",
            "--1",
            "1-",
            "(1)",
            "00",
            "0.10",
            "0.1",
            "1.0",
            "1",
            "0.30000000000000004",
            "123456789.123456789",
            "9007199254740993.0",
        ]
    )


def day(rng: Random) -> tuple[int, int, int]:
    return rng.choice([rng.randint(1990, 2030), rng.randint(1, 9999)]), rng.randint(1, 12), rng.randint(1, 28)


def iso_date(rng: Random) -> str:
    return "{:04}-{:02}-{:02}".format(*day(rng))


def written_date(form: str) -> Kind:
    """Days in one notation. Most of them leave open which part is the month."""

    def kind(rng: Random) -> str:
        year, month, date = day(rng)
        return form.format(y=year, m=month, d=date)

    return kind


def odd_date(rng: Random) -> str:
    return rng.choice(
        [
            "2023-02-29",
            "2024-02-29",
            "0000-00-00",
            "31.02.2020",
            "2020-13-01",
            "12/31/1999",
            "31/12/1999",
            "1/2/3",
            "2020-1-5",
            "20200105",
            "May 5",
            "5-Mar",
            "2020-W05",
            "9999-12-31",
            "0001-01-01",
        ]
    )


def time(rng: Random) -> str:
    clock = f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}"
    return clock + rng.choice(["", f":{rng.randint(0, 59):02}", f":{rng.randint(0, 59):02}.{digits(rng, 1, 6)}"])


def odd_time(rng: Random) -> str:
    return rng.choice(
        ["24:00", "25:61", "5:08 PM", "12:00 am", "12:00 PM", "00:00", "23:59:60", "1:02:03", "100:00", "13:00 PM"]
    )


def timestamp(rng: Random) -> str:
    return iso_date(rng) + rng.choice("T ") + time(rng)


def zoned(rng: Random) -> str:
    return timestamp(rng) + rng.choice(["Z", " UTC", "+02:00", "-0530", "+00", "-18:00", "+00:00"])


def fine_timestamp(rng: Random) -> str:
    return f"{iso_date(rng)}T{rng.randint(0, 23):02}:00:00.{digits(rng, 7, 9)}"


def word(rng: Random) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 4)))


def nasty(rng: Random) -> str:
    parts = [rng.choice(NASTY) if rng.random() < 0.5 else rng.choice(WORDS) for _ in range(rng.randint(0, 6))]
    return "".join(parts)


def padded(rng: Random) -> str:
    return (
        rng.choice(["", " ", "  ", "\t", "\u00a0"])
        + rng.choice([word, small_integer, money])(rng)
        + rng.choice(["", " ", "   "])
    )


def hashed(rng: Random) -> str:
    return "#" + rng.choice(["", "1", " note", "N/A", "REF!"])


def null_token(rng: Random) -> str:
    return rng.choice(NULL_TOKENS)


def long(rng: Random) -> str:
    return rng.choice(["x", "ab ", "ä", 'q"', "l\n", ","]) * rng.randint(200, 6000)


def stray_quote(rng: Random) -> str:
    return rng.choice(['5" pipe', 'a"b', 'end"', "it's", "6' 2\"", 'say ""hi""'])


def formula(rng: Random) -> str:
    return rng.choice(["=1+1", "+43 1 58858", "-5%", "@x", '=HYPERLINK("x")', "+1", "0043"])


def boolean(rng: Random) -> Kind:
    pair = rng.choice(BOOLEANS)
    return lambda inner: inner.choice(pair)


def mixed_boolean(rng: Random) -> str:
    return rng.choice(rng.choice(BOOLEANS))


EVERYDAY: list[Kind] = [
    integer,
    small_integer,
    leading_zeros,
    money,
    loose_decimal,
    real,
    iso_date,
    time,
    timestamp,
    zoned,
    word,
    null_token,
]
ODD: list[Kind] = [
    near_limit,
    huge_digits,
    wide_decimal,
    decimal_comma,
    thousands,
    with_unit,
    exponent,
    odd_number,
    odd_date,
    odd_time,
    fine_timestamp,
    nasty,
    padded,
    hashed,
    long,
    stray_quote,
    formula,
    mixed_boolean,
]
DATES: list[Kind] = [
    written_date(form)
    for form in (
        "{d}.{m}.{y:04}",
        "{d:02}/{m:02}/{y:04}",
        "{m:02}/{d:02}/{y:04}",
        "{y:04}/{m:02}/{d:02}",
        "{d:02}-{m:02}-{y:04}",
    )
]
ALL: list[Kind] = EVERYDAY + ODD + DATES


def column(rng: Random, tall: bool) -> Kind:
    """The kind of a whole column: mostly one, sometimes with a few cells of another, sometimes anything. In a tall table the
    others are so few that the first rows do not show them."""
    chance = rng.random()
    first = boolean(rng) if chance < 0.06 else rng.choice(EVERYDAY + DATES if tall or chance < 0.5 else ALL)
    if chance > 0.93 and not tall:
        return lambda inner: inner.choice(ALL)(inner)
    if rng.random() < 0.7:
        return first
    second, share = rng.choice(ALL), rng.choice([0.0001, 0.0005] if tall else [0.02, 0.1, 0.5])
    return lambda inner: (second if inner.random() < share else first)(inner)
