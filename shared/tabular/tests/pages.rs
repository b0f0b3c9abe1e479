//! What the Parquet file says of itself: statistics of every column, and indexes of its pages.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use parquet::basic::Encoding;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use support::convert;

const ROWS: u64 = 200_000;

fn metadata() -> ParquetMetaData {
    let row = |row: u64| {
        let note = row.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let gap = if row.is_multiple_of(3) { "" } else { "x" };
        let late = if row < ROWS / 2 {
            String::new()
        } else {
            format!("{row}e-300")
        };
        format!(
            "{row},{}.25,{},{note:x},{gap},{late},2024-01-{:02}\n",
            row % 999,
            row % 7,
            row % 31 + 1
        )
    };
    let rows: String = (0..ROWS).map(row).collect();
    let file = format!("id,price,kind,note,gap,late,day\n{rows}");
    let parquet = bytes::Bytes::from(convert(file).parquet);
    ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Required)
        .parse_and_finish(&parquet)
        .unwrap()
}

#[test]
fn every_column_has_statistics_and_indexes_that_agree() {
    let metadata = metadata();
    assert_eq!(metadata.file_metadata().num_rows().unsigned_abs(), ROWS);
    for (at, group) in metadata.row_groups().iter().enumerate() {
        let index = metadata.page_index_for_row_group(at);
        for (column, chunk) in group.columns().iter().enumerate() {
            let name = chunk.column_path().string();
            let statistics = chunk.statistics().unwrap();
            let nulls = statistics.null_count_opt().unwrap();
            let is_empty = nulls == group.num_rows().unsigned_abs();
            assert_eq!(statistics.min_bytes_opt().is_none(), is_empty, "{name}");
            let pages = index.page_locations(column).unwrap();
            assert!(pages.len() > 1 || group.num_rows() < 70_000, "{name}");
            assert!(pages.is_sorted_by_key(|page| (page.first_row_index, page.offset)));
            let contents = index.column_index(column).unwrap();
            let counted: i64 = contents.null_counts().unwrap().iter().sum();
            assert_eq!(counted.unsigned_abs(), nulls, "{name}");
        }
    }
}

#[test]
fn dictionaries_are_kept_where_they_pay() {
    let metadata = metadata();
    let group = &metadata.row_groups()[0];
    let has_dictionary = |column: usize| {
        let chunk = group.column(column);
        let is_used = chunk
            .encodings()
            .any(|encoding| encoding == Encoding::RLE_DICTIONARY);
        assert_eq!(chunk.dictionary_page_offset().is_some(), is_used);
        is_used
    };
    let found: Vec<bool> = (0..group.num_columns()).map(has_dictionary).collect();
    // Numbers that count up, and texts that never come twice, have none.
    assert!(!found[0] && !found[3] && found[4], "{found:?}");
}
