//! Outcomes of calls, each with its account: stated by hand, not taken from the policy.

/// The effect of an event's account on its minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndGroup {
    Good,
    Bad,
    User,
    /// In suspense: no rule says whether it was good or bad.
    Unknown,
    /// Excluded: nothing to judge by.
    Aside,
}

/// The recipient of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient {
    Ordinary,
    /// In an area without service (R17).
    Sanctioned,
    /// With a client below the minimum version (R16).
    OldClient,
}

/// The way in which a call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum End {
    Good,
    GoodManagement,
    Held,
    Paused,
    ServiceUnavailable,
    Unanswered,
    ApiUpdate,
    ApiUpdateWithId,
    NotOnWhatsApp,
    OldClient,
    SanctionedArea,
    WindowClosed,
    TokenExpired,
    RateLimit,
    PairRateLimit,
    AccountRateLimit,
    TemplateMissing,
    InvalidParameter,
    NotFound,
    MarketingLimit,
    Experiment,
    MediaUpload,
    TestGood,
    TestUnavailable,
    LocalizedGood,
    LocalizedUnavailable,
    UnknownCode,
    NoDns,
    NoConnection,
    NoTls,
}

/// The content of the log row of a call.
#[derive(Debug, Clone, Copy)]
pub struct CallOutcome {
    pub account: &'static str,
    pub group: EndGroup,
    pub http_status: Option<i32>,
    pub error_code: Option<i64>,
    pub error_subcode: Option<i64>,
    pub is_transient: Option<bool>,
    pub is_success: Option<bool>,
    pub reached: &'static str,
    pub symptom: &'static str,
    pub scope: &'static str,
    /// True if the answer of `messages` has a message id.
    pub has_message: bool,
    /// On `messages` only.
    pub message_status: &'static str,
    pub recipient: Recipient,
    /// Shortest and longest duration in tenths of a millisecond.
    pub duration_tenths: (u32, u32),
}

impl End {
    pub const ALL: [Self; 30] = [
        Self::Good,
        Self::GoodManagement,
        Self::Held,
        Self::Paused,
        Self::ServiceUnavailable,
        Self::Unanswered,
        Self::ApiUpdate,
        Self::ApiUpdateWithId,
        Self::NotOnWhatsApp,
        Self::OldClient,
        Self::SanctionedArea,
        Self::WindowClosed,
        Self::TokenExpired,
        Self::RateLimit,
        Self::PairRateLimit,
        Self::AccountRateLimit,
        Self::TemplateMissing,
        Self::InvalidParameter,
        Self::NotFound,
        Self::MarketingLimit,
        Self::Experiment,
        Self::MediaUpload,
        Self::TestGood,
        Self::TestUnavailable,
        Self::LocalizedGood,
        Self::LocalizedUnavailable,
        Self::UnknownCode,
        Self::NoDns,
        Self::NoConnection,
        Self::NoTls,
    ];

    pub fn outcome(self) -> &'static CallOutcome {
        &TABLE[self as usize]
    }
}

static TABLE: [CallOutcome; End::ALL.len()] = {
    let mut table = [GOOD; End::ALL.len()];
    let mut at = 0;
    while at < table.len() {
        table[at] = describe(End::ALL[at]);
        at += 1;
    }
    table
};

const GOOD: CallOutcome = CallOutcome {
    account: "good",
    group: EndGroup::Good,
    http_status: Some(200),
    error_code: None,
    error_subcode: None,
    is_transient: None,
    is_success: None,
    reached: "",
    symptom: "",
    scope: "",
    has_message: true,
    message_status: "accepted",
    recipient: Recipient::Ordinary,
    duration_tenths: (450, 9_000),
};

const fn error(
    account: &'static str,
    group: EndGroup,
    http_status: i32,
    error_code: Option<i64>,
) -> CallOutcome {
    let duration_tenths = match group {
        EndGroup::Bad => (2_000, 90_000),
        _ => (180, 2_500),
    };
    CallOutcome {
        account,
        group,
        http_status: Some(http_status),
        error_code,
        has_message: false,
        message_status: "",
        duration_tenths,
        ..GOOD
    }
}

const fn user(account: &'static str, http_status: i32, error_code: i64) -> CallOutcome {
    error(account, EndGroup::User, http_status, Some(error_code))
}

/// A call that a caller's proxy could not send to the platform (R4).
const fn unreached(symptom: &'static str, reached: &'static str) -> CallOutcome {
    CallOutcome {
        http_status: None,
        reached,
        symptom,
        duration_tenths: (300, 50_000),
        ..error("excluded:network:ingress", EndGroup::Aside, 0, None)
    }
}

