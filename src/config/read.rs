//! Reader of `uptime-ledger.toml`: text → [`Config`] or every mistake.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{
    Component, Config, Excerpts, Limits, Log, Service, SlotRule, Source, WEBHOOK_SERVICE, engine, outputs,
    overrides, sources, webhooks,
};
use crate::day::SlotLength;
use crate::document::spelling::advice;
use crate::document::toml::{MistakeNotes, TomlTable, TomlValue, name, tables};
use crate::document::{Document, Mistakes};
use crate::store::{StoreLimits, Stores};

pub(super) const TOP: [&str; 19] = [
    "reports",
    "policy",
    "catalogue",
    "slot",
    "regions",
    "excerpts",
    "ignore",
    "memory",
    "salt",
    "source",
    "service",
    "component",
    "definition",
    "limits",
    "webhooks",
    "overrides",
    "outputs",
    "store",
    "engine",
];
pub(super) const SERVICE: [&str; 2] = ["name", "endpoints"];
pub(super) const COMPONENT: [&str; 3] = ["name", "services", "target_percent"];
pub(super) const DEFINITION: [&str; 6] =
    ["unable_ratio", "min_events", "min_run_minutes", "max_gap_minutes", "min_callers", "user_counts_as"];
pub(super) const STORE: [&str; 2] = ["file_timeout_minutes", "run_timeout_minutes"];
pub(super) const LIMITS: [&str; 3] = ["quarantine_percent", "coverage_percent", "min_rows"];

const SLOTS: [(&str, SlotLength); 4] = [
    ("10s", SlotLength::Seconds10),
    ("30s", SlotLength::Seconds30),
    ("1m", SlotLength::Minute),
    ("5m", SlotLength::Minutes5),
];
const EXCERPTS: [(&str, Excerpts); 2] = [("shape", Excerpts::Shape), ("text", Excerpts::Text)];
const USER_COUNTS_AS: [(&str, bool); 2] = [("excluded", false), ("good", true)];
const MINUTES_OF_A_DAY: i64 = 1_440;

/// Reads the config; `base` is the folder from which relative paths start.
///
/// # Errors
/// Every mistake in the file.
pub fn config(document: &Document, base: &Path) -> Result<Config, Mistakes> {
    let notes = MistakeNotes::new(document);
    let root = notes.parse();
    let top = TomlTable::open(&notes, root.get_ref(), root.span(), "the top level", &TOP);
    let path = |key| top.get(key).and_then(|value| value.text()).map(PathBuf::from);

    let bare = Config::bare(base);
    let sources = sources::read(&top, base);
    let services = services(&top);
    let config = Config {
        reports: path("reports").unwrap_or(bare.reports),
        policy: path("policy"),
        catalogue: path("catalogue"),
        slot: top.get("slot").and_then(|value| value.choice(&SLOTS)).unwrap_or_default(),
        components: components(&top, &services, &sources),
        sources,
        services,
        ignore: ignored(&top),
        regions: top.get("regions").map(|value| owned(&value)).unwrap_or_default(),
        excerpts: top.get("excerpts").and_then(|value| value.choice(&EXCERPTS)).unwrap_or_default(),
        measure: measure(&top),
        limits: limits(&top),
        webhooks: webhooks::read(&top),
        overrides: overrides::read(&top),
        outputs: outputs::read(&top),
        publish: outputs::publish(&top),
        salt: top.get("salt").and_then(|value| value.text()).map(str::to_owned),
        memory_bytes: top.get("memory").and_then(|value| memory(&value)).unwrap_or(bare.memory_bytes),
        standard_input: None,
        stores: stores(&top),
        engine: engine::read(&top),
        base: bare.base,
    };
    Mistakes(notes.into_mistakes()).or(config)
}

fn owned(value: &TomlValue<'_>) -> Vec<String> {
    value.texts().into_iter().map(|(text, _)| text.to_owned()).collect()
}

