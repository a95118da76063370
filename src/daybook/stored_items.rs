//! Storage of the items of a daybook: Parquet files for each kind, beside the long lists.

use std::path::Path;

use super::folder::DaybookFolder;
use super::id_range::IdRange;
use super::item_files::{CUT_ROWS, ItemFile, ItemFileWriter};
use super::number_rows::{NumberRow, RowReader, damaged};
use super::row_writer::RowWriter;
use super::version::read_version;
use super::{MessageItem, NotificationItem, WaitingCall};
use crate::error::Trouble;
use crate::facts::ids::Id;

/// Oldest format with correlations.
const FIRST_WITH_CORRELATIONS: u32 = 4;

const MESSAGES: ItemFile<8> = ItemFile { stem: "messages", has_ids: true, columns: MessageItem::COLUMNS };
const NOTIFICATIONS: ItemFile<14> =
    ItemFile { stem: "notifications", has_ids: true, columns: NotificationItem::COLUMNS };
const CLOSED_MESSAGES: ItemFile<1> =
    ItemFile { stem: "closed_messages", has_ids: false, columns: ["short_id"] };
const CLOSED_NOTIFICATIONS: ItemFile<1> =
    ItemFile { stem: "closed_notifications", has_ids: false, columns: ["short_id"] };
const CORRELATIONS: ItemFile<1> = ItemFile { stem: "correlations", has_ids: true, columns: ["correlation"] };
const WAITING_CALLS: &str = "waiting_calls.parquet";

/// Items that nothing can change any more; only the top 64 bits of their ids are kept.
#[derive(Debug, Clone, Copy)]
pub enum Closed {
    Messages,
    /// Delivered notifications of logs without attempt numbers.
    ///
    /// Their later attempts could pass for first ones.
    Notifications,
}

impl Closed {
    const fn file(self) -> ItemFile<1> {
        match self {
            Self::Messages => CLOSED_MESSAGES,
            Self::Notifications => CLOSED_NOTIFICATIONS,
        }
    }
}

/// Writes the items of a day, ascending by id.
pub struct ItemWriter {
    messages: ItemFileWriter<8>,
    notifications: ItemFileWriter<14>,
    closed_messages: ItemFileWriter<1>,
    closed_notifications: ItemFileWriter<1>,
    waiting_calls: RowWriter<4>,
    correlations: ItemFileWriter<1>,
}

impl ItemWriter {
    /// Creates the item files of a day in `folder`, whose rows are encoded on several threads.
    ///
    /// # Errors
    /// [`Trouble::Io`], here and in all other methods, if a file cannot be written.
    pub fn create(folder: &Path, threads: usize) -> Result<Self, Trouble> {
        Self::cut_at(folder, CUT_ROWS, threads)
    }

    /// As [`ItemWriter::create`]; a file has at least so many rows before the next begins.
    ///
    /// # Errors
    /// As for [`ItemWriter::create`].
    pub fn cut_at(folder: &Path, cut_rows: u64, threads: usize) -> Result<Self, Trouble> {
        Ok(Self {
            messages: ItemFileWriter::create(MESSAGES, folder, cut_rows, threads)?,
            notifications: ItemFileWriter::create(NOTIFICATIONS, folder, cut_rows, threads)?,
            closed_messages: ItemFileWriter::create(CLOSED_MESSAGES, folder, cut_rows, threads)?,
            closed_notifications: ItemFileWriter::create(CLOSED_NOTIFICATIONS, folder, cut_rows, threads)?,
            waiting_calls: RowWriter::create(&folder.join(WAITING_CALLS), false, WaitingCall::COLUMNS, 1)?,
            correlations: ItemFileWriter::create(CORRELATIONS, folder, cut_rows, threads)?,
        })
    }

    pub fn message(&mut self, item: MessageItem) -> Result<(), Trouble> {
        self.messages.push(item.to_row())
    }

    pub fn notification(&mut self, item: NotificationItem) -> Result<(), Trouble> {
        self.notifications.push(item.to_row())
    }

    /// Writes an item that nothing can change any more, by the top 64 bits of its id.
    pub fn closed(&mut self, of: Closed, short: u64) -> Result<(), Trouble> {
        let out = match of {
            Closed::Messages => &mut self.closed_messages,
            Closed::Notifications => &mut self.closed_notifications,
        };
        out.push(NumberRow::without_id([short.cast_signed()]))
    }

    pub fn waiting_call(&mut self, call: WaitingCall) -> Result<(), Trouble> {
        self.waiting_calls.push(call.to_row())
    }

    /// Writes the correlation of a message without a call.
    pub fn correlation(&mut self, id: Id, correlation: u64) -> Result<(), Trouble> {
        self.correlations.push(NumberRow { id, numbers: [correlation.cast_signed()] })
    }

