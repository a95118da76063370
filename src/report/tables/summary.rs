//! `availability` and `months`: one row per period, scope and definition.

use crate::day::{Day, Month};
use crate::measure::{Figure, Figures, Period};
use crate::policy::Group;
use crate::table::ColumnKind::{Date, Decimal, Instant, Integer, Text};
use crate::table::{ColumnSpec, Spec, Table, Value};

/// Lists the columns that both tables share, after the columns for the period.
macro_rules! columns {
    ([$($first:expr),*] [$($last:expr),*]) => {
        &[
            $($first,)*
            ColumnSpec::new("scope_kind", Text, "`component` or `service`"),
            ColumnSpec::new("scope", Text, "name of the component or service"),
            ColumnSpec::new("region", Text, "region where it was served; `*` is all regions, `-` not logged"),
            ColumnSpec::new("definition", Text, "name of the definition behind the percentage"),
            ColumnSpec::new("rule_version", Text, "version of the rule for slots, `whatsapp@2` is `2`; `1 2` where days of both are added up"),
            ColumnSpec::new("slots", Integer, "slots of the period"),
            ColumnSpec::new("slots_down", Integer, "slots that were down"),
            ColumnSpec::new("slots_counted", Integer, "down slots in runs that are long enough to count (B of `whatsapp`)"),
            ColumnSpec::new("slots_counted_gross", Integer, "the same before overrides"),
            ColumnSpec::new("slots_degraded", Integer, "slots with bad events that were not down"),
            ColumnSpec::new("slots_doubtful", Integer, "slots that are neither up nor down: the verdict depends on too few or unknown events"),
            ColumnSpec::new("slots_unobserved", Integer, "slots with nothing to judge by"),
            ColumnSpec::new("events_good", Integer, "events booked as good"),
            ColumnSpec::new("events_bad", Integer, "events booked as bad: platform errors and missed successes"),
            ColumnSpec::new("events_good_gross", Integer, "good events before overrides"),
            ColumnSpec::new("events_bad_gross", Integer, "bad events before overrides"),
            ColumnSpec::new("events_user", Integer, "failures that are not the platform's"),
            ColumnSpec::new("events_excluded", Integer, "events left out: network before the first layer, network to webhooks, scope"),
            ColumnSpec::new("events_pending", Integer, "events whose outcome is still open"),
            ColumnSpec::new("events_suspense", Integer, "events that no rule matched"),
            ColumnSpec::new("events_unknown", Integer, "events of which the logs do not say what became"),
            ColumnSpec::new("availability_percent_gross", Decimal, "percentage before overrides, rounded down; null without any success and any down slot"),
            ColumnSpec::new("availability_percent_net", Decimal, "percentage after overrides, rounded down; null without any success and any down slot"),
            ColumnSpec::new("availability_percent_at_least", Decimal, "what `availability_percent_net` would be if every unobserved and doubtful slot had been down; null for a definition that counts events"),
            ColumnSpec::new("coverage_percent", Decimal, "observed share of the time of all (service, region) pairs behind the row, rounded down"),
            $($last,)*
        ]
    };
}

pub static AVAILABILITY: Spec = Spec {
    name: "availability",
    row: "day x scope x definition",
    columns: columns!(
        [ColumnSpec::new("day", Date, "UTC day")]
        [
            ColumnSpec::new("status", Text, "`running` before the day is over, `provisional` until its month is final, then `final`"),
            ColumnSpec::new("edition", Integer, "edition of the day, from 1"),
            ColumnSpec::new("state", Text, "`provisional` when something is pending, in suspense or unknown, a file failed or no row of the day was found; `reported`; `restated` when an earlier edition said otherwise; `sealed` when it is final")
        ]
    ),
};

