#!/usr/bin/env bash
# parquet-go: 9999-12-31 in milliseconds is written right and read as 1816, and a time that was never set is 1754
#
# Expected: time.Time in Go reaches from year 1 far past 9999, and so do milliseconds in 64 bits. What is written into a column with the tag
#   timestamp(millisecond) comes back; and where nanoseconds cannot hold a time, the writer says so.
# Seen: the file holds 9999-12-31 and 0001-01-01 (pyarrow shows them), but the package reads them by way of nanoseconds, which wrap around: 1816-03-29
#   and 1754-08-30. With no unit in the tag a time is stored in nanoseconds, and the zero time.Time is 1754-08-30 in the file. No error on either side.
# With: github.com/parquet-go/parquet-go v0.32.0, pyarrow 26.0.1 as the other reader; go 1.26; 2026-11-29.
# Matters: a time that is not set is Go's usual "none", and 9999-12-31 a database's "open". Both become days of past centuries that pass a check for
#   plausible types. Use *time.Time, and look at IsZero before writing.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1
cat > main.go <<'GO'
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/parquet-go/parquet-go"
)

type row struct {
	Milli time.Time `parquet:"milli,timestamp(millisecond)"`
	Plain time.Time `parquet:"plain"`
}

func main() {
	now := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	rows := []row{{time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), now}, {time.Time{}, time.Time{}}}
	if err := parquet.WriteFile("t.parquet", rows); err != nil {
		panic(err)
	}
	read, err := parquet.ReadFile[row]("t.parquet")
	if err != nil {
		panic(err)
	}
	seen := ""
	for _, row := range read {
		seen += row.Milli.UTC().Format("2006-01-02 ") + row.Plain.UTC().Format("2006-01-02 ")
	}
	fmt.Println("parquet-go reads", seen)
	if seen != "1816-03-29 2026-11-29 1754-08-30 1754-08-30 " {
		os.Exit(1)
	}
}
GO
export GOPATH="$work/go" GOFLAGS=-mod=mod
go mod init example >log 2>&1 && go get github.com/parquet-go/parquet-go@v0.32.0 >>log 2>&1 || { cat log; exit 1; }
go run .
venv/bin/python - <<'PY'
import pyarrow, pyarrow.compute, pyarrow.parquet
table = pyarrow.parquet.read_table("t.parquet")
seen = [[value[:10] for value in table[name].cast(pyarrow.string()).to_pylist()] for name in ("milli", "plain")]
print("pyarrow reads", *seen)
assert seen == [["9999-12-31", "0001-01-01"], ["2026-11-29", "1754-08-30"]]
PY
