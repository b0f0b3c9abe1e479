"""Values of Python in one form of text, so that readers can be compared. It depends on nothing: each reader has its own Python."""

import datetime
import struct
from decimal import Decimal
from typing import Any


def normal(value: Any, kind: str) -> str | None:
    """The value of a column whose type consign names. What is of another type is said to be so, and differs."""
    if value is None or (value != value and kind != "float64"):
        return None
    form = FORMS[kind]
    try:
        return form(value)
    except (TypeError, ValueError, AttributeError, OverflowError, struct.error):
        return f"{type(value).__name__} {value}"


def whole(value: Any) -> str:
    # A double that stands for an integer has lost what it is.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else f"{type(value).__name__} {value}"


def decimal(value: Any) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else f"{type(value).__name__} {value}"


def double(value: Any) -> str:
    return struct.pack(">d", float(value)).hex() if value == value else "NaN"


def boolean(value: Any) -> str:
    return str(bool(value)).lower()


def date(value: Any) -> str:
    if isinstance(value, datetime.datetime):
        value = value.date()
    return str(value.isoformat())


def time(value: Any) -> str:
    if isinstance(value, datetime.timedelta):  # The time since midnight.
        value = (datetime.datetime.min + value).time()
    return str(value.isoformat(timespec="microseconds"))


def timestamp(value: Any) -> str:
    if value.tzinfo is not None:
        return f"aware {value}"
    return str(value.isoformat(timespec="microseconds"))


def moment(value: Any) -> str:
    if value.tzinfo is None:
        return f"naive {value}"
    return str(value.astimezone(datetime.UTC).replace(tzinfo=None).isoformat(timespec="microseconds"))


def text(value: Any) -> str:
    return value if isinstance(value, str) else f"{type(value).__name__} {value}"


FORMS = {
    "int64": whole,
    "decimal": decimal,
    "float64": double,
    "boolean": boolean,
    "date": date,
    "time": time,
    "timestamp": timestamp,
    "timestamp_utc": moment,
    "text": text,
}