pub static MONTHS: Spec = Spec {
    name: "months",
    row: "calendar month x scope x definition",
    columns: columns!(
        [
            ColumnSpec::new("month", Text, "UTC calendar month, `YYYY-MM`"),
            ColumnSpec::new("first_day", Date, "first day of the month"),
            ColumnSpec::new("days_published", Integer, "days of the month that have an edition; the others are unobserved")
        ]
        [
            ColumnSpec::new("target_percent", Decimal, "internal target of the component; null without one"),
            ColumnSpec::new("budget_unit", Text, "what the error budget is counted in: `slots` of the whole month, or `events` judged so far"),
            ColumnSpec::new("budget_allowed", Integer, "bad slots or events that the target allows, rounded down"),
            ColumnSpec::new("budget_used", Integer, "bad slots or events so far"),
            ColumnSpec::new("budget_remaining", Integer, "allowed minus used; negative when overspent"),
            ColumnSpec::new("status", Text, "`running`: the period ends with the last published day; `provisional`: the whole month, not final yet; `final`; `incomplete (19 of 30 days)`: the month is over and days have no edition, so it is never final; followed by `, older journal at line 31` if an older journal was put back that said something else of a day of the month"),
            ColumnSpec::new("final_at", Instant, "start of the 10th business day (Monday to Friday) of the following month; the month is final then, or when the last of its open days is sealed"),
            ColumnSpec::new("edition", Integer, "highest edition among its days"),
            ColumnSpec::new("state", Text, "the least settled of its days: `provisional`, `reported`, `restated` or `sealed`"),
            ColumnSpec::new("slots_counted_adjusted", Integer, "`slots_counted` with the adjusting rows of its days"),
            ColumnSpec::new("events_bad_adjusted", Integer, "`events_bad` with the adjusting rows of its days"),
            ColumnSpec::new("availability_percent_adjusted", Decimal, "`availability_percent_net` with the adjusting rows of its days")
        ]
    ),
};

pub fn availability(figures: &Figures) -> Table {
    let mut table = Table::new(&AVAILABILITY);
    for figure in &figures.days {
        let Period::Day(day) = figure.period else { unreachable!("figures.days hold days") };
        let last = [Value::text(&figure.status.to_string()), Value::Integer(figure.edition.into())];
        let last = last.into_iter().chain([Value::text(figure.state.name())]);
        table.extend(std::iter::once(date(day)).chain(shared(figure)).chain(last));
    }
    table
}

/// Works out the table of months; `mark` gives what follows the status of a month.
pub fn months(figures: &Figures, adjusted: &[Figure], mark: &dyn Fn(Month) -> String) -> Table {
    let mut table = Table::new(&MONTHS);
    for (figure, adjusted) in figures.months.iter().zip(adjusted) {
        let Period::Month(month) = figure.period else { unreachable!("figures.months hold months") };
        let first = [
            Value::text(&month.to_string()),
            date(month.first()),
            Value::Integer(figure.days_published.into()),
        ];
        let budget = figure.budget.as_ref();
        let last = [
            Value::or_null(budget, |b| Value::Decimal(b.target_micro_percent)),
            Value::or_null(budget, |b| Value::text(b.unit)),
            Value::or_null(budget, |b| Value::Integer(b.allowed)),
            Value::or_null(budget, |b| Value::Integer(b.used)),
            Value::or_null(budget, |b| Value::Integer(b.remaining())),
            Value::text(&(figure.status.to_string() + &mark(month))),
            Value::Instant(month.final_at().start_us()),
            Value::Integer(figure.edition.into()),
            Value::text(figure.state.name()),
            Value::Integer(adjusted.net.slots_counted),
            Value::Integer(adjusted.net.events.bad()),
            Value::or_null(adjusted.net_micro_percent, Value::Decimal),
        ];
        table.extend(first.into_iter().chain(shared(figure)).chain(last));
    }
    table
}

pub fn date(day: Day) -> Value {
    Value::Date(day.start_us() / crate::day::DAY_US)
}

fn shared(figure: &Figure) -> [Value; 25] {
    let Figure { scope, gross, net, .. } = figure;
    let events = |group| Value::Integer(net.events.of(group));
    let versions: Vec<String> = figure.rule_versions.iter().map(ToString::to_string).collect();
    [
        Value::text(scope.kind.name()),
        Value::Text(scope.name.clone()),
        Value::Text(scope.region.clone()),
        Value::text(figure.definition.name),
        Value::text(&versions.join(" ")),
        Value::Integer(net.slots),
        Value::Integer(net.slots_down),
        Value::Integer(net.slots_counted),
        Value::Integer(gross.slots_counted),
        Value::Integer(net.slots_degraded),
        Value::Integer(net.slots_doubtful),
        Value::Integer(net.slots_unobserved),
        events(Group::Good),
        events(Group::Bad),
        Value::Integer(gross.events.good()),
        Value::Integer(gross.events.bad()),
        events(Group::User),
        events(Group::Excluded),
        events(Group::Pending),
        events(Group::Suspense),
        events(Group::Unknown),
        Value::or_null(figure.gross_micro_percent, Value::Decimal),
        Value::or_null(figure.net_micro_percent, Value::Decimal),
        Value::or_null(figure.at_least_micro_percent, Value::Decimal),
        Value::or_null(figure.coverage_micro_percent, Value::Decimal),
    ]
}
