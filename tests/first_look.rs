//! First look: `inspect`, `init` and `formats`, and runs that nobody told how their logs are written.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;

use crate::job::{self, Ran, table};

/// A day that is over wherever the tests run.
const DAY: &str = "2024-05-14";
/// Seconds since 1970 at which it begins.
const BEGIN: u64 = 1_715_644_800;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).unwrap()
    }

    /// A command line as a person types it in the folder, without quotes.
    fn types(&self, line: &str) -> Ran {
        let mut words = line.split_whitespace();
        assert_eq!(words.next(), Some("uptime-ledger"));
        job::ran(Command::new(job::binary()).current_dir(self.0.path()).args(words))
    }
}

/// A call: its number, its second of the day and its status.
struct Call {
    n: u64,
    second: u64,
    status: u16,
}

impl Call {
    fn clock(&self) -> String {
        format!("{:02}:{:02}:{:02}", self.second / 3_600, self.second / 60 % 60, self.second % 60)
    }
}

/// Three calls a minute, one of a hundred of which fails.
fn calls() -> impl Iterator<Item = Call> {
    (0..4_320).map(|n| Call { n, second: n * 20, status: if n % 100 == 50 { 502 } else { 200 } })
}

fn lines(line: impl Fn(&Call) -> String) -> String {
    let mut text = String::new();
    for call in calls() {
        writeln!(text, "{}", line(&call)).unwrap();
    }
    text
}

fn combined(call: &Call) -> String {
    let (at, status) = (call.clock(), call.status);
    format!(
        r#"10.0.0.1 - - [14/May/2024:{at} +0000] "POST /v21.0/1005/messages HTTP/1.1" {status} 12 "-" "curl/8""#
    )
}

