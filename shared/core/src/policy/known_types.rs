//! The file types that are built in.

use std::borrow::Cow;

use super::types::{Magic, Signature};

/// A row of the built-in table.
type KnownType = (&'static str, &'static [&'static str], Magic);

macro_rules! starts {
    ($([$($offset:literal : $bytes:literal),+]),+) => {
        Magic::Signatures(Cow::Borrowed(&[$(Signature(Cow::Borrowed(&[$(($offset, Cow::Borrowed($bytes))),+]))),+]))
    };
}

const ZIP: Magic = starts!([0: b"PK\x03\x04"]);
const OLE: Magic = starts!([0: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"]);
const GZIP: Magic = starts!([0: b"\x1f\x8b"]);
const ZSTD: Magic = starts!([0: b"\x28\xb5\x2f\xfd"]);
const GZIPPED: &[&str] = &["application/gzip", "application/x-gzip"];
const ZSTD_TYPES: &[&str] = &["application/zstd", "application/x-zstd"];
const JSON_LINES: &[&str] = &[
    "application/jsonl",
    "application/x-ndjson",
    "application/json",
    "text/plain",
];
const BYTES: &[&str] = &["application/octet-stream"];

/// Sorted by how specific the signature is: `sniff` returns the first match.
pub(super) static KNOWN: &[KnownType] = &[
    ("pdf", &["application/pdf"], starts!([0: b"%PDF-"])),
    ("png", &["image/png"], starts!([0: b"\x89PNG\r\n\x1a\n"])),
    ("jpg", &["image/jpeg"], starts!([0: b"\xff\xd8\xff"])),
    ("jpeg", &["image/jpeg"], starts!([0: b"\xff\xd8\xff"])),
    (
        "gif",
        &["image/gif"],
        starts!([0: b"GIF87a"], [0: b"GIF89a"]),
    ),
    ("webp", &["image/webp"], starts!([0: b"RIFF", 8: b"WEBP"])),
    (
        "wav",
        &["audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"],
        starts!([0: b"RIFF", 8: b"WAVE"]),
    ),
    (
        "ogg",
        &["audio/ogg", "application/ogg"],
        starts!([0: b"OggS"]),
    ),
    (
        "m4a",
        &["audio/mp4", "audio/x-m4a", "audio/m4a"],
        starts!([4: b"ftyp"]),
    ),
    ("mp4", &["video/mp4", "audio/mp4"], starts!([4: b"ftyp"])),
    (
        "webm",
        &["video/webm", "audio/webm"],
        starts!([0: b"\x1a\x45\xdf\xa3"]),
    ),
    (
        "flac",
        &["audio/flac", "audio/x-flac"],
        starts!([0: b"fLaC"]),
    ),
    (
        "parquet",
        &["application/vnd.apache.parquet", "application/octet-stream"],
        starts!([0: b"PAR1"]),
    ),
    (
        "h5",
        &[
            "application/x-hdf5",
            "application/x-hdf",
            "application/octet-stream",
        ],
        starts!([0: b"\x89HDF\r\n\x1a\n"]),
    ),
    ("gz", GZIPPED, GZIP),
    ("csv.gz", GZIPPED, GZIP),
    ("tsv.gz", GZIPPED, GZIP),
    ("jsonl.gz", GZIPPED, GZIP),
    ("ndjson.gz", GZIPPED, GZIP),
    ("zst", ZSTD_TYPES, ZSTD),
    ("csv.zst", ZSTD_TYPES, ZSTD),
    ("tsv.zst", ZSTD_TYPES, ZSTD),
    ("jsonl.zst", ZSTD_TYPES, ZSTD),
    (
        "zip",
        &["application/zip", "application/x-zip-compressed"],
        starts!([0: b"PK\x03\x04"], [0: b"PK\x05\x06"]),
    ),
    (
        "xlsx",
        &["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"],
        ZIP,
    ),
    (
        "docx",
        &["application/vnd.openxmlformats-officedocument.wordprocessingml.document"],
        ZIP,
    ),
    (
        "pptx",
        &["application/vnd.openxmlformats-officedocument.presentationml.presentation"],
        ZIP,
    ),
    ("doc", &["application/msword"], OLE),
    ("xls", &["application/vnd.ms-excel"], OLE),
    // An MPEG frame starts with eleven set bits; the layer and version bits vary.
    (
        "mp3",
        &["audio/mpeg", "audio/mp3"],
        starts!([0: b"ID3"], [0: b"\xff\xfb"], [0: b"\xff\xf3"], [0: b"\xff\xf2"], [0: b"\xff\xfa"]),
    ),
    // Protocol 2 and later. Compressed joblib files start with the signature of their compressor.
    (
        "pickle",
        BYTES,
        starts!([0: b"\x80\x02"], [0: b"\x80\x03"], [0: b"\x80\x04"], [0: b"\x80\x05"]),
    ),
    (
        "pkl",
        BYTES,
        starts!([0: b"\x80\x02"], [0: b"\x80\x03"], [0: b"\x80\x04"], [0: b"\x80\x05"]),
    ),
    ("joblib", BYTES, Magic::Any),
    // Browsers on Windows declare a CSV as an Excel file when Excel is installed.
    (
        "csv",
        &[
            "text/csv",
            "application/csv",
            "text/plain",
            "application/vnd.ms-excel",
        ],
        Magic::Text,
    ),
    (
        "tsv",
        &["text/tab-separated-values", "text/tsv", "text/plain"],
        Magic::Text,
    ),
    ("txt", &["text/plain"], Magic::Text),
    ("log", &["text/plain"], Magic::Text),
    (
        "md",
        &["text/markdown", "text/x-markdown", "text/plain"],
        Magic::Text,
    ),
    ("json", &["application/json", "text/json"], Magic::Text),
    ("jsonl", JSON_LINES, Magic::Text),
    ("ndjson", JSON_LINES, Magic::Text),
    (
        "yaml",
        &[
            "application/yaml",
            "application/x-yaml",
            "text/yaml",
            "text/x-yaml",
            "text/plain",
        ],
        Magic::Text,
    ),
    (
        "yml",
        &[
            "application/yaml",
            "application/x-yaml",
            "text/yaml",
            "text/x-yaml",
            "text/plain",
        ],
        Magic::Text,
    ),
    ("toml", &["application/toml", "text/plain"], Magic::Text),
    (
        "proto",
        &["text/x-protobuf", "application/x-protobuf", "text/plain"],
        Magic::Text,
    ),
    ("svg", &["image/svg+xml"], Magic::Text),
    ("xml", &["application/xml", "text/xml"], Magic::Text),
];

/// The built-in types that ingest can convert to a table.
pub(super) const TABULAR: [&str; 15] = [
    "csv",
    "tsv",
    "txt",
    "jsonl",
    "ndjson",
    "csv.gz",
    "tsv.gz",
    "jsonl.gz",
    "ndjson.gz",
    "gz",
    "csv.zst",
    "tsv.zst",
    "jsonl.zst",
    "zst",
    "xlsx",
];