    /// Writes the remaining rows, syncs all files, and returns whether any kind has several.
    pub fn close(self) -> Result<bool, Trouble> {
        let mut is_cut = self.messages.close()?;
        is_cut |= self.notifications.close()?;
        is_cut |= self.closed_messages.close()?;
        is_cut |= self.closed_notifications.close()?;
        self.waiting_calls.close()?;
        is_cut |= self.correlations.close()?;
        Ok(is_cut)
    }
}

/// Opens the files of all items, to see that they are there.
///
/// # Errors
/// [`Trouble::Io`] or [`Trouble::Damaged`], with the path of the file.
pub fn open_items(folder: &DaybookFolder) -> Result<(), Trouble> {
    if read_version(folder)? >= FIRST_WITH_CORRELATIONS {
        drop(RowReader::<4>::open(&folder.file(WAITING_CALLS)?, false)?);
        drop(CORRELATIONS.open(folder, IdRange::ALL)?);
    }
    drop(MESSAGES.open(folder, IdRange::ALL)?);
    drop(NOTIFICATIONS.open(folder, IdRange::ALL)?);
    drop(CLOSED_MESSAGES.open(folder, IdRange::ALL)?);
    drop(CLOSED_NOTIFICATIONS.open(folder, IdRange::ALL)?);
    Ok(())
}

/// Returns the bytes of the files of messages and notifications of a stored day, closed ones too.
///
/// # Errors
/// [`Trouble::Damaged`]: the list of files cannot be read.
pub fn item_bytes(folder: &DaybookFolder) -> Result<u64, Trouble> {
    let closed = CLOSED_MESSAGES.bytes(folder)? + CLOSED_NOTIFICATIONS.bytes(folder)?;
    Ok(MESSAGES.bytes(folder)? + NOTIFICATIONS.bytes(folder)? + closed)
}

/// Reads the message items of a stored day in a range of ids, ascending.
///
/// # Errors
/// [`Trouble::Io`] or [`Trouble::Damaged`], here and from the iterator.
pub fn messages(
    folder: &DaybookFolder,
    ids: IdRange,
) -> Result<impl Iterator<Item = Result<MessageItem, Trouble>> + use<>, Trouble> {
    MESSAGES.read(folder, ids, MessageItem::of_row)
}

/// Reads the calls without an answer of a stored day that have a correlation.
///
/// Daybooks before format 4 have none.
///
/// # Errors
/// [`Trouble::Io`] or [`Trouble::Damaged`].
pub fn waiting_calls(folder: &DaybookFolder) -> Result<Vec<WaitingCall>, Trouble> {
    if read_version(folder)? < FIRST_WITH_CORRELATIONS {
        return Ok(Vec::new());
    }
    let path = folder.file(WAITING_CALLS)?;
    let of =
        |row: Result<NumberRow<4>, Trouble>| WaitingCall::of_row(row?).map_err(|why| damaged(&path, &why));
    RowReader::open(&path, false)?.map(of).collect()
}

/// Reads the messages without a call in a range of ids that have a correlation, ascending.
///
/// # Errors
/// [`Trouble::Io`] or [`Trouble::Damaged`], here and from the iterator.
pub fn correlations(
    folder: &DaybookFolder,
    ids: IdRange,
) -> Result<impl Iterator<Item = Result<(Id, u64), Trouble>> + use<>, Trouble> {
    // Formats before 4 have no such file; the head, which tells, is long.
    let is_there = CORRELATIONS.is_in(folder)?;
    let rows = if is_there { Some(CORRELATIONS.open(folder, ids)?) } else { None };
    let of = |row: NumberRow<1>| (row.id, row.numbers[0].cast_unsigned());
    Ok(rows.into_iter().flatten().map(move |row| row.map(of)))
}

/// Reads the notification items of a stored day in a range of ids, ascending.
///
/// # Errors
/// [`Trouble::Io`] or [`Trouble::Damaged`], here and from the iterator.
pub fn notifications(
    folder: &DaybookFolder,
    ids: IdRange,
) -> Result<impl Iterator<Item = Result<NotificationItem, Trouble>> + use<>, Trouble> {
    NOTIFICATIONS.read(folder, ids, NotificationItem::of_row)
}

/// Reads the closed items of a stored day in a range, by the tops of their ids, ascending.
///
/// # Errors
/// [`Trouble::Io`] or [`Trouble::Damaged`], here and from the iterator.
pub fn closed(
    folder: &DaybookFolder,
    of: Closed,
    ids: IdRange,
) -> Result<impl Iterator<Item = Result<u64, Trouble>> + use<>, Trouble> {
    let rows = of.file().open(folder, ids)?;
    Ok(rows.map(|row| row.map(|row| row.numbers[0].cast_unsigned())))
}