/// The kinds of logs that `init` is tried on: the name of the file, its text, and the preset that is found.
fn kinds() -> Vec<(&'static str, String, &'static str)> {
    let nginx_json = lines(|call| {
        let (at, n, status) = (call.clock(), call.n, call.status);
        format!(
            r#"{{"time_iso8601":"{DAY}T{at}+00:00","status":"{status}","request_time":"0.045","request_uri":"/v21.0/1005/messages","upstream_addr":"10.0.0.2:80","upstream_status":"{status}","upstream_connect_time":"0.001","upstream_header_time":"0.040","request_id":"{n:032x}"}}"#
        )
    });
    let haproxy = lines(|call| {
        let (at, n, status) = (call.clock(), call.n, call.status);
        format!(
            r#"10.0.0.1:{n} [14/May/2024:{at}.112] fe bk/s1 0/0/1/44/45 {status} 217 - - ---- 1/1/0/0/0 0/0 "POST /v21.0/1005/messages HTTP/1.1""#
        )
    });
    let envoy = lines(|call| {
        let (at, n, status) = (call.clock(), call.n, call.status);
        format!(
            r#"[{DAY}T{at}.000Z] "POST /v21.0/1005/messages HTTP/1.1" {status} - 5 12 45 44 "-" "curl/8" "{n:032x}" "api.example" "10.0.0.2:80""#
        )
    });
    let alb = lines(|call| {
        let (at, n, status) = (call.clock(), call.n, call.status);
        format!(
            r#"https {DAY}T{at}.186641Z app/lb/50dc 192.0.2.1:{n} 10.0.0.1:80 0.001 0.044 0.000 {status} {status} 34 366 "POST https://api.example:443/v21.0/1005/messages HTTP/1.1" "curl/8" ECDHE TLSv1.2 arn:aws:x "Root=1-{n:08x}" "api.example" "arn:aws:acm" 0 {DAY}T{at}.141000Z "forward" "-" "-" "10.0.0.1:80" "{status}""#
        )
    });
    let fields = "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end";
    let cloudfront = format!("#Version: 1.0\n#Fields: {fields}\n")
        + &lines(|call| {
            let (at, n, status) = (call.clock(), call.n, call.status);
            let result = if status == 200 { "Miss" } else { "OriginConnectError" };
            format!(
                "{DAY}\t{at}\tLAX1\t392\t192.0.2.100\tPOST\td1.cloudfront.net\t/orders/{n}\t{status}\t-\tcurl/8\t-\t-\tMiss\tid{n:016x}==\tapi.example\thttps\t23\t0.045\t-\tTLSv1.3\tAES\tMiss\tHTTP/2.0\t-\t-\t11040\t0.045\t{result}\ttext/html\t78\t-\t-"
            )
        });
    let iis = "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time cs-method cs-uri-stem sc-status sc-substatus sc-win32-status time-taken\n".to_owned()
        + &lines(|call| {
            let win32 = if call.status == 200 { 0 } else { 12_029 };
            format!("{DAY} {} GET /orders/{} {} 0 {win32} 45", call.clock(), call.n, call.status)
        });
    let caddy = lines(|call| {
        let (at, n, status) = (BEGIN + call.second, call.n, call.status);
        format!(
            r#"{{"level":"info","ts":{at}.5,"logger":"http.log.access.log0","msg":"handled request","request":{{"method":"POST","uri":"/orders/{n}","headers":{{}}}},"duration":0.05,"size":10,"status":{status},"resp_headers":{{"Content-Length":["10"]}}}}"#
        )
    });
    let docker = lines(|call| {
        let log = combined(call) + "\n";
        serde_json::json!({ "log": log, "stream": "stdout", "time": format!("{DAY}T{}.1Z", call.clock()) })
            .to_string()
    });
    let canonical = "ts,request_id,endpoint,http_status,region\n".to_owned()
        + &lines(|call| {
            let (at, n, status) = (call.clock(), call.n, call.status);
            format!("{DAY}T{at}Z,r-{n},/v21.0/1005/messages,{status},eu")
        });
    let otlp = lines(|call| {
        let (n, status, start) = (call.n, call.status, BEGIN + call.second);
        format!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}}]}},"scopeSpans":[{{"spans":[{{"traceId":"{n:032x}","spanId":"{n:016x}","startTimeUnixNano":"{start}000000000","endTimeUnixNano":"{start}045000000","kind":2,"attributes":[{{"key":"http.response.status_code","value":{{"intValue":"{status}"}}}},{{"key":"url.path","value":{{"stringValue":"/orders/{n}"}}}}]}}]}}]}}]}}"#
        )
    });
    vec![
        ("access.log-20240515", lines(combined), "combined"),
        ("nginx/access-2024-05-14.json", nginx_json, "nginx"),
        ("haproxy.log", haproxy, "haproxy"),
        ("envoy.log", envoy, "envoy"),
        ("AWSLogs/1/elasticloadbalancing/eu/2024/05/14/1_alb_1.log", alb, "alb"),
        ("cf/E1.2024-05-14-10.0123abcd", cloudfront, "cloudfront"),
        ("W3SVC1/u_ex240514.log", iis, "iis"),
        ("caddy.log", caddy, "caddy"),
        ("c0ffee-json.log", docker, "nginx"),
        ("calls-2024-05-14.csv", canonical, "canonical"),
        ("spans.ndjson", otlp, "otlp-server-spans"),
    ]
}

/// The first number of the availability of the day.
fn availability(reports: &Path) -> String {
    let rows = table(reports, "availability");
    let row = rows.iter().find(|row| row["day"] == DAY && row["scope_kind"] == "component").unwrap();
    row["availability_percent_net"].clone()
}

#[test]
fn after_init_and_the_run_that_it_prints_an_availability_stands_in_the_reports() {
    for (name, text, preset) in kinds() {
        let place = Place::new();
        place.file(name, &text);
        let ran = place.types(&format!("uptime-ledger init {name}")).expect(0);
        let config = place.read("uptime-ledger.toml");
        assert!(config.contains(&format!("preset = \"{preset}\"")), "{name}: {config}");
        assert!(ran.stderr.is_empty(), "{name}: {ran:?}");
        place.types("uptime-ledger check").expect(0);
        let command =
            ran.stdout.lines().find(|line| line.trim_start().starts_with("uptime-ledger run")).unwrap();
        let ran = place.types(command.trim());
        assert!(matches!(ran.code, Some(0 | 3)), "{name}: {ran:?}\n{config}");
        let reports = place.0.path().join("reports");
        job::assert_balanced(&reports);
        let found = availability(&reports);
        let is_number = found.parse::<f64>().is_ok_and(|percent| percent > 90.0);
        assert!(is_number, "{name}: `{found}`\n{config}\n{}", ran.stderr);
        let intake = table(&reports.join("daily").join(DAY), "intake");
        let accepted: u64 = intake.iter().map(|file| job::n(file, "accepted")).sum();
        // Of a log that tells the ends of calls, the first began on the day before.
        assert!(accepted >= 4_319, "{name}: {accepted} rows");
    }
}

