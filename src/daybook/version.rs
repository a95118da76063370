//! The version of a stored daybook, which every reader asks for first.

use serde::Deserialize;

use super::folder::DaybookFolder;
use super::number_rows::damaged;
use crate::error::Trouble;
use crate::plain_file;

/// The file that holds everything but the long lists.
pub const HEAD: &str = "daybook.json";

/// The one key that every version of the head has.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

/// Reads the version of the daybook in a folder.
///
/// # Errors
/// [`Trouble::Damaged`] with the path of the file: it is missing, or not as it was written.
pub fn read_version(folder: &DaybookFolder) -> Result<u32, Trouble> {
    let path = folder.file(HEAD)?;
    let text = plain_file::read_to_string(&path).map_err(Trouble::of_stored)?;
    serde_json::from_str(&text).map(|Version { format }| format).map_err(|e| damaged(&path, &e))
}
