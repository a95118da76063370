//! Words: every text of the pages; another language is another value of [`Words`].

use crate::ledger::DefinitionSettings;
use crate::measure::{Condition, FigureStatus};
use crate::policy::Group;
use crate::slots::State;

/// The texts of one language.
pub(super) struct Words {
    /// Language tag of the pages (BCP 47).
    pub language: &'static str,
    pub skip: &'static str,
    pub status: &'static str,
    pub day: &'static str,
    pub month: &'static str,
    pub months: &'static str,
    pub earlier: &'static str,
    pub later: &'static str,
    pub through: &'static str,
    pub updated: &'static str,
    pub utc: &'static str,
    pub edition: &'static str,
    pub definition: &'static str,
    pub definition_note: &'static str,
    pub policy: &'static str,
    pub newest_seal: &'static str,
    pub no_seal: &'static str,
    pub ledger: &'static str,
    pub target: &'static str,
    pub no_target: &'static str,
    pub budget_left: &'static str,
    pub gross: &'static str,
    pub net: &'static str,
    pub with_adjustments: &'static str,
    pub at_least: &'static str,
    pub coverage: &'static str,
    pub bars: &'static str,
    pub bars_help: &'static str,
    pub not_published: &'static str,
    pub nothing_observed: &'static str,
    pub minutes_down: &'static str,
    pub minutes_counted: &'static str,
    pub recent_outages: &'static str,
    pub no_outages: &'static str,
    pub downloads: &'static str,
    pub data: &'static str,
    pub by_scope: &'static str,
    pub timeline: &'static str,
    pub timeline_help: &'static str,
    pub zoom_in: &'static str,
    pub zoom_out: &'static str,
    pub whole_day: &'static str,
    pub red_minutes: &'static str,
    pub red_help: &'static str,
    pub no_red_minutes: &'static str,
    pub why: &'static str,
    pub why_help: &'static str,
    pub outages: &'static str,
    pub failures: &'static str,
    pub failures_help: &'static str,
    pub no_failures: &'static str,
    pub by_account: &'static str,
    pub latency: &'static str,
    pub latency_help: &'static str,
    pub no_latency: &'static str,
    pub callers: &'static str,
    pub callers_help: &'static str,
    pub overrides: &'static str,
    pub no_overrides: &'static str,
    pub restatements: &'static str,
    pub no_restatements: &'static str,
    pub intake: &'static str,
    pub intake_help: &'static str,
    pub suspense: &'static str,
    pub no_suspense: &'static str,
    pub statement: &'static str,
    pub statement_help: &'static str,
    pub counted: &'static str,
    pub not_counted: &'static str,
    pub too_short: &'static str,
    pub long_enough: &'static str,
    pub rules: &'static str,
    pub rules_help: &'static str,
    pub days: &'static str,
    pub signed: &'static str,
    pub signatures: [&'static str; 3],
    pub yes: &'static str,
    pub no: &'static str,
    pub more_rows: &'static str,
}

pub(super) static ENGLISH: Words = Words {
    language: "en",
    skip: "Skip to the content",
    status: "Status",
    day: "Day",
    month: "Month",
    months: "Month statements",
    earlier: "earlier",
    later: "later",
    through: "Data through",
    updated: "last change",
    utc: "All times are UTC.",
    edition: "edition",
    definition: "Definition",
    definition_note: "Availability is 100 × (A − B) / A, rounded down: A all minutes of the period, B the minutes in which the service \
                      was down in runs that are long enough to count. Targets are internal; they are no service level agreement.",
    policy: "Policy",
    newest_seal: "newest sealed day",
    no_seal: "no day is sealed yet",
    ledger: "ledger entry",
    target: "target",
    no_target: "no target",
    budget_left: "of the budget left",
    gross: "before overrides",
    net: "after overrides",
    with_adjustments: "with adjusting entries",
    at_least: "if all unobserved and doubtful time was down:",
    coverage: "coverage",
    bars: "The last 90 days",
    bars_help: "One bar a day; arrow keys move along, Enter opens the day.",
    not_published: "not published",
    nothing_observed: "nothing was observed",
    minutes_down: "slots down",
    minutes_counted: "counted",
    recent_outages: "Recent outages",
    no_outages: "No outages.",
    downloads: "Downloads",
    data: "Data",
    by_scope: "Components and services",
    timeline: "Minute by minute",
    timeline_help: "Click on a red minute for its explanation, drag to zoom. Below, every red minute is a link.",
    zoom_in: "Zoom in",
    zoom_out: "Zoom out",
    whole_day: "Whole day",
    red_minutes: "Red minutes",
    red_help: "Each leads to what “uptime-ledger explain” says of it.",
    no_red_minutes: "No minute was down.",
    why: "Why these minutes are red",
    why_help: "What “uptime-ledger explain” says of each, for every component, service or region that was down.",
    outages: "Outages",
    failures: "Failures by account",
    failures_help: "Events in ten minutes that are not good, after overrides.",
    no_failures: "Everything was good.",
    by_account: "By account and error code",
    latency: "Latency",
    latency_help: "Median, 90th and 99th percentile in each slot, in milliseconds, on a logarithmic scale.",
    no_latency: "The logs tell no latency.",
    callers: "Callers with most bad events",
    callers_help: "Callers are pseudonyms.",
    overrides: "Overrides",
    no_overrides: "None.",
    restatements: "Restatements",
    no_restatements: "None: the figures stand as they were published first.",
    intake: "Intake balance",
    intake_help: "Rows read = accepted + duplicate + conflict + outside + quarantine, for every file.",
    suspense: "Suspense",
    no_suspense: "Every event is booked by a rule.",
    statement: "Month statement",
    statement_help: "What a reliability review signs: the figures, everything that was left out of them, and why.",
    counted: "Outages that count",
    not_counted: "Outages that do not count",
    too_short: "shorter than the shortest run that counts",
    long_enough: "long enough to count",
    rules: "Policy in force",
    rules_help: "How often each rule decided, in events of the month, before and after overrides.",
    days: "Days",
    signed: "Signatures",
    signatures: ["Prepared by", "Reviewed by", "Date"],
    yes: "yes",
    no: "no",
    more_rows: "more rows are in the data",
};

impl Words {
    /// Describes the settings that slots are judged by.
    pub fn definition(&self, definition: &DefinitionSettings) -> String {
        let DefinitionSettings { unable_ppm, min_events, min_run_seconds, max_gap_seconds, .. } = definition;
        let minutes = |seconds: &u32| format!("{}:{:02} minutes", seconds / 60, seconds % 60);
        let user = if definition.user_counts_as_good { "count as good" } else { "are left out" };
        let share = format!("{}.{:04} %", unable_ppm / 10_000, unable_ppm % 10_000);
        let rule = if definition.version.is_first() {
            format!(
                "it is down when at least {min_events} were judged; down slots are one outage over gaps of up to {}",
                minutes(max_gap_seconds)
            )
        } else {
            format!(
                "failing slots are down in a run: a stretch from a failing slot to a failing slot with at least {share} of \
                 {min_events} bad events, in which, read from either end, the failures so far are never less than {share}, and \
                 failing slots lie at most {} apart with few successes between them",
                minutes(max_gap_seconds)
            )
        };
        format!(
            "a slot is failing when at least {share} of its judged events are bad; {rule}; an outage counts from {} on; failures \
             of users {user}",
            minutes(min_run_seconds),
        )
    }

