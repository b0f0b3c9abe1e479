"""One table to Parquet with zstd 1 by a peer: `peers.py PEER THREADS IN OUT`. Rows that do not fit are passed over where the
peer can, and dates are looked for, as consign does."""

import os
import sys

peer, threads, source, target = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
os.environ["POLARS_MAX_THREADS"] = str(threads)


def duckdb():
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}")
    connection.execute("SET preserve_insertion_order = true")
    connection.execute(
        f"COPY (FROM read_csv('{source}', ignore_errors = true)) TO '{target}' "
        "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
    )


def polars():
    import polars

    scan = polars.scan_csv(
        source, try_parse_dates=True, truncate_ragged_lines=True, infer_schema_length=10_000
    )
    scan.sink_parquet(target, compression="zstd", compression_level=1)


def pyarrow():
    import pyarrow as pa
    from pyarrow import csv, parquet

    pa.set_cpu_count(threads)
    reader = csv.open_csv(
        source,
        read_options=csv.ReadOptions(use_threads=threads > 1, block_size=8 << 20),
        parse_options=csv.ParseOptions(invalid_row_handler=lambda row: "skip"),
    )
    with parquet.ParquetWriter(
        target, reader.schema, compression="zstd", compression_level=1
    ) as writer:
        for batch in reader:
            writer.write_batch(batch)


{"duckdb": duckdb, "polars": polars, "pyarrow": pyarrow}[peer]()
