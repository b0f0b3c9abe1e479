"""Compares a Parquet file and its profile with the delimited file they were made from, as pyarrow reads it.

usage: compare_parquet.py IN.csv OUT.parquet

Reads IN.csv with pyarrow.csv, and OUT.parquet and OUT.parquet.profile.json as `conformance convert` wrote them. Row
counts, nulls of every column and sums of numeric columns have to be equal: integers exactly, floats to 12 digits.
Exits 1 with a line for each difference.
"""

import json
import math
import sys

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

# Numbers, dates and booleans: these words are null. Text: the empty cell alone is.
NULL_TOKENS = ["", "NA", "N/A", "n/a", "#N/A", "NULL", "null", "NaN", "nan", "None"]


def read_csv(path, types, *, text):
    """Reads the columns of `types`, either all text or all typed: pyarrow knows one list of nulls for a whole file."""
    options = pyarrow.csv.ConvertOptions(
        include_columns=list(types),
        column_types=types if text else None,
        null_values=[""] if text else NULL_TOKENS,
        strings_can_be_null=text,
        quoted_strings_can_be_null=not text,
    )
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
    return pyarrow.csv.read_csv(path, parse_options=parse, convert_options=options)


def main(csv_path, parquet_path):
    profile = json.load(open(parquet_path + ".profile.json", encoding="utf-8"))
    table = pyarrow.parquet.read_table(parquet_path)
    differences = []

    def same(what, expected, *got):
        for value in got:
            close = isinstance(expected, float) and math.isclose(expected, value, rel_tol=1e-12, abs_tol=1e-9)
            if value != expected and not close:
                differences.append(f"{what}: pyarrow reads {expected!r} from the original, here it is {value!r}")

    text = {field.name: pa.string() for field in table.schema if pa.types.is_string(field.type)}
    typed = {field.name: field.type for field in table.schema if not pa.types.is_string(field.type)}
    originals = {}
    for types, is_text in ((text, True), (typed, False)):
        if types:
            original = read_csv(csv_path, types, text=is_text)
            originals.update(zip(original.column_names, original.columns))

    rows = len(next(iter(originals.values())))
    same("rows", rows, table.num_rows, profile["rows"])
    same("columns", len(originals), table.num_columns, len(profile["columns"]))
    for column in profile["columns"]:
        name = column["name"]
        original, converted = originals[name], table[name]
        same(f"nulls of {name}", original.null_count, converted.null_count, column["nulls"])
        if name in text:
            same(f"{name} cell by cell", True, original.cast(pa.string()).equals(converted.cast(pa.string())))
            continue
        same(f"kind of {name}", kind(original.type), kind(converted.type))
        if kind(converted.type) == "number":
            expected = pc.sum(original).as_py()
            same(f"sum of {name}", expected, pc.sum(converted).as_py(), column.get("sum"))
            extremes = pc.min_max(original).as_py()
            same(f"min of {name}", extremes["min"], column["min"])
            same(f"max of {name}", extremes["max"], column["max"])

    for difference in differences:
        print(difference, file=sys.stderr)
    if not differences:
        print(f"{rows} rows, {len(originals)} columns: equal")
    return 1 if differences else 0


def kind(arrow_type):
    """What pyarrow and consign have to agree on; units and widths may differ."""
    if pa.types.is_integer(arrow_type) or pa.types.is_floating(arrow_type):
        return "number"
    return "timestamp" if pa.types.is_timestamp(arrow_type) else str(arrow_type)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
