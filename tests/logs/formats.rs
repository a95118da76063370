//! Formats: logs of other programs, read as their format files say, against what truly happened.
//!
//! `lab_*` are the logs of six real proxies in front of a backend that fails in every way; what
//! arrived there is known for each id. They are no part of the repository ([`super::realdata`]).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;
use uptime_ledger::config::{self, Field, Source};
use uptime_ledger::document::Document;
use uptime_ledger::facts::Reached;
use uptime_ledger::intake::trial::{TriedCall, TriedRow, try_text};

use super::realdata::data;
use crate::given;
use crate::job;

/// A log whose truth is known, and how a config reads it.
struct LabLog {
    path: &'static str,
    /// Keys of its `[[source]]`.
    source: &'static str,
    calls: usize,
    /// Lowest share of calls, in percent, of which the log itself proves whether they arrived.
    decided: u32,
}

const fn lab(path: &'static str, source: &'static str, calls: usize, decided: u32) -> LabLog {
    LabLog { path, source, calls, decided }
}

const NGINX_MAIN: &str = r#"preset = "nginx"
log_format = '''log_format main '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" '
    '"$http_user_agent" "$http_x_forwarded_for" rt=$request_time uct="$upstream_connect_time" uht="$upstream_header_time" '
    'urt="$upstream_response_time" us="$upstream_status" ua="$upstream_addr" rid=$request_id';'''"#;
const NGINX_UNQUOTED: &str = r#"preset = "nginx"
log_format = '''log_format jsnum escape=json '{"ts":$msec,"rid":"$request_id","path":"$uri","status":$status,"rt":$request_time,"ut":$upstream_response_time,"us":"$upstream_status"}';'''"#;
const HAPROXY_CUSTOM: &str = r#"preset = "haproxy"
log_format = '''log-format "%{+Q}[capture.req.hdr(0)] %ci:%cp\ [%tr]\ %ft\ %b/%s\ %TR/%Tw/%Tc/%Tr/%Ta\ %ST\ %B\ %ts\ %rc\ %{+Q}r"'''
columns = { request_id = "capture.req.hdr(0)" }"#;
const HAPROXY_CAPTURE: &str = r#"preset = "haproxy"
columns = { request_id = [{ from = "hr", split = "|", take = 1 }, { from = "hrl" }] }"#;
const APACHE_CUSTOM: &str = r#"preset = "apache"
log_format = '''LogFormat "%h %l %u [%{begin:%Y-%m-%dT%H:%M:%S}t.%{begin:usec_frac}t%{begin:%z}t] \"%r\" %>s %B \"%{User-Agent}i\" D=%D T=%T X=%X rid=%{X-Request-Id}i L=%L U=%{UNIQUE_ID}e k=%k" custom'''"#;
const APACHE_END: &str = r#"preset = "apache"
log_format = '%{end:msec}t %>s %D %X %{X-Request-Id}i %U'"#;
const VARNISH: &str = r#"preset = "varnish"
log_format = '%h %l %u %t "%r" %s %b "%{Referer}i" "%{User-agent}i" %D %{Varnish:handling}x %{Varnish:side}x %{X-Request-Id}i %{VSL:Timestamp:Start[1]}x'"#;
const ENVOY: &str = r#"preset = "envoy""#;
const NGINX: &str = r#"preset = "nginx""#;

