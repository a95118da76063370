//! Suspected callers: outages that count only because of one or two callers.

use std::collections::BTreeSet;

use crate::attention::{Attention, AttentionKind, Look, Looks};
use crate::day::{Day, rfc3339};
use crate::measure::Outage;
use crate::slots::{ALL_REGIONS, ScopeKind};

/// Reports the outages of services that touch one of the days and count by one or two callers.
///
/// An outage of all regions is reported only if none of a single region explains it.
pub fn looks(outages: &[Outage], days: &BTreeSet<Day>) -> Looks {
    let mut looks = Looks::default();
    for day in days {
        looks.take(Look::Measured(*day), None);
    }
    for told in attention(outages, days) {
        looks.take(Look::Measured(told.day), Some(told));
    }
    looks
}

fn attention(outages: &[Outage], days: &BTreeSet<Day>) -> Vec<Attention> {
    let suspected: Vec<&Outage> = outages
        .iter()
        .filter(|outage| outage.scope.kind == ScopeKind::Service && !outage.suspected_callers().is_empty())
        .collect();
    let is_told_by_region = |whole: &Outage| {
        suspected.iter().any(|outage| {
            !outage.scope.is_all_regions()
                && outage.scope.name == whole.scope.name
                && outage.start_us < whole.end_us
                && whole.start_us < outage.end_us
                && outage.suspected_callers() == whole.suspected_callers()
        })
    };
    let told = suspected.iter().filter(|outage| !outage.scope.is_all_regions() || !is_told_by_region(outage));
    told.filter_map(|outage| {
        let touches = |day: &&Day| outage.start_us < day.end_us() && day.start_us() < outage.end_us;
        let day = days.iter().find(touches)?;
        let callers = outage.suspected_callers().join(",");
        let subject = [&*outage.scope.name, &*outage.scope.region, &callers];
        Some(Attention::new(AttentionKind::SuspectedCaller, *day, &subject, message(outage)))
    })
    .collect()
}

fn message(outage: &Outage) -> String {
    let callers = outage.suspected_callers();
    let (service, region) = (&outage.scope.name, &outage.scope.region);
    let (start, end) = (rfc3339(outage.start_us), rfc3339(outage.end_us));
    let (who, verb) = match callers {
        [one] => (format!("one caller, {one},"), "makes"),
        many => (format!("{} callers, {},", many.len(), many.join(" and ")), "make"),
    };
    let others = outage.callers_active.map_or(0, |active| active.count as i64 - callers.len() as i64);
    let place = if **region == *ALL_REGIONS { "" } else { region };
    let rows: Vec<String> = callers
        .iter()
        .map(|caller| {
            let id = format!("suspected-{service}-{start}-{caller}");
            format!("{id},to_uptime,{start},{end},{service},{place},{caller},,,caller-misuse,,AUTHOR,APPROVER,INSTANT,")
        })
        .collect();
    format!(
        "{who} {verb} the outage of service {service} in region {region} from {start} to {end} count, while {others} others were \
         served. If the cause is theirs, add to the override file, with author, approver and the present instant: {}",
        rows.join(" and ")
    )
}
