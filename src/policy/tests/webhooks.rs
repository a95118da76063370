//! The built-in policy on messages and notifications: the rows of the table for webhook logs.

use super::*;

use Outcome::{Delivered, Failed, Internal, Refused, Sent, Unreachable};
use Timing::{InTime, Late, Open, Overdue, Stopped, Unseen};

/// An admitted message: its call was answered with 200 and a message id.
fn message(outcome: Outcome, timing: Timing) -> Kind {
    Kind { stream: Stream::Message, admission: Admission::Admitted, outcome, timing, ..request(200) }
}

/// A message that failed in time, with the code of its status.
pub fn failed(code: i64) -> Kind {
    Kind { error_code: Some(code), ..message(Failed, InTime) }
}

fn held(kind: Kind) -> Kind {
    Kind { admission: Admission::Held, ..kind }
}

/// A message whose call was answered with an error.
fn refused(http_status: u16, error_code: Option<i64>, outcome: Outcome) -> Kind {
    Kind { http_status: Some(http_status), error_code, ..message(outcome, InTime) }
}

fn notification(outcome: Outcome, timing: Timing) -> Kind {
    Kind {
        stream: Stream::Notification,
        vantage: Vantage::WebhookEgress,
        service: "webhooks".to_owned(),
        outcome,
        timing,
        ..request(0)
    }
}

/// A call without an answer, whose message is known by its correlation.
fn proven(outcome: Outcome, http_status: Option<u16>) -> Kind {
    let kind = Kind { symptom: Symptom::Timeout, http_status, ..message(outcome, InTime) };
    Kind { admission: Admission::None, ..kind }
}