    pub const fn condition(&self, condition: Condition) -> &'static str {
        match condition {
            Condition::NotObserved => "Not observed",
            Condition::NoKnownIssues => "No known issues",
            Condition::PossibleDisruption => "Possible disruption",
            Condition::LowDisruption => "Low disruption",
            Condition::MediumDisruption => "Medium disruption",
            Condition::HighDisruption => "High disruption",
        }
    }

    pub const fn state(&self, state: State) -> &'static str {
        match state {
            State::Up => "up",
            State::Degraded => "possible disruption",
            State::Down => "down",
            State::Doubtful => "doubtful",
            State::Unobserved => "not observed",
        }
    }

    pub fn status(&self, status: FigureStatus) -> String {
        status.to_string()
    }

    pub const fn group(&self, group: Group) -> &'static str {
        match group {
            Group::Good => "good",
            Group::Bad => "platform",
            Group::User => "user",
            Group::Excluded => "excluded",
            Group::Pending => "pending",
            Group::Suspense => "suspense",
            Group::Unknown => "unknown",
        }
    }

    /// Returns the head of a table column, or its name if there is no better text.
    pub fn column(&self, name: &'static str) -> &'static str {
        match name {
            "availability_percent_gross" => "Availability before overrides, %",
            "availability_percent_net" => "Availability, %",
            "availability_percent_adjusted" => "With adjusting entries, %",
            "availability_percent_before" => "Before, %",
            "availability_percent_after" => "After, %",
            "coverage_percent" => "Coverage, %",
            "top_callers_share_percent" => "Top 3 callers, %",
            "share_percent" => "Share, %",
            "slots_down" => "Slots down",
            "slots_counted" => "Counted (B)",
            "slots_counted_gross" => "Counted before overrides",
            "slots_degraded" => "Degraded",
            "slots_doubtful" => "Doubtful",
            "slots_unobserved" => "Unobserved",
            "availability_percent_at_least" => "At least",
            "slots_counted_delta" => "Counted ±",
            "slots_down_delta" => "Down ±",
            "slots_changed" => "Slots changed",
            "slots" => "Slots (A)",
            "events_good" => "Good",
            "events_bad" | "events_bad_net" => "Bad",
            "events_bad_gross" => "Bad before overrides",
            "events_bad_delta" => "Bad ±",
            "events_good_delta" => "Good ±",
            "events_gross" => "Events before overrides",
            "events_net" => "Events",
            "events_moved" => "Events moved",
            "scope" => "Scope",
            "scope_kind" => "Kind",
            "service" => "Service",
            "region" => "Region",
            "definition" => "Definition",
            "day" => "Day",
            "start" => "Start",
            "end" => "End",
            "duration_seconds" => "Down, s",
            "class" => "Class",
            "is_counted" => "Counts",
            "top_error_codes" => "Codes",
            "overrides" => "Overrides",
            "account" => "Account",
            "account_to" => "To",
            "rule" => "Rule",
            "error_code" => "Code",
            "stream" => "Stream",
            "caller" => "Caller",
            "id" => "Id",
            "direction" => "Direction",
            "reason" => "Reason",
            "ticket" => "Ticket",
            "author" => "Author",
            "approver" => "Approver",
            "status" => "Status",
            "why" => "Why",
            "note" => "Note",
            "published_at" => "Published",
            "first_seen_at" => "First seen",
            "edition_from" => "From edition",
            "edition_to" => "To edition",
            "is_adjusting" => "Adjusting",
            "cause" => "Cause",
            "path" => "File",
            "source" => "Source",
            "role" => "Role",
            "rows_read" => "Rows read",
            "accepted" => "Accepted",
            "duplicate" => "Duplicate",
            "conflict" => "Conflict",
            "outside" => "Outside",
            "quarantine" => "Quarantine",
            "failure" => "Failure",
            "edition" => "Edition",
            "state" => "State",
            "days_published" => "Days",
            "target_percent" => "Target, %",
            "budget_remaining" => "Budget left",
            "budget_unit" => "Budget in",
            other => other,
        }
    }
}
