//! The same conversion natively: `convert-native IN OUT`.

use std::fs::File;
use std::io::{Error, Read as _, Write as _};

use bench_wasm::Conversion;

/// Bytes of one read, about what an object store sends at once.
const CHUNK_BYTES: usize = 256 * 1024;

fn main() -> Result<(), Error> {
    let mut paths = std::env::args_os().skip(1);
    let (Some(source), Some(target)) = (paths.next(), paths.next()) else {
        return Err(Error::other("usage: convert-native IN OUT"));
    };
    let (mut source, mut target) = (File::open(source)?, File::create(target)?);
    let mut conversion = Conversion::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match source.read(&mut chunk)? {
            0 => break,
            length => {
                let parquet = conversion.push(&chunk[..length]);
                target.write_all(&parquet.map_err(Error::other)?)?;
            }
        }
    }
    target.write_all(&conversion.finish().map_err(Error::other)?)
}
