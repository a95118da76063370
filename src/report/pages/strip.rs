//! Strips: the slots of a day as a band of colours, one band per scope.

use std::fmt::Write;

use maud::{Markup, PreEscaped, html};

use super::parts::{count, scope_name};
use super::words::Words;
use crate::ledger::Edition;
use crate::slots::{Side, State};

/// Height of a band in SVG units; the page stretches it.
const HEIGHT: usize = 10;

/// Draws all bands of a day.
///
/// Each state is one path, so that a day with many changes stays small.
pub(super) fn strips(w: &Words, edition: &Edition) -> Markup {
    let slots = &edition.slots;
    let length = slots.length();
    html! {
        div.strips data-slots=(length.per_day()) data-seconds=(length.seconds()) {
            div.zoom hidden {
                button type="button" data-zoom="in" { (w.zoom_in) }
                button type="button" data-zoom="out" { (w.zoom_out) }
                button type="button" data-zoom="left" { "‹ " (w.earlier) }
                button type="button" data-zoom="right" { (w.later) " ›" }
                button type="button" data-zoom="all" { (w.whole_day) }
                output {}
            }
            @for (at, scope) in slots.scopes().iter().enumerate() {
                @let states = slots.book(at, Side::Net).states();
                div.band {
                    span.name.(scope.kind.name()) { (scope_name(scope)) }
                    (PreEscaped(svg(states)))
                    span.sum { (summary(w, states)) }
                }
            }
            div.axis aria-hidden="true" { span { "00:00" } span { "06:00" } span { "12:00" } span { "18:00" } span { "24:00" } }
            p.legend {
                @for state in State::ALL { span.key.(state.name()) { (w.state(state)) } " " }
            }
        }
    }
}

/// Says in words what the band shows, for readers who do not see it.
fn summary(w: &Words, states: &[State]) -> String {
    let of = |state: State| states.iter().filter(|s| **s == state).count() as i64;
    let part = |state: State| format!("{} {}", count(of(state)), w.state(state));
    let shown = [State::Down, State::Degraded, State::Doubtful, State::Unobserved];
    let shown = shown.into_iter().filter(|state| of(*state) > 0);
    let parts: Vec<String> = shown.map(part).collect();
    if parts.is_empty() { part(State::Up) } else { parts.join(", ") }
}

/// Draws one path per state; `unobserved` is the background.
fn svg(states: &[State]) -> String {
    let mut svg = format!(
        "<svg aria-hidden=\"true\" viewBox=\"0 0 {} {HEIGHT}\" preserveAspectRatio=\"none\">",
        states.len()
    );
    for state in [State::Up, State::Degraded, State::Doubtful, State::Down] {
        let mut path = String::new();
        let mut at = 0;
        for run in states.chunk_by(|a, b| a == b) {
            if run[0] == state {
                let width = run.len();
                // Writing to a string does not fail.
                _ = write!(path, "M{at} 0h{width}v{HEIGHT}h-{width}z");
            }
            at += run.len();
        }
        if !path.is_empty() {
            _ = write!(svg, "<path class=\"{}\" d=\"{path}\"/>", state.name());
        }
    }
    svg + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_one_path_of_its_runs() {
        use State::{Down, Unobserved, Up};
        let svg = svg(&[Up, Up, Down, Unobserved, Up]);
        assert!(svg.contains("<path class=\"up\" d=\"M0 0h2v10h-2zM4 0h1v10h-1z\"/>"), "{svg}");
        assert!(svg.contains("<path class=\"down\" d=\"M2 0h1v10h-1z\"/>"), "{svg}");
        assert!(!svg.contains("degraded") && !svg.contains("unobserved"));
    }
}