/// Logs of the proxies, with the shares that their fields can decide.
const LAB: [LabLog; 18] = [
    lab("lab_nginx/nginx_json.log", NGINX, 71, 80),
    lab("lab_nginx/nginx_main.log", NGINX_MAIN, 71, 80),
    lab("lab_nginx/nginx_jsnum.log", NGINX_UNQUOTED, 71, 52),
    lab("lab_nginx/nginx_ingress.log", NGINX, 71, 60),
    lab("lab_nginx/nginx_combined.log", NGINX, 71, 0),
    lab("lab_haproxy/haproxy_syslog.log", HAPROXY_CAPTURE, 128, 76),
    lab("lab_haproxy/haproxy_custom.log", HAPROXY_CUSTOM, 64, 76),
    lab("lab_envoy/envoy_default.log", ENVOY, 64, 79),
    lab("lab_envoy/envoy_istio_text.log", ENVOY, 64, 79),
    lab("lab_envoy/envoy_json.log", ENVOY, 64, 79),
    lab("lab_apache/apache_custom.log", APACHE_CUSTOM, 62, 35),
    lab("lab_apache/apache_end.log", APACHE_END, 62, 0),
    lab("lab_apache/apache_combined.log", r#"preset = "apache""#, 62, 0),
    lab("lab_apache/apache_vhost.log", r#"preset = "apache""#, 62, 0),
    lab("lab_caddy/caddy_json.log", r#"preset = "caddy""#, 58, 44),
    lab("lab_caddy/caddy_default.log", r#"preset = "caddy""#, 0, 0),
    lab("lab_varnish/varnish_ncsa.log", VARNISH, 60, 59),
    lab("lab_varnish/varnish_default.log", r#"preset = "varnish""#, 60, 0),
];

/// Logs inside the lines of another program, each with the same log bare.
const WRAPPED: [(&str, &str, &str); 11] = [
    ("envelope_docker/docker_nginx_json.log", "lab_nginx/nginx_json.log", NGINX),
    ("envelope_docker/docker_istio_split.log", "lab_envoy/envoy_istio_text.log", ENVOY),
    ("envelope_cri/cri_combined.log", "lab_nginx/nginx_combined.log", NGINX),
    ("envelope_cri/cri_nginx_json_partial.log", "lab_nginx/nginx_json.log", NGINX),
    ("envelope_syslog/rfc5424_nginx_json.log", "lab_nginx/nginx_json.log", NGINX),
    ("envelope_fluentbit/fluentbit_combined.ndjson", "lab_nginx/nginx_combined.log", NGINX),
    ("envelope_vector/vector_nginx_json.ndjson", "lab_nginx/nginx_json.log", NGINX),
    ("envelope_logstash/filebeat_combined.ndjson", "lab_nginx/nginx_combined.log", NGINX),
    ("envelope_cloudwatch/subscription_istio.json", "lab_envoy/envoy_istio_text.log", ENVOY),
    ("envelope_firehose/concatenated_nginx_json.json", "lab_nginx/nginx_json.log", NGINX),
    ("envelope_syslog/rfc3164_haproxy.log", "envelope_journald/journald_haproxy.ndjson", HAPROXY_CAPTURE),
];

/// Public samples: rows that are calls, that are none, and that cannot be read.
const PUBLIC: [(&str, &str, [usize; 3]); 26] = [
    ("nginx_ingress/beats_ingress.log", "nginx", [6, 0, 0]),
    ("haproxy/logstash.log", "haproxy", [5, 0, 0]),
    ("haproxy/lnav_samples.log", "haproxy", [1, 5, 0]),
    ("haproxy/lnav_logfile_haproxy.0", "haproxy", [13, 4, 0]),
    ("apache_nginx_text/logstash_httpd.log", "apache", [3, 0, 0]),
    ("aws_alb/lnav_samples.log", "alb", [5, 0, 0]),
    ("aws_alb/otel_alb.log", "alb", [2, 0, 0]),
    ("aws_cloudfront/logstash.log", "cloudfront", [2, 0, 0]),
    ("iis_w3c/lnav_logfile_w3c.0", "iis", [1, 4, 0]),
    ("iis_w3c/lnav_logfile_w3c.2", "iis", [0, 22, 0]),
    ("iis_w3c/lnav_logfile_w3c.3", "iis", [3, 4, 0]),
    ("incapsula_w3c/lnav_logfile_w3c.4", "iis", [2, 4, 0]),
    ("gcp_http_lb/otel_gcp_alb.ndjson", "gcp-lb", [1, 0, 0]),
    ("traefik/traefik_clf.log", "traefik", [9, 0, 0]),
    ("caddy/lnav_logfile_caddy_log.0", "caddy", [4, 35, 0]),
    ("cloudflare_logpush/lnav_logfile_cloudflare.1", "cloudflare", [15, 0, 0]),
    ("cloudflare_logpush/lnav_logfile_cloudflare.json", "cloudflare", [1, 0, 0]),
    ("otlp_traces/otlp_trace.json", "otlp-server-spans", [0, 1, 0]),
    ("webhook_svix/attempts_made_up.ndjson", "svix", [16, 0, 0]),
    ("webhook_svix/attempts_page.json", "svix", [16, 0, 0]),
    ("azure_front_door/otel_frontdoor.json", "azure-front-door", [1, 0, 0]),
    ("azure_app_gateway/otel_agw.json", "azure-app-gateway", [4, 0, 0]),
    ("aws_elb_classic/lnav_samples.log", "elb-classic", [3, 2, 0]),
    ("aws_elb_classic/logstash.log", "elb-classic", [4, 0, 0]),
    ("aws_elb_classic/otel_clb.log", "elb-classic", [2, 0, 0]),
    ("webhook_outpost/attempts_made_up.ndjson", "outpost", [16, 0, 0]),
];

fn source(keys: &str) -> Source {
    let text = format!("[[source]]\nname = \"edge\"\npaths = [\"x.log\"]\n{keys}\n");
    let mut config = config::config(&Document::new("a.toml", text), Path::new("")).unwrap();
    config.sources.remove(0)
}

fn calls(rows: &[TriedRow]) -> impl Iterator<Item = &TriedCall> {
    rows.iter().filter_map(|row| match row {
        TriedRow::Call(call) => Some(call),
        TriedRow::NotACall(_) | TriedRow::Unreadable(_) => None,
    })
}

fn counts(rows: &[TriedRow]) -> [usize; 3] {
    let count = |is: fn(&TriedRow) -> bool| rows.iter().filter(|row| is(row)).count();
    [
        count(|row| matches!(row, TriedRow::Call(_))),
        count(|row| matches!(row, TriedRow::NotACall(_))),
        count(|row| matches!(row, TriedRow::Unreadable(_))),
    ]
}

/// What truly happened, by id of the call.
struct Truth {
    /// True if the whole request arrived, false if a part or nothing did.
    arrived: BTreeMap<String, bool>,
    /// Instants at which clients began, in seconds.
    began: BTreeMap<String, f64>,
}

impl Truth {
    fn read(folder: &Path) -> Self {
        let events = |name: &str| -> Vec<Value> {
            let text = fs::read_to_string(folder.join("lab_truth").join(name)).unwrap();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        let id = |event: &Value| event["rid"].as_str().unwrap_or_default().to_owned();
        let mut began = BTreeMap::new();
        for event in ["client.ndjson", "extra.ndjson"].into_iter().flat_map(events) {
            began.insert(id(&event), event["t0"].as_f64().unwrap());
        }
        let whole = events("backend.ndjson").into_iter().filter(|event| event["ev"] == "request");
        let whole: Vec<String> = whole.map(|event| id(&event)).collect();
        let arrived = began.keys().map(|id| (id.clone(), whole.contains(id))).collect();
        Self { arrived, began }
    }

    /// Returns whether what a log says of a call contradicts what happened; none if it is not known.
    fn contradicts(&self, call: &TriedCall) -> Option<bool> {
        let arrived = self.arrived.get(id_of(call)?)?;
        Some(matches!((call.reached, arrived), (Reached::Yes, false) | (Reached::No, true)))
    }
}

fn id_of(call: &TriedCall) -> Option<&str> {
    call.values.get(&Field::RequestId).map(|id| id.trim_matches(['{', '}']))
}

#[test]
fn what_a_proxy_logs_is_never_taken_for_the_opposite_of_what_happened() {
    let Some(folder) = data("formats") else { return };
    let truth = Truth::read(&folder);
    let mut wrong = Vec::new();
    for LabLog { path, source: keys, calls: expected, decided } in LAB {
        let rows = try_text(&source(keys), &fs::read(folder.join(path)).unwrap());
        let [count, _, unreadable] = counts(&rows);
        if unreadable > 0 || count != expected {
            wrong.push(format!(
                "{path}: {count} calls, {unreadable} unreadable: {:?}",
                first_unreadable(&rows)
            ));
        }
        for call in calls(&rows).filter(|call| truth.contradicts(call) == Some(true)) {
            wrong.push(format!("{path}: {:?} {call:?}", call.reached));
        }
        let sure = calls(&rows).filter(|call| call.reached != Reached::Unknown).count();
        if (100 * sure) < decided as usize * count {
            wrong.push(format!("{path}: decides {sure} of {count}, less than {decided} %"));
        }
        // Whole seconds at the end of a call are the worst that any of these logs tells.
        let late = calls(&rows)
            .filter_map(|call| Some((call.start_us as f64 / 1e6 - truth.began.get(id_of(call)?)?).abs()));
        let latest = late.fold(0.0, f64::max);
        if latest > 1.1 {
            wrong.push(format!("{path}: a start is wrong by {latest} s"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn first_unreadable(rows: &[TriedRow]) -> Option<&String> {
    rows.iter().find_map(|row| match row {
        TriedRow::Unreadable(why) => Some(why),
        _ => None,
    })
}

/// What a call is, without its time: an envelope may give it.
fn told(rows: &[TriedRow]) -> BTreeMap<String, usize> {
    let mut told = BTreeMap::new();
    for call in calls(rows) {
        let of = |field| call.values.get(&field).cloned().unwrap_or_default();
        let key = format!("{} {:?} {}", of(Field::HttpStatus), call.reached, of(Field::Symptom));
        *told.entry(key).or_default() += 1;
    }
    told
}

#[test]
fn a_log_inside_the_lines_of_another_program_says_the_same() {
    let Some(folder) = data("formats") else { return };
    let mut wrong = Vec::new();
    for (wrapped, bare, keys) in WRAPPED {
        let read = |path: &str| try_text(&source(keys), &fs::read(folder.join(path)).unwrap());
        let (wrapped_rows, bare_rows) = (read(wrapped), read(bare));
        let (found, want) = (told(&wrapped_rows), told(&bare_rows));
        if found != want || found.is_empty() {
            wrong.push(format!("{wrapped}: {:?}\n  {found:?}\n  {want:?}", first_unreadable(&wrapped_rows)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn public_samples_give_their_rows() {
    let Some(folder) = data("formats") else { return };
    let mut wrong = Vec::new();
    for (path, preset, want) in PUBLIC {
        let rows =
            try_text(&source(&format!("preset = \"{preset}\"")), &fs::read(folder.join(path)).unwrap());
        if counts(&rows) != want {
            wrong.push(format!("{path}: {:?}, {:?}", counts(&rows), first_unreadable(&rows)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const CONFIG: &str = r#"
[[source]]
name = "edge"
paths = ["access.log"]
preset = "mine.toml"

[[service]]
name = "messages"
endpoints = ["/{id}/messages"]

[[component]]
name = "api"
services = ["messages"]
"#;

/// Writes two hours of an nginx log in which five calls a minute could not connect in one hour.
fn refused_hour(folder: &Path) {
    let mut text = String::from("2026/11/20 09:00:00 [error] 7#7: *1 upstream timed out\n");
    for minute in 0..120 {
        for call in 0..10 {
            let (status, connect) = if minute >= 60 && call < 5 { (502, "-") } else { (200, "0.001") };
            let (hour, minute) = (10 + minute / 60, minute % 60);
            writeln!(
                text,
                r#"{{"time_iso8601":"2026-11-20T{hour}:{minute:02}:{call:02}+00:00","status":"{status}","request_uri":"/v21.0/1/messages?x=1","upstream_addr":"10.0.0.1:80","upstream_connect_time":"{connect}","upstream_header_time":"{connect}","upstream_status":"{status}","request_id":"r{hour}-{minute}-{call}"}}"#
            )
            .unwrap();
        }
    }
    fs::write(folder.join("access.log"), text).unwrap();
    fs::write(folder.join("uptime-ledger.toml"), CONFIG).unwrap();
}

#[test]
fn a_changed_mark_restates_a_day_and_names_the_format() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    refused_hour(folder);
    let nginx = uptime_ledger::formats::builtin("nginx").unwrap();
    fs::write(folder.join("mine.toml"), nginx).unwrap();
    let (config, reports) = (folder.join("uptime-ledger.toml"), folder.join("reports"));
    let run =
        |as_of: &str| job::run(&config, &reports, &["--date", "2026-11-20", "--simulate", "--as-of", as_of]);
    let first = run("2026-11-21T06:00:00Z");
    assert!(matches!(first.code, Some(0 | 3)), "{first:?}");
    job::assert_balanced(&reports);
    let accounts = |reports: &Path| -> BTreeMap<String, u64> {
        let mut sums = BTreeMap::new();
        for row in job::table(&reports.join("daily/2026-11-20"), "accounts") {
            *sums.entry(row["account"].clone()).or_default() += job::n(&row, "events_net");
        }
        sums
    };
    assert_eq!(accounts(&reports), [("bad:platform:error".to_owned(), 300), ("good".to_owned(), 900)].into());
    let intake = job::table(&reports.join("daily/2026-11-20"), "intake");
    assert_eq!(intake.iter().map(|row| job::n(row, "not_a_call")).sum::<u64>(), 1, "{intake:?}");

    // Comments and samples are no part of what a format says.
    fs::write(folder.join("mine.toml"), format!("# another comment\n{nginx}")).unwrap();
    let same = run("2026-11-21T07:00:00Z");
    assert!(!same.stdout.contains("restated"), "{same:?}");

    let changed =
        nginx.replacen("mark = [", "mark = [\n  { when = { status = \"502\" }, scope = \"test\" },", 1);
    assert_ne!(changed, nginx);
    fs::write(folder.join("mine.toml"), changed).unwrap();
    let restated = run("2026-11-21T08:00:00Z");
    restated.expect(3).says(&["because of format", "source.edge.format.mark.01"]);
    assert_eq!(accounts(&reports), [("excluded:scope".to_owned(), 300), ("good".to_owned(), 900)].into());
}

#[test]
fn a_column_of_ours_that_means_something_else_is_switched_off() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let row = |n: u32| {
        format!(
            "{{\"ts\":\"2026-11-20T10:{n:02}:00Z\",\"webhook_id\":\"w{n}\",\"http_status\":200,\"status\":2}}\n"
        )
    };
    fs::write(folder.join("w.ndjson"), (0..60).map(row).collect::<String>()).unwrap();
    let run = |columns: &str| {
        let source = "[[source]]\nname = \"hooks\"\nlog = \"webhooks\"\npaths = [\"w.ndjson\"]\n";
        let config = folder.join("uptime-ledger.toml");
        fs::write(&config, format!("{source}{columns}")).unwrap();
        let reports = folder.join(if columns.is_empty() { "as-it-is" } else { "off" });
        let ran = job::run(
            &config,
            &reports,
            &["--date", "2026-11-20", "--simulate", "--as-of", "2026-11-21T06:00:00Z"],
        );
        assert!(matches!(ran.code, Some(0 | 3)), "{ran:?}");
        job::assert_balanced(&reports);
        let intake = job::table(&reports.join("daily/2026-11-20"), "intake");
        intake.iter().map(|row| (job::n(row, "accepted"), job::n(row, "quarantine"))).next().unwrap()
    };
    assert_eq!(run(""), (0, 60));
    assert_eq!(run("[source.columns]\nstatus = false\n"), (60, 0));
}

proptest! {
    #![proptest_config(given::cases(64))]

    #[test]
    fn cut_and_damaged_lines_are_read_or_refused_and_never_wrong(
        log in 0..LAB.len(),
        at in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        is_cut in any::<bool>(),
    ) {
        let Some(folder) = data("formats") else { return Ok(()) };
        let truth = Truth::read(&folder);
        let text = fs::read(folder.join(LAB[log].path)).unwrap();
        let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
        let mut line = lines[at.index(lines.len())].to_vec();
        let place = place.index(line.len());
        if is_cut { line.truncate(place) } else { line[place] = byte }
        let rows = try_text(&source(LAB[log].source), &line);
        for call in calls(&rows) {
            // A byte that is another may be in what decides; a line that is cut lacks it.
            prop_assert!(!is_cut || truth.contradicts(call) != Some(true), "{:?}", call);
        }
    }
}