#[test]
fn init_finds_dates_services_and_days_and_overwrites_nothing() {
    let place = Place::new();
    for (day, n) in [("2024-05-14", 14), ("2024-05-15", 15)] {
        let text = lines(combined).replace("14/May", &format!("{n}/May"));
        place.file(&format!("logs/access-{day}.log"), &text.replacen("/v21.0/1005/messages", "/healthz", 5));
    }
    place.file("logs/notes.txt", "nothing\nof a log\n");
    let ran = place
        .types("uptime-ledger init logs")
        .expect(0)
        .says(&["left out: logs/notes.txt", "no preset reads it"]);
    assert!(
        ran.stdout.contains("run --config uptime-ledger.toml --from 2024-05-14 --to 2024-05-15"),
        "{ran:?}"
    );
    let config = place.read("uptime-ledger.toml");
    for part in [
        r#"paths = ["logs/access-{date}.log"]"#,
        r#"ignore = ["/healthz"]"#,
        r#"vantage = "edge_ingress""#,
        "name = \"messages\"",
        r#"endpoints = ["/{id}/messages"]"#,
        "[[component]]",
        "nginx",
    ] {
        assert!(config.contains(part), "no `{part}`: {config}");
    }
    place.types("uptime-ledger init logs").expect(2).says(&["uptime-ledger.toml exists", "--out", "--force"]);
    place.types("uptime-ledger init logs --force").expect(0);
    place.types("uptime-ledger init logs --out etc/ledger.toml").expect(0);
    let config = place.read("etc/ledger.toml");
    assert!(config.contains(&format!("{}/logs/access-", place.0.path().display())), "{config}");
    place.types("uptime-ledger init logs/notes.txt --out b.toml").expect(2).says(&["no config was written"]);
    place.types("uptime-ledger init absent.log --out b.toml").expect(2).says(&["absent.log"]);
}

#[test]
fn inspect_says_what_a_log_is_and_what_it_says() {
    let place = Place::new();
    for (name, text, preset) in kinds() {
        let folder = name.replace('/', "-");
        place.file(&folder, &text);
        let found = place.types(&format!("uptime-ledger inspect --json {folder}")).expect(0).json();
        assert_eq!(found["logs"][0]["preset"], preset, "{found}");
        assert_eq!(found["logs"][0]["calls"], 4_320, "{found}");
        assert_eq!(found["logs"][0]["statuses"]["502"], 43, "{found}");
        assert_eq!(found["days"], serde_json::json!([DAY]), "{name}");
    }
    let told = |name: &str, parts: &[&str]| {
        let ran = place.types(&format!("uptime-ledger inspect {name}")).expect(0);
        for part in parts {
            assert!(ran.stdout.contains(part), "no `{part}`:\n{}", ran.stdout);
        }
    };
    let tie = "the lines do not tell which";
    told("access.log-20240515", &["combined", "nginx", "apache", tie, "200 99.0 %", "/v21.0/{id}/messages"]);
    told("c0ffee-json.log", &["inside docker", "not logged", "upstream_connect_time"]);
    told(
        "haproxy.log",
        &["layout httplog", "its times name no zone", "next: `uptime-ledger init haproxy.log`"],
    );
    place.file("future.csv", "ts,http_status\n2999-01-01T00:00:00Z,200\n2024-05-14T00:00:00Z,200\n");
    told("future.csv", &["1 calls begin after now"]);
    place.file(
        "slow.csv",
        &("ts,duration_ms,http_status\n".to_owned() + &lines(|c| format!("{DAY}T{}Z,45000,200", c.clock()))),
    );
    told("slow.csv", &["unit = \"ms\""]);
    place.file("odd.log", "{\"a\":1,\"b\":2}\n");
    let ran = place.types("uptime-ledger inspect odd.log").expect(1);
    assert!(ran.stdout.contains("its keys: a, b") && ran.stdout.contains("formats show"), "{ran:?}");
}

