//! Charts of a day as SVG, in the light page's colours; the style sheet has the dark page's.

use std::collections::BTreeMap;

use plotters::prelude::*;

use crate::day::Day;
use crate::ledger::LatencyLine;
use crate::policy::Group;
use crate::report::FailureLine;

const SIZE: (u32, u32) = (960, 240);
const BAD: RGBColor = RGBColor(0xc9, 0x3a, 0x3a);
const USER: RGBColor = RGBColor(0x3b, 0x76, 0xb5);
const EXCLUDED: RGBColor = RGBColor(0x8a, 0x8f, 0x98);
const PENDING: RGBColor = RGBColor(0xc9, 0x8a, 0x1b);
const SUSPENSE: RGBColor = RGBColor(0x8e, 0x5b, 0xb5);
const UNKNOWN: RGBColor = RGBColor(0x4f, 0x9a, 0x94);
const QUANTILES: [RGBColor; 3] = [USER, PENDING, BAD];

/// A drawing in memory, which fails only for impossible numbers.
type Drawn = Result<String, Box<dyn std::error::Error>>;

/// The groups that are stacked, from the bottom, with their colours.
pub(super) const STACK: [(Group, RGBColor); 6] = [
    (Group::Bad, BAD),
    (Group::Suspense, SUSPENSE),
    (Group::Unknown, UNKNOWN),
    (Group::Pending, PENDING),
    (Group::User, USER),
    (Group::Excluded, EXCLUDED),
];

/// Draws the events that are not good, stacked by group, for each ten minutes.
pub(super) fn failures(day: Day, lines: &[FailureLine]) -> String {
    or_nothing(draw_failures(day, lines))
}

/// Draws the latency quantiles of one scope over the day, on a logarithmic scale.
pub(super) fn latency(slot_us: i64, lines: &[&LatencyLine]) -> String {
    or_nothing(draw_latency(slot_us, lines))
}

fn or_nothing(drawn: Drawn) -> String {
    match drawn {
        Ok(svg) => svg,
        Err(e) => unreachable!("drawing into a string: {e}"),
    }
}

fn draw_failures(day: Day, lines: &[FailureLine]) -> Drawn {
    let mut spans: BTreeMap<i64, BTreeMap<usize, i64>> = BTreeMap::new();
    for line in lines {
        let place = STACK.iter().position(|(group, _)| *group == line.account.group());
        if let Some(place) = place.filter(|_| line.events_net > 0) {
            let span = spans.entry((line.start_us - day.start_us()) / SPAN_US).or_default();
            *span.entry(place).or_default() += line.events_net;
        }
    }
    let most = spans.values().map(|span| span.values().sum::<i64>()).max().unwrap_or(0).max(1);
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin(8)
            .margin_right(28)
            .x_label_area_size(24)
            .y_label_area_size(56)
            .build_cartesian_2d(0.0..24.0, 0..most + most / 20 + 1)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(13)
            .x_label_formatter(&clock)
            .y_labels(5)
            .y_label_formatter(&|events| super::parts::count(*events))
            .draw()?;
        for (span, groups) in &spans {
            let mut from = 0;
            for (place, events) in groups {
                let bar = [(hour(span * SPAN_US), from), (hour((span + 1) * SPAN_US), from + events)];
                chart.draw_series(std::iter::once(Rectangle::new(bar, STACK[*place].1.filled())))?;
                from += events;
            }
        }
        root.present()?;
    }
    Ok(svg)
}

const SPAN_US: i64 = 600 * crate::day::SECOND_US;

fn draw_latency(slot_us: i64, lines: &[&LatencyLine]) -> Drawn {
    let quantiles: [fn(&LatencyLine) -> Option<i64>; 3] = [|l| l.p50, |l| l.p90, |l| l.p99];
    let all = || lines.iter().flat_map(|line| quantiles.iter().filter_map(|quantile| quantile(line)));
    let milliseconds = |micro: i64| (micro as f64 / 1e6).max(0.1);
    let low = all().min().map_or(1.0, milliseconds) / 1.2;
    let high = all().max().map_or(10.0, milliseconds) * 1.2;
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin(8)
            .margin_right(28)
            .x_label_area_size(24)
            .y_label_area_size(56)
            .build_cartesian_2d(0.0..24.0, (low..high).log_scale())?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(13)
            .x_label_formatter(&clock)
            .y_labels(5)
            .y_label_formatter(&|ms| if *ms < 10.0 { format!("{ms:.1}") } else { format!("{ms:.0}") })
            .draw()?;
        for (quantile, colour) in quantiles.iter().zip(QUANTILES).rev() {
            let points: Vec<(i64, f64)> = lines
                .iter()
                .filter_map(|line| Some((i64::from(line.slot), milliseconds(quantile(line)?))))
                .collect();
            // The line breaks at slots without latencies.
            for run in points.chunk_by(|a, b| b.0 - a.0 == 1) {
                match run {
                    [(slot, ms)] => {
                        let dot = Circle::new((hour(slot * slot_us), *ms), 1, colour.filled());
                        chart.draw_series(std::iter::once(dot))?;
                    }
                    _ => {
                        _ = chart.draw_series(LineSeries::new(
                            run.iter().map(|(slot, ms)| (hour(slot * slot_us), *ms)),
                            &colour,
                        ))?;
                    }
                }
            }
        }
        root.present()?;
    }
    Ok(svg)
}

/// Converts microseconds from the start of the day to hours.
fn hour(us: i64) -> f64 {
    us as f64 / (3_600 * crate::day::SECOND_US) as f64
}

/// Formats hours as `10:00`.
fn clock(hour: &f64) -> String {
    let minutes = (hour * 60.0).round() as i64;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}
