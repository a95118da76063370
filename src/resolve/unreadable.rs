//! Unreadable webhook rows: each explains one message and one notification of its time and region.
//!
//! A row that cannot be read may have been the status that a message lacks. As many messages
//! without a status in time are unknown as there are such rows near them; the others are missed.

use std::collections::BTreeMap;

use super::Resolver;
use crate::day::SECOND_US;
use crate::daybook::MessageItem;
use crate::daybook::delivery::Delivery;
use crate::daybook::message::MessageState;
use crate::error::Trouble;
use crate::facts::ids::Id;
use crate::facts::{Kind, Timing, UnreadableWindow};

/// Messages and notifications that are bad unless an unreadable row explains them.
#[derive(Default)]
pub struct Undecided {
    pub messages: Vec<UndecidedMessage>,
    pub notifications: Vec<UndecidedNotification>,
}

pub struct UndecidedMessage {
    pub open: MessageItem,
    pub state: MessageState,
    pub timing: Timing,
    pub region: String,
    /// Up to when its first status would have been in time.
    pub due_us: i64,
}

pub struct UndecidedNotification {
    pub delivery: Delivery,
    pub kind: Kind,
    pub caller: u32,
    pub timing: Timing,
}

impl UndecidedMessage {
    fn candidate(&self) -> Candidate<'_> {
        let MessageItem { id, at_us, .. } = self.open;
        Candidate { region: &self.region, at_us, id, from_us: at_us, to_us: self.due_us }
    }
}

impl UndecidedNotification {
    /// Returns the span in which its first attempt, or its next one, was due.
    fn candidate(&self, late_us: i64, pause_us: i64) -> Candidate<'_> {
        let Delivery { event_us, last_us, .. } = self.delivery;
        let (from_us, to_us) = match self.timing {
            Timing::Stopped => (last_us, last_us + pause_us),
            _ => (event_us, event_us + late_us),
        };
        Candidate { region: &self.kind.region, at_us: from_us, id: 0, from_us, to_us }
    }
}

/// An event that waits for an explanation, between two instants in microseconds since 1970.
struct Candidate<'r> {
    region: &'r str,
    /// The instant that decides which of several is explained first.
    at_us: i64,
    /// Tells apart candidates of one instant.
    id: Id,
    /// A window explains it if it has an instant in this span, both ends included.
    from_us: i64,
    to_us: i64,
}

impl Resolver<'_> {
    /// Returns whether any row of a webhook log was unreadable that may be of a region.
    pub fn has_unreadable_rows(&self, region: &str) -> bool {
        self.windows().any(|window| is_near(window, region))
    }

    /// Iterates over the windows of the day, and those of the day after that begin after it.
    fn windows(&self) -> impl Iterator<Item = &UnreadableWindow> {
        let end_us = self.day.end_us();
        let next = self.around.get(&self.day.plus(1)).into_iter().flat_map(|next| &next.unreadable);
        self.own.unreadable.iter().chain(next.filter(move |window| window.from_us >= end_us))
    }

    /// Decides the messages and notifications that unreadable rows may explain.
    pub fn decide(&mut self) -> Result<(), Trouble> {
        let Undecided { messages, notifications } = std::mem::take(&mut self.undecided);
        let windows: Vec<&UnreadableWindow> = self.windows().collect();
        let explained_messages = explained(&windows, messages.iter().map(UndecidedMessage::candidate));
        let webhooks = &self.config.webhooks;
        let late_us = i64::from(webhooks.first_attempt_seconds) * SECOND_US;
        let pause_us = i64::from(webhooks.max_retry_pause_seconds) * SECOND_US;
        let of_notification = |waiting| UndecidedNotification::candidate(waiting, late_us, pause_us);
        let explained_notifications = explained(&windows, notifications.iter().map(of_notification));
        for (message, is_explained) in messages.iter().zip(explained_messages) {
            let timing = if is_explained { Timing::Unseen } else { message.timing };
            self.resolve_message(&message.open, &message.state, timing)?;
        }
        for (waiting, is_explained) in notifications.into_iter().zip(explained_notifications) {
            let UndecidedNotification { delivery, kind, caller, timing } = waiting;
            let timing = if is_explained { Timing::Unseen } else { timing };
            self.resolve_notification(&delivery, kind, caller, timing);
        }
        Ok(())
    }
}

