//! `status.json`: the state of all components for programs (schema: `reports/status.schema.json`).

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use crate::attention::Standing;
use crate::config::SlotRule;
use crate::day::{Day, Month, rfc3339};
use crate::ledger::{HeadName, Ledger, Resumption};
use crate::measure::{Budget, Condition, Figure, Outage, Period, condition};
use crate::report::missing_evidence::{MissingEvidence, missing_evidence};
use crate::report::tables::outages::ids_within;
use crate::report::view::{DEFINITION, View, is_whole_component};
use crate::slots::Scope;
use crate::table::decimal;

/// Format of `status.json`, raised when a program that reads it could misunderstand the change.
///
/// Additional fields do not raise it.
const FORMAT: u32 = 1;

/// Returns the JSON schema of `status.json`.
pub fn schema() -> String {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    match serde_json::to_string_pretty(&generator.into_root_schema_for::<Status>()) {
        Ok(text) => text + "\n",
        Err(e) => unreachable!("a schema is JSON: {e}"),
    }
}

/// How the components stand, were, and are accounted for.
#[derive(Serialize, JsonSchema)]
struct Status<'a> {
    /// Version of this format.
    format: u32,
    title: String,
    /// Whether the clock of the ledger was given instead of read; then these are no figures of a real service. Else absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_simulated: Option<bool>,
    /// Clock of the newest edition; null before the first one.
    as_of: Option<Instant>,
    /// Newest day with an edition.
    data_through: Option<Date>,
    /// Version of the job that published the newest edition.
    job_version: &'a str,
    ledger: LedgerLine,
    /// Older journals that were put back and gone on from; absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    older_journals: Option<Vec<OlderJournalLine<'a>>>,
    /// Newest day that is final.
    newest_sealed_day: Option<Date>,
    definition: Definition,
    /// Of policy and catalogue of the newest day.
    policy_fingerprint: &'a str,
    /// In all regions, by name, as the newest day knows them.
    components: Vec<Component<'a>>,
    /// What the logs of the newest day do not tell; null if they tell of everything.
    missing_evidence: Option<Missing>,
    /// What needs a person when this is written, by key.
    attention: Vec<AttentionLine>,
    /// Outages of components in all regions in the 90 days that end with the newest one; newest first.
    outages: Vec<OutageLine<'a>>,
}

/// Something that needs a person; it stands until it is acknowledged, settled, or sealed away with its day.
#[derive(Serialize, JsonSchema)]
struct AttentionLine {
    key: String,
    /// The entry of the runbook that says what to do.
    kind: &'static str,
    /// Day from which on it was found.
    since: Date,
    /// Days that show it; 0 if it is not of a day.
    days: usize,
    told: String,
}

/// Logs that a day lacks, and the events of which nobody knows what became.
#[derive(Serialize, JsonSchema)]
struct Missing {
    day: Date,
    /// After overrides; they are in no ratio.
    events_unknown: i64,
    logs: Vec<MissingLogLine>,
}

#[derive(Serialize, JsonSchema)]
struct MissingLogLine {
    source: String,
    /// Path of an unreadable file, or the path without what changes from day to day; null if the source was silent.
    file: Option<String>,
    /// `*` if several or unknown.
    region: String,
    /// `from 09:00 to 12:00`, or `all day`; UTC.
    hours: String,
    /// What is missing, in one sentence.
    told: String,
    /// What to do.
    remedy: &'static str,
}

/// A number with six digits after the point. A percentage is rounded down, so that only all is 100.000000.
#[derive(Serialize, JsonSchema)]
#[schemars(extend("pattern" = r"^-?[0-9]+\.[0-9]{6}$"))]
struct Decimal(String);

/// `2026-11-20T03:00:00Z`, UTC.
#[derive(Serialize, JsonSchema)]
#[schemars(extend("format" = "date-time"))]
struct Instant(String);

/// `2026-11-20`, a UTC day.
#[derive(Serialize, JsonSchema)]
#[schemars(extend("format" = "date"))]
struct Date(String);

/// The line of the ledger that is shown; its hash stands for all that the ledger held up to it.
#[derive(Serialize, JsonSchema)]
struct LedgerLine {
    line: u64,
    hash: String,
}

