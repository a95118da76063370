//! Attributes: a kind as rules see it, with the knowledge of the catalogue and the policy's tables.

use super::Policy;
use super::condition::Attribute;
use crate::config::Vantage;
use crate::day::Day;
use crate::facts::{Admission, Kind, Outcome, Reached, Stream, Symptom, Timing};

/// Returns the attribute of `kind` under each key, in the order of `ConditionKey::ALL`.
pub fn attributes<'a>(kind: &'a Kind, day: Day, policy: &'a Policy) -> [Attribute<'a>; 21] {
    let entry = kind.error_code.map(|code| policy.catalogue.entry(code, kind.error_subcode, day));
    let (fault, family, review) = match entry {
        None => (Attribute::Nothing, Attribute::Nothing, Attribute::Nothing),
        Some(None) => (Attribute::Word("unknown"), Attribute::Nothing, Attribute::Nothing),
        Some(Some(entry)) => (Attribute::Word(&entry.fault), text(&entry.family), text(&entry.review)),
    };
    [
        Attribute::Word(stream(kind.stream)),
        Attribute::Word(vantage(kind.vantage)),
        Attribute::Word(reached(kind.reached)),
        Attribute::Word(symptom(kind.symptom)),
        number(kind.http_status.map(i64::from)),
        number(kind.error_code),
        number(kind.error_subcode),
        flag(kind.is_transient),
        flag(kind.is_success),
        Attribute::Word(admission(kind.admission)),
        Attribute::Word(outcome(kind.outcome)),
        Attribute::Word(timing(kind.timing)),
        text(&kind.scope),
        Attribute::Word(&kind.service),
        text(kind.region.trim_start_matches('-')),
        Attribute::Word(&kind.source),
        fault,
        family,
        review,
        Attribute::Word(policy.restrictions.standing(&kind.recipient_area, day)),
        Attribute::Word(policy.clients.standing(&kind.client_platform, &kind.client_version)),
    ]
}

fn number<'a>(value: Option<i64>) -> Attribute<'a> {
    value.map_or(Attribute::Nothing, Attribute::Number)
}

const fn text(value: &str) -> Attribute<'_> {
    if value.is_empty() { Attribute::Nothing } else { Attribute::Word(value) }
}

const fn flag<'a>(value: Option<bool>) -> Attribute<'a> {
    match value {
        None => Attribute::Nothing,
        Some(true) => Attribute::Word("true"),
        Some(false) => Attribute::Word("false"),
    }
}

const fn stream(stream: Stream) -> &'static str {
    match stream {
        Stream::Request => "request",
        Stream::Notification => "notification",
        Stream::Message => "message",
    }
}

const fn vantage(vantage: Vantage) -> &'static str {
    match vantage {
        Vantage::CallerEgress => "caller_egress",
        Vantage::EdgeIngress => "edge_ingress",
        Vantage::FirstLayer => "first_layer",
        Vantage::WebhookEgress => "webhook_egress",
    }
}

const fn reached(reached: Reached) -> &'static str {
    match reached {
        Reached::Yes => "yes",
        Reached::No => "no",
        Reached::Unknown => "unknown",
    }
}

const fn symptom(symptom: Symptom) -> &'static str {
    match symptom {
        Symptom::None => "none",
        Symptom::Dns => "dns",
        Symptom::Connect => "connect",
        Symptom::Tls => "tls",
        Symptom::ProxyLocal => "proxy_local",
        Symptom::ClientAbortEarly => "client_abort_early",
        Symptom::ClientAbortWaiting => "client_abort_waiting",
        Symptom::Reset => "reset",
        Symptom::Timeout => "timeout",
        Symptom::CutOff => "cut_off",
    }
}

const fn admission(admission: Admission) -> &'static str {
    match admission {
        Admission::None => "none",
        Admission::Admitted => "admitted",
        Admission::Held => "held",
        Admission::Paused => "paused",
    }
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::None => "none",
        Outcome::Sent => "sent",
        Outcome::Delivered => "delivered",
        Outcome::Failed => "failed",
        Outcome::Refused => "refused",
        Outcome::Unreachable => "unreachable",
        Outcome::Internal => "internal",
        Outcome::Unknown => "unknown",
    }
}

const fn timing(timing: Timing) -> &'static str {
    match timing {
        Timing::None => "none",
        Timing::InTime => "in_time",
        Timing::Late => "late",
        Timing::Overdue => "overdue",
        Timing::Open => "open",
        Timing::Stopped => "stopped",
        Timing::Unseen => "unseen",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::condition::ConditionKey;

    /// Checks that rules use the words of the logs, and that a condition can have each word.
    fn check<T: Copy + serde::Serialize>(key: ConditionKey, all: &[T], word: impl Fn(T) -> &'static str) {
        let written: Vec<_> = all.iter().map(|value| serde_json::to_value(value).unwrap()).collect();
        let words: Vec<_> = all.iter().map(|value| word(*value)).collect();
        assert_eq!(written, words);
        assert_eq!(key.words(), Some(words.as_slice()));
    }

    #[test]
    fn words_are_those_of_the_logs() {
        use {Admission as A, Outcome as O, Reached as R, Symptom as S, Timing as T, Vantage as V};
        let streams = [Stream::Request, Stream::Notification, Stream::Message];
        check(ConditionKey::Stream, &streams, stream);
        check(
            ConditionKey::Vantage,
            &[V::CallerEgress, V::EdgeIngress, V::FirstLayer, V::WebhookEgress],
            vantage,
        );
        check(ConditionKey::Reached, &[R::Yes, R::No, R::Unknown], reached);
        let (early, waiting) = (S::ClientAbortEarly, S::ClientAbortWaiting);
        let upstream = [S::Reset, S::Timeout, S::CutOff];
        let symptoms =
            [&[S::None, S::Dns, S::Connect, S::Tls, S::ProxyLocal, early, waiting][..], &upstream].concat();
        check(ConditionKey::Symptom, &symptoms, symptom);
        check(ConditionKey::Admission, &[A::None, A::Admitted, A::Held, A::Paused], admission);
        let failures = [O::Failed, O::Refused, O::Unreachable, O::Internal];
        let outcomes = [&[O::None, O::Sent, O::Delivered][..], &failures, &[O::Unknown]].concat();
        check(ConditionKey::Outcome, &outcomes, outcome);
        let timings = [T::None, T::InTime, T::Late, T::Overdue, T::Open, T::Stopped, T::Unseen];
        check(ConditionKey::Timing, &timings, timing);
    }
}
