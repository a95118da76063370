//! `metrics.prom`: figures as gauges, for the textfile collector of `node_exporter`.

use prometheus::{GaugeVec, IntGaugeVec, Opts, Registry, TextEncoder};

use crate::attention::AttentionKind;
use crate::day::{Day, SECOND_US};
use crate::measure::{Condition, Figure, PeriodSums, condition};
use crate::policy::Group;
use crate::redact::line;
use crate::report::view::{DEFINITION, View};
use crate::slots::Scope;

/// Longest component name in a label, in characters.
///
/// Longer names are cut: two names with the same beginning would then share a label.
const LABEL: usize = 1_000;

/// Writes the metrics, sorted by name and labels.
pub fn metrics(view: &View<'_>, overdue_events: i64) -> anyhow::Result<String> {
    let registry = Registry::new();
    clocks(view, &registry)?;
    attention(view, &registry)?;
    let overdue = integers(
        &registry,
        "overdue_events",
        "Events of open days that should be explained by now (`breaks`); must be 0.",
        &[],
    )?;
    overdue.with_label_values::<&str>(&[]).set(overdue_events);
    let gauges = Gauges::new(&registry)?;
    for scope in view.components() {
        let name = line(&scope.name, LABEL);
        if let Some(newest) = &view.newest {
            let now = condition(newest, scope);
            for condition in Condition::ALL {
                let labels = [name.as_str(), condition.name()];
                gauges.condition.with_label_values(&labels).set(i64::from(condition == now));
            }
        }
        if let Some(target) = view.target(scope) {
            gauges.target.with_label_values(&[&name]).set(ratio(target));
        }
        for (period, figure) in periods(view, scope) {
            gauges.set(&name, period, figure);
        }
    }
    Ok(TextEncoder::new().encode_to_string(&registry.gather())?)
}

fn periods<'a>(view: &View<'a>, scope: &Scope) -> Vec<(&'static str, &'a Figure)> {
    let month = |month| view.month(scope, month).map(|(figure, _)| figure);
    let months = view.this_and_last_month();
    [
        ("day", view.newest_day().and_then(|day| view.day(scope, day))),
        ("month", months.and_then(|[this, _]| month(this))),
        ("last_month", months.and_then(|[_, last]| month(last))),
    ]
    .into_iter()
    .filter_map(|(period, figure)| Some((period, figure?)))
    .collect()
}

/// Registers the numbers of attentions that stand open, by kind.
fn attention(view: &View<'_>, registry: &Registry) -> anyhow::Result<()> {
    let open = integers(
        registry,
        "attention_open",
        "Attentions that stand open: what needs a person, by kind.",
        &["kind"],
    )?;
    for kind in AttentionKind::ALL {
        open.with_label_values(&[kind.name()]).set(0);
    }
    for standing in view.standing() {
        open.with_label_values(&[standing.attention.kind.name()]).inc();
    }
    Ok(())
}

/// Registers the gauges for clocks, and the version of the job.
fn clocks(view: &View<'_>, registry: &Registry) -> anyhow::Result<()> {
    let end = |day: Day| day.end_us() / SECOND_US;
    let clocks = [
        (
            "as_of_timestamp_seconds",
            "Clock of the newest edition.",
            view.drawing.figures.as_of.map(|at| at.timestamp()),
        ),
        (
            "data_through_timestamp_seconds",
            "End of the newest day that is accounted.",
            view.newest_day().map(end),
        ),
        (
            "newest_sealed_timestamp_seconds",
            "End of the newest day that is final.",
            view.newest_sealed().map(|(day, _)| end(day)),
        ),
    ];
    for (name, help, seconds) in clocks {
        if let Some(seconds) = seconds {
            integers(registry, name, help, &[])?.with_label_values::<&str>(&[]).set(seconds);
        }
    }
    let build = integers(
        registry,
        "build_info",
        "Version of the job that published the newest edition.",
        &["version"],
    )?;
    build.with_label_values(&[&view.drawing.figures.job_version]).set(1);
    Ok(())
}

