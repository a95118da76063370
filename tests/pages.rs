//! Pages: what people see of the reports, in a real browser, and that no text of a log does anything in it.
//!
//! Chromium, Node.js with npm, and Python with venv are needed; without them these tests are skipped, unless `CI` is set.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::job::{self, ran};

/// A command on the path; `None` skips a test.
fn tool(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|file| file.is_file());
    assert!(found.is_some() || std::env::var_os("CI").is_none(), "CI must have one of {names:?}");
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Puppeteer and axe-core, installed once per lock file.
fn browser_tools() -> Option<(PathBuf, PathBuf, PathBuf)> {
    let (chromium, node, npm) = (tool(&["chromium", "chromium-browser"])?, tool(&["node"])?, tool(&["npm"])?);
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    fs::create_dir_all(&place).unwrap();
    let given = root().join("tests/browser");
    let lock = fs::read(given.join("package-lock.json")).unwrap();
    let is_installed = fs::read(place.join("installed")).is_ok_and(|known| known == lock);
    for name in ["package.json", "package-lock.json", "check.mjs"] {
        fs::copy(given.join(name), place.join(name)).unwrap();
    }
    if !is_installed {
        let mut npm = assert_cmd::Command::new(npm);
        ran(npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(&place)).expect(0);
        fs::write(place.join("installed"), lock).unwrap();
    }
    Some((chromium, node, place.join("check.mjs")))
}

/// What a browser finds wrong with the pages of a folder.
fn browse(reports: &Path, screenshots: Option<&Path>) -> Option<Vec<String>> {
    let (chromium, node, check) = browser_tools()?;
    let mut command = assert_cmd::Command::new(node);
    command.arg(check).arg(reports).arg(chromium).args(screenshots);
    let answer = ran(&mut command).expect(0).json();
    assert!(answer["pages"].as_array().unwrap().len() > 3, "{answer}");
    let findings = answer["findings"].as_array().unwrap();
    Some(findings.iter().map(|f| format!("{}: {}", f["page"], f["what"])).collect())
}

/// `BLESS=1` makes the screenshots of the README again.
#[test]
fn pages_of_the_sample_are_sound_in_a_browser() {
    let reports = tempfile::tempdir().unwrap();
    let config = root().join("data/sample/uptime-ledger.toml");
    let as_of =
        ["--simulate", "--as-of", "2026-11-21T03:17:00Z", "--from", "2026-11-18", "--to", "2026-11-20"];
    job::run(&config, reports.path(), &as_of).expect(3);
    let screenshots = root().join("tests/browser");
    let is_wanted = std::env::var_os("BLESS").is_some();
    let Some(findings) = browse(reports.path(), is_wanted.then_some(&screenshots)) else { return };
    assert!(findings.is_empty(), "{findings:#?}");
}

const HOSTILE: [&str; 6] = [
    "<script>window.planted=1</script>",
    "\"><img src=x onerror=window.planted=1>",
    "=HYPERLINK(\"http://x.invalid\")",
    "\u{1b}[31mred\u{7}",
    "\u{202e}drawkcab",
    "]]>&amp;<!--",
];

/// A folder with a log whose every name is hostile, one of them ten thousand characters long; its reports are made.
fn hostile() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut config = r#"
        salt = "a pinch of salt for tests"
        slot = "5m"
        [[source]]
        name = "edge"
        paths = "log.ndjson"
        [[service]]
        name = "messages"
        endpoints = ["/m"]
        [definition]
        min_events = 1
        [limits]
        coverage_percent = 0
        [overrides]
        path = "overrides.csv"
        [outputs]
        title = "</title><script>window.planted=1</script>"
    "#
    .to_owned();
    let mut log = String::new();
    let long = "long ".repeat(2_000);
    for (at, text) in HOSTILE.iter().copied().chain([long.as_str()]).enumerate() {
        for minute in 0..30 {
            let row = serde_json::json!({
                "ts": format!("2026-11-20T10:{minute:02}:00Z"),
                "request_id": format!("{text}{at}-{minute}"),
                "business_id": text, "region": text, "endpoint": "/m", "http_status": 503, "error_code": 131_016,
            });
            writeln!(log, "{row}").unwrap();
        }
        // Escaped so that it is one name of TOML.
        write!(config, "\n[[component]]\nname = {}\nservices = [\"messages\"]\n", serde_json::json!(text))
            .unwrap();
    }
    writeln!(log, "{{\"ts\": \"{}\"}}", HOSTILE[1].replace('"', "'")).unwrap();
    fs::write(dir.path().join("log.ndjson"), log).unwrap();
    fs::write(dir.path().join("uptime-ledger.toml"), config.replace("\\u001b", "\\u001B")).unwrap();
    let mut csv = csv::Writer::from_path(dir.path().join("overrides.csv")).unwrap();
    let head = "id,direction,start,end,service,region,business_id,error_code,account,reason,ticket,author,approver,created_at,note";
    csv.write_record(head.split(',')).unwrap();
    let [script, image, formula, escape, bidi, cdata] = HOSTILE;
    csv.write_record([
        script,
        "to_uptime",
        "2026-11-20T10:00Z",
        "2026-11-20T10:05Z",
        "messages",
        "",
        "",
        "",
        "",
        "caller-misuse",
        formula,
        image,
        escape,
        "2026-11-21T01:00Z",
        &format!("{bidi}{cdata}{long}"),
    ])
    .unwrap();
    csv.flush().unwrap();
    drop(csv);
    let reports = dir.path().join("reports");
    let args = ["--date", "2026-11-20", "--simulate", "--as-of", "2026-11-21T03:17:00Z"];
    let ran = job::run(&dir.path().join("uptime-ledger.toml"), &reports, &args);
    assert!(matches!(ran.code, Some(0 | 3)), "{ran:?}");
    for said in [&ran.stdout, &ran.stderr] {
        assert!(!steers(said), "a terminal is steered by {said:?}");
    }
    dir
}

