"""The rules by which a typed value says the same as its source text. They are written after the table of types in
shared/tabular/src/lib.rs, and share no code with it.

- integer: its digits are the text
- decimal: the same number, with at least as many digits behind the point as the text has
- double: written with as many significant digits as the text has, it gives the digits of the text
- boolean, date, time: the text, read by the notation that the profile names, is the value
- timestamp: the same clock; with a zone, the same moment
- null: an empty cell, or in a column that is not text a null token, which the profile counts
- text: the text

Blanks around a value of a column that is not text are no part of it; the profile counts such cells.
"""

import datetime
import math
import re
from decimal import Decimal
from typing import Any

BLANKS = " \t\u00a0"
NULL_TOKENS = {
    "",
    "NA",
    "N/A",
    "n/a",
    "#N/A",
    "#NA",
    "<NA>",
    "<null>",
    "NULL",
    "Null",
    "null",
    "None",
    "\\N",
    "NaN",
    "nan",
    "#NULL!",
    "-nan",
    "NAN",
}
NOT_A_NUMBER = {"NaN", "nan", "NAN", "-nan"}
TRUE = {"true", "TRUE", "True", "yes", "YES", "Yes", "t", "T"}
FALSE = {"false", "FALSE", "False", "no", "NO", "No", "f", "F"}
NUMBER = re.compile(r"-?(?P<whole>[0-9]*)(?:\.(?P<fraction>[0-9]*))?(?:[eE](?P<exponent>[+-]?[0-9]+))?")
GROUPS = {"comma": ". \u00a0\u202f'", "point_grouped": ",'", "point_spaced": " \u00a0\u202f", "point": ""}
TIME = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?( ?[aApP][mM])?")
ZONE = re.compile(r" ?(?:(Z|UTC|GMT)|([+-])(\d\d):?(\d\d)?)")
MICROS = 1_000_000


def says_same(text: str, value: Any, column: dict[str, Any]) -> bool:
    """Whether a value that is not null says what the text says."""
    kind = column["type"]
    if kind == "text":
        return value == text
    rule = RULES[kind]
    return rule(text.strip(BLANKS), value, column)


def is_null(text: str | None, kind: str) -> bool:
    """Whether a cell may be null in a column of this type."""
    if text is None:
        return True
    return (
        kind != "text"
        and text.strip(BLANKS) in NULL_TOKENS
        and not (kind == "float64" and text.strip(BLANKS) in NOT_A_NUMBER)
    )


def integer(text: str, value: int, _column: dict[str, Any]) -> bool:
    return str(value) == text


def plain(text: str, column: dict[str, Any]) -> str:
    """A decimal in the notation of its column, with a point and without groups, unit and blanks."""
    text = text.replace(column.get("unit") or "\0", "").strip(" \u00a0\u202f")
    form = column.get("number_format", "point")
    for sign in GROUPS[form]:
        text = text.replace(sign, "")
    return text.replace(",", ".") if form == "comma" else text


def decimal(text: str, value: Decimal, column: dict[str, Any]) -> bool:
    number = NUMBER.fullmatch(plain(text, column))
    if number is None or number["exponent"]:
        return False
    return Decimal(number.group()) == value and len(number["fraction"] or "") <= column["scale"]


def double(text: str, value: float, _column: dict[str, Any]) -> bool:
    word = text.lower().lstrip("+-")
    if word in ("inf", "infinity"):
        return math.isinf(value) and (value < 0) == text.startswith("-")
    if text in NOT_A_NUMBER:
        return math.isnan(value)
    number = NUMBER.fullmatch(text)
    if number is None or not math.isfinite(value):
        return False
    digits = (number["whole"] + (number["fraction"] or "")).strip("0")
    if (math.copysign(1, value) < 0) != text.startswith("-"):
        return False
    if not digits:
        return value == 0
    return Decimal(f"{value:.{len(digits) - 1}e}") == Decimal(text)


def boolean(text: str, value: bool, _column: dict[str, Any]) -> bool:
    return text in (TRUE if value else FALSE)


def parse_date(text: str, order: str) -> datetime.date | None:
    parts = re.split(r"[-/.]", text)
    if len(parts) != 3 or not all(part.isdecimal() for part in parts):
        return None
    first, second, third = (int(part) for part in parts)
    year, month, day = {
        "year_month_day": (first, second, third),
        "day_month_year": (third, second, first),
        "month_day_year": (third, first, second),
    }[order]
    try:
        return datetime.date(year, month, day)
    except ValueError:
        return None


def date(text: str, value: datetime.date, column: dict[str, Any]) -> bool:
    return parse_date(text, column.get("date_order", "year_month_day")) == value


def parse_time(text: str) -> int | None:
    """Microseconds since midnight."""
    found = TIME.fullmatch(text)
    if found is None:
        return None
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    fraction = (found[4] or "").ljust(6, "0")
    if found[5]:
        hour = hour % 12 + 12 * (found[5].strip().lower() == "pm")
    exact = not fraction[6:].strip("0")
    return ((hour * 60 + minute) * 60 + second) * MICROS + int(fraction[:6]) if exact else None


def micros(value: datetime.time) -> int:
    return ((value.hour * 60 + value.minute) * 60 + value.second) * MICROS + value.microsecond


def time(text: str, value: datetime.time, _column: dict[str, Any]) -> bool:
    return parse_time(text) == micros(value)


def timestamp(text: str, value: datetime.datetime, column: dict[str, Any]) -> bool:
    zone = re.search(ZONE.pattern + "$", text) if column["type"] == "timestamp_utc" else None
    if column["type"] == "timestamp_utc" and zone is None:
        return False
    clock = text[: zone.start()] if zone else text
    day, _, hours = clock.replace("T", " ", 1).partition(" ")
    start, since = parse_date(day, column.get("date_order", "year_month_day")), parse_time(hours)
    if start is None or since is None:
        return False
    # Timestamps of the years 1 and 9999 leave the range of Python's in UTC: counted in microseconds, they do not.
    expected = start.toordinal() * 86_400 * MICROS + since - offset(zone) * MICROS
    found = value.toordinal() * 86_400 * MICROS + micros(value.time())
    return expected == found


def offset(zone: re.Match[str] | None) -> int:
    """Seconds east of UTC."""
    if zone is None or zone[1]:
        return 0
    seconds = int(zone[3]) * 3600 + int(zone[4] or 0) * 60
    return -seconds if zone[2] == "-" else seconds


RULES = {
    "int64": integer,
    "decimal": decimal,
    "float64": double,
    "boolean": boolean,
    "date": date,
    "time": time,
    "timestamp": timestamp,
    "timestamp_utc": timestamp,
}
