#!/usr/bin/env bash
# excelize (Go): a number under [<1]"low";[>=1]"high" is "low" whatever it is, and a time loses its milliseconds
#
# Expected: GetRows returns what Excel shows, and the library parses formats of several sections: it does take the second for negative numbers. So it
#   takes the third for zero, heeds conditions in brackets, and shows 12:00:00.500 under hh:mm:ss.000, as SheetJS does.
# Seen: for zero it takes the first section, and it does not look at conditions: 1.5 is "low". Fractions of a second are rounded off, and printed as
#   .000.
# With: github.com/xuri/excelize/v2 v2.11.1, xlsx (SheetJS) 0.18.5; go 1.26; node 20; 2026-11-29.
# Matters: GetRows is the usual way from .xlsx to CSV in Go. Codes like 1 = "yes" and 0 = "no" are often done with such formats, and the CSV says
#   "yes" for both. Use Options{RawCellValue: true}, and format yourself.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . xlsx@0.18.5
cat > main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"github.com/xuri/excelize/v2"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	book := excelize.NewFile()
	cells := []struct {
		value  float64
		format string
		seen   string
	}{
		{-5, `0;-0;"none"`, "-5"}, {0, `0;-0;"none"`, "0"}, {1, `"yes";"yes";"no"`, "yes"}, {0, `"yes";"yes";"no"`, "yes"},
		{0.5, `[<1]"low";[>=1]"high"`, "low"}, {1.5, `[<1]"low";[>=1]"high"`, "low"}, {46355.5 + 0.5/86400, "hh:mm:ss.000", "12:00:00.000"},
	}
	for row, cell := range cells {
		style, err := book.NewStyle(&excelize.Style{CustomNumFmt: &cell.format})
		check(err)
		name := fmt.Sprintf("A%d", row+1)
		check(book.SetCellValue("Sheet1", name, cell.value))
		check(book.SetCellStyle("Sheet1", name, name, style))
	}
	check(book.SaveAs("t.xlsx"))
	book, err := excelize.OpenFile("t.xlsx")
	check(err)
	rows, err := book.GetRows("Sheet1")
	check(err)
	for row, cell := range cells {
		fmt.Printf("excelize: %v under %s is %q\n", cell.value, cell.format, rows[row][0])
		if rows[row][0] != cell.seen {
			os.Exit(1)
		}
	}
}
GO
export GOPATH="$work/go" GOFLAGS=-mod=mod
go mod init example >log 2>&1 && go get github.com/xuri/excelize/v2@v2.11.1 >>log 2>&1 || { cat log; exit 1; }
go run .
node - <<'JS'
const assert = require('node:assert/strict');
const x = require('xlsx');
const seen = x.utils.sheet_to_csv(x.readFile('t.xlsx').Sheets.Sheet1).trim().split('\n');
console.log('SheetJS', seen);
assert.deepEqual(seen, ['-5', 'none', 'yes', 'no', 'low', 'high', '12:00:00.500']);
JS