fn is_near(window: &UnreadableWindow, region: &str) -> bool {
    window.region == "*" || window.region == region || region == "-"
}

/// Returns which candidates the rows explain, in the order of the candidates.
///
/// In order of their ends, then beginnings, each row takes the earliest candidate of its window and
/// region that no earlier row took.
fn explained<'r>(
    windows: &[&UnreadableWindow],
    candidates: impl Iterator<Item = Candidate<'r>>,
) -> Vec<bool> {
    let mut explained = Vec::new();
    let mut longest_us = 0;
    let mut waiting: BTreeMap<&str, BTreeMap<(i64, Id, usize), i64>> = BTreeMap::new();
    for (at, Candidate { region, at_us, id, from_us, to_us }) in candidates.enumerate() {
        explained.push(false);
        longest_us = longest_us.max(to_us - from_us);
        waiting.entry(region).or_default().insert((at_us, id, at), to_us);
    }
    let mut windows: Vec<&&UnreadableWindow> = windows.iter().collect();
    windows.sort_by_key(|window| (window.to_us, window.from_us, &window.region));
    for window in windows {
        let range = (window.from_us.saturating_sub(longest_us), 0, 0)..=(window.to_us, Id::MAX, usize::MAX);
        for _ in 0..window.rows {
            let first = waiting
                .iter()
                .filter(|(region, _)| is_near(window, region))
                .filter_map(|(region, all)| {
                    let mut open = all.range(range.clone()).filter(|(_, to_us)| **to_us >= window.from_us);
                    open.next().map(|(key, _)| (*key, *region))
                })
                .min();
            let Some((key, region)) = first else { break };
            explained[key.2] = true;
            waiting.entry(region).or_default().remove(&key);
        }
    }
    explained
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE_US: i64 = 600 * SECOND_US;

    fn window(region: &str, from: i64, to: i64, rows: u64) -> UnreadableWindow {
        let (from_us, to_us) = (from * SECOND_US, to * SECOND_US);
        UnreadableWindow { to_us, from_us, region: region.to_owned(), rows }
    }

    /// Returns which messages, admitted at these seconds, are explained.
    fn of(windows: &[UnreadableWindow], messages: &[(&'static str, i64)]) -> Vec<bool> {
        let candidate = |(at, (region, second)): (usize, &(&'static str, i64))| {
            let at_us = second * SECOND_US;
            Candidate { region, at_us, id: at as Id, from_us: at_us, to_us: at_us + DEADLINE_US }
        };
        explained(&windows.iter().collect::<Vec<_>>(), messages.iter().enumerate().map(candidate))
    }

    #[test]
    fn a_row_explains_one_message_of_its_time_and_region() {
        let messages = [("eu", 1_000), ("eu", 1_010), ("us", 1_005), ("eu", 9_000)];
        assert_eq!(of(&[window("eu", 1_100, 1_200, 1)], &messages), [true, false, false, false]);
        assert_eq!(of(&[window("eu", 1_100, 1_200, 5)], &messages), [true, true, false, false]);
        assert_eq!(of(&[window("*", 1_100, 1_200, 2)], &messages), [true, false, true, false]);
        // One deadline after admission nothing explains it any more.
        assert_eq!(of(&[window("eu", 1_606, 1_700, 2)], &messages), [false, true, false, false]);
        assert_eq!(of(&[window("eu", 500, 900, 3)], &messages), [false; 4], "it was not admitted yet");
    }

    #[test]
    fn rows_that_end_first_explain_first() {
        let messages = [("eu", 1_000), ("eu", 1_500)];
        let windows = [window("eu", 1_400, 1_700, 1), window("eu", 1_100, 1_200, 1)];
        assert_eq!(of(&windows, &messages), [true, true]);
    }
}
