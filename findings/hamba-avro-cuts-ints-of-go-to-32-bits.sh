#!/usr/bin/env bash
# hamba/avro (Go): an int of 3000000000 is written to an Avro int as -1294967296
#
# Expected: Avro's int has 32 bits and Go's int has 64. The package is strict (int64 and uint32 are "unsupported for Avro int", whatever their value),
#   so a value of type int that does not fit is an error.
# Seen: it is cut to its low 32 bits, without an error: 3000000000 is -1294967296, and 1 << 40 is 0. It is the same on the way back: 300 is read into
#   a uint8 as 44, and 65535 into an int16 as -1.
# With: github.com/hamba/avro/v2 v2.31.0; go 1.26; 2026-11-29.
# Matters: int is what Go code has for sizes and counts, and the schema often says int since the first files were small. Sizes past 2 GiB turn
#   negative. Declare long, or use int64 in the structs, so that the mismatch is found.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
cat > main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"github.com/hamba/avro/v2"
)

func main() {
	schema := avro.MustParse(`{"type":"record","name":"upload","fields":[{"name":"size","type":"int"},{"name":"more","type":"int"}]}`)
	type upload struct {
		Size int `avro:"size"`
		More int `avro:"more"`
	}
	data, err := avro.Marshal(schema, upload{3000000000, 1 << 40})
	if err != nil {
		panic(err)
	}
	var back upload
	if err := avro.Unmarshal(schema, data, &back); err != nil {
		panic(err)
	}
	plain := avro.MustParse(`"int"`)
	_, strict := avro.Marshal(plain, int64(5))
	small, err := avro.Marshal(plain, 300)
	if err != nil {
		panic(err)
	}
	var narrow uint8
	if err := avro.Unmarshal(plain, small, &narrow); err != nil {
		panic(err)
	}
	fmt.Println("read back", back, "300 into a uint8", narrow, "an int64 of 5:", strict)
	if back != (upload{-1294967296, 0}) || narrow != 44 || strict == nil {
		os.Exit(1)
	}
}
GO
export GOPATH="$work/go" GOFLAGS=-mod=mod
go mod init example >log 2>&1 && go get github.com/hamba/avro/v2@v2.31.0 >>log 2>&1 || { cat log; exit 1; }
go run .
