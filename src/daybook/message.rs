//! Message: the statuses of one message, joined in any order and with any number of copies.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::facts::Outcome;

/// Documented words that prove nothing about the platform's part.
pub const SILENT: [&str; 13] = [
    "accepted",
    "captured",
    "deleted",
    "enqueued",
    "held",
    "held_for_quality_assessment",
    "paused",
    "pending",
    "processing",
    "queued",
    "scheduled",
    "submitted",
    "warning",
];

/// The word of a status; its number is its bit in [`MessageState::words`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusWord {
    Sent = 1,
    Delivered = 2,
    /// A message seen in an open chat is `read` without ever being `delivered`.
    Read = 4,
    Played = 8,
    Failed = 16,
    /// A word of [`SILENT`], such as `accepted`, which does not show what the platform did.
    Other = 32,
    /// A word that nobody knows: what it says of the message is not understood.
    Unknown = 64,
}

impl StatusWord {
    pub const ALL: [Self; 7] =
        [Self::Sent, Self::Delivered, Self::Read, Self::Played, Self::Failed, Self::Other, Self::Unknown];

    /// Parses a word in any case: some logs write words in the spelling of their enums.
    pub fn of(text: &[u8]) -> Self {
        let text = text.trim_ascii();
        let is = |word: &str| text.eq_ignore_ascii_case(word.as_bytes());
        match () {
            () if is("sent") => Self::Sent,
            () if is("delivered") => Self::Delivered,
            () if is("read") => Self::Read,
            () if is("played") => Self::Played,
            () if is("failed") => Self::Failed,
            () if SILENT.iter().any(|word| is(word)) => Self::Other,
            () => Self::Unknown,
        }
    }
}

/// The way in which a webhook row tells of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum StatusOrigin {
    /// A status of a message that this app sent.
    Own,
    /// A status of a message of any responder of the number, which an app on standby is told.
    Overheard,
    /// A copy of a message that was sent without a call: from the Business app, or by another
    /// responder. It is no status.
    Echo,
}

/// The statuses of one message, joined.
///
/// [`MessageState::join`] is commutative, associative and idempotent, so neither order nor
/// repetition of rows matters (R18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageState {
    /// [`StatusWord`]s seen, as bits.
    pub words: u8,
    /// Earliest status but `Other` and `Unknown`, microseconds since 1970, or
    /// [`MessageState::NEVER`].
    pub first_us: i64,
    /// The `failed` that says most: its instant, microseconds since 1970, and its error code.
    ///
    /// One with a code says more than one without; then the earlier, then the smaller code.
    pub failed_us: i64,
    pub code: Option<i64>,
    /// Participants of a group who got the message, and for whom it failed, as bits.
    ///
    /// Bit 0 stands for statuses that name no participant; the other [`PARTICIPANTS`] bits are
    /// chosen by a hash ([`participant`]), so that two participants may rarely share one.
    pub delivered_to: u32,
    pub failed_to: u32,
}

/// Number of bits that tell participants apart; a group has at most eight participants.
pub const PARTICIPANTS: u32 = 23;

/// Returns the bit of a participant, from 1 to [`PARTICIPANTS`].
pub fn participant(name: &[u8]) -> u8 {
    1 + (xxh3_64(name) % u64::from(PARTICIPANTS)) as u8
}

impl MessageState {
    /// Instant of a status that has not come.
    pub const NEVER: i64 = i64::MAX;
    /// The state of a message without any status.
    pub const NONE: Self = Self {
        words: 0,
        first_us: Self::NEVER,
        failed_us: Self::NEVER,
        code: None,
        delivered_to: 0,
        failed_to: 0,
    };
    const DELIVERED: u8 = StatusWord::Delivered as u8 | StatusWord::Read as u8 | StatusWord::Played as u8;

    /// The state after a single status that names no participant.
    pub const fn of(word: StatusWord, us: i64, code: Option<i64>) -> Self {
        Self::of_participant(word, us, code, 0)
    }

