//! Timeless: files whose rows have fields and no time, which fail as a whole.

use crate::config::{Field, LogPreset};
use crate::intake::counting::task_counts::TaskCounts;
use crate::intake::rows::source_reader::SourceReader;

/// Returns the files in which no row has a time, with the reason why they fail.
///
/// `readers` has the source reader of each file that was read.
pub fn timeless<'r>(
    counts: &[TaskCounts],
    readers: impl Iterator<Item = Option<&'r SourceReader>>,
) -> Vec<(u32, String)> {
    let found = (0..).zip(readers).filter_map(|(file, reader)| {
        let named = counts.iter().fold(0, |named, counts| named | counts.tally(file).named);
        Some((file, reason(named, reader?)?))
    });
    found.collect()
}

fn reason(named: u32, reader: &SourceReader) -> Option<String> {
    let has_fields = matches!(reader.source().preset, LogPreset::Canonical | LogPreset::NginxJson);
    if !has_fields || named == 0 || named & (1 << Field::Ts as u32) != 0 {
        return None;
    }
    let names: Vec<String> = reader.mapping.names(Field::Ts).iter().map(|name| format!("`{name}`")).collect();
    Some(format!(
        "no row has a time: there is no {}; name the column of the time under [source.columns], for example \
         ts = \"time\"",
        names.join(" or ")
    ))
}
