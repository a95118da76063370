//! Tests of the built-in policy, kind by kind.
//!
//! A rule without a row here fails `every_rule_has_a_case`.

mod webhooks;

use Reached::{No, Unknown, Yes};
use Symptom::{ClientAbortEarly, ClientAbortWaiting, Connect, CutOff, Dns, ProxyLocal, Reset, Timeout, Tls};
use Vantage::{CallerEgress as Caller, EdgeIngress as Edge, FirstLayer as First};

use super::*;
use crate::config::Vantage;
use crate::day::SlotLength;
use crate::facts::{Admission, Fact, IGNORED, Outcome, Reached, Stream, Symptom, Timing};

/// A request as the first layer logs it, with an HTTP status (0: none).
fn request(http_status: u16) -> Kind {
    let http_status = (http_status > 0).then_some(http_status);
    Kind { http_status, reached: Yes, ..Kind::bare(Stream::Request, "s", First, "messages", "-") }
}

fn at(vantage: Vantage, reached: Reached, symptom: Symptom, http_status: u16) -> Kind {
    Kind { vantage, reached, symptom, ..request(http_status) }
}

fn code(code: i64, http_status: u16) -> Kind {
    Kind { error_code: Some(code), ..request(http_status) }
}

fn subcode(error: i64, subcode: i64, http_status: u16) -> Kind {
    Kind { error_subcode: Some(subcode), ..code(error, http_status) }
}

fn transient(kind: Kind) -> Kind {
    Kind { is_transient: Some(true), ..kind }
}

fn success(kind: Kind, is_success: bool) -> Kind {
    Kind { is_success: Some(is_success), ..kind }
}

fn to(area: &str, kind: Kind) -> Kind {
    Kind { recipient_area: area.to_owned(), ..kind }
}

fn client(platform: &str, version: &str, kind: Kind) -> Kind {
    Kind { client_platform: platform.to_owned(), client_version: version.to_owned(), ..kind }
}