fn memory(value: &TomlValue<'_>) -> Option<u64> {
    let text = value.text()?;
    match super::memory(text) {
        Ok(bytes) => Some(bytes),
        Err(help) => {
            value.wrong(format!("`{text}` is not an amount of memory"), "not understood", help);
            None
        }
    }
}

fn services(top: &TomlTable<'_>) -> Vec<Service> {
    let mut taken = Vec::new();
    let mut owners: Vec<(&str, &str)> = Vec::new();
    let mut services = Vec::new();
    for table in tables(top, "service", "[[service]]", &SERVICE) {
        let name = name(&table, &mut taken, "\"messages\"");
        let endpoints = table.get("endpoints").map(|value| value.texts()).unwrap_or_default();
        for (pattern, value) in &endpoints {
            check_endpoint(pattern, value);
            if let Some((_, owner)) = owners.iter().find(|(earlier, _)| earlier == pattern) {
                let message = format!("`{pattern}` already belongs to `{owner}`");
                value.wrong(
                    message,
                    "claimed a second time",
                    "an endpoint belongs to one service; remove one of the two",
                );
            }
            owners.push((pattern, name.unwrap_or_default()));
        }
        let endpoints = endpoints.into_iter().map(|(pattern, _)| pattern.to_owned()).collect();
        services.extend(name.map(|name| Service { name: name.to_owned(), endpoints }));
    }
    services
}

fn ignored(top: &TomlTable<'_>) -> Vec<String> {
    let patterns = top.get("ignore").map(|value| value.texts()).unwrap_or_default();
    for (pattern, value) in &patterns {
        check_endpoint(pattern, value);
    }
    patterns.into_iter().map(|(pattern, _)| pattern.to_owned()).collect()
}

fn check_endpoint(pattern: &str, value: &TomlValue<'_>) {
    let help = "write it like /{id}/messages; {id} is any one segment, * at the end any rest";
    let rest = pattern.strip_suffix('*').unwrap_or(pattern);
    if !pattern.starts_with('/') {
        value.wrong(format!("endpoint `{pattern}` does not start with `/`"), "not a path", help);
    } else if let Some(at) = rest.find('*') {
        value.wrong_in(
            at..at + 1,
            "`*` stands before the end of an endpoint",
            "only the end can be any rest",
            help,
        );
    } else if rest.split('/').any(|part| part.contains(['{', '}']) && !is_placeholder(part)) {
        value.wrong(format!("endpoint `{pattern}` has a brace in the wrong place"), "here", help);
    }
}

fn is_placeholder(segment: &str) -> bool {
    segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).is_some_and(|n| !n.contains(['{', '}']))
}

fn components(top: &TomlTable<'_>, services: &[Service], sources: &[Source]) -> Vec<Component> {
    // The service of webhook rows without a service; it needs no declaration.
    let usual = sources.iter().any(|source| source.log == Log::Webhooks).then_some(WEBHOOK_SERVICE);
    let known: Vec<&str> = services.iter().map(|service| service.name.as_str()).chain(usual).collect();
    let mut taken = Vec::new();
    let mut components = Vec::new();
    for table in tables(top, "component", "[[component]]", &COMPONENT) {
        let name = name(&table, &mut taken, "\"Cloud API\"");
        let members = table.need("services", "[\"messages\"]").map(|value| {
            let members = value.texts();
            if value.items().is_empty() {
                let help = "name at least one service, or remove the component";
                value.wrong("`services` is empty", "a component of nothing is never up", help);
            }
            members
        });
        let members = members.unwrap_or_default();
        for (member, value) in &members {
            if !known.contains(member) && top.notes().is_whole() {
                let help = match services {
                    [] => format!("declare it: [[service]] with name = \"{member}\""),
                    _ => advice(member, known.iter().copied()),
                };
                value.wrong(format!("no service is called `{member}`"), "unknown service", help);
            }
        }
        let target = table.get("target_percent").and_then(|value| {
            let target = value.decimal(6, "99.9")?;
            if !(1..=100_000_000).contains(&target) {
                value.wrong(
                    "`target_percent` is not a target",
                    "not above 0 and up to 100",
                    "for example 99.9",
                );
            }
            u32::try_from(target).ok()
        });
        components.extend(name.map(|name| Component {
            name: name.to_owned(),
            services: members.into_iter().map(|(member, _)| member.to_owned()).collect(),
            target_micro_percent: target,
        }));
    }
    components
}

