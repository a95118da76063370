//! Attention: each kind is provoked by logs, told once under its key, acknowledged, and silent from then on.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use uptime_ledger::attention::AttentionKind;

use crate::job::{self, Ran};

const DAY: &str = "2026-11-18";
const REQUESTS: &str = "[[source]]\nname = \"calls\"\npaths = [\"r*-{date}.ndjson\"]\n";
const WEBHOOKS: &str = "[[source]]\nname = \"hooks\"\nlog = \"webhooks\"\npaths = [\"w-{date}.ndjson\"]\n";

/// A folder with a config, logs and a simulated ledger.
pub struct Desk {
    pub dir: tempfile::TempDir,
}

impl Desk {
    pub fn new(config: &str) -> Self {
        let desk = Self { dir: tempfile::tempdir().unwrap() };
        desk.file(
            "uptime-ledger.toml",
            &format!("reports = \"reports\"\nsalt = \"the salt of a desk\"\n{config}"),
        );
        desk
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn file(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub fn ask(&self, args: &[&str]) -> Ran {
        let config = self.path("uptime-ledger.toml");
        job::job([args, &["--config", config.to_str().unwrap()]].concat())
    }

    /// A file of the daybook of [`DAY`].
    fn of_daybook(&self, name: &str) -> PathBuf {
        let files = job::paths(&self.path(&format!("reports/ledger/daybooks/{DAY}")));
        files.into_iter().find(|path| path.ends_with(name)).unwrap()
    }

    /// The nightly run at an instant.
    pub fn night(&self, at: &str) -> Ran {
        let is_first = !self.path("reports/ledger").exists();
        let simulate: &[&str] = if is_first { &["--simulate"] } else { &[] };
        self.ask(&[&["run", "--as-of", at], simulate].concat())
    }

    /// The attentions that stand open at an instant.
    pub fn standing(&self, at: &str) -> Vec<Value> {
        let ran = self.ask(&["ack", "--json", "--as-of", at]);
        let standing = ran.json().as_array().unwrap().clone();
        assert_eq!(ran.code, Some(if standing.is_empty() { 0 } else { 3 }));
        standing
    }

    pub fn ack(&self, one: &Value, at: &str) -> Ran {
        let key = one["key"].as_str().unwrap();
        let second: &[&str] = if one["is_decision"] == true { &["--approver", "Bo"] } else { &[] };
        let args = ["ack", key, "--author", "Ann", "--reason", "known", "--as-of", at];
        self.ask(&[&args[..], second].concat())
    }
}

/// A call each minute of a day with these further fields; `n` is the number of the minute.
pub fn calls(day: &str, minutes: std::ops::Range<u32>, more: impl Fn(u32) -> String) -> String {
    let mut text = String::new();
    for n in minutes {
        let at = format!("{day}T{:02}:{:02}:00Z", n / 60, n % 60);
        writeln!(text, r#"{{"ts":"{at}","request_id":"{day}-{n}"{}}}"#, more(n)).unwrap();
    }
    text
}

fn good(day: &str) -> String {
    calls(day, 0..1_440, |_| r#","http_status":200"#.to_owned())
}

/// What is given before the night in which a kind is told, in the order of the nights.
struct Case {
    kind: &'static str,
    config: String,
    /// Files of each night; the first night is that after [`DAY`].
    nights: Vec<Vec<(&'static str, String)>>,
    /// What else is done before the last night.
    last: Option<fn(&Desk)>,
}

fn case(kind: &'static str, config: &str, files: Vec<(&'static str, String)>) -> Case {
    Case { kind, config: config.to_owned(), nights: vec![files], last: None }
}

/// Kinds that take another ledger to provoke, with the module that acknowledges them.
const ELSEWHERE: [(&str, &str); 2] = [("new-definition", "upgrade"), ("reopened", "ledger_files")];

const R1: &str = "r-2026-11-18.ndjson";
const R2: &str = "r-2026-11-19.ndjson";
const W1: &str = "w-2026-11-18.ndjson";
const W2: &str = "w-2026-11-19.ndjson";

#[expect(clippy::too_many_lines, reason = "one entry per kind")]
fn cases() -> Vec<Case> {
    let requests = REQUESTS;
    let status = |code: u32| move |_| format!(r#","http_status":{code}"#);
    let hook = |n: u32, more: &str| {
        format!(
            r#"{{"ts":"{DAY}T{:02}:{:02}:02Z","webhook_id":"w-{n}","attempt_no":1,"outcome":"http","http_status":200{more}}}"#,
            n / 60,
            n % 60
        ) + "\n"
    };
    let hooks = |more: &dyn Fn(u32) -> String| (0..1_440).map(|n| hook(n, &more(n))).collect::<String>();
    let both = format!("{REQUESTS}{WEBHOOKS}");
    // No file has rows of another day.
    let alone = format!("{REQUESTS}neighbours = 0\n");
    let both_alone = format!("{alone}{WEBHOOKS}neighbours = 0\n");
    let services = "[[service]]\nname = \"messages\"\nendpoints = [\"/{id}/messages\"]\n";
    let overrides = "[overrides]\npath = \"overrides.csv\"\n";
    let header = "id,direction,start,end,service,region,business_id,error_code,account,reason,ticket,author,approver,created_at,note\n";
    let row = "a,to_uptime,2026-11-18T00:00Z,2026-11-18T01:00Z,,,,,,caller-misuse,OPS-1,Ann,Bo,2026-11-19T00:00Z,\n";
    let reviewed = format!("{requests}{overrides}");
    // A day whose first minutes fail.
    let first_bad = |minutes: u32| {
        calls(DAY, 0..1_440, |n| format!(r#","http_status":{}"#, if n < minutes { 500 } else { 200 }))
    };
    // The status of a message of the first day comes in the log of the second.
    let messages_and_statuses = vec![
        vec![
            (R1, calls(DAY, 0..1_440, |n| format!(r#","http_status":200,"message_id":"m-{n}""#))),
            (W1, hooks(&|n| format!(r#","message_id":"m-{n}","status":"sent""#))),
        ],
        vec![
            (R2, good("2026-11-19")),
            (W2, hook(3, r#","message_id":"m-700","status":"failed""#).replace(DAY, "2026-11-19")),
        ],
    ];
    vec![
        case("no-logs", requests, Vec::new()),
        case("no-rows", requests, vec![(R1, good("2026-11-02"))]),
        case("unread-rows", requests, vec![(R1, good(DAY) + &good("2026-11-02"))]),
        case(
            "file-without-rows",
            requests,
            vec![(R1, good(DAY)), ("r2-2026-11-18.ndjson", good("2026-11-02"))],
        ),
        case(
            "missing-source",
            &format!(
                "{requests}[[source]]\nname = \"edge\"\npaths = [\"e-{{date}}.ndjson\"]\nvantage = \"edge_ingress\"\n"
            ),
            vec![(R1, good(DAY))],
        ),
        Case {
            kind: "missing-file",
            config: requests.to_owned(),
            last: None,
            nights: vec![
                vec![(R1, good(DAY)), ("rb-2026-11-18.ndjson", good(DAY).replace("2026-11-18-", "b-"))],
                vec![(R2, good("2026-11-19"))],
            ],
        },
        case(
            "unreadable-file",
            &requests.replace(".ndjson", ".*"),
            vec![(R1, good(DAY)), ("rb-2026-11-18.parquet", "PAR1".to_owned())],
        ),
        case("copied-file", requests, {
            let all = good(DAY);
            let text = all.lines().map(|line| {
                let (ts, rest) = line.split_once(",\"request_id\"").unwrap();
                format!("{ts},{}\n", rest.split_once(',').unwrap().1)
            });
            let text: String = text.collect();
            vec![(R1, text.clone()), ("rb-2026-11-18.ndjson", text)]
        }),
        case(
            "quarantine",
            requests,
            vec![(R1, good(DAY) + &"{\"ts\":\"nonsense\",\"http_status\":200}\n".repeat(40))],
        ),
        case(
            "unseen-column",
            &format!("{requests}[source.columns]\nendpoint = \"pathh\"\n"),
            vec![(R1, good(DAY))],
        ),
        case(
            "conflict",
            requests,
            vec![(R1, good(DAY) + &calls(DAY, 0..30, status(500)).replace(":00Z", ":30Z"))],
        ),
        case(
            "repeated-hour",
            &format!("{requests}zone = \"Europe/Berlin\"\n"),
            vec![(
                "r-2026-10-25.ndjson",
                "{\"ts\":\"2026-10-25 02:30:00\",\"http_status\":200}\n".to_owned(),
            )],
        ),
        case("no-outcome", requests, vec![(R1, calls(DAY, 0..1_440, |_| r#","note":1"#.to_owned()))]),
        case(
            "unknown-status",
            &both,
            vec![
                (R1, calls(DAY, 0..1_440, |n| format!(r#","http_status":200,"message_id":"m-{n}""#))),
                (
                    W1,
                    hooks(&|n| {
                        format!(
                            r#","message_id":"m-{n}","status":"{}""#,
                            if n < 40 { "TELEPORTED" } else { "sent" }
                        )
                    }),
                ),
            ],
        ),
        case(
            "undeclared-scope",
            requests,
            vec![(R1, calls(DAY, 0..1_440, |_| r#","http_status":200,"scope":"attic""#.to_owned()))],
        ),
        case(
            "gap",
            &format!("regions = [\"eu\", \"us\"]\n{requests}"),
            vec![(R1, calls(DAY, 0..1_440, |_| r#","http_status":200,"region":"eu""#.to_owned()))],
        ),
        case(
            "coverage",
            requests,
            vec![(
                R1,
                calls(DAY, 0..720, |_| r#","http_status":200"#.to_owned())
                    + &calls(DAY, 0..720, status(200)).replace("18-", "18-b"),
            )],
        ),
        case(
            "doubtful",
            requests,
            vec![(
                R1,
                calls(DAY, 0..600, status(200))
                    + &(600..770).step_by(17).map(|n| calls(DAY, n..n + 1, status(500))).collect::<String>()
                    + &calls(DAY, 770..1_440, status(200)),
            )],
        ),
        case(
            "orphans",
            &both,
            vec![(R1, good(DAY)), (W1, hooks(&|n| format!(r#","message_id":"x-{n}","status":"sent""#)))],
        ),
        case(
            "unproven-sends",
            &both,
            vec![
                (
                    R1,
                    good(DAY)
                        + "{\"ts\":\"2026-11-18T10:00:30Z\",\"request_id\":\"t\",\"symptom\":\"timeout\",\"business_id\":\"b\"}\n",
                ),
                (
                    W1,
                    hooks(&|n| {
                        if n == 601 {
                            r#","message_id":"x","status":"sent","business_id":"b""#.to_owned()
                        } else {
                            String::new()
                        }
                    }),
                ),
            ],
        ),
        case(
            "suspense",
            requests,
            vec![(
                R1,
                calls(DAY, 0..1_440, |n| {
                    if n == 3 {
                        r#","http_status":400,"error_code":199999"#.to_owned()
                    } else {
                        r#","http_status":200"#.to_owned()
                    }
                }),
            )],
        ),
        case(
            "unassigned",
            &format!("{requests}{services}"),
            vec![(
                R1,
                calls(DAY, 0..1_440, |n| {
                    format!(
                        r#","http_status":200,"endpoint":"{}""#,
                        if n == 3 { "/healthz" } else { "/1/messages" }
                    )
                }),
            )],
        ),
        case(
            "undeclared-service",
            &format!("{requests}{services}"),
            vec![(
                R1,
                calls(DAY, 0..1_440, |n| {
                    format!(
                        r#","http_status":200,"service":"{}""#,
                        if n == 3 { "mesages" } else { "messages" }
                    )
                }),
            )],
        ),
        case(
            "undeclared-region",
            &format!("regions = [\"eu\"]\n{requests}"),
            vec![(
                R1,
                calls(DAY, 0..1_440, |n| {
                    format!(r#","http_status":200,"region":"{}""#, if n == 3 { "ue" } else { "eu" })
                }),
            )],
        ),
        case(
            "override-refused",
            &format!("{requests}{overrides}"),
            vec![
                (R1, good(DAY)),
                (
                    "overrides.csv",
                    format!(
                        "{header}a,to_uptime,2026-11-18T10:00Z,2026-11-18T09:00Z,,,,,,caller-misuse,,Ann,Bo,2026-11-19T00:00Z,\n"
                    ),
                ),
            ],
        ),
        case(
            "overrides-unreadable",
            &format!("{requests}{overrides}"),
            vec![(R1, good(DAY)), ("overrides.csv", "id,what\n".to_owned())],
        ),
        case(
            "suspected-caller",
            requests,
            vec![(R1, {
                let mut text =
                    good(DAY).replace("\"http_status\":200", "\"http_status\":200,\"business_id\":\"b-0\"");
                for minute in 600..615 {
                    for n in 0..20 {
                        let (caller, code) =
                            if n < 12 { ("loud".to_owned(), 500) } else { (format!("b-{n}"), 200) };
                        text += &calls(DAY, minute..minute + 1, |_| {
                            format!(r#","http_status":{code},"business_id":"{caller}""#)
                        })
                        .replace("18-", &format!("18-{n}-"));
                    }
                }
                text
            })],
        ),
        Case {
            kind: "fewer",
            config: requests.to_owned(),
            last: None,
            nights: vec![
                vec![(R1, good(DAY))],
                vec![
                    (R2, good("2026-11-19")),
                    (
                        R1,
                        calls(DAY, 0..700, status(200))
                            + &calls(DAY, 0..700, status(200)).replace("18-", "18-b"),
                    ),
                ],
            ],
        },
        Case {
            kind: "rewritten-log",
            config: requests.to_owned(),
            last: None,
            nights: vec![
                vec![(
                    R1,
                    calls(DAY, 0..1_440, |n| format!(r#","http_status":{}"#, if n < 30 { 500 } else { 200 })),
                )],
                vec![(R2, good("2026-11-19")), (R1, good(DAY))],
            ],
        },
        case(
            "twice-told",
            &format!("{requests}[[source]]\nname = \"again\"\npaths = [\"again-{{date}}.ndjson\"]\n"),
            {
                let rows = |ms: u32| -> String {
                    let minute = |n: u32| format!("{DAY}T{:02}:{:02}:00.{ms:03}Z", n / 60, n % 60);
                    (0..1_440)
                        .map(|n| format!("{{\"ts\":\"{}\",\"http_status\":200}}\n", minute(n)))
                        .collect()
                };
                vec![(R1, rows(1)), ("again-2026-11-18.ndjson", rows(2))]
            },
        ),
        case(
            "undecided",
            "[[source]]\nname = \"edge\"\npaths = [\"r-{date}.ndjson\"]\npreset = \"nginx\"\n",
            {
                let line = |n: u32| {
                    let (hour, minute) = (n / 60, n % 60);
                    let status = if n.is_multiple_of(24) { 502 } else { 200 };
                    format!(
                        "1.2.3.4 - - [18/Nov/2026:{hour:02}:{minute:02}:01 +0000] \"POST /1/messages HTTP/1.1\" {status} 2 \"-\" \"x\"\n"
                    )
                };
                vec![(R1, (0..1_440).map(line).collect())]
            },
        ),
        case("unknown-field", &format!("{both}preset = \"whatsapp-webhook\"\n"), {
            let line = r#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"made_up","value":{"timestamp":1794996230}}]}]}"#;
            vec![(R1, good(DAY)), (W1, format!("{line}\n"))]
        }),
        Case {
            last: Some(|desk| {
                let socket = desk.path("rb-2026-11-18.ndjson");
                std::os::unix::net::UnixListener::bind(socket).unwrap();
            }),
            ..case("special-file", requests, vec![(R1, good(DAY))])
        },
        Case {
            nights: {
                // The log of an hour in two rows a minute, and one that is cut off.
                let hour = |day: &str, from: u32, minutes: u32| {
                    let rows = calls(day, from..from + minutes, status(200));
                    rows.clone() + &rows.replace("request_id\":\"", "request_id\":\"again-")
                };
                let night = |day: &str, names: [&'static str; 2], left: u32| {
                    vec![(names[0], hour(day, 540, 60)), (names[1], hour(day, 600, left))]
                };
                vec![
                    night(DAY, ["r-h09-2026-11-18.ndjson", "r-h10-2026-11-18.ndjson"], 60),
                    night("2026-11-19", ["r-h09-2026-11-19.ndjson", "r-h10-2026-11-19.ndjson"], 60),
                    night("2026-11-20", ["r-h09-2026-11-20.ndjson", "r-h10-2026-11-20.ndjson"], 3),
                ]
            },
            ..case("fallen-rows", requests, Vec::new())
        },
        case(
            "suspected-outage",
            &both,
            vec![
                (R1, calls(DAY, 0..1_440, |n| format!(r#","http_status":200,"message_id":"m-{n}""#))),
                (W1, hooks(&|n| format!(r#","message_id":"x-{n}","status":"sent""#))),
            ],
        ),
        Case {
            nights: vec![
                vec![(R1, first_bad(30)), ("overrides.csv", format!("{header}{row}"))],
                vec![
                    (R2, good("2026-11-19")),
                    (
                        "uptime-ledger.toml",
                        format!("reports = \"reports\"\nsalt = \"the salt of a desk\"\n{requests}"),
                    ),
                ],
            ],
            ..case("overrides-not-named", &reviewed, Vec::new())
        },
        Case {
            nights: vec![vec![(R1, good(DAY))], vec![(R2, good("2026-11-19"))]],
            last: Some(|desk| fs::write(desk.path(R1), b"\x1f\x8b\x08\x00garbage").unwrap()),
            ..case("not-read-again", &alone, Vec::new())
        },
        Case {
            nights: vec![
                vec![(R1, good(DAY))],
                vec![(R2, String::new())],
                vec![("r-2026-11-20.ndjson", good("2026-11-20"))],
            ],
            last: Some(|desk| fs::write(desk.path(R2), b"\x1f\x8b\x08\x00garbage").unwrap()),
            ..case("not-published", &alone, Vec::new())
        },
        Case {
            nights: messages_and_statuses.clone(),
            last: Some(|desk| {
                fs::write(desk.of_daybook("facts.parquet"), "PAR1").unwrap();
            }),
            ..case("not-settled", &both_alone, Vec::new())
        },
        Case {
            nights: messages_and_statuses.clone(),
            last: Some(|desk| fs::remove_dir_all(desk.path("reports/ledger/daybooks/2026-11-18")).unwrap()),
            ..case("missing-daybook", &both_alone, Vec::new())
        },
        Case {
            nights: messages_and_statuses,
            last: Some(|desk| {
                fs::write(desk.of_daybook("daybook.json"), "{}").unwrap();
            }),
            ..case("unreadable-daybook", &both_alone, Vec::new())
        },
        Case {
            nights: vec![vec![(R1, good(DAY))], vec![(R2, good("2026-11-19"))]],
            last: Some(|desk| {
                let edition = desk.path("reports/ledger/editions/2026-11-18/0001/edition.json");
                fs::write(edition, "{}").unwrap();
            }),
            ..case("damaged-day", requests, Vec::new())
        },
        Case {
            nights: vec![
                vec![(R1, good(DAY))],
                vec![
                    (R2, good("2026-11-19")),
                    (
                        "uptime-ledger.toml",
                        format!("reports = \"reports\"\nsalt = \"the salt of a desk\"\n{requests}{services}")
                            .replace("*-", "-*"),
                    ),
                ],
            ],
            ..case("other-settings", requests, Vec::new())
        },
        Case {
            nights: vec![
                vec![(R1, good(DAY))],
                vec![
                    (R2, good("2026-11-19")),
                    (
                        "uptime-ledger.toml",
                        format!(
                            "reports = \"reports\"\nsalt = \"the salt of a desk\"\n{requests}[definition]\nmin_events = 7\n"
                        ),
                    ),
                ],
            ],
            ..case("settings", requests, Vec::new())
        },
        Case {
            nights: {
                let mut nights = vec![vec![(R1, good(DAY))]];
                nights.extend((0..10).map(|_| Vec::new()));
                nights
            },
            ..case("end", requests, Vec::new())
        },
        Case {
            nights: vec![
                vec![(R1, first_bad(30)), ("overrides.csv", format!("{header}{row}"))],
                vec![(R2, good("2026-11-19")), ("overrides.csv", header.to_owned())],
            ],
            ..case("row-gone", &reviewed, Vec::new())
        },
        Case {
            nights: vec![
                vec![(R1, first_bad(30)), ("overrides.csv", format!("{header}{row}"))],
                vec![(R2, good("2026-11-19")), (R1, first_bad(30) + &first_bad(55).replace("18-", "18-b"))],
            ],
            ..case("row-grown", &reviewed, Vec::new())
        },
        Case {
            nights: {
                let mut nights = vec![vec![(R1, first_bad(30)), ("overrides.csv", header.to_owned())]];
                nights.extend((0..8).map(|_| Vec::new()));
                nights.push(vec![
                    ("r-2026-11-27.ndjson", good("2026-11-27")),
                    ("overrides.csv", format!("{header}{row}")),
                ]);
                nights
            },
            ..case("late-row", &reviewed, Vec::new())
        },
        Case {
            last: Some(|desk| fs::write(desk.path("reports/ledger/notes.txt"), "mine").unwrap()),
            nights: vec![vec![(R1, good(DAY))], vec![(R2, good("2026-11-19"))]],
            ..case("lost-and-found", requests, Vec::new())
        },
        // No account is named anywhere, so nothing is sent.
        case(
            "publish",
            &format!("{requests}[outputs]\npublish = \"az://status/reports\"\n"),
            vec![(R1, good(DAY))],
        ),
        Case {
            kind: "unsealed",
            config: requests.to_owned(),
            last: None,
            nights: {
                let odd = |n| {
                    if n == 3 { r#","http_status":400,"error_code":199999"# } else { r#","http_status":200"# }
                };
                let mut nights = vec![vec![(R1, calls(DAY, 0..1_440, |n| odd(n).to_owned()))]];
                nights.extend((0..9).map(|_| Vec::new()));
                nights.push(vec![("r-2026-11-28.ndjson", good("2026-11-28"))]);
                nights
            },
        },
        Case {
            kind: "missed-days",
            config: requests.to_owned(),
            last: None,
            nights: {
                let mut nights = vec![vec![(R1, good(DAY))]];
                nights.extend((0..34).map(|_| Vec::new()));
                nights
            },
        },
    ]
}

/// The mornings after [`DAY`] and the days behind it.
fn morning(night: usize) -> String {
    let day: uptime_ledger::day::Day = DAY.parse().unwrap();
    format!("{}T03:00:00Z", day.plus(night as i64 + 1))
}

#[test]
fn each_kind_is_told_once_acknowledged_and_silent() {
    let failed: Vec<String> = cases()
        .into_iter()
        .filter_map(|case| {
            let kind = case.kind;
            std::panic::catch_unwind(|| is_told_and_silent(case)).is_err().then(|| kind.to_owned())
        })
        .collect();
    assert_eq!(failed, [] as [String; 0], "each says above what went wrong");
}

#[test]
fn each_kind_has_a_night_that_provokes_it() {
    let cases = cases();
    let tried: BTreeSet<&str> =
        cases.iter().map(|case| case.kind).chain(ELSEWHERE.iter().map(|(kind, _)| *kind)).collect();
    let all: BTreeSet<&str> = AttentionKind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(tried, all);
    for (kind, module) in ELSEWHERE {
        let text = fs::read_to_string(format!("{}/tests/{module}.rs", env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(
            text.contains(kind) && (text.contains("acknowledge") || text.contains(".ack(")),
            "{module}: {kind}"
        );
    }
}

fn is_told_and_silent(Case { kind, config, nights, last: before_last }: Case) {
    let desk = Desk::new(&config);
    let last = nights.len() - 1;
    let day_of_case = if kind == "repeated-hour" { Some("2026-10-26T03:00:00Z") } else { None };
    let at = |night: usize| day_of_case.map_or_else(|| morning(night), str::to_owned);
    let mut ran = None;
    let told = format!("attention[{kind}]");
    // Nights between the first and the last matter, and may tell of it before the last.
    let is_nightly = ["unsealed", "end"].contains(&kind);
    let mut earlier = 0;
    for (night, files) in nights.iter().enumerate() {
        for (name, text) in files {
            desk.file(name, text);
        }
        if night == last
            && let Some(done) = before_last
        {
            done(&desk);
        }
        // Only the first and the last night are run, unless nobody could be heard in between.
        if night == 0 || night == last || is_nightly {
            let one = desk.night(&at(night));
            earlier += if is_nightly && night < last { one.stderr.matches(&told).count() } else { 0 };
            ran = Some(one);
        }
    }
    let ran = ran.unwrap();
    assert_eq!((ran.code, earlier + ran.stderr.matches(&told).count()), (Some(3), 1), "{kind}: {ran:?}");

    // Told in full once, then in one line; the status page and the metrics show it.
    let again = desk.night(&at(last).replace("03:00", "04:00"));
    assert_eq!((again.code, again.stderr.contains(&told)), (Some(3), false), "{kind}: {again:?}");
    assert!(again.stderr.contains("`uptime-ledger ack`"), "{kind}: {again:?}");
    let standing = desk.standing(&at(last).replace("03:00", "04:30"));
    let kinds: BTreeSet<&str> = standing.iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(kind), "{kind}: {kinds:?}");
    let metrics = fs::read_to_string(desk.path("reports/metrics.prom")).unwrap();
    assert!(!metrics.contains(&format!("attention_open{{kind=\"{kind}\"}} 0\n")), "{kind}: {metrics}");

    for one in &standing {
        desk.ack(one, &at(last).replace("03:00", "05:00")).expect(0);
    }
    assert_eq!(desk.standing(&at(last).replace("03:00", "05:30")), [] as [Value; 0], "{kind}");
    let silent = desk.night(&at(last).replace("03:00", "06:00"));
    // What was accepted of poorer logs is booked now, and what they show may be new.
    let is_silent = silent.code == Some(0) && !silent.stderr.contains("attention");
    assert!(is_silent || kind == "fewer", "{kind}: {silent:?}");
    if kind == "fewer" {
        // What was followed still stands in the statement of the month.
        let statement = fs::read_to_string(desk.path("reports/months/2026-11.html")).unwrap();
        assert!(statement.contains("fewer:2026-11-18") && statement.contains("(Ann, Bo)"), "{statement}");
    }
    assert!(kind != "fewer" || silent.stderr.contains("because of logs-removed"), "{silent:?}");
    let is_damaged = ["not-settled", "missing-daybook", "unreadable-daybook", "damaged-day"].contains(&kind);
    desk.ask(&["verify"]).expect(i32::from(is_damaged));
}

#[test]
fn a_word_that_lacks_something_is_refused_and_says_what() {
    let desk = Desk::new(REQUESTS);
    desk.file(R1, &calls(DAY, 0..1_440, |n| format!(r#","http_status":{}"#, if n < 30 { 500 } else { 200 })));
    desk.night(&morning(0)).expect(0);
    desk.file(R1, &good(DAY));
    desk.night(&morning(1)).expect(3);
    let at = "2026-11-20T05:00:00Z";
    let ack = |args: &[&str]| desk.ask(&[&["ack", "--as-of", at], args].concat());
    let word = ["--author", "Ann", "--reason", "known"];
    let decision = "rewritten-log:2026-11-18";
    ack(&[&["rewriten-log:2026-11-18"], &word[..]].concat()).expect(2).says(&["did you mean", decision]);
    ack(&[&[decision], &word[..]].concat()).expect(2).says(&["a second person", "--approver"]);
    ack(&[&[decision], &word[..], &["--approver", " ann"]].concat()).expect(2).says(&["same person"]);
    ack(&["no-rows:2026-11-19", "--author", " ", "--reason", "x"]).expect(2).says(&["--author is empty"]);
    ack(&[&["no-rows:2026-11-19"], &word[..], &["--approver", "Bo"]].concat()).expect(2).says(&["a notice"]);
    for until in ["2026-11-19", "2027-02-19"] {
        let args = [&["no-rows:2026-11-19"], &word[..], &["--until", until]].concat();
        ack(&args).expect(2).says(&["2026-11-20", "2027-02-18", "at most 90 days"]);
    }
    ack(&[&[decision], &word[..], &["--approver", "Bo"]].concat()).expect(0);
    // The statement of the month tells of it.
    let statement = fs::read_to_string(desk.path("reports/months/2026-11.html")).unwrap();
    assert!(statement.contains(decision) && statement.contains("(Ann, Bo)"), "{statement}");
}

#[test]
fn a_notice_ends_and_growth_opens_a_key_again() {
    let desk = Desk::new(&format!(
        "{REQUESTS}{}",
        "[[service]]\nname = \"messages\"\nendpoints = [\"/{id}/messages\"]\n"
    ));
    let day = |day: &str, lost: u32| {
        calls(day, 0..1_440, |n| {
            format!(
                r#","http_status":200,"endpoint":"{}""#,
                if n < lost { "/healthz" } else { "/1/messages" }
            )
        })
    };
    desk.file(R1, &day(DAY, 6));
    desk.night("2026-11-19T03:00:00Z").expect(3).says(&["attention[unassigned]", "key: unassigned\n"]);
    let args = ["ack", "unassigned", "--author", "Ann", "--reason", "health checks", "--until", "2026-11-21"];
    desk.ask(&[&args[..], &["--as-of", "2026-11-19T04:00:00Z"]].concat()).expect(0);
    // It has doubled, but is small; then it has doubled and reaches ten.
    desk.file(R2, &day("2026-11-19", 9));
    desk.night("2026-11-20T03:00:00Z").expect(0);
    desk.file("r-2026-11-20.ndjson", &day("2026-11-20", 12));
    desk.night("2026-11-21T03:00:00Z").expect(3).says(&["attention[unassigned]", ": 12"]);
    let args = ["ack", "unassigned", "--author", "Ann", "--reason", "health checks", "--until", "2026-11-22"];
    desk.ask(&[&args[..], &["--as-of", "2026-11-21T04:00:00Z"]].concat()).expect(0);
    desk.file("r-2026-11-21.ndjson", &day("2026-11-21", 12));
    desk.night("2026-11-22T03:00:00Z").expect(0);
    desk.file("r-2026-11-22.ndjson", &day("2026-11-22", 12));
    desk.night("2026-11-23T03:00:00Z").expect(3);
    // With its paths ignored, the newest day no longer shows it.
    let config = fs::read_to_string(desk.path("uptime-ledger.toml")).unwrap();
    fs::write(desk.path("uptime-ledger.toml"), format!("ignore = [\"/healthz\"]\n{config}")).unwrap();
    desk.file("r-2026-11-23.ndjson", &day("2026-11-23", 12));
    let ran = desk.night("2026-11-24T03:00:00Z");
    let keys: Vec<String> = desk
        .standing("2026-11-24T03:30:00Z")
        .iter()
        .map(|one| one["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(keys, ["other-settings", "settings"], "{ran:?}");
    // What is ignored lowers no coverage: 12 of 1,440 minutes have no other call.
    let figure = job::table(&desk.path("reports"), "availability")
        .into_iter()
        .find(|row| row["day"] == "2026-11-23" && row["scope_kind"] == "component" && row["region"] == "*");
    assert_eq!(figure.unwrap()["coverage_percent"], "99.166666");
    let accounts = fs::read_to_string(desk.path("reports/daily/2026-11-23/accounts.csv")).unwrap();
    assert!(accounts.contains("excluded:ignored,endpoint-ignored,,12,12"), "{accounts}");
}

#[test]
fn nothing_of_a_day_nags_after_its_seal() {
    let desk = Desk::new(&format!("regions = [\"eu\", \"us\"]\n{REQUESTS}"));
    let eu = |_| r#","http_status":200,"region":"eu""#.to_owned();
    let both = |n: u32| {
        format!(r#","http_status":200,"region":"{}""#, if n.is_multiple_of(2) { "eu" } else { "us" })
    };
    let day: uptime_ledger::day::Day = DAY.parse().unwrap();
    for n in 0..12 {
        let on = day.plus(n).to_string();
        let text = if n == 0 { calls(&on, 0..1_440, eu) } else { calls(&on, 0..1_440, both) };
        desk.file(&format!("r-{on}.ndjson"), &text);
        let ran = desk.night(&format!("{}T03:00:00Z", day.plus(n + 1)));
        // The window of 7 days and the grace of 24 hours begin with the end of the day.
        let is_open = n < 8;
        assert_eq!(ran.code, Some(if is_open { 3 } else { 0 }), "{on}: {ran:?}");
        assert_eq!(ran.stderr.matches("attention[gap]").count(), usize::from(n == 0), "{on}: {ran:?}");
    }
}

/// Hundreds of files that a wrong preset cannot read are one cause.
#[test]
fn a_wrong_preset_is_told_in_one_line_for_all_files() {
    let desk = Desk::new(&format!("{REQUESTS}preset = \"combined\"\n").replace("r*-", "r-*-"));
    for n in 0..96 {
        desk.file(
            &format!("r-node{n}-2026-11-18.ndjson"),
            &calls(DAY, n..n + 1, |_| r#","http_status":200"#.to_owned()),
        );
    }
    let ran = desk.night(&morning(0)).expect(3);
    let told: Vec<&str> =
        ran.stderr.lines().filter(|line| line.starts_with("attention[quarantine]")).collect();
    assert_eq!(told.len(), 1, "{}", ran.stderr);
    for part in ["96 files from r-node0-2026-11-18.ndjson on", "96 of 96 rows", "looks like"] {
        assert!(told[0].contains(part), "no `{part}`: {}", told[0]);
    }
    assert!(ran.stderr.lines().filter(|line| line.starts_with("attention[")).count() <= 3, "{}", ran.stderr);
}

#[test]
fn rows_of_another_preset_beside_good_files_are_told_with_their_preset() {
    let desk = Desk::new(REQUESTS);
    desk.file(R1, &good(DAY));
    let line = |n: u32| {
        format!(
            "10.0.0.1 - - [18/Nov/2026:{:02}:{:02}:00 +0000] \"GET /v1/messages HTTP/1.1\" 200 12 \"-\" \"x\"\n",
            n / 60,
            n % 60
        )
    };
    desk.file("rb-2026-11-18.ndjson", &(0..1_440).map(line).collect::<String>());
    let ran = desk.night(&morning(0)).expect(3);
    ran.says(&["rb-2026-11-18.ndjson", "the file looks like preset = \"combined\""]);
}

#[test]
fn a_name_that_a_person_knows_of_stays_expected_until_that_ends() {
    let desk = Desk::new("[[source]]\nname = \"calls\"\npaths = [\"r-*-{date}.ndjson\"]\nneighbours = 0\n");
    let first: uptime_ledger::day::Day = DAY.parse().unwrap();
    for n in 0..60 {
        let day = first.plus(n).to_string();
        for node in if n < 3 { &["a", "b"][..] } else { &["a"] } {
            let text = calls(&day, 0..60, |_| r#","http_status":200"#.to_owned());
            desk.file(
                &format!("r-{node}-{day}.ndjson"),
                &text.replace("_id\":\"", &format!("_id\":\"{node}-")),
            );
        }
    }
    desk.night(&morning(0));
    desk.night(&morning(3)).expect(3).says(&["attention[missing-file]: 2026-11-21", "r-b-*.ndjson"]);
    let standing = desk.standing(&morning(3));
    let (missing, others): (Vec<&Value>, Vec<&Value>) =
        standing.iter().partition(|one| one["kind"] == "missing-file");
    for one in others {
        desk.ack(one, &morning(3)).expect(0);
    }
    let until = first.plus(50).to_string();
    let key = missing[0]["key"].as_str().unwrap();
    let word = ["ack", key, "--author", "Ann", "--reason", "the node is away", "--until", &until];
    desk.ask(&[&word[..], &["--as-of", &morning(3)]].concat()).expect(0);
    // Days beyond 30 after it last stood; the days by which it is expected are sealed long since.
    for night in [30, 45] {
        let ran = desk.night(&morning(night));
        assert!(!ran.stderr.contains("missing-file"), "{night}: {ran:?}");
    }
    // Days that are open still show it after that.
    desk.night(&morning(59)).expect(3).says(&["attention[missing-file]: 2027-01-07"]);
    let is_missing = |n: i64| {
        let folder = desk.path(&format!("reports/ledger/editions/{}", first.plus(n)));
        let newest = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
        fs::read_to_string(newest.join("basis.json")).unwrap().contains("r-b-")
    };
    let missing: Vec<i64> = (0..60).filter(|n| is_missing(*n)).collect();
    assert_eq!(missing, (3..=50).collect::<Vec<i64>>());
    desk.ask(&["verify"]).expect(0);
}

/// Nights over a sample: what stands open is acknowledged in the morning, if it is to be.
fn sample_nights(stories: bool, days: i64) -> Vec<(i32, usize, i32)> {
    let dir = tempfile::tempdir().unwrap();
    let first: uptime_ledger::day::Day = DAY.parse().unwrap();
    let (days_given, rows) = (days.to_string(), if stories { "18000" } else { "2000" });
    let args = ["--days", &days_given, "--rows", rows];
    let more: &[&str] = if stories { &[] } else { &["--no-stories"] };
    let config =
        job::sample(&dir.path().join("sample"), &[&args[..], more].concat()).join("uptime-ledger.toml");
    let config = config.to_str().unwrap();
    let reports = dir.path().join("reports");
    let out = reports.to_str().unwrap();
    let night = |at: &str, more: &[&str]| {
        job::job([&["run", "--config", config, "--out", out, "--as-of", at, "--quiet"], more].concat())
    };
    let mut found = Vec::new();
    for n in 1..=days {
        let at = |hour: u32| format!("{}T{hour:02}:00:00Z", first.plus(n));
        let ran = night(&at(3), if n == 1 { &["--simulate"] } else { &[] });
        let standing = job::job(["ack", "--json", "--out", out, "--as-of", &at(4)]).json();
        let standing = standing.as_array().unwrap().clone();
        for one in &standing {
            let key = one["key"].as_str().unwrap();
            let second: &[&str] = if one["is_decision"] == true { &["--approver", "Bo"] } else { &[] };
            let args = ["ack", key, "--author", "Ann", "--reason", "known", "--out", out, "--as-of"];
            job::job([&args[..], &[&at(5)], second].concat()).expect(0);
        }
        let again = night(&at(6), &[]);
        found.push((ran.code.unwrap(), standing.len(), again.code.unwrap()));
    }
    found
}

#[test]
fn quiet_nights_end_with_0() {
    assert_eq!(sample_nights(false, 12), vec![(0, 0, 0); 12]);
}

#[test]
fn a_night_with_stories_ends_with_3_until_it_is_acknowledged() {
    let nights = sample_nights(true, 3);
    assert!(nights.iter().any(|(code, ..)| *code == 3), "{nights:?}");
    for (code, standing, acknowledged) in &nights {
        assert_eq!((*code == 3, *acknowledged), (*standing > 0, 0), "{nights:?}");
    }
}
