//! Draft: a config for logs that were looked at, with the reasons as comments.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::dated_paths::{DatedFile, patterns};
use super::path_template::segments;
use super::services::{DraftService, IGNORED, from_paths, percent};
use super::{Inspected, InspectedLog, by_count};
use crate::config::{Field, Identity, Log, LogPreset, Vantage, is_format_file};
use crate::day::Day;

/// Paths that are written one by one.
const MOST_PATHS: usize = 12;
/// Services and regions of a log that are declared.
const MOST_NAMES: usize = 20;

/// A config as text.
#[derive(Debug, Clone)]
pub struct DraftConfig {
    pub text: String,
    pub sources: usize,
    pub services: usize,
    /// First and last day that the logs cover.
    pub days: Option<(Day, Day)>,
}

/// Writes a config that reads the logs; `path_of` gives a path as the config must name it.
pub fn draft(inspected: &Inspected, path_of: &dyn Fn(&str) -> String) -> DraftConfig {
    let mut text = String::from(
        "# A first config, made from a look at the logs. Every key is explained in data/config.md;\n\
         # `uptime-ledger check` names every mistake.\n\
         reports = \"reports\"                     # what a run writes, from the folder of this file\n",
    );
    let services = services(inspected);
    let ignored = ignored(inspected);
    if !ignored.is_empty() {
        let list = ignored.iter().map(|path| quoted(path)).collect::<Vec<_>>().join(", ");
        let _ = writeln!(
            text,
            "ignore = [{list}]                   # no part of the service: health checks and the like"
        );
    }
    let mut names: Vec<String> = Vec::new();
    for log in &inspected.logs {
        let mut name = stem(&log.preset);
        if names.contains(&name) {
            name = format!("{name}-{}", names.len() + 1);
        }
        source(&mut text, log, &name, path_of);
        names.push(name);
    }
    for service in &services {
        let _ = write!(text, "\n[[service]]\nname = {}", quoted(&service.name));
        let _ = writeln!(text, "{}", aside(&format!("name = {}", quoted(&service.name)), &service.why));
        if !service.endpoints.is_empty() {
            let list = service.endpoints.iter().map(|path| quoted(path)).collect::<Vec<_>>().join(", ");
            let _ = writeln!(text, "endpoints = [{list}]");
        }
    }
    component(&mut text, inspected, &services);
    let days = inspected.days();
    let days = days.first().copied().zip(days.last().copied());
    DraftConfig { text, sources: inspected.logs.len(), services: services.len(), days }
}

fn source(text: &mut String, log: &InspectedLog, name: &str, path_of: &dyn Fn(&str) -> String) {
    let source = &log.source;
    let files = log.files.iter().map(|file| DatedFile { path: path_of(&file.path), days: file.days });
    let mut paths = patterns(&files.collect::<Vec<_>>());
    if paths.len() > MOST_PATHS {
        let folder =
            |path: &String| path.rsplit_once('/').map_or_else(|| "*".to_owned(), |(f, _)| format!("{f}/*"));
        paths = paths.iter().map(folder).collect();
        paths.sort();
        paths.dedup();
    }
    let mut line = |key: &str, value: String, why: &str| {
        let head = format!("{key} = {value}");
        let _ = writeln!(text, "{head}{}", aside(&head, why));
    };
    let is_dated = paths.iter().any(|path| path.contains("{date"));
    let list = paths.iter().map(|path| quoted(path)).collect::<Vec<_>>().join(", ");
    let why = if is_dated {
        "a day is looked for in the files of its date and of the days beside it"
    } else {
        "no date in the names: read for every day"
    };
    line("\n[[source]]\nname", quoted(name), &about(log));
    line("paths", format!("[{list}]"), why);
    let preset = if is_format_file(&log.preset) { path_of(&log.preset) } else { log.preset.clone() };
    let ties = match log.ties.as_slice() {
        [] => String::new(),
        ties => format!(
            "the lines fit {} as well; what each of them can log beyond these lines differs",
            ties.join(", ")
        ),
    };
    line("preset", quoted(&preset), &ties);
    if source.log == Log::Webhooks && source.preset == LogPreset::Canonical {
        line("log", quoted("webhooks"), "a row is an attempt to deliver a webhook");
    }
    if source.preset == LogPreset::Canonical && source.delimiter != b',' {
        line("delimiter", quoted(&char::from(source.delimiter).to_string()), "");
    }
    if source.log == Log::Requests {
        let (vantage, why) = vantage(log);
        line("vantage", quoted(vantage), why);
    }
    if log.is_without_zone {
        line("zone", quoted(source.zone.name()), "of its times, which name none: set the zone of the writer");
    }
    let found = &log.findings;
    if source.identity == Identity::Unique && found.repeated_ids * 100 > found.with_id {
        line("# identity", quoted("client"), "ids repeat; needed if clients set them");
    }
    let all = [
        (Field::BusinessId, "who called: tells how many callers an outage hit"),
        (Field::Region, "where it was served: each region has its own minutes"),
        (Field::ErrorCode, "error code of the answer: tells the caller's fault from the platform's"),
        (Field::RequestId, "identity of the call: rows shipped twice count once"),
    ];
    let lacking: Vec<_> = all.into_iter().filter(|(field, _)| !found.has(*field)).collect();
    if source.log == Log::Requests && source.preset != LogPreset::Combined && !lacking.is_empty() {
        text.push_str("# [source.columns]                      # what else the log may have: field = \"name in the log\"\n");
        for (field, why) in lacking {
            let head = format!("# {} = \"...\"", field.name());
            let _ = writeln!(text, "{head}{}", aside(&head, why));
        }
    }
}