/// Parses a share into millionths, from `places` decimals (6 for a ratio, 4 for a percentage).
fn share(value: &TomlValue<'_>, places: usize, lowest: u64, example: &str) -> Option<u32> {
    let ppm = value.decimal(places, example)?;
    if !(lowest..=1_000_000).contains(&ppm) {
        let most = if places == 6 { "1" } else { "100" };
        let message = format!("`{}` is out of bounds", value.key());
        let least = if lowest == 0 { "from 0" } else { "above 0" };
        value.wrong(message, format!("must be {least} and up to {most}"), format!("for example {example}"));
        return None;
    }
    u32::try_from(ppm).ok()
}

fn count(table: &TomlTable<'_>, key: &'static str) -> Option<u32> {
    let count = table.get(key).and_then(|value| value.integer(&(1..=i64::from(u32::MAX))))?;
    u32::try_from(count).ok()
}

fn measure(top: &TomlTable<'_>) -> SlotRule {
    let usual = SlotRule::default();
    let Some(table) = top.get("definition").and_then(|value| value.table("[definition]", &DEFINITION)) else {
        return usual;
    };
    let seconds = |key| {
        let minutes = table.get(key).and_then(|value| value.integer(&(0..=MINUTES_OF_A_DAY)))?;
        u32::try_from(minutes * 60).ok()
    };
    SlotRule {
        version: usual.version,
        unable_ppm: table
            .get("unable_ratio")
            .and_then(|v| share(&v, 6, 1, "0.5"))
            .unwrap_or(usual.unable_ppm),
        min_events: count(&table, "min_events").unwrap_or(usual.min_events),
        min_run_seconds: seconds("min_run_minutes").unwrap_or(usual.min_run_seconds),
        max_gap_seconds: seconds("max_gap_minutes").unwrap_or(usual.max_gap_seconds),
        min_callers: count(&table, "min_callers").unwrap_or(usual.min_callers),
        user_counts_as_good: table
            .get("user_counts_as")
            .and_then(|value| value.choice(&USER_COUNTS_AS))
            .unwrap_or(usual.user_counts_as_good),
    }
}

fn limits(top: &TomlTable<'_>) -> Limits {
    let usual = Limits::default();
    let Some(table) = top.get("limits").and_then(|value| value.table("[limits]", &LIMITS)) else {
        return usual;
    };
    let percent = |key, example| table.get(key).and_then(|value| share(&value, 4, 0, example));
    Limits {
        quarantine_ppm: percent("quarantine_percent", "0.1").unwrap_or(usual.quarantine_ppm),
        coverage_ppm: percent("coverage_percent", "95").unwrap_or(usual.coverage_ppm),
        min_rows: count(&table, "min_rows").unwrap_or(usual.min_rows),
    }
}