/// How slots become a number.
#[derive(Serialize, JsonSchema)]
struct Definition {
    name: &'static str,
    /// Version of the rule that turns events into slot states.
    version: u32,
    meaning: &'static str,
    slot_seconds: u32,
    /// Share of bad events from which a slot is failing.
    unable_ratio: Decimal,
    /// A run needs `unable_ratio` times this many bad events.
    min_events: u32,
    /// Shortest run of down slots that counts.
    min_run_seconds: u32,
    /// Longest span between two failing slots of a run.
    max_gap_seconds: u32,
    /// Callers that must make an outage long enough, or it does not count.
    min_callers: u32,
    user_counts_as_good: bool,
}

#[derive(Serialize, JsonSchema)]
struct Component<'a> {
    name: &'a str,
    /// In the last hour of the newest day.
    #[schemars(schema_with = "conditions")]
    condition: &'static str,
    /// Internal target, not an SLA; null without one.
    target_percent: Option<Decimal>,
    /// The month of the newest day, up to that day.
    month: Option<MonthLine>,
    /// The month before it; null without an edition.
    last_month: Option<MonthLine>,
    /// Days with an edition among the 90 days that end with the newest one; oldest first.
    days: Vec<DayLine>,
}

#[derive(Serialize, JsonSchema)]
struct MonthLine {
    /// `2026-11`.
    month: String,
    days_published: u32,
    availability_percent: Books<Option<Decimal>>,
    /// A of the definition: slots of the month, of a running one up to the newest day.
    slots: i64,
    /// B of the definition: down slots in runs that are long enough.
    slots_counted: Books<i64>,
    /// Down slots after overrides.
    slots_down: i64,
    /// Slots that are neither up nor down: the verdict depends on too few or unknown events.
    slots_doubtful: i64,
    /// The net percentage if every unobserved and doubtful slot had been down.
    availability_percent_at_least: Option<Decimal>,
    /// Observed share of the time of all pairs of service and region.
    coverage_percent: Option<Decimal>,
    /// What the target allows in the whole month; null without a target.
    budget: Option<BudgetLine>,
    /// `running`, `provisional` until the 10th business day of the next month, then `final`; `incomplete` if the
    /// month is over and days of it have no edition.
    status: &'static str,
    /// The least settled of its days: `provisional`, `reported`, `restated` or `sealed`.
    state: &'static str,
}

/// An older journal that was put back, and gone on from.
#[derive(Serialize, JsonSchema)]
struct OlderJournalLine<'a> {
    /// The line that goes on from it.
    line: u64,
    from: LedgerLine,
    /// The line that had been published, and does not count any more; null if nothing tells of it.
    given_up: Option<LedgerLine>,
    author: &'a str,
    approver: Option<&'a str>,
    reason: &'a str,
    /// Days of which something else may have been published before.
    days: Vec<Date>,
    /// Those of them that stay sealed.
    days_taken_back: Vec<Date>,
    /// Those of them that were sealed, and are open again.
    days_reopened: Vec<Date>,
}

/// A figure in three books.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BooksOf_{T}")]
struct Books<T> {
    /// Before overrides.
    gross: T,
    /// After overrides.
    net: T,
    /// After overrides, with adjusting entries of sealed days.
    adjusted: T,
}

/// In down slots that count.
#[derive(Serialize, JsonSchema)]
struct BudgetLine {
    allowed: i64,
    used: i64,
    /// Negative when overspent.
    remaining: i64,
}

#[derive(Serialize, JsonSchema)]
struct DayLine {
    day: Date,
    /// Null without any success and any down slot.
    availability_percent_gross: Option<Decimal>,
    availability_percent_net: Option<Decimal>,
    coverage_percent: Option<Decimal>,
    /// Down slots after overrides.
    slots_down: i64,
    /// Those of them that lie in runs that are long enough.
    slots_counted: i64,
    /// `provisional`, `reported`, `restated` or `sealed`.
    state: &'static str,
    edition: u32,
}