    /// The state after a single status; `participant` is the bit of the participant, 0 for none.
    pub const fn of_participant(word: StatusWord, us: i64, code: Option<i64>, participant: u8) -> Self {
        let (words, told_of) = (word as u8, 1 << participant);
        match word {
            StatusWord::Other | StatusWord::Unknown => Self { words, ..Self::NONE },
            StatusWord::Sent => Self { words, first_us: us, ..Self::NONE },
            StatusWord::Failed => {
                Self { words, first_us: us, failed_us: us, code, delivered_to: 0, failed_to: told_of }
            }
            _ => Self { words, first_us: us, delivered_to: told_of, ..Self::NONE },
        }
    }

    /// Adds the statuses of another state of the same message.
    pub fn join(&mut self, other: &Self) {
        self.words |= other.words;
        self.delivered_to |= other.delivered_to;
        self.failed_to |= other.failed_to;
        self.first_us = self.first_us.min(other.first_us);
        // A minimum over a total order, so that neither order nor repetition can matter.
        let key = |s: &Self| (s.code.is_none(), s.failed_us, s.code);
        if key(other) < key(self) {
            (self.failed_us, self.code) = (other.failed_us, other.code);
        }
    }

    /// Returns the state without what statuses after an instant say.
    ///
    /// Of several joined words only the earliest and the failure have an instant; the others count
    /// with the earliest.
    #[must_use]
    pub const fn until(self, us: i64) -> Self {
        if self.first_us != Self::NEVER && self.first_us > us {
            return Self::NONE;
        }
        if self.failed_us == Self::NEVER || self.failed_us <= us {
            return self;
        }
        let words = self.words & !(StatusWord::Failed as u8);
        Self { words, failed_us: Self::NEVER, code: None, failed_to: 0, ..self }
    }

    /// Returns the outcome: delivered before failed before sent (R18).
    pub const fn outcome(&self) -> Outcome {
        if self.is_delivered() {
            Outcome::Delivered
        } else if self.words & StatusWord::Failed as u8 != 0 {
            Outcome::Failed
        } else if self.words & StatusWord::Sent as u8 != 0 {
            Outcome::Sent
        } else {
            Outcome::None
        }
    }

    /// True if a status proves that the platform took the message, whatever else was reported.
    pub const fn has_left(&self) -> bool {
        self.words & (Self::DELIVERED | StatusWord::Sent as u8) != 0
    }

    /// True if a status has a word that nobody knows.
    pub const fn has_unknown(&self) -> bool {
        self.words & StatusWord::Unknown as u8 != 0
    }

    /// True if a status says delivered, read or played.
    pub const fn is_delivered(&self) -> bool {
        self.words & Self::DELIVERED != 0
    }

    /// True if the statuses say both delivered and failed of one recipient (R18).
    ///
    /// Of two participants of a group, one may get the message and the other not.
    pub const fn is_contradicted(&self) -> bool {
        self.delivered_to & self.failed_to != 0
    }

    /// True if a status names a participant of a group.
    pub const fn has_participants(&self) -> bool {
        (self.delivered_to | self.failed_to) > 1
    }

