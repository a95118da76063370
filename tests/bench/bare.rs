//! Bare: the least that reading logs takes, for `peers.py`. Parquet is decoded by arrow-rs, gzip inflated by zlib-rs, zstd decompressed,
//! plain text read, and nothing is made of it. The job cannot be faster than this with the same crates.
//!
//! `bare THREADS FILE...`; of Parquet the columns that the job reads of the sample's logs.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::file::statistics::Statistics;

/// Columns that the job leaves alone in the sample: every row has a value there, and that is all that matters.
const LEFT_ALONE: [&str; 2] = ["trace_id", "endpoint"];

enum Item {
    Whole(PathBuf),
    Group(PathBuf, ArrowReaderMetadata, usize),
}

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let threads: usize = words.next().context("bare THREADS FILE...")?.parse()?;
    let mut items = Vec::new();
    for path in words.map(PathBuf::from) {
        if path.extension().is_some_and(|end| end == "parquet") {
            let metadata = ArrowReaderMetadata::load(&File::open(&path)?, ArrowReaderOptions::default())?;
            let groups = metadata.metadata().num_row_groups();
            items.extend((0..groups).map(|group| Item::Group(path.clone(), metadata.clone(), group)));
        } else {
            items.push(Item::Whole(path));
        }
    }
    let next = AtomicUsize::new(0);
    let work = || -> Result<u64> {
        let mut all = 0;
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            all += match item {
                Item::Whole(path) => text(path)?,
                Item::Group(path, metadata, group) => rows(path, metadata, *group)?,
            };
        }
        Ok(all)
    };
    let counts = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect::<Result<Vec<_>>>()
    })?;
    // Told, so that no compiler finds that nobody wants it.
    writeln!(std::io::stdout(), "{} rows or bytes", counts.iter().sum::<u64>())?;
    Ok(())
}

/// Bytes of the text of a file.
fn text(path: &Path) -> Result<u64> {
    let file = File::open(path)?;
    let mut reader: Box<dyn Read> = match path.extension().and_then(|end| end.to_str()) {
        Some("gz") => Box::new(flate2::read::MultiGzDecoder::new(file)),
        Some("zst") => Box::new(zstd::stream::read::Decoder::new(file)?),
        _ => Box::new(file),
    };
    let mut buffer = vec![0; 1 << 20];
    let mut all = 0;
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(all),
            n => all += n as u64,
        }
    }
}

/// Rows of a row group, decoded as the file says, with texts as views.
fn rows(path: &Path, metadata: &ArrowReaderMetadata, group: usize) -> Result<u64> {
    let group_metadata = metadata.metadata().row_group(group);
    let is_read = |leaf: &usize| {
        let column = group_metadata.column(*leaf);
        let name = column.column_path().string();
        let nulls = column.statistics().and_then(Statistics::null_count_opt);
        !LEFT_ALONE.contains(&name.as_str()) && nulls != u64::try_from(group_metadata.num_rows()).ok()
    };
    let leaves: Vec<usize> = (0..group_metadata.num_columns()).filter(is_read).collect();
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(File::open(path)?, metadata.clone())
        .with_row_groups(vec![group])
        .with_projection(ProjectionMask::leaves(metadata.parquet_schema(), leaves))
        .with_batch_size(8_192)
        .build()?;
    let mut all = 0;
    for batch in reader {
        all += batch?.num_rows() as u64;
    }
    Ok(all)
}
