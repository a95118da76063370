//! Items: messages and notifications about which the logs of more than one day have rows.

use serde::{Deserialize, Serialize};

use super::delivery::{AttemptResult, Delivery};
use super::message::{MessageState, PARTICIPANTS, StatusWord};
use super::number_rows::NumberRow;
use crate::facts::ids::Id;

/// The reason why a day stores an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ItemRole {
    /// The item began on this day, and other days can still change its outcome.
    Open,
    /// The item began on another day; this is the state that this day's rows show.
    Foreign,
    /// The state of an item of this day, as rows of the first hour of the next day show it.
    ///
    /// It counts as long as the next day has no daybook of its own.
    Ahead,
    /// Like `Foreign`, as statuses of any responder of the number show it.
    Overheard,
    /// A message that was sent without a call, of which this day's rows have a copy; no state.
    Echoed,
}

impl ItemRole {
    const ALL: [Self; 5] = [Self::Open, Self::Foreign, Self::Ahead, Self::Overheard, Self::Echoed];

    fn of(n: i64) -> Result<Self, String> {
        Self::ALL.into_iter().find(|r| *r as i64 == n).ok_or_else(|| format!("{n} is no role of an item"))
    }
}

/// A message, as the rows of one day show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageItem {
    pub id: Id,
    pub role: ItemRole,
    /// Admission, or for a foreign item its earliest status here; microseconds since 1970.
    ///
    /// 0 in a foreign item of a daybook of version 0.1.0, which has no kind either.
    pub at_us: i64,
    /// The kind of the call that admitted it, or of the notification that reports that status.
    pub kind: u32,
    /// Set for an open item alone.
    pub caller: u32,
    pub state: MessageState,
}

/// A call without an answer, with the correlation that its message would bear.
///
/// It is counted by `resolve` alone: a message without a call may prove what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingCall {
    pub correlation: u64,
    /// Start of the call, microseconds since 1970.
    pub at_us: i64,
    pub kind: u32,
    pub caller: u32,
}

impl WaitingCall {
    /// The columns of a stored row, in the order of [`Self::to_row`].
    pub const COLUMNS: [&str; 4] = ["correlation", "at_us", "kind", "caller"];

    pub fn to_row(self) -> NumberRow<4> {
        let Self { correlation, at_us, kind, caller } = self;
        NumberRow::without_id([correlation.cast_signed(), at_us, kind.into(), caller.into()])
    }

    /// Reads a call from a stored row.
    ///
    /// # Errors
    /// If a number is out of range for its column.
    pub fn of_row(row: NumberRow<4>) -> Result<Self, String> {
        let [correlation, at_us, kind, caller] = row.numbers;
        let (kind, caller) = (small(kind, "kind")?, small(caller, "caller")?);
        Ok(Self { correlation: correlation.cast_unsigned(), at_us, kind, caller })
    }
}

const NO_CODE: i64 = i64::MIN;
/// All bits of participants, with the one for none.
const ALL_PARTICIPANTS: u32 = (1 << (PARTICIPANTS + 1)) - 1;

impl MessageItem {
    /// The columns of a stored row after the id, in the order of [`Self::to_row`].
    pub const COLUMNS: [&str; 8] =
        ["role", "at_us", "kind", "caller", "words", "first_us", "failed_us", "error_code"];

    pub fn to_row(self) -> NumberRow<8> {
        let MessageState { words, first_us, failed_us, code, delivered_to, failed_to } = self.state;
        // The bits of participants stand above the eight of the words.
        let words = i64::from(words) | i64::from(delivered_to) << 8 | i64::from(failed_to) << 32;
        let numbers = [
            self.role as i64,
            self.at_us,
            self.kind.into(),
            self.caller.into(),
            words,
            first_us,
            failed_us,
            code.unwrap_or(NO_CODE),
        ];
        NumberRow { id: self.id, numbers }
    }

