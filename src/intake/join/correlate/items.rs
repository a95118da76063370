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
    pub closed_messages: Vec<u64>,
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