#[test]
fn a_run_without_config_finds_how_its_logs_are_written_and_of_which_days() {
    let place = Place::new();
    let (_, nginx, _) = kinds().swap_remove(1);
    place.file(
        "access.log",
        &(nginx.clone() + &nginx.replace("2024-05-14", "2024-05-15").replace("\"0000", "\"1000")),
    );
    let ran = place.types("uptime-ledger run --requests access.log --out found");
    assert!(matches!(ran.code, Some(0 | 3)), "{ran:?}");
    let ran = ran.says(&["requests: read as `nginx`", "2024-05-14 to 2024-05-15"]);
    let days = table(&place.0.path().join("found"), "availability");
    let days: std::collections::BTreeSet<&str> = days.iter().map(|row| row["day"].as_str()).collect();
    assert_eq!(days.into_iter().collect::<Vec<_>>(), ["2024-05-14", "2024-05-15"], "{ran:?}");
    let named = place.types(
        "uptime-ledger run --requests access.log --preset nginx --date 2024-05-14 --out named --quiet",
    );
    assert!(matches!(named.code, Some(0 | 3)) && !named.stderr.contains("read as"), "{named:?}");
    place
        .types("uptime-ledger run --requests access.log --preset svix --out none")
        .expect(2)
        .says(&["svix", "webhooks"]);
    place
        .types("uptime-ledger run --requests access.log --preset absent.toml --out none")
        .expect(2)
        .says(&["absent.toml"]);
    // A format file of one's own.
    let own =
        place.types("uptime-ledger formats show nginx").expect(0).stdout.replace("\"status\"", "\"code\"");
    place.file("own.toml", &own);
    place.file("own.log", &nginx.replace("\"status\":", "\"code\":"));
    let ran = place.types("uptime-ledger run --requests own.log --preset own.toml --out own");
    assert!(matches!(ran.code, Some(0 | 3)), "{ran:?}");
    assert!(availability(&place.0.path().join("own")).parse::<f64>().is_ok());
}

#[test]
fn formats_are_listed_shown_and_checked() {
    let place = Place::new();
    let list = place.types("uptime-ledger formats").expect(0).stdout;
    assert!(list.lines().count() > 20 && list.contains("edge_ingress") && list.contains("Envoy"), "{list}");
    let json = place.types("uptime-ledger formats --json").expect(0).json();
    for format in json.as_array().unwrap() {
        let name = format["name"].as_str().unwrap();
        let shown = place.types(&format!("uptime-ledger formats show {name}")).expect(0).stdout;
        place.file(&format!("{name}.toml"), &shown);
        place.types(&format!("uptime-ledger check --format {name}.toml")).expect(0);
    }
    place.types("uptime-ledger formats show nginy").expect(2).says(&["did you mean `nginx`"]);

    let own = r#"name = "own"
about = "a test"
program = "nginx"
vantage = "edge_ingress"
only = { when = { kind = "access" }, why = "no access" }
mark = [{ when = { upstream = true }, reached = "yes" }, { when = { status = "500.." }, reached = "no" }]
[[layout]]
json = true
[fields]
ts = "t"
http_status = "status"
[[sample]]
line = '{"t":"2024-05-14T00:00:00Z","status":502,"upstream":"502","kind":"access"}'
gives = { reached = "yes", http_status = 502 }
[[sample]]
line = '{"t":"2024-05-14T00:00:00Z","status":200,"kind":"access"}'
gives = { http_status = 404 }
"#;
    place.file("own.toml", own);
    let parts = ["own.toml:14:9", "lacks `upstream`", "own.toml:17:9", "http_status is `200`", "2 mistakes"];
    place.types("uptime-ledger check --format own.toml").expect(2).says(&parts);
    place
        .file("uptime-ledger.toml", "[[source]]\nname = \"a\"\npaths = [\"a.log\"]\npreset = \"own.toml\"\n");
    place.types("uptime-ledger check").expect(2).says(&parts);

    let right = own
        .replace("{ status = \"500..\" }, reached = \"no\"", "{ status = \"500..\" }, reached = \"unknown\"");
    place.file("own.toml", &right.replace("404", "200"));
    place.types("uptime-ledger check").expect(0);
    let pasted = |format: &str| {
        let source = format!(
            "[[source]]\nname = \"a\"\npaths = [\"a.log\"]\npreset = \"own.toml\"\nlog_format = '{format}'\n"
        );
        place.file("uptime-ledger.toml", &source);
        place.types("uptime-ledger check")
    };
    pasted("$t $status").expect(2).says(&["uptime-ledger.toml:5:", "`only` of the format asks for `kind`"]);
    pasted("log_format main escape=none \"$t $status $kind\";")
        .expect(3)
        .says(&["without escapes", "uptime-ledger.toml:5:"]);
}