fn stores(top: &TomlTable<'_>) -> Stores {
    let usual = StoreLimits::default();
    let Some(table) = top.get("store").and_then(|value| value.table("[store]", &STORE)) else {
        return Stores::new(usual);
    };
    let minutes = |key| {
        let minutes = table.get(key).and_then(|value| value.integer(&(1..=MINUTES_OF_A_DAY)))?;
        u64::try_from(minutes).ok().map(|minutes| Duration::from_secs(60 * minutes))
    };
    Stores::new(StoreLimits {
        file: minutes("file_timeout_minutes").unwrap_or(usual.file),
        run: minutes("run_timeout_minutes").unwrap_or(usual.run),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RuleVersion;
    use chrono_tz::Tz;

    use crate::config::{Cast, Column, ColumnSource, Field, LogPreset, TimeBasis, Unit, Vantage};

    fn read(text: &str) -> Result<Config, Mistakes> {
        config(&Document::new("uptime-ledger.toml", text), Path::new("/etc/ul"))
    }

    #[test]
    fn an_empty_config_is_the_bare_one() {
        let config = read("").unwrap();
        assert_eq!(format!("{config:?}"), format!("{:?}", Config::bare("/etc/ul")));
        assert_eq!(config.path("a/b"), Path::new("/etc/ul/a/b"));
        assert_eq!(config.path("/a/b"), Path::new("/a/b"));
    }

    fn column(field: Field, from: &str, cast: Cast) -> Column {
        Column { field, from: ColumnSource::Name(from.to_owned()), cast, words: Vec::new() }
    }

    #[test]
    fn every_key_is_read() {
        let config = read(
            r#"
            reports = "out"
            policy = "p.toml"
            catalogue = "c.csv"
            slot = "5m"
            regions = ["eu", "us"]
            memory = "512 MiB"
            salt = "pinch"
            [[source]]
            name = "edge"
            log = "requests"
            paths = "logs/{region}/{date:%Y/%m/%d}.csv"
            vantage = "edge_ingress"
            time_basis = "end"
            zone = "Europe/Berlin"
            neighbours = 2
            header = false
            delimiter = "\t"
            [source.columns]
            ts = { from = 1, format = "%d/%b/%Y:%H:%M:%S %z" }
            duration = { from = "2", unit = "ms" }
            http_status = { from = "3", words = { success = "200" } }
            region = { value = "eu" }
            [[service]]
            name = "messages"
            endpoints = ["/{id}/messages", "/media*"]
            [[component]]
            name = "Cloud API"
            services = ["messages"]
            target_percent = 99.9
            [[component]]
            name = "Text"
            services = "messages"
            target_percent = "99.95"
            [definition]
            unable_ratio = 1
            min_events = 5
            min_run_minutes = 3
            max_gap_minutes = 0
            user_counts_as = "good"
            [limits]
            quarantine_percent = 0.05
            coverage_percent = 90
            [webhooks]
            first_status_minutes = 5
            "#,
        )
        .unwrap();
        assert_eq!(config.reports, Path::new("out"));
        assert_eq!((config.policy, config.catalogue), (Some("p.toml".into()), Some("c.csv".into())));
        assert_eq!(config.slot, SlotLength::Minutes5);
        assert_eq!(config.regions, ["eu", "us"]);
        assert_eq!((config.memory_bytes, config.salt.as_deref()), (512 << 20, Some("pinch")));
        let source = &config.sources[0];
        assert_eq!(source.log, Log::Requests);
        assert_eq!(source.paths, ["logs/{region}/{date:%Y/%m/%d}.csv"]);
        assert_eq!((source.vantage, source.time_basis), (Vantage::EdgeIngress, TimeBasis::End));
        assert_eq!((source.zone, source.neighbours), (Tz::Europe__Berlin, 2));
        assert_eq!((source.has_header, source.delimiter), (false, b'\t'));
        let status = Column {
            words: vec![("success".to_owned(), "200".to_owned())],
            ..column(Field::HttpStatus, "3", Cast::Auto)
        };
        assert_eq!(
            source.columns,
            [
                column(Field::Ts, "1", Cast::Format("%d/%b/%Y:%H:%M:%S %z".to_owned())),
                column(Field::Duration, "2", Cast::Unit(Unit::Milliseconds)),
                Column {
                    from: ColumnSource::Value("eu".to_owned()),
                    ..column(Field::Region, "", Cast::Auto)
                },
                status,
            ]
        );
        assert_eq!(config.services[0].endpoints, ["/{id}/messages", "/media*"]);
        let targets: Vec<_> = config.components.iter().map(|c| c.target_micro_percent).collect();
        assert_eq!(targets, [Some(99_900_000), Some(99_950_000)]);
        assert_eq!(config.components[1].services, ["messages"]);
        assert_eq!(
            config.measure,
            SlotRule {
                version: RuleVersion::NEWEST,
                unable_ppm: 1_000_000,
                min_events: 5,
                min_run_seconds: 180,
                max_gap_seconds: 0,
                min_callers: 1,
                user_counts_as_good: true,
            }
        );
        assert_eq!(config.limits, Limits { quarantine_ppm: 500, coverage_ppm: 900_000, min_rows: 10 });
        assert_eq!(config.webhooks.first_status_seconds, 300);
    }

    #[test]
    fn the_preset_decides_what_rows_tell_of_and_what_a_timestamp_marks() {
        let usual = |preset: &str| {
            let text = format!("[[source]]\nname = \"a\"\npaths = \"a.log\"\npreset = \"{preset}\"\n");
            let source = read(&text).unwrap().sources.remove(0);
            (source.log, source.vantage, source.time_basis)
        };
        let request = |basis| (Log::Requests, Vantage::FirstLayer, basis);
        assert_eq!(usual("canonical"), request(TimeBasis::Start));
        assert_eq!(usual("combined"), request(TimeBasis::Start));
        assert_eq!(usual("nginx-json"), request(TimeBasis::End));
        assert_eq!(usual("whatsapp-webhook"), (Log::Webhooks, Vantage::WebhookEgress, TimeBasis::Start));
    }

    #[test]
    fn webhook_logs_have_fields_and_a_service_of_their_own() {
        let config = read(
            r#"
            [[source]]
            name = "hooks"
            paths = "hooks/{date}.ndjson"
            log = "webhooks"
            vantage = "webhook_egress"
            time_basis = "start"
            [source.columns]
            event_ts = { from = "event.at", unit = "s" }
            field = "topic"
            [[component]]
            name = "Notifications"
            services = "webhooks"
            "#,
        )
        .unwrap();
        let source = &config.sources[0];
        assert_eq!((source.log, source.vantage), (Log::Webhooks, Vantage::WebhookEgress));
        assert_eq!((source.preset, source.time_basis), (LogPreset::Canonical, TimeBasis::Start));
        let event = column(Field::EventTs, "event.at", Cast::Unit(Unit::Seconds));
        assert_eq!(source.columns, [event, column(Field::Topic, "topic", Cast::Auto)]);
        assert_eq!(config.components[0].services, ["webhooks"]);
        assert!(config.services.is_empty());
    }

    #[test]
    fn payloads_take_constants_of_what_they_do_not_say() {
        let source = "[[source]]\nname = \"a\"\npaths = \"a.log\"\npreset = \"whatsapp-webhook\"\n";
        let columns = "[source.columns]\nservice = { value = \"hooks\" }\nbusiness_id = { value = \"7\" }\n";
        let config = read(&format!("{source}{columns}")).unwrap();
        let fields: Vec<_> = config.sources[0].columns.iter().map(|column| column.field).collect();
        assert_eq!(fields, [Field::BusinessId, Field::Service]);
    }

    #[test]
    fn memory_knows_binary_and_decimal_units() {
        let bytes = |text: &str| read(&format!("memory = \"{text}\"")).map(|c| c.memory_bytes).ok();
        assert_eq!(bytes("2GiB"), Some(2 << 30));
        assert_eq!(bytes("3MB"), Some(3_000_000));
        for bad in ["1", "GiB", "0MiB", "-1GiB", "1TiB", "99999999999999GiB", "1.5GiB"] {
            assert_eq!(bytes(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_mistake_is_reported_in_the_order_of_the_file() {
        let mistakes =
            read("slot = \"2m\"\nregion = []\nmemory = 1\n[[source]]\n[limits]\ncoverage_percent = 101\n");
        let places: Vec<_> = mistakes.unwrap_err().0.iter().map(crate::document::Mistake::place).collect();
        let at = |place: &str| format!("uptime-ledger.toml:{place}");
        assert_eq!(places, ["1:8", "2:1", "3:10", "4:1", "4:1", "6:20"].map(at));
    }
}
