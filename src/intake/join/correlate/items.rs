//! Items: the open and closed messages and notifications of one partition.

use serde::{Deserialize, Serialize};

use crate::daybook::{Closed, ItemWriter, MessageItem, NotificationItem, WaitingCall};
use crate::error::Trouble;
use crate::facts::ids::Id;

/// Items of one partition.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Items {
    pub messages: Vec<MessageItem>,
    pub notifications: Vec<NotificationItem>,
    #[serde(with = "packed")]
    pub closed_messages: Vec<u64>,
    #[serde(with = "packed")]
    pub closed_notifications: Vec<u64>,
    pub waiting_calls: Vec<WaitingCall>,
    pub correlations: Vec<(Id, u64)>,
}

impl Items {
    /// Returns how many entries there are.
    pub const fn count(&self) -> u64 {
        let open = self.messages.len() + self.notifications.len() + self.waiting_calls.len();
        (open + self.closed_messages.len() + self.closed_notifications.len() + self.correlations.len()) as u64
    }

    /// Writes the items after those of the partitions before.
    ///
    /// # Errors
    /// The disk fails.
    pub fn write(self, writer: &mut ItemWriter) -> Result<(), Trouble> {
        self.messages.into_iter().try_for_each(|item| writer.message(item))?;
        self.notifications.into_iter().try_for_each(|item| writer.notification(item))?;
        self.closed_messages.into_iter().try_for_each(|short| writer.closed(Closed::Messages, short))?;
        self.closed_notifications
            .into_iter()
            .try_for_each(|short| writer.closed(Closed::Notifications, short))?;
        self.waiting_calls.into_iter().try_for_each(|call| writer.waiting_call(call))?;
        self.correlations.into_iter().try_for_each(|(id, correlation)| writer.correlation(id, correlation))
    }
}

/// Short ids as eight bytes each: as numbers of varying length they take ten, and twice the time.
mod packed {
    use std::fmt;

    use serde::de::{Deserializer, Error, Visitor};
    use serde::ser::Serializer;

    pub fn serialize<S: Serializer>(numbers: &[u64], to: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        to.serialize_bytes(&bytes)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u64>, D::Error> {
        struct Numbers;
        impl Visitor<'_> for Numbers {
            type Value = Vec<u64>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("numbers of eight bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u64>, E> {
                let (numbers, rest) = bytes.as_chunks();
                if !rest.is_empty() {
                    return Err(E::invalid_length(bytes.len(), &self));
                }
                Ok(numbers.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect())
            }
        }
        from.deserialize_bytes(Numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_back_as_they_were_left() {
        let ids = vec![0, 1, 300, u64::MAX, 0x0123_4567_89ab_cdef];
        let items = Items {
            closed_messages: ids.clone(),
            closed_notifications: vec![7],
            correlations: vec![(Id::MAX >> 32, u64::MAX)],
            ..Items::default()
        };
        let bytes = postcard::to_stdvec(&items).unwrap();
        let found: Items = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(found.closed_messages, ids);
        assert_eq!((found.closed_notifications, found.correlations), (vec![7], items.correlations));
        let empty = postcard::to_stdvec(&Items::default()).unwrap();
        assert!(postcard::from_bytes::<Items>(&empty).unwrap().closed_messages.is_empty());
        // Seven bytes are no number.
        let at = bytes.iter().position(|byte| *byte == 40).unwrap();
        let mut odd = bytes;
        odd[at] = 39;
        assert!(postcard::from_bytes::<Items>(&odd).is_err());
    }
}
