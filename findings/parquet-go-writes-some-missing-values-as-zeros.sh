#!/usr/bin/env bash
# parquet-go: with `optional`, a zero is NULL, or a zero, by the rows before it
#
# Expected: for a field that is no pointer, the tag `optional` makes the zero value NULL, as the package's documentation has it: for each row alike.
# Seen: rows given to Write together, as 0, 5, 0, are written as NULL, 5, 0. So are all further zeros of that run: 0, 5, 0, 0, 0 has one NULL. 5, 0, 0
#   and 0, 5, 0, 0, 7, 0, 0 are right. The same rows, written one by one, are right too. Of the patterns of 3 rows one in 8 is hit, of 10 rows 15 in
#   1024.
# With: github.com/parquet-go/parquet-go v0.32.0, pyarrow 26.0.1 as the reader; go 1.26; 2026-11-29.
# Matters: missing amounts become amounts of 0, counts of NULL are too low, and averages change, with a pattern that a test of two rows does not have.
#   Use pointers for what may be missing.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1
cat > main.go <<'GO'
package main

import (
	"os"

	"github.com/parquet-go/parquet-go"
)

type row struct {
	N int64  `parquet:"n,optional"`
	S string `parquet:"s,optional"`
}

func write(name string, one bool, numbers ...int64) {
	file, err := os.Create(name)
	if err != nil {
		panic(err)
	}
	writer := parquet.NewGenericWriter[row](file)
	rows := make([]row, len(numbers))
	for i, number := range numbers {
		if rows[i].N = number; number != 0 {
			rows[i].S = "x"
		}
	}
	if one {
		for i := range rows {
			if _, err := writer.Write(rows[i : i+1]); err != nil {
				panic(err)
			}
		}
	} else if _, err := writer.Write(rows); err != nil {
		panic(err)
	}
	if err := writer.Close(); err != nil {
		panic(err)
	}
	file.Close()
}

func main() {
	write("together.parquet", false, 0, 5, 0, 0, 0)
	write("one-by-one.parquet", true, 0, 5, 0, 0, 0)
	write("other.parquet", false, 5, 0, 0, 0, 0)
}
GO
export GOPATH="$work/go" GOFLAGS=-mod=mod
go mod init example >log 2>&1 && go get github.com/parquet-go/parquet-go@v0.32.0 >>log 2>&1 || { cat log; exit 1; }
go run .
venv/bin/python - <<'PY'
import pyarrow.parquet
read = {name: pyarrow.parquet.read_table(f"{name}.parquet").to_pydict() for name in ("together", "one-by-one", "other")}
for item in read.items():
    print(*item)
assert read["together"] == {"n": [None, 5, 0, 0, 0], "s": [None, "x", "", "", ""]}
assert read["one-by-one"] == {"n": [None, 5, None, None, None], "s": [None, "x", None, None, None]}
assert read["other"]["n"] == [5, None, None, None, None]
PY