const fn describe(end: End) -> CallOutcome {
    let unavailable = error("bad:platform:error", EndGroup::Bad, 503, Some(131_016));
    let aside = CallOutcome { account: "excluded:scope", group: EndGroup::Aside, ..unavailable };
    match end {
        End::Good => GOOD,
        End::GoodManagement => {
            CallOutcome { is_success: Some(true), has_message: false, message_status: "", ..GOOD }
        }
        End::Held => CallOutcome { message_status: "held_for_quality_assessment", ..GOOD },
        End::Paused => CallOutcome { message_status: "paused", ..GOOD },
        End::ServiceUnavailable => unavailable,
        End::Unanswered => CallOutcome {
            account: "bad:platform:missed",
            http_status: None,
            error_code: None,
            reached: "yes",
            symptom: "timeout",
            duration_tenths: (300_000, 600_000),
            ..unavailable
        },
        End::ApiUpdate => CallOutcome { error_code: Some(2), is_transient: Some(true), ..unavailable },
        End::ApiUpdateWithId => {
            CallOutcome { error_code: Some(2), is_transient: Some(true), has_message: true, ..unavailable }
        }
        End::NotOnWhatsApp => user("user:recipient", 400, 131_026),
        End::OldClient => {
            CallOutcome { recipient: Recipient::OldClient, ..user("user:recipient", 400, 131_026) }
        }
        End::SanctionedArea => {
            CallOutcome { recipient: Recipient::Sanctioned, ..user("user:policy", 400, 131_026) }
        }
        End::WindowClosed => user("user:caller", 400, 131_047),
        End::TokenExpired => CallOutcome {
            error_subcode: Some(463),
            is_transient: Some(false),
            ..user("user:caller", 401, 190)
        },
        End::RateLimit => user("user:throttled", 429, 130_429),
        End::PairRateLimit => user("user:throttled", 429, 131_056),
        End::AccountRateLimit => user("user:throttled", 429, 80_007),
        End::TemplateMissing => user("user:caller", 404, 132_001),
        End::InvalidParameter => CallOutcome { is_transient: Some(false), ..user("user:caller", 400, 100) },
        End::NotFound => error("user:caller", EndGroup::User, 404, None),
        End::MarketingLimit => user("user:policy", 400, 131_049),
        End::Experiment => user("user:policy", 400, 130_472),
        End::MediaUpload => user("user:caller", 400, 131_053),
        End::TestGood => {
            CallOutcome { account: "excluded:scope", group: EndGroup::Aside, scope: "test", ..GOOD }
        }
        End::TestUnavailable => CallOutcome { scope: "test", ..aside },
        End::LocalizedGood => {
            CallOutcome { account: "excluded:scope", group: EndGroup::Aside, scope: "localized", ..GOOD }
        }
        End::LocalizedUnavailable => CallOutcome { scope: "localized", ..aside },
        End::UnknownCode => error("suspense", EndGroup::Unknown, 400, Some(199_999)),
        End::NoDns => unreached("dns", ""),
        End::NoConnection => unreached("connect", "no"),
        End::NoTls => unreached("tls", "no"),
    }
}

/// Returns the ends of ordinary calls of a service other than good, in events per 100,000.
pub fn ordinary(service: usize) -> &'static [(End, u64)] {
    match service {
        0 => &[
            (End::NotOnWhatsApp, 1_100),
            (End::WindowClosed, 900),
            (End::RateLimit, 450),
            (End::TokenExpired, 250),
            (End::InvalidParameter, 350),
            (End::TemplateMissing, 250),
            (End::MarketingLimit, 300),
            (End::PairRateLimit, 120),
            (End::Experiment, 80),
            (End::OldClient, 120),
            (End::SanctionedArea, 100),
            (End::Held, 250),
            (End::Paused, 60),
            (End::TestGood, 120),
            (End::TestUnavailable, 40),
            (End::LocalizedGood, 80),
            (End::LocalizedUnavailable, 30),
        ],
        1 => &[
            (End::MediaUpload, 900),
            (End::NotFound, 700),
            (End::TokenExpired, 250),
            (End::InvalidParameter, 250),
            (End::TestGood, 100),
        ],
        _ => &[
            (End::InvalidParameter, 800),
            (End::NotFound, 500),
            (End::TokenExpired, 400),
            (End::AccountRateLimit, 400),
            (End::TestGood, 100),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_has_its_place_in_the_table_and_a_group_that_fits_its_account() {
        for (at, end) in End::ALL.into_iter().enumerate() {
            assert_eq!(end as usize, at);
            let outcome = end.outcome();
            let group = match outcome.account.split(':').next() {
                Some("good") => EndGroup::Good,
                Some("bad") => EndGroup::Bad,
                Some("user") => EndGroup::User,
                Some("suspense") => EndGroup::Unknown,
                _ => EndGroup::Aside,
            };
            assert_eq!(outcome.group, group, "{end:?}");
        }
    }
}