struct Gauges {
    availability: GaugeVec,
    coverage: GaugeVec,
    target: GaugeVec,
    slots: IntGaugeVec,
    slots_down: IntGaugeVec,
    slots_counted: IntGaugeVec,
    budget_allowed: IntGaugeVec,
    budget_remaining: IntGaugeVec,
    events: IntGaugeVec,
    condition: IntGaugeVec,
}

impl Gauges {
    fn new(registry: &Registry) -> prometheus::Result<Self> {
        let of_period = ["component", "period"];
        let of_book = ["component", "period", "book"];
        let availability = format!(
            "Availability under the definition {}, before (gross) and after (net) overrides, rounded down; \
             absent when nothing was observed.",
            DEFINITION.name
        );
        Ok(Self {
            availability: ratios(registry, "availability_ratio", &availability, &of_book)?,
            coverage: ratios(
                registry,
                "coverage_ratio",
                "Observed share of the time of all pairs of service and region.",
                &of_period,
            )?,
            target: ratios(registry, "target_ratio", "Internal target of the month.", &["component"])?,
            slots: integers(registry, "slots", "Slots of the period.", &of_period)?,
            slots_down: integers(registry, "slots_down", "Slots that were down.", &of_book)?,
            slots_counted: integers(
                registry,
                "slots_counted",
                "Down slots in runs that are long enough to count.",
                &of_book,
            )?,
            budget_allowed: integers(
                registry,
                "budget_allowed_slots",
                "Counted down slots that the target allows in the whole month.",
                &of_period,
            )?,
            budget_remaining: integers(
                registry,
                "budget_remaining_slots",
                "Allowed less counted down slots after overrides; negative when overspent.",
                &of_period,
            )?,
            events: integers(
                registry,
                "events",
                "Events by what their account counts as.",
                &["component", "period", "book", "group"],
            )?,
            condition: integers(
                registry,
                "condition",
                "1 for the condition in the last hour of the newest day, 0 for the others.",
                &["component", "condition"],
            )?,
        })
    }

    fn set(&self, component: &str, period: &str, figure: &Figure) {
        let of_period = [component, period];
        if let Some(coverage) = figure.coverage_micro_percent {
            self.coverage.with_label_values(&of_period).set(ratio(coverage));
        }
        self.slots.with_label_values(&of_period).set(figure.net.slots);
        if let Some(budget) = &figure.budget {
            self.budget_allowed.with_label_values(&of_period).set(budget.allowed);
            self.budget_remaining.with_label_values(&of_period).set(budget.remaining());
        }
        let books: [(&str, &PeriodSums, Option<i64>); 2] = [
            ("gross", &figure.gross, figure.gross_micro_percent),
            ("net", &figure.net, figure.net_micro_percent),
        ];
        for (book, reading, micro_percent) in books {
            let of_book = [component, period, book];
            if let Some(micro_percent) = micro_percent {
                self.availability.with_label_values(&of_book).set(ratio(micro_percent));
            }
            self.slots_down.with_label_values(&of_book).set(reading.slots_down);
            self.slots_counted.with_label_values(&of_book).set(reading.slots_counted);
            for group in Group::ALL {
                let labels = [component, period, book, group.name()];
                self.events.with_label_values(&labels).set(reading.events.of(group));
            }
        }
    }
}

fn ratios(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<GaugeVec> {
    let gauge = GaugeVec::new(Opts::new(name, help).namespace("uptime_ledger"), labels)?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}

fn integers(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntGaugeVec> {
    let gauge = IntGaugeVec::new(Opts::new(name, help).namespace("uptime_ledger"), labels)?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}

/// Converts millionths of a percent to a ratio (0 to 1).
fn ratio(micro_percent: i64) -> f64 {
    micro_percent as f64 / 100_000_000.0
}