#[derive(Serialize, JsonSchema)]
struct OutageLine<'a> {
    /// Stays the same from run to run.
    id: &'a str,
    component: &'a str,
    start: Instant,
    end: Instant,
    /// Down slots times slot length.
    duration_seconds: i64,
    /// From the first to the last bad event; null when the instants are not known.
    at_least_seconds: Option<i64>,
    /// From the last success before to the first one after; null when there is none.
    at_most_seconds: Option<i64>,
    /// No success has followed up to the end of the data: it may go on.
    is_ongoing: bool,
    /// `<1m`, `1-5m`, `>5m` or `update`; with `?` where the bounds disagree.
    class: &'static str,
    /// Long enough to count under the definition.
    is_counted: bool,
    events_bad: i64,
    /// Up to five, those with most bad events first.
    error_codes: Vec<CodeLine>,
    /// Ids of override rows that moved events in its span.
    overrides: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
struct CodeLine {
    /// Null is without code.
    error_code: Option<i64>,
    events: i64,
}

fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": Condition::ALL.map(Condition::name) })
}

pub fn status(view: &View<'_>) -> String {
    let drawing = view.drawing;
    let (figures, settings) = (drawing.figures, drawing.settings);
    let SlotRule {
        version,
        unable_ppm,
        min_events,
        min_run_seconds,
        max_gap_seconds,
        min_callers,
        user_counts_as_good,
    } = settings.definition.measure();
    let (line, hash) = drawing.ledger.head();
    let mut outages: Vec<OutageLine<'_>> = view.outages().map(|outage| outage_line(view, outage)).collect();
    outages.reverse();
    let status = Status {
        format: FORMAT,
        title: drawing.title(),
        is_simulated: drawing.ledger.is_simulated().then_some(true),
        as_of: figures.as_of.map(|at| instant(at.timestamp_micros())),
        data_through: view.newest_day().map(date),
        job_version: &figures.job_version,
        ledger: LedgerLine { line, hash },
        older_journals: older_journals(drawing.ledger),
        newest_sealed_day: view.newest_sealed().map(|(day, _)| date(day)),
        definition: Definition {
            name: DEFINITION.name,
            version: version.number(),
            meaning: DEFINITION.doc,
            slot_seconds: settings.slot.seconds(),
            unable_ratio: Decimal(decimal(unable_ppm.into())),
            min_events,
            min_run_seconds,
            max_gap_seconds,
            min_callers,
            user_counts_as_good,
        },
        policy_fingerprint: &figures.policy,
        components: components(view),
        missing_evidence: missing(view),
        attention: view.standing().into_iter().map(attention_line).collect(),
        outages,
    };
    match serde_json::to_string_pretty(&status) {
        Ok(text) => text + "\n",
        Err(e) => unreachable!("texts, numbers and lists always serialise: {e}"),
    }
}

fn attention_line(standing: Standing) -> AttentionLine {
    let Standing { key, since, days, attention, .. } = standing;
    let since = date(Day::of(since));
    AttentionLine { key, kind: attention.kind.name(), since, days, told: attention.message }
}

fn missing(view: &View<'_>) -> Option<Missing> {
    let newest = view.newest.as_ref()?;
    let events_unknown = view.unknown;
    let line = |log: MissingEvidence| MissingLogLine {
        source: log.source,
        file: (!log.file.is_empty()).then_some(log.file),
        region: log.region,
        hours: log.hours,
        told: log.told,
        remedy: log.remedy,
    };
    let logs = missing_evidence(&view.gaps, newest.slot_length().per_day());
    let logs: Vec<MissingLogLine> = logs.into_iter().map(line).collect();
    let is_whole = events_unknown == 0 && logs.is_empty();
    (!is_whole).then(|| Missing { day: date(newest.day), events_unknown, logs })
}

fn components<'a>(view: &'a View<'_>) -> Vec<Component<'a>> {
    let mut days: BTreeMap<&Scope, Vec<DayLine>> = BTreeMap::new();
    let since = view.since();
    let figures = view.drawing.figures.days.iter().filter(|f| f.definition.name == DEFINITION.name);
    for figure in figures.filter(|f| is_whole_component(&f.scope)) {
        if let Period::Day(day) = figure.period
            && since.is_some_and(|since| since <= day)
        {
            days.entry(&figure.scope).or_default().push(day_line(day, figure));
        }
    }
    let months = view.this_and_last_month();
    let month_line = |scope: &Scope, month: Option<Month>| {
        let month = month?;
        view.month(scope, month).map(|(figure, adjusted)| month_line(month, figure, adjusted))
    };
    let component = |scope: &'a Scope| Component {
        name: &scope.name,
        condition: view.newest.as_ref().map_or(Condition::NotObserved, |e| condition(e, scope)).name(),
        target_percent: percent(view.target(scope)),
        month: month_line(scope, months.map(|[this, _]| this)),
        last_month: month_line(scope, months.map(|[_, last]| last)),
        days: days.remove(scope).unwrap_or_default(),
    };
    view.components().map(component).collect()
}