    /// Reads an item from a stored row.
    ///
    /// # Errors
    /// If a number is out of range for its column.
    pub fn of_row(row: NumberRow<8>) -> Result<Self, String> {
        let NumberRow { id, numbers } = row;
        let [role, at_us, kind, caller, words, first_us, failed_us, code] = numbers;
        let code = (code != NO_CODE).then_some(code);
        let told_of = |shift: u32| (words >> shift & i64::from(ALL_PARTICIPANTS)) as u32;
        let (mut delivered_to, mut failed_to) = (told_of(8), told_of(32));
        let words: u8 = small(words & !(i64::from(ALL_PARTICIPANTS) * (1 << 8 | 1 << 32)), "words")?;
        // Daybooks before format 5 knew of no participants.
        if delivered_to | failed_to == 0 {
            let is_failed = words & StatusWord::Failed as u8 != 0;
            let is_delivered = MessageState { words, ..MessageState::NONE }.is_delivered();
            (delivered_to, failed_to) = (is_delivered.into(), is_failed.into());
        }
        Ok(Self {
            id,
            role: ItemRole::of(role)?,
            at_us,
            kind: small(kind, "kind")?,
            caller: small(caller, "caller")?,
            state: MessageState { words, first_us, failed_us, code, delivered_to, failed_to },
        })
    }
}

/// A notification, as the rows of one day show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationItem {
    pub id: Id,
    pub role: ItemRole,
    /// Index into the kinds of the day; the kind has no outcome yet.
    pub kind: u32,
    pub caller: u32,
    pub delivery: Delivery,
}

impl NotificationItem {
    /// The columns of a stored row after the id, in the order of [`Self::to_row`].
    pub const COLUMNS: [&str; 14] = [
        "role",
        "kind",
        "caller",
        "event_us",
        "first_us",
        "first_no",
        "last_us",
        "last",
        "attempts",
        "delivered_us",
        "delivered_no",
        "delivered_status",
        "refused_us",
        "refused_status",
    ];

    pub fn to_row(self) -> NumberRow<14> {
        let d = self.delivery;
        let numbers = [
            self.role as i64,
            self.kind.into(),
            self.caller.into(),
            d.event_us,
            d.first_us,
            d.first_no.into(),
            d.last_us,
            d.last as i64,
            d.attempts.into(),
            d.delivered_us,
            d.delivered_no.into(),
            d.delivered_status.into(),
            d.refused_us,
            d.refused_status.into(),
        ];
        NumberRow { id: self.id, numbers }
    }

    /// Reads an item from a stored row.
    ///
    /// # Errors
    /// If a number is out of range for its column.
    pub fn of_row(row: NumberRow<14>) -> Result<Self, String> {
        let NumberRow { id, numbers } = row;
        let [role, kind, caller, event_us, first_us, first_no, last_us, last, rest @ ..] = numbers;
        let [attempts, delivered_us, delivered_no, delivered_status, refused_us, refused_status] = rest;
        let trial = AttemptResult::ALL.into_iter().find(|t| *t as i64 == last);
        Ok(Self {
            id,
            role: ItemRole::of(role)?,
            kind: small(kind, "kind")?,
            caller: small(caller, "caller")?,
            delivery: Delivery {
                event_us,
                first_us,
                first_no: small(first_no, "first_no")?,
                last_us,
                last: trial.ok_or_else(|| format!("{last} is no outcome of an attempt"))?,
                attempts: small(attempts, "attempts")?,
                delivered_us,
                delivered_no: small(delivered_no, "delivered_no")?,
                delivered_status: small(delivered_status, "delivered_status")?,
                refused_us,
                refused_status: small(refused_status, "refused_status")?,
            },
        })
    }
}

fn small<T: TryFrom<i64>>(n: i64, name: &str) -> Result<T, String> {
    T::try_from(n).map_err(|_| format!("{n} is no {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_read_as_it_was_written_by_any_version() {
        let of = |word, who| MessageState::of_participant(word, 5, None, who);
        let mut state = of(StatusWord::Delivered, PARTICIPANTS as u8);
        state.join(&of(StatusWord::Failed, 1));
        state.join(&of(StatusWord::Unknown, 0));
        for role in ItemRole::ALL {
            let item = MessageItem { id: 7, role, at_us: 1, kind: 2, caller: 3, state };
            assert_eq!(MessageItem::of_row(item.to_row()), Ok(item));
        }
        // Before format 5 the column had the words alone.
        let item = MessageItem { id: 7, role: ItemRole::Open, at_us: 1, kind: 2, caller: 3, state };
        let mut old = item.to_row();
        old.numbers[4] = i64::from(StatusWord::Read as u8 | StatusWord::Failed as u8);
        assert!(MessageItem::of_row(old).unwrap().state.is_contradicted());
        old.numbers[4] = i64::from(StatusWord::Failed as u8);
        let state = MessageItem::of_row(old).unwrap().state;
        assert_eq!((state.delivered_to, state.failed_to), (0, 1));
        old.numbers[4] = 1 << 62;
        assert!(MessageItem::of_row(old).is_err());
    }
}
