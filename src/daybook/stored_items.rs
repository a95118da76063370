//! Storage of the items of a daybook: one Parquet file for each kind, beside the long lists.

use std::path::Path;

use super::folder::DaybookFolder;
use super::number_rows::{NumberRow, RowReader, RowWriter, damaged};
use super::version::read_version;
use super::{MessageItem, NotificationItem, WaitingCall};
use crate::error::Trouble;
use crate::facts::ids::Id;

/// Oldest format with correlations.
const FIRST_WITH_CORRELATIONS: u32 = 4;

const MESSAGES: &str = "messages.parquet";
const NOTIFICATIONS: &str = "notifications.parquet";
const WAITING_CALLS: &str = "waiting_calls.parquet";
const CORRELATIONS: &str = "correlations.parquet";

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
    const fn file(self) -> &'static str {
        match self {
            Self::Messages => "closed_messages.parquet",
            Self::Notifications => "closed_notifications.parquet",
        }
    }
}

/// Writes the items of a day, ascending by id.
pub struct ItemWriter {
    messages: RowWriter<8>,
    notifications: RowWriter<14>,
    closed_messages: RowWriter<1>,
    closed_notifications: RowWriter<1>,
    waiting_calls: RowWriter<4>,
    correlations: RowWriter<1>,
}

impl ItemWriter {
    /// Creates the item files of a day in `folder`.
    ///
    /// # Errors
    /// [`Trouble::Io`], here and in all other methods, if a file cannot be written.
    pub fn create(folder: &Path) -> Result<Self, Trouble> {
        Ok(Self {
            messages: RowWriter::create(&folder.join(MESSAGES), true, MessageItem::COLUMNS)?,
            notifications: RowWriter::create(&folder.join(NOTIFICATIONS), true, NotificationItem::COLUMNS)?,
            closed_messages: shorts(folder, Closed::Messages)?,
            closed_notifications: shorts(folder, Closed::Notifications)?,
            waiting_calls: RowWriter::create(&folder.join(WAITING_CALLS), false, WaitingCall::COLUMNS)?,
            correlations: RowWriter::create(&folder.join(CORRELATIONS), true, ["correlation"])?,
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

    /// Writes the remaining rows and syncs all files to disk.
    pub fn close(self) -> Result<(), Trouble> {
        self.messages.close()?;
        self.notifications.close()?;
        self.closed_messages.close()?;
        self.closed_notifications.close()?;
        self.waiting_calls.close()?;
        self.correlations.close()
    }
}

/// Opens the files of all items, to see that they are there.
///
/// # Errors
/// [`Trouble::Io`] or [`Trouble::Damaged`], with the path of the file.
pub fn open_items(folder: &DaybookFolder) -> Result<(), Trouble> {
    if read_version(folder)? >= FIRST_WITH_CORRELATIONS {
        drop(RowReader::<4>::open(&folder.file(WAITING_CALLS)?, false)?);
        drop(RowReader::<1>::open(&folder.file(CORRELATIONS)?, true)?);
    }
    drop(messages(folder)?);
    drop(notifications(folder)?);
    drop(closed(folder, Closed::Messages)?);
    drop(closed(folder, Closed::Notifications)?);
    Ok(())
}

fn shorts(folder: &Path, of: Closed) -> Result<RowWriter<1>, Trouble> {
    RowWriter::create(&folder.join(of.file()), false, ["short_id"])
}

/// Reads the message items of a stored day, ascending by id.
///
/// # Errors
/// [`Trouble::Io`] or [`Trouble::Damaged`], here and from the iterator.
pub fn messages(
    folder: &DaybookFolder,
) -> Result<impl Iterator<Item = Result<MessageItem, Trouble>> + use<>, Trouble> {
    let path = folder.file(MESSAGES)?;
    let rows = RowReader::open(&path, true)?;
    let of = move |row: Result<NumberRow<8>, Trouble>| {
        MessageItem::of_row(row?).map_err(|why| damaged(&path, &why))
    };
    Ok(rows.map(of))
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

/// Reads the messages without a call of a stored day that have a correlation, ascending by id.
///
/// # Errors
/// [`Trouble::Io`] or [`Trouble::Damaged`], here and from the iterator.
pub fn correlations(
    folder: &DaybookFolder,
) -> Result<impl Iterator<Item = Result<(Id, u64), Trouble>> + use<>, Trouble> {
    let is_there = read_version(folder)? >= FIRST_WITH_CORRELATIONS;
    let rows = if is_there { Some(RowReader::<1>::open(&folder.file(CORRELATIONS)?, true)?) } else { None };
    let of = |row: NumberRow<1>| (row.id, row.numbers[0].cast_unsigned());
    Ok(rows.into_iter().flatten().map(move |row| row.map(of)))
}

/// Reads the notification items of a stored day, ascending by id.
///
/// # Errors
/// [`Trouble::Io`] or [`Trouble::Damaged`], here and from the iterator.
pub fn notifications(
    folder: &DaybookFolder,
) -> Result<impl Iterator<Item = Result<NotificationItem, Trouble>> + use<>, Trouble> {
    let path = folder.file(NOTIFICATIONS)?;
    let rows = RowReader::open(&path, true)?;
    let of = move |row: Result<NumberRow<14>, Trouble>| {
        NotificationItem::of_row(row?).map_err(|why| damaged(&path, &why))
    };
    Ok(rows.map(of))
}

/// Reads the closed items of a stored day, by the tops of their ids, ascending.
///
/// # Errors
/// [`Trouble::Io`] or [`Trouble::Damaged`], here and from the iterator.
pub fn closed(
    folder: &DaybookFolder,
    of: Closed,
) -> Result<impl Iterator<Item = Result<u64, Trouble>> + use<>, Trouble> {
    let rows = RowReader::<1>::open(&folder.file(of.file())?, false)?;
    Ok(rows.map(|row| row.map(|row| row.numbers[0].cast_unsigned())))
}