    /// Returns the number of different words seen.
    pub const fn statuses(&self) -> u32 {
        self.words.count_ones()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn state() -> impl Strategy<Value = MessageState> {
        let word = prop::sample::select(StatusWord::ALL.to_vec());
        let one = (word, 0_i64..6, prop::option::of(1_i64..4), 0_u8..3)
            .prop_map(|(w, us, code, who)| MessageState::of_participant(w, us, code, who));
        prop::collection::vec(one, 0..4).prop_map(|all| {
            let mut state = MessageState::NONE;
            for one in &all {
                state.join(one);
            }
            state
        })
    }

    fn joined(a: MessageState, b: MessageState) -> MessageState {
        let mut a = a;
        a.join(&b);
        a
    }

    proptest! {
        #[test]
        fn joining_is_free_of_order_and_repetition(a in state(), b in state(), c in state()) {
            prop_assert_eq!(joined(a, b), joined(b, a));
            prop_assert_eq!(joined(joined(a, b), c), joined(a, joined(b, c)));
            prop_assert_eq!(joined(a, a), a);
            prop_assert_eq!(joined(a, MessageState::NONE), a);
        }
    }

    #[test]
    fn a_failure_with_a_code_says_more_than_an_earlier_one_without() {
        let failed = |us, code| MessageState::of(StatusWord::Failed, us, code);
        let told = |all: &[MessageState]| {
            let state = all.iter().fold(MessageState::NONE, |s, one| joined(s, *one));
            (state.code, state.first_us)
        };
        let (bare, coded, later) = (failed(5, None), failed(9, Some(131_026)), failed(12, Some(2)));
        for all in [[bare, coded, later], [later, coded, bare], [coded, bare, later]] {
            assert_eq!(told(&all), (Some(131_026), 5));
        }
        assert_eq!(told(&[bare, failed(7, None)]), (None, 5));
        assert_eq!(told(&[failed(9, Some(7)), failed(9, Some(3))]), (Some(3), 9));
    }

    #[test]
    fn only_one_recipient_can_be_contradicted() {
        let both = |delivered, failed| {
            let delivered = MessageState::of_participant(StatusWord::Delivered, 1, None, delivered);
            joined(delivered, MessageState::of_participant(StatusWord::Failed, 2, None, failed))
        };
        let is_contradicted = [(0, 0), (1, 1), (1, 2), (0, 1)].map(|(a, b)| both(a, b).is_contradicted());
        assert_eq!(is_contradicted, [true, true, false, false]);
        assert_eq!(both(1, 2).outcome(), Outcome::Delivered);
        assert!(both(0, 1).has_participants() && !both(0, 0).has_participants());
        let bits: Vec<u8> = (0..100).map(|n| participant(&[n])).collect();
        assert_eq!((bits.iter().min(), bits.iter().max()), (Some(&1), Some(&(PARTICIPANTS as u8))));
    }

    #[test]
    fn what_comes_after_the_window_changes_nothing() {
        let sent = MessageState::of(StatusWord::Sent, 5, None);
        let failed = MessageState::of(StatusWord::Failed, 9, Some(2));
        let both = joined(sent, failed);
        assert_eq!((both.until(9), both.until(8), both.until(4)), (both, sent, MessageState::NONE));
        assert_eq!(MessageState::NONE.until(0), MessageState::NONE);
    }

    #[test]
    fn any_delivered_beats_failed_and_failed_beats_sent() {
        let of = |words: &[StatusWord]| {
            words.iter().fold(MessageState::NONE, |s, w| joined(s, MessageState::of(*w, 1, None))).outcome()
        };
        assert_eq!(of(&[]), Outcome::None);
        assert_eq!(of(&[StatusWord::Other, StatusWord::Unknown]), Outcome::None);
        assert_eq!(of(&[StatusWord::Sent]), Outcome::Sent);
        assert_eq!(of(&[StatusWord::Failed, StatusWord::Sent]), Outcome::Failed);
        for word in [StatusWord::Delivered, StatusWord::Read, StatusWord::Played] {
            assert_eq!(of(&[word, StatusWord::Failed]), Outcome::Delivered);
        }
    }

    #[test]
    fn words_are_known_in_any_case_and_others_are_not_understood() {
        for (text, word) in [
            ("sent", StatusWord::Sent),
            (" Delivered ", StatusWord::Delivered),
            ("READ", StatusWord::Read),
            ("Accepted", StatusWord::Other),
            ("DELIVERY_ACK", StatusWord::Unknown),
            ("3", StatusWord::Unknown),
        ] {
            assert_eq!(StatusWord::of(text.as_bytes()), word, "{text}");
        }
    }
}