/// Calls that were answered with an error, and whose message was sent all the same.
fn errors_but_sent() -> Vec<(&'static str, &'static str, Vec<Kind>)> {
    vec![
        (
            "outcome-unknown",
            "unknown",
            vec![
                message(Outcome::Unknown, Overdue),
                Kind { outcome: Outcome::Unknown, ..request(0) },
                Kind { outcome: Outcome::Unknown, vantage: Vantage::EdgeIngress, ..request(0) },
            ],
        ),
        (
            "answer-lost-but-sent",
            "good",
            vec![
                proven(Sent, None),
                proven(Delivered, Some(504)),
                Kind { symptom: CutOff, ..proven(Sent, Some(200)) },
            ],
        ),
        (
            "api-update-but-sent",
            "good",
            vec![
                refused(503, Some(2), Sent),
                refused(500, Some(2), Delivered),
                refused(200, Some(2), Sent),
                Kind { timing: Late, ..refused(503, Some(2), Sent) },
            ],
        ),
        (
            "error-code-but-sent",
            "good",
            vec![
                refused(503, Some(131_016), Delivered),
                refused(400, Some(131_026), Sent),
                Kind { timing: Unseen, ..refused(200, Some(131_016), Sent) },
            ],
        ),
        (
            "error-status-but-sent",
            "good",
            vec![refused(503, None, Sent), Kind { timing: Late, ..refused(500, None, Delivered) }],
        ),
        ("refusal-but-sent", "good", vec![Kind { is_success: Some(false), ..refused(200, None, Sent) }]),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
pub fn cases() -> Vec<(&'static str, &'static str, Vec<Kind>)> {
    let (error, missed) = ("bad:platform:error", "bad:platform:missed");
    let without_status = |kind| Kind { http_status: None, ..kind };
    let mut cases = errors_but_sent();
    cases.extend([
        (
            "message-released",
            "good",
            vec![
                held(message(Sent, Timing::None)),
                Kind { admission: Admission::Paused, ..message(Delivered, InTime) },
            ],
        ),
        (
            "message-dropped-by-pacing",
            "user:policy",
            vec![held(failed(135_000)), Kind { timing: Late, ..held(failed(135_000)) }],
        ),
        (
            "message-pending",
            "pending",
            vec![
                message(Outcome::None, Open),
                held(message(Outcome::None, Open)),
                without_status(message(Outcome::None, Open)),
            ],
        ),
        (
            "message-unseen",
            "unknown",
            vec![message(Outcome::None, Unseen), message(Sent, Unseen), held(message(Outcome::None, Unseen))],
        ),
        (
            "message-missed",
            missed,
            vec![
                message(Outcome::None, Overdue),
                without_status(message(Outcome::None, Overdue)),
                message(Sent, Late),
                message(Delivered, Late),
                message(Failed, Late),
                // A retry behind the proxy does not matter: the message id proves the admission.
                Kind { symptom: Connect, ..message(Outcome::None, Overdue) },
                Kind { symptom: CutOff, ..message(Sent, Late) },
            ],
        ),
        (
            "message-failed-late",
            missed,
            vec![
                Kind { timing: Late, ..failed(131_026) },
                Kind { timing: Late, ..failed(4711) },
                Kind { timing: Late, ..to("CU", failed(131_026)) },
            ],
        ),
        (
            "message-held-too-long",
            missed,
            vec![
                held(message(Outcome::None, Overdue)),
                held(message(Sent, Late)),
                Kind { admission: Admission::Paused, ..message(Outcome::None, Overdue) },
            ],
        ),
        (
            "message-held-and-failed-late",
            missed,
            vec![held(message(Failed, Late)), Kind { timing: Late, ..held(failed(131_026)) }],
        ),
        (
            "message-sent",
            "good",
            vec![
                message(Sent, InTime),
                message(Delivered, InTime),
                success(message(Sent, InTime), true),
                without_status(message(Delivered, InTime)),
                Kind { symptom: ClientAbortEarly, ..message(Sent, InTime) },
                Kind { symptom: CutOff, ..message(Delivered, InTime) },
            ],
        ),
        ("message-failed-without-code", error, vec![message(Failed, InTime), held(message(Failed, InTime))]),
        (
            "message-failed-for-unknown-cause",
            error,
            vec![failed(131_000), held(failed(131_000)), without_status(failed(131_000))],
        ),
        (
            "notification-unseen",
            "unknown",
            vec![
                notification(Refused, Unseen),
                notification(Delivered, Unseen),
                notification(Internal, Unseen),
            ],
        ),
        (
            "notification-late",
            missed,
            vec![
                notification(Delivered, Late),
                notification(Refused, Late),
                notification(Unreachable, Late),
                notification(Internal, Late),
            ],
        ),
        ("notification-delivered", "good", vec![notification(Delivered, InTime)]),
        (
            "notification-internal",
            error,
            vec![notification(Internal, InTime), notification(Internal, Stopped)],
        ),
        (
            "notification-stopped",
            missed,
            vec![notification(Refused, Stopped), notification(Unreachable, Stopped)],
        ),
        ("notification-refused", "user:caller", vec![notification(Refused, InTime)]),
        ("notification-unreachable", "excluded:network:webhook", vec![notification(Unreachable, InTime)]),
    ]);
    cases
}

fn account(policy: &Policy, kind: &Kind) -> Account {
    booked(policy, kind, "2026-11-20").1
}

/// Outcome and timing decide, whatever else the rows of a notification show.
#[test]
fn a_notification_is_booked_by_outcome_and_timing_alone() {
    let policy = Policy::built_in();
    let (error, missed) = (Account::BadPlatformError, Account::BadPlatformMissed);
    let mut table = vec![
        (Delivered, InTime, Account::Good),
        (Delivered, Late, missed),
        (Internal, InTime, error),
        (Internal, Late, missed),
        (Internal, Stopped, error),
    ];
    for (outcome, in_time) in [(Refused, Account::UserCaller), (Unreachable, Account::ExcludedNetworkWebhook)]
    {
        let timings = [(InTime, in_time), (Late, missed), (Stopped, missed)];
        table.extend(timings.map(|(timing, want)| (outcome, timing, want)));
    }
    for (outcome, timing, want) in table {
        let kind = notification(outcome, timing);
        for symptom in [Symptom::None, Dns, Connect, Tls, Reset, Timeout, CutOff] {
            for http_status in [None, Some(200), Some(302), Some(404), Some(429), Some(503)] {
                for reached in [Yes, No, Unknown] {
                    let kind = Kind { http_status, reached, symptom, ..kind.clone() };
                    assert_eq!(account(&policy, &kind), want, "{kind:#?}");
                    let kind = Kind { error_code: Some(131_026), ..kind };
                    assert_eq!(account(&policy, &kind), want, "{kind:#?}");
                }
            }
        }
    }
}

#[test]
fn an_admitted_message_is_booked_by_outcome_and_timing() {
    let policy = Policy::built_in();
    let (error, missed) = (Account::BadPlatformError, Account::BadPlatformMissed);
    let table = [
        (Outcome::None, Open, Account::Pending),
        (Outcome::None, Unseen, Account::Unknown),
        (Outcome::Unknown, Overdue, Account::Unknown),
        (Outcome::Unknown, Late, Account::Unknown),
        (Outcome::None, Overdue, missed),
        (Sent, InTime, Account::Good),
        (Sent, Late, missed),
        (Delivered, InTime, Account::Good),
        (Delivered, Late, missed),
        (Failed, InTime, error),
        (Failed, Late, missed),
    ];
    for (outcome, timing, want) in table {
        for http_status in [None, Some(200), Some(202)] {
            for is_success in [None, Some(true)] {
                let kind = Kind { http_status, is_success, ..message(outcome, timing) };
                for admission in [Admission::Admitted, Admission::Held, Admission::Paused] {
                    let kind = Kind { admission, ..kind.clone() };
                    assert_eq!(account(&policy, &kind), want, "{kind:#?}");
                }
            }
        }
    }
}

/// A status has no HTTP status of its own.
///
/// The 200 of its call must not make a failure look like a success.
#[test]
fn a_message_that_failed_in_time_is_booked_by_the_fault_of_its_code() {
    let policy = Policy::built_in();
    let mut codes = 0;
    for line in BUILT_IN_CATALOGUE.lines().skip(1) {
        let mut cells = line.split(',');
        let (code, subcode) = (cells.next().unwrap(), cells.next().unwrap());
        let (code, error_subcode) = (code.split('-').next().unwrap().parse().unwrap(), subcode.parse().ok());
        for (admission, http_status) in
            [(Admission::Admitted, Some(200)), (Admission::Admitted, None), (Admission::Held, Some(200))]
        {
            let kind = Kind { http_status, error_subcode, admission, ..failed(code) };
            let fault = policy
                .catalogue
                .entry(code, error_subcode, "2026-11-20".parse().unwrap())
                .unwrap()
                .fault
                .as_str();
            let want = match (code, fault) {
                (2 | 131_000, _) | (_, "platform") => Account::BadPlatformError,
                (135_000, _) if admission == Admission::Held => Account::UserPolicy,
                (130_472 | 131_049, _) | (_, "policy") => Account::UserPolicy,
                (_, "recipient") => Account::UserRecipient,
                (_, "throttling") => Account::UserThrottled,
                _ => Account::UserCaller,
            };
            assert_eq!(account(&policy, &kind), want, "{kind:#?}");
        }
        codes += 1;
    }
    assert!(codes > 200, "{codes} codes");
}

/// A status that proves that the platform took the message proves the answer wrong.
#[test]
fn a_call_that_was_answered_with_an_error_is_a_success_if_its_message_was_sent() {
    let policy = Policy::built_in();
    for timing in [InTime, Late, Unseen] {
        for outcome in [Sent, Delivered] {
            for (http_status, code) in
                [(500, Some(131_016)), (200, Some(131_016)), (400, Some(100)), (400, None), (503, None)]
            {
                let kind = Kind { timing, ..refused(http_status, code, outcome) };
                assert_eq!(account(&policy, &kind), Account::Good, "{kind:#?}");
            }
            let denied = success(message(outcome, timing), false);
            assert_eq!(booked(&policy, &denied, "2026-11-20").0, "refusal-but-sent");
        }
    }
}