fn month_line(month: Month, figure: &Figure, adjusted: &Figure) -> MonthLine {
    MonthLine {
        month: month.to_string(),
        days_published: figure.days_published,
        availability_percent: Books {
            gross: percent(figure.gross_micro_percent),
            net: percent(figure.net_micro_percent),
            adjusted: percent(adjusted.net_micro_percent),
        },
        slots: figure.net.slots,
        slots_counted: Books {
            gross: figure.gross.slots_counted,
            net: figure.net.slots_counted,
            adjusted: adjusted.net.slots_counted,
        },
        slots_down: figure.net.slots_down,
        slots_doubtful: figure.net.slots_doubtful,
        availability_percent_at_least: percent(figure.at_least_micro_percent),
        coverage_percent: percent(figure.coverage_micro_percent),
        budget: figure.budget.as_ref().map(budget_line),
        status: figure.status.name(),
        state: figure.state.name(),
    }
}

fn older_journals(ledger: &Ledger) -> Option<Vec<OlderJournalLine<'_>>> {
    let resumed = &ledger.record().resumed;
    (!resumed.is_empty()).then(|| resumed.iter().map(older_journal).collect())
}

fn older_journal((line, resumed): &(u64, Resumption)) -> OlderJournalLine<'_> {
    let name = |HeadName { seq, hash }: &HeadName| LedgerLine { line: *seq, hash: hash.clone() };
    OlderJournalLine {
        line: *line,
        from: name(&resumed.from),
        given_up: resumed.given_up.as_ref().map(name),
        author: &resumed.said.author,
        approver: resumed.said.approver.as_deref(),
        reason: &resumed.said.reason,
        days: resumed.days().into_iter().map(date).collect(),
        days_taken_back: resumed.taken_back.iter().map(|back| date(back.day)).collect(),
        days_reopened: resumed.reopened.iter().copied().map(date).collect(),
    }
}

fn budget_line(budget: &Budget) -> BudgetLine {
    BudgetLine { allowed: budget.allowed, used: budget.used, remaining: budget.remaining() }
}

fn day_line(day: Day, figure: &Figure) -> DayLine {
    DayLine {
        day: date(day),
        availability_percent_gross: percent(figure.gross_micro_percent),
        availability_percent_net: percent(figure.net_micro_percent),
        coverage_percent: percent(figure.coverage_micro_percent),
        slots_down: figure.net.slots_down,
        slots_counted: figure.net.slots_counted,
        state: figure.state.name(),
        edition: figure.edition,
    }
}

fn outage_line<'a>(view: &View<'_>, outage: &'a Outage) -> OutageLine<'a> {
    // `131016:1234 none:3`
    let code = |word: &str| {
        let (code, events) = word.split_once(':')?;
        Some(CodeLine { error_code: code.parse().ok(), events: events.parse().ok()? })
    };
    OutageLine {
        id: &outage.id,
        component: &outage.scope.name,
        start: instant(outage.start_us),
        end: instant(outage.end_us),
        duration_seconds: outage.down_seconds,
        at_least_seconds: outage.at_least_seconds,
        at_most_seconds: outage.at_most_seconds,
        is_ongoing: outage.is_ongoing,
        class: outage.class.name(),
        is_counted: outage.is_counted,
        events_bad: outage.events_bad,
        error_codes: outage.top_error_codes.split(' ').filter_map(code).collect(),
        overrides: ids_within(outage, view.drawing.overridden).into_iter().map(str::to_owned).collect(),
    }
}

fn percent(micro_percent: Option<i64>) -> Option<Decimal> {
    micro_percent.map(|n| Decimal(decimal(n)))
}

fn instant(us: i64) -> Instant {
    Instant(rfc3339(us))
}

fn date(day: Day) -> Date {
    Date(day.to_string())
}
