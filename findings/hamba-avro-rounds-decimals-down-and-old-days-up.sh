#!/usr/bin/env bash
# hamba/avro (Go): 1.159 is written as 1.15, -1.151 as -1.16, and a noon of 1950 as the day after
#
# Expected: a decimal with more digits than the schema's scale is refused, as one with more digits than its precision is here, or rounded to the
#   nearest; and a time.Time in a `date` column becomes the day that it is on (in UTC).
# Seen: decimals are rounded towards minus infinity, by up to a whole unit of the last place. Dates are rounded towards 1970: 1950-05-05 12:00 is read
#   back as 1950-05-06, and 1969-12-31 23:00 as 1970-01-01, while noon of 2026-05-05 stays on its day.
# With: github.com/hamba/avro/v2 v2.31.0; go 1.26; 2026-11-29.
# Matters: sums of converted amounts are always too low, by half a cent a row. Dates of birth that were parsed as local midnight have an hour that is
#   not 0 in UTC, and those before 1970 move by a day. Round amounts, and cut times to the day, before writing.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
cat > main.go <<'GO'
package main

import (
	"fmt"
	"math/big"
	"os"
	"time"

	"github.com/hamba/avro/v2"
)

func pass(schema avro.Schema, value, back any) {
	data, err := avro.Marshal(schema, value)
	if err == nil {
		err = avro.Unmarshal(schema, data, back)
	}
	if err != nil {
		panic(err)
	}
}

func main() {
	decimal := avro.MustParse(`{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}`)
	date := avro.MustParse(`{"type":"int","logicalType":"date"}`)
	seen := ""
	for _, value := range []int64{1159, -1151, 1150} {
		var back *big.Rat
		pass(decimal, big.NewRat(value, 1000), &back)
		seen += back.FloatString(2) + " "
	}
	for _, value := range []time.Time{
		time.Date(1950, 5, 5, 12, 0, 0, 0, time.UTC), time.Date(1969, 12, 31, 23, 0, 0, 0, time.UTC), time.Date(2026, 5, 5, 12, 0, 0, 0, time.UTC),
	} {
		var back time.Time
		pass(date, value, &back)
		seen += back.Format("2006-01-02 ")
	}
	fmt.Println(seen)
	if seen != "1.15 -1.16 1.15 1950-05-06 1970-01-01 2026-05-05 " {
		os.Exit(1)
	}
}
GO
export GOPATH="$work/go" GOFLAGS=-mod=mod
go mod init example >log 2>&1 && go get github.com/hamba/avro/v2@v2.31.0 >>log 2>&1 || { cat log; exit 1; }
go run .