/// Control characters other than line ends, and characters that turn the direction of text.
fn steers(text: &str) -> bool {
    text.chars().any(|c| {
        (c.is_control() && !matches!(c, '\n' | '\t' | '\r'))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    })
}

#[test]
fn hostile_text_is_harmless_on_every_page_and_in_every_answer() {
    let dir = hostile();
    let reports = dir.path().join("reports");
    let pages: Vec<PathBuf> = job::paths(&reports)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "html"))
        .collect();
    assert!(pages.len() > 3, "{pages:?}");
    for path in &pages {
        let html = fs::read_to_string(path).unwrap();
        assert!(!html.contains("<script>window") && !html.contains("<img"), "{}", path.display());
        assert!(!steers(&html), "{}", path.display());
        assert!(html.contains("&lt;script&gt;window"), "{}: the name is there to be read", path.display());
    }
    for path in job::paths(&reports).iter().filter(|path| path.extension().is_some_and(|e| e == "csv")) {
        let mut reader = csv::Reader::from_path(path).unwrap();
        for record in reader.records() {
            let is_formula = |cell: &str| cell.starts_with(['=', '+', '@']);
            assert!(!record.unwrap().iter().any(is_formula), "{}", path.display());
        }
    }
    let out = reports.to_str().unwrap();
    for args in [
        &["explain", "--at", "2026-11-20T10:07Z"][..],
        &["explain", "--at", "2026-11-20T10:02Z", "--region", HOSTILE[3]],
        &["explain", "--at", "2026-11-20T10:02Z", "--region", "nowhere"],
        &["history", "2026-11-20"],
        &["verify"],
    ] {
        let ran = job::job(args.iter().copied().chain(["--out", out]));
        for said in [&ran.stdout, &ran.stderr] {
            assert!(!steers(said), "{args:?} steers a terminal: {said:?}");
        }
    }
    if let Some(findings) = browse(&reports, None) {
        assert!(findings.is_empty(), "{findings:#?}");
    }
}

#[test]
fn pages_that_are_switched_off_are_taken_away() {
    let dir = hostile();
    let config = dir.path().join("uptime-ledger.toml");
    let reports = dir.path().join("reports");
    let is_page = |path: &PathBuf| path.extension().is_some_and(|e| e == "html");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text + "\n").unwrap();
    assert!(job::paths(&reports).iter().any(is_page));
    let text = fs::read_to_string(&config).unwrap().replace("[outputs]", "[outputs]\nformats = []");
    fs::write(&config, text).unwrap();
    job::run(&config, &reports, &["--date", "2026-11-20", "--simulate", "--as-of", "2026-11-21T04:17:00Z"]);
    let left: Vec<PathBuf> = job::paths(&reports).into_iter().filter(is_page).collect();
    assert_eq!(left, Vec::<PathBuf>::new());
    job::job(["verify", "--out", reports.to_str().unwrap()]).expect(0);
}

/// `DuckDB`, pandas and polars read every table, as CSV and as Parquet, to the same values.
#[test]
fn other_engines_read_the_same_values_from_csv_and_parquet() {
    let Some(python) = tool(&["python3"]) else { return };
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readers");
    let given = root().join("tests/readers");
    let wanted = fs::read(given.join("requirements.txt")).unwrap();
    if fs::read(place.join("installed")).ok() != Some(wanted.clone()) {
        let mut venv = assert_cmd::Command::new(python);
        ran(venv.args(["-m", "venv", "--clear"]).arg(&place)).expect(0);
        let mut pip = assert_cmd::Command::new(place.join("bin/pip"));
        ran(pip
            .args(["install", "--quiet", "--only-binary", ":all:", "-r"])
            .arg(given.join("requirements.txt")))
        .expect(0);
        fs::write(place.join("installed"), wanted).unwrap();
    }
    let sample = tempfile::tempdir().unwrap();
    let config = root().join("data/sample/uptime-ledger.toml");
    job::run(
        &config,
        sample.path(),
        &["--date", "2026-11-18", "--simulate", "--as-of", "2026-11-19T03:17:00Z"],
    );
    let hostile = hostile();
    for reports in [sample.path().to_path_buf(), hostile.path().join("reports")] {
        let mut check = assert_cmd::Command::new(place.join("bin/python"));
        let said = ran(check.arg(given.join("check.py")).arg(&reports)).expect(0).stdout;
        assert!(said.trim().ends_with("15 tables"), "{said}");
    }
}