/// Says what a source is, for its comment.
fn about(log: &InspectedLog) -> String {
    let mut about = match &log.source.format {
        Some(choice) => choice.file.about.clone(),
        None if log.preset == "combined" => "access log text".to_owned(),
        None => format!("preset {}", log.preset),
    };
    if !log.envelopes.is_empty() {
        let _ = write!(about, ", inside {}", log.envelopes.join(" inside "));
    }
    about
}

fn vantage(log: &InspectedLog) -> (&'static str, &'static str) {
    let vantage = match log.source.preset {
        LogPreset::Format => log.source.vantage,
        LogPreset::Canonical if !log.findings.has(Field::UpstreamStatus) => Vantage::FirstLayer,
        _ => Vantage::EdgeIngress,
    };
    match vantage {
        Vantage::CallerEgress => (
            "caller_egress",
            "proposed: written at the callers' side, so what never left it is not the platform's",
        ),
        Vantage::EdgeIngress => (
            "edge_ingress",
            "proposed: such a log is mostly the platform's outer proxy; a proxy of callers: caller_egress",
        ),
        Vantage::FirstLayer | Vantage::WebhookEgress => {
            ("first_layer", "proposed: the platform's own log; a proxy before it: edge_ingress")
        }
    }
}

/// Returns the services of all request logs, those with most calls first.
fn services(inspected: &Inspected) -> Vec<DraftService> {
    let requests: Vec<&InspectedLog> =
        inspected.logs.iter().filter(|log| log.source.log == Log::Requests).collect();
    let (mut named, mut paths) = (BTreeMap::new(), BTreeMap::new());
    for log in requests {
        let found = &log.findings;
        let with_service: u64 = found.services.values().sum();
        let is_named = with_service * 2 > found.calls;
        let (from, to) =
            if is_named { (&found.services, &mut named) } else { (&found.templates, &mut paths) };
        for (name, n) in from {
            *to.entry(name.clone()).or_insert(0) += n;
        }
    }
    let total: u64 = named.values().chain(paths.values()).sum::<u64>().max(1);
    let mut services: Vec<DraftService> = by_count(&named)
        .into_iter()
        .take(MOST_NAMES)
        .map(|(name, calls)| DraftService {
            name: name.to_owned(),
            endpoints: Vec::new(),
            why: format!("named by the log; {} of the calls", percent(calls, total)),
        })
        .collect();
    let own = services.iter().map(|service| service.name.clone()).collect::<Vec<_>>();
    services.extend(from_paths(&paths, total).into_iter().filter(|service| !own.contains(&service.name)));
    services
}

fn ignored(inspected: &Inspected) -> Vec<String> {
    let templates = inspected.logs.iter().flat_map(|log| log.findings.templates.keys());
    let mut paths: Vec<String> =
        templates.filter(|path| IGNORED.contains(&segments(path).join("/").as_str())).cloned().collect();
    paths.sort();
    paths.dedup();
    paths
}

fn component(text: &mut String, inspected: &Inspected, services: &[DraftService]) {
    let mut names: Vec<String> = services.iter().map(|service| service.name.clone()).collect();
    let is_cloud = names.iter().any(|name| name == "messages");
    let attempts = inspected
        .logs
        .iter()
        .any(|log| log.source.log == Log::Webhooks && log.source.preset != LogPreset::WhatsappWebhook);
    if attempts {
        names.push("webhooks".to_owned());
    }
    if names.is_empty() {
        text.push_str("\n# No paths and no services in the logs: one service and one component, `all`.\n");
        return;
    }
    let list = names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
    let name = if is_cloud { "Cloud API" } else { "API" };
    let _ = write!(
        text,
        "\n[[component]]                           # a line of the status page, down when any of its services is down\n\
         name = {}\nservices = [{list}]\n\
         # target_percent = 99.9                 # internal target for a month, for the error budget\n",
        quoted(name)
    );
}

/// Returns a comment behind a line, in the column of all comments; none without a reason.
fn aside(head: &str, why: &str) -> String {
    let width = head.rsplit('\n').next().unwrap_or_default().chars().count();
    if why.is_empty() {
        String::new()
    } else {
        format!("{}# {why}", " ".repeat(40_usize.saturating_sub(width).max(2)))
    }
}

/// Returns a text as TOML writes it; JSON writes it alike.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn stem(preset: &str) -> String {
    let name = preset.rsplit('/').next().unwrap_or_default();
    name.trim_end_matches(".toml").to_owned()
}