#[expect(clippy::too_many_lines, reason = "a table")]
pub fn cases() -> Vec<(&'static str, &'static str, Vec<Kind>)> {
    let ingress = "excluded:network:ingress";
    let (error, missed) = ("bad:platform:error", "bad:platform:missed");
    let mut cases = vec![
        (
            "endpoint-ignored",
            "excluded:ignored",
            vec![
                Kind { service: IGNORED.to_owned(), ..request(200) },
                Kind { service: IGNORED.to_owned(), ..code(2, 503) },
            ],
        ),
        (
            "out-of-scope",
            "excluded:scope",
            vec![
                Kind { scope: "test".to_owned(), ..request(200) },
                Kind { scope: "localized".to_owned(), ..code(2, 503) },
            ],
        ),
        (
            "client-left-early",
            ingress,
            vec![
                at(Caller, No, ClientAbortEarly, 0),
                at(Edge, Unknown, ClientAbortEarly, 499),
                at(First, Yes, ClientAbortEarly, 400),
            ],
        ),
        ("request-never-complete", ingress, vec![request(408), at(Edge, No, Symptom::None, 408)]),
        (
            "caller-not-reached",
            ingress,
            vec![
                at(Caller, No, Dns, 0),
                at(Caller, No, Connect, 502),
                at(Caller, No, ProxyLocal, 407),
                at(Caller, No, Symptom::None, 504),
                at(Caller, No, Timeout, 0),
                at(Caller, No, ClientAbortWaiting, 499),
                at(Caller, No, Symptom::None, 200),
            ],
        ),
        (
            "caller-network-down",
            ingress,
            vec![
                at(Caller, Unknown, Dns, 0),
                at(Caller, Unknown, Connect, 503),
                at(Caller, Unknown, Tls, 502),
            ],
        ),
        (
            "caller-proxy-refused",
            ingress,
            vec![at(Caller, Unknown, ProxyLocal, 429), at(Caller, Unknown, ProxyLocal, 0)],
        ),
        (
            "never-reached",
            ingress,
            vec![at(Edge, No, Symptom::None, 0), at(Edge, No, ClientAbortWaiting, 499)],
        ),
        (
            "edge-answer-cut-off",
            error,
            vec![
                at(Edge, Yes, CutOff, 200),
                at(First, Yes, CutOff, 302),
                at(Edge, Unknown, CutOff, 0),
                // A proxy that had the status of its upstream and answers for it.
                at(Edge, Yes, CutOff, 502),
                success(at(Edge, Yes, CutOff, 200), true),
                // Nothing proves that the message was sent.
                Kind { admission: Admission::Admitted, ..at(Edge, Yes, CutOff, 200) },
            ],
        ),
        (
            "caller-answer-cut-off",
            missed,
            vec![
                at(Caller, Yes, CutOff, 200),
                at(Caller, Unknown, CutOff, 201),
                at(Caller, Yes, CutOff, 502),
                at(Caller, Unknown, CutOff, 0),
            ],
        ),
        (
            "answered",
            "good",
            vec![
                request(200),
                request(101),
                request(304),
                success(request(201), true),
                Kind { admission: Admission::Held, ..request(200) },
                Kind { admission: Admission::Paused, ..request(200) },
                at(Caller, Unknown, Symptom::None, 200),
                // A retry behind the proxy succeeded.
                at(Caller, Unknown, Connect, 200),
                at(Edge, Yes, Connect, 200),
                at(Edge, Yes, ClientAbortWaiting, 200),
                to("CU", request(200)),
            ],
        ),
        ("answered-without-status", "good", vec![success(request(0), true)]),
        (
            "edge-upstream-unreachable",
            error,
            vec![at(Edge, No, Connect, 503), at(Edge, Unknown, Dns, 0), at(First, Yes, Tls, 502)],
        ),
        ("edge-upstream-broke", error, vec![at(Edge, Unknown, Reset, 502), at(First, Yes, Reset, 0)]),
        ("edge-upstream-silent", missed, vec![at(Edge, Unknown, Timeout, 504), at(First, Yes, Timeout, 0)]),
        (
            "caller-got-no-answer",
            missed,
            vec![at(Caller, Unknown, Timeout, 0), at(Caller, Yes, Reset, 502), at(Caller, Unknown, Reset, 0)],
        ),
        (
            "client-gave-up-waiting",
            missed,
            vec![
                at(Caller, Unknown, ClientAbortWaiting, 0),
                at(Edge, Yes, ClientAbortWaiting, 499),
                at(Edge, Unknown, ClientAbortWaiting, 460),
            ],
        ),
        ("edge-limiter", "user:throttled", vec![at(Edge, No, ProxyLocal, 429)]),
        (
            "edge-refused-caller",
            "user:caller",
            vec![at(Edge, No, ProxyLocal, 400), at(First, Yes, ProxyLocal, 404)],
        ),
        ("edge-failed", error, vec![at(Edge, No, ProxyLocal, 503), at(Edge, Unknown, ProxyLocal, 0)]),
        (
            "api-update",
            error,
            vec![code(2, 503), transient(code(2, 500)), code(2, 200), to("CU", code(2, 503))],
        ),
        (
            "platform-fault",
            error,
            vec![code(131_016, 500), code(133_004, 503), subcode(100, 2_494_100, 400), code(131_016, 400)],
        ),
        (
            "recipient-restricted-area",
            "user:policy",
            vec![
                to("CU", code(131_026, 400)),
                to("UA-43", code(1, 400)),
                to("SY", code(131_000, 500)),
                to("KP", client("android", "2.0", code(131_026, 400))),
            ],
        ),
        (
            "recipient-client-too-old",
            "user:recipient",
            vec![
                client("android", "2.21.9.1", code(131_026, 400)),
                client("kaios", "2.2130.9", code(138_001, 400)),
            ],
        ),
        ("marketing-limit-or-experiment", "user:policy", vec![code(130_472, 400), code(131_049, 400)]),
        (
            "message-undeliverable",
            "user:recipient",
            vec![
                code(131_026, 400),
                client("web", "2.2132.6", code(131_026, 400)),
                client("windows", "1", code(131_026, 400)),
                to("UA", code(131_026, 400)),
                to("UA-30", code(131_026, 400)),
            ],
        ),
        ("recipient-fault", "user:recipient", vec![code(131_050, 400), code(131_043, 0)]),
        ("policy-fault", "user:policy", vec![code(130_497, 403), code(132_015, 400), code(368, 403)]),
        ("throttled", "user:throttled", vec![code(130_429, 429), code(4, 400), code(80_007, 403)]),
        (
            "authorization",
            "user:caller",
            vec![
                // Documented as 5xx, but the caller's fault nevertheless.
                code(3, 500),
                code(190, 401),
                subcode(190, 463, 400),
                code(250, 403),
                subcode(100, 33, 400),
                client("android", "2.0", code(190, 401)),
            ],
        ),
        (
            "validation-but-transient",
            error,
            vec![transient(code(100, 400)), transient(code(131_009, 400)), transient(code(135_000, 400))],
        ),
        ("validation", "user:caller", vec![code(100, 400), code(131_008, 400), subcode(100, 1, 400)]),
        (
            "caller-fault",
            "user:caller",
            vec![code(131_045, 500), code(138_007, 500), code(36_000, 200), subcode(100, 2_388_040, 400)],
        ),
        (
            "ambiguous-server-error",
            error,
            vec![code(1, 500), code(131_000, 500), code(133_000, 500), code(134_102, 503)],
        ),
        ("ambiguous-transient", error, vec![transient(code(1, 400)), transient(code(134_101, 400))]),
        ("ambiguous-request", "user:caller", vec![code(1, 400), code(135_000, 400), code(131_000, 0)]),
        ("success-denied", error, vec![success(request(200), false), success(request(0), false)]),
        (
            "unauthorized",
            "user:caller",
            vec![request(401), request(403), at(Caller, Unknown, Symptom::None, 403)],
        ),
        ("too-many-requests", "user:throttled", vec![request(429)]),
        (
            "client-closed-request",
            missed,
            vec![request(499), at(Caller, Unknown, Symptom::None, 499), request(460)],
        ),
        (
            "client-error",
            "user:caller",
            vec![request(400), request(404), request(413), success(request(400), false)],
        ),
        (
            "server-error",
            error,
            vec![
                request(500),
                at(Edge, Unknown, Symptom::None, 502),
                at(Edge, Yes, ClientAbortWaiting, 503),
                success(request(500), true),
            ],
        ),
        (
            "server-error-proven",
            error,
            vec![at(Caller, Yes, Symptom::None, 500), at(Caller, Yes, Connect, 503)],
        ),
        ("server-error-unproven", missed, vec![at(Caller, Unknown, Symptom::None, 502)]),
        ("no-answer", missed, vec![request(0), at(Caller, Unknown, Symptom::None, 0)]),
        (
            NO_RULE,
            "suspense",
            vec![
                code(4711, 400),
                code(4711, 500),
                code(4711, 200),
                transient(code(4711, 400)),
                to("CU", code(4711, 400)),
                request(999),
                webhooks::failed(4711),
            ],
        ),
    ];
    cases.splice(2..2, webhooks::cases());
    cases
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn booked(policy: &Policy, kind: &Kind, on: &str) -> (String, Account) {
    policy
        .rule_for(kind, day(on))
        .map_or_else(|| (NO_RULE.to_owned(), Account::Suspense), |rule| (rule.id.clone(), rule.account))
}

#[test]
fn the_built_in_policy_books_every_kind_as_the_table_says() {
    let policy = Policy::built_in();
    for (rule, account, kinds) in cases() {
        for kind in kinds {
            let want = (rule.to_owned(), account.parse().unwrap());
            assert_eq!(booked(&policy, &kind, "2026-11-20"), want, "{kind:#?}");
        }
    }
}

#[test]
fn every_rule_has_a_case() {
    let cases = cases();
    let covered: Vec<&str> = cases.iter().map(|(rule, ..)| *rule).filter(|rule| *rule != NO_RULE).collect();
    let policy = Policy::built_in();
    let rules: Vec<&str> = policy.rules().iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(covered, rules, "one entry per rule, in the order of the policy file");
}

#[test]
fn an_old_day_uses_the_rules_of_that_day() {
    let policy = Policy::built_in();
    let kind = to("TR", code(131_026, 400));
    assert_eq!(booked(&policy, &kind, "2024-05-14").0, "recipient-restricted-area");
    assert_eq!(booked(&policy, &kind, "2024-05-15").0, "message-undeliverable");
}

#[test]
fn a_plainly_good_kind_is_booked_as_good_from_every_vantage() {
    let policy = Policy::built_in();
    for status in (100..400).step_by(7) {
        for vantage in [Caller, Edge, First] {
            for reached in [Yes, Unknown] {
                let kind = at(vantage, reached, Symptom::None, status);
                assert!(kind.is_plainly_good());
                assert_eq!(booked(&policy, &kind, "2026-11-20").1, Account::Good);
            }
        }
    }
}

/// R6: a call that reached the first layer is booked, never left out.
///
/// It is an error, a missed success, someone else's failure or good; and no ordinary kind without a
/// code goes to suspense.
#[test]
fn no_kind_without_a_code_is_forgotten() {
    let policy = Policy::built_in();
    let symptoms = [
        Symptom::None,
        Dns,
        Connect,
        Tls,
        ProxyLocal,
        ClientAbortEarly,
        ClientAbortWaiting,
        Reset,
        Timeout,
        CutOff,
    ];
    for vantage in [Caller, Edge, First] {
        for reached in [Yes, No, Unknown] {
            for symptom in symptoms {
                for status in [0, 200, 302, 400, 401, 408, 429, 499, 500, 503, 504] {
                    for is_success in [None, Some(true), Some(false)] {
                        let kind = Kind { is_success, ..at(vantage, reached, symptom, status) };
                        let (rule, account) = booked(&policy, &kind, "2026-11-20");
                        assert_ne!(account, Account::Suspense, "{kind:#?}");
                        if reached == Yes && symptom != ClientAbortEarly && status != 408 {
                            assert_ne!(account.group(), Group::Excluded, "{rule}: {kind:#?}");
                        }
                    }
                }
            }
        }
    }
}

/// An answer of which only the beginning came is no success, but what came of it counts.
#[test]
fn an_answer_that_was_cut_off_is_judged_by_what_came_of_it() {
    let policy = Policy::built_in();
    let (error, missed) = (Account::BadPlatformError, Account::BadPlatformMissed);
    for (vantage, bad) in [(Edge, error), (First, error), (Caller, missed)] {
        let call = |status| at(vantage, Yes, CutOff, status);
        let of = |kind: &Kind| booked(&policy, kind, "2026-11-20").1;
        for status in [0, 200, 206, 302, 502, 504] {
            assert_eq!(of(&call(status)), bad, "{vantage:?} {status}");
        }
        assert_eq!(of(&call(404)), Account::UserCaller);
        assert_eq!(of(&call(500)), error);
        assert_eq!(of(&success(call(200), false)), error);
        assert_eq!(of(&Kind { error_code: Some(131_026), ..call(200) }), Account::UserRecipient);
        assert_eq!(of(&Kind { error_code: Some(131_016), ..call(200) }), error);
        assert_eq!(of(&Kind { scope: "test".to_owned(), ..call(200) }), Account::ExcludedScope);
        assert_eq!(of(&Kind { service: IGNORED.to_owned(), ..call(200) }), Account::ExcludedIgnored);
    }
    assert_eq!(booked(&policy, &at(Caller, No, CutOff, 200), "2026-11-20").0, "caller-not-reached");
}

#[test]
fn classify_books_every_fact_by_its_kind() {
    let kinds = [request(200), code(2, 503), code(4711, 400)];
    let fact = |slot, kind, events| Fact { slot, kind, caller: 0, events, sixtieths: 1 };
    let rows = vec![fact(0, 0, 5), fact(1, 0, 7), fact(1, 1, 2), fact(2, 2, 1)];
    let facts = Facts::new(day("2026-11-20"), SlotLength::Minute, &kinds, &[String::new()], rows, Vec::new())
        .unwrap();
    let postings = Policy::built_in().classify(facts).unwrap();
    let mut rules: Vec<_> = postings.bookings().iter().map(|v| (v.rule.as_str(), v.account)).collect();
    rules.sort_unstable();
    assert_eq!(
        rules,
        [
            ("answered", Account::Good),
            ("api-update", Account::BadPlatformError),
            (NO_RULE, Account::Suspense)
        ]
    );
    assert_eq!(postings.facts().events(), 15);
}

#[test]
fn the_fingerprint_changes_with_either_file() {
    let read = |policy: &str, catalogue: &str| {
        Policy::read(&Document::new("p", policy), &Document::new("c", catalogue)).unwrap().fingerprint()
    };
    let original = Policy::built_in().fingerprint();
    assert_eq!(original.len(), 64);
    assert_eq!(read(BUILT_IN_POLICY, BUILT_IN_CATALOGUE), original);
    assert_ne!(read(&format!("{BUILT_IN_POLICY}\n"), BUILT_IN_CATALOGUE), original);
    let longer = format!("{BUILT_IN_CATALOGUE}4711,,,New,other,caller,no,,,observed\n");
    assert_ne!(read(BUILT_IN_POLICY, &longer), original);
}

#[test]
fn rules_cite_only_rules_that_reviewers_can_look_up_and_say_why() {
    for rule in Policy::built_in().rules() {
        assert!(rule.because.ends_with('.') && rule.because.len() > 20, "{}", rule.id);
        assert!(!rule.cites.is_empty());
        // A review hint books the failure to the platform later, so it must not be there already.
        assert!(rule.review.is_none() || rule.account.group() == Group::User, "{}", rule.id);
    }
}

/// Cuts the file, or loses or mistypes a character: the result is mistakes or a policy, no panic.
#[test]
fn damaged_files_do_no_harm() {
    let read = |policy: &str, catalogue: &str| {
        let read = Policy::read(&Document::new("p", policy), &Document::new("c", catalogue));
        match read {
            Ok(policy) => policy.warnings(),
            Err(mistakes) => mistakes.0,
        }
    };
    let small = "code,subcode,http_status,title,family,fault,retryable,review,note,source\n\
                 2,,503|500,API Service,upgrade,platform,backoff,,\"Down, or \"\"over\"\"loaded\",official\n";
    let rule = &BUILT_IN_POLICY[BUILT_IN_POLICY.find("[[rule]]").unwrap()..][..1_500];
    for text in [rule, small] {
        for at in (0..text.len()).step_by(7) {
            let (before, after) = text.split_at(at);
            for insert in ["", "\"", "]", "\u{e9}", "\n", ","] {
                let damaged = format!("{before}{insert}{}", &after[1..]);
                let mistakes = if text == small { read(rule, &damaged) } else { read(&damaged, small) };
                assert!(mistakes.iter().all(|mistake| !mistake.place().is_empty()));
            }
            if text == small {
                read(rule, before)
            } else {
                read(before, small)
            };
        }
    }
}
