//! Served: who may read what the job writes, what lies in the folder for everybody, and what is shown of hidden characters.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use uptime_ledger::redact::is_hidden;

use crate::attention::Desk;
use crate::job::{self, binary};

const AT: &str = "2026-11-21T03:00:00Z";

fn desk(outputs: &str) -> Desk {
    let desk = Desk::new(&format!(
        "[[source]]\nname = \"edge\"\npaths = [\"edge.ndjson\"]\n[[service]]\nname = \"messages\"\n[overrides]\npath = \"overrides.csv\"\n{outputs}"
    ));
    let row = r#"{"ts":"2026-11-20T10:00:00Z","request_id":"r-1","service":"messages","region":"eu","http_status":500}"#;
    desk.file("edge.ndjson", &format!("{row}\nnot a row\n"));
    let header = "id,direction,start,end,service,region,business_id,error_code,account,reason,ticket,author,approver,created_at,note";
    desk.file("overrides.csv", &format!("{header}\n"));
    desk
}

/// Runs the night under a umask, as cron may have it.
fn night(desk: &Desk, umask: &str) {
    let line = format!(
        "umask {umask} && exec {} run --simulate --as-of {AT} --config {}",
        binary().display(),
        desk.path("uptime-ledger.toml").display()
    );
    let ran = Command::new("sh").args(["-c", &line]).output().unwrap();
    assert!(matches!(ran.status.code(), Some(0 | 3)), "{ran:?}");
}

fn modes(folder: &Path) -> Vec<(PathBuf, u32)> {
    let mode = |path: &Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777;
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        found.push((folder.clone(), mode(&folder)));
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push((path.clone(), mode(&path))) }
        }
    }
    found
}

#[test]
fn nobody_else_reads_what_the_job_writes_but_the_folder_that_is_served() {
    let desk = desk("[outputs]\npublish = \"./public/status\"\n");
    let config = fs::read_to_string(desk.path("uptime-ledger.toml")).unwrap();
    // A salt of the ledger's own.
    fs::write(desk.path("uptime-ledger.toml"), config.replace("salt = \"the salt of a desk\"\n", ""))
        .unwrap();
    night(&desk, "000");
    let written = modes(&desk.path("reports"));
    assert!(written.len() > 40, "{written:?}");
    for (path, mode) in &written {
        let is_salt = path.ends_with("ledger/salt");
        let most = if is_salt {
            0o600
        } else if path.is_dir() {
            0o750
        } else {
            0o640
        };
        assert_eq!(mode & !most, 0, "{}: {mode:o}", path.display());
    }
    assert!(written.iter().any(|(path, mode)| path.ends_with("index.html") && *mode == 0o640));
    let is_mark = |path: &Path| path.ends_with(".uptime-ledger");
    for (path, mode) in modes(&desk.path("public/status")).into_iter().filter(|(path, _)| !is_mark(path)) {
        assert_eq!(mode, if path.is_dir() { 0o755 } else { 0o644 }, "{}", path.display());
    }
    let served = job::files(&desk.path("public/status"));
    assert!(served.contains_key(Path::new("daily/2026-11-20/index.html")));
    let inner =
        |path: &PathBuf| path.starts_with("ledger") || path.to_string_lossy().contains("quarantine.ndjson");
    assert!(!served.keys().any(inner), "{:?}", served.keys());

    // A narrower umask stays as it is.
    let desk = self::desk("");
    night(&desk, "077");
    for (path, mode) in modes(&desk.path("reports")) {
        assert_eq!(mode & 0o077, 0, "{}: {mode:o}", path.display());
    }
}

#[test]
fn a_served_folder_follows_the_reports_and_leaves_the_rest_alone() {
    let desk = desk("[outputs]\npublish = \"./public\"\n");
    desk.night(AT);
    let served = job::files(&desk.path("public"));
    for (path, bytes) in served.iter().filter(|(path, _)| *path != Path::new(".uptime-ledger")) {
        assert_eq!(&fs::read(desk.path("reports").join(path)).unwrap(), bytes, "{}", path.display());
    }
    desk.file("public/mine.txt", "a file of the web server");
    fs::write(
        desk.path("uptime-ledger.toml"),
        fs::read_to_string(desk.path("uptime-ledger.toml")).unwrap() + "formats = []\n",
    )
    .unwrap();
    desk.night("2026-11-21T04:00:00Z");
    let after = job::files(&desk.path("public"));
    assert!(
        after.contains_key(Path::new("mine.txt")) && !after.contains_key(Path::new("index.html")),
        "{:?}",
        after.keys()
    );

    // A folder that cannot be written to is told, and the run stands.
    let blocked = self::desk("[outputs]\npublish = \"./blocked\"\n");
    blocked.file("blocked", "a file");
    blocked.night(AT).expect(3).says(&["attention[publish]", "blocked"]);
    // So is a folder with files of others: a report never takes the place of one.
    let others = self::desk("[outputs]\npublish = \"./www\"\n");
    fs::create_dir(others.path("www")).unwrap();
    others.file("www/overrides.csv", "of a reviewer");
    others.night(AT).expect(3).says(&["attention[publish]", "it has files that this job has not written"]);
    assert_eq!(fs::read_to_string(others.path("www/overrides.csv")).unwrap(), "of a reviewer");
    fs::remove_file(others.path("www/overrides.csv")).unwrap();
    others.night("2026-11-21T04:00:00Z");
    assert!(others.path("www/index.html").exists());
    let inside = self::desk("[outputs]\npublish = \"./reports/public\"\n");
    inside.night(AT).expect(2).says(&["lie in one another"]);
}

#[test]
fn nothing_outside_the_served_folder_is_removed_and_what_is_gone_from_it_comes_back() {
    let desk = desk("[outputs]\npublish = \"./public\"\n");
    desk.night(AT);
    let note = desk.path("reports/.published");
    for name in ["mine.csv", "public/daily/gone.csv"] {
        desk.file(name, "kept");
    }
    // A note that somebody has changed.
    let text = fs::read_to_string(&note).unwrap();
    let stamp = r#"{"bytes":4,"modified_us":1}"#;
    let mine = desk.path("mine.csv").display().to_string();
    let entries: String = ["../mine.csv", &mine, "daily/../../mine.csv"]
        .iter()
        .map(|path| format!("{path:?}:{stamp},"))
        .collect();
    fs::write(&note, text.replacen("\"files\":{", &format!("\"files\":{{{entries}"), 1)).unwrap();
    fs::remove_file(desk.path("public/index.html")).unwrap();
    desk.file("public/daily/.tmp-aB3aB3aB3aB3", "what a killed run left");
    desk.night("2026-11-21T04:00:00Z");
    assert_eq!(fs::read_to_string(desk.path("mine.csv")).unwrap(), "kept");
    assert!(desk.path("public/index.html").exists() && desk.path("public/daily/gone.csv").exists());
    assert!(!desk.path("public/daily/.tmp-aB3aB3aB3aB3").exists());
}

#[test]
fn characters_that_do_not_show_are_spelled_out_in_every_output() {
    let hidden = "a\u{202e}b\u{200b}c\u{feff}d\u{e0041}e\u{1b}[31m";
    let (name, component) = (serde_json::Value::from(hidden), serde_json::Value::from("c\u{2067}"));
    let desk = Desk::new(&format!(
        "[[source]]\nname = \"edge\"\npaths = [\"edge.ndjson\"]\n[[service]]\nname = {name}\n[[component]]\nname = {component}\n\
         services = [{name}]\n[overrides]\npath = \"overrides.csv\"\n"
    ));
    let row = |minute: u32| {
        format!(
            r#"{{"ts":"2026-11-20T10:{minute:02}:00Z","request_id":"r-{minute}","service":{name},"region":"eu","http_status":503}}"#
        ) + "\n"
    };
    desk.file("edge.ndjson", &((0..20).map(row).collect::<String>() + "{\"a\u{202e}\":\n"));
    let header = "id,direction,start,end,service,region,business_id,error_code,account,reason,ticket,author,approver,created_at,note";
    desk.file(
        "overrides.csv",
        &format!("{header}\nx,to_uptime,2026-11-20T10:00Z,2026-11-20T10:05Z,,,,,,caller-misuse,T\u{200d}1,a\u{202e}nn,bob,2026-11-20T12:00Z,no\u{2066}te\n"),
    );
    let ran = desk.night(AT);
    assert!(matches!(ran.code, Some(0 | 3)), "{ran:?}");
    let shows = |what: &str, text: &str| {
        let found = text.chars().find(|c| is_hidden(*c) && !matches!(c, '\n' | '\r' | '\t'));
        assert_eq!(found, None, "{what}: {text}");
    };
    shows("stdout", &ran.stdout);
    shows("stderr", &ran.stderr);
    for args in [
        &["explain", "--at", "2026-11-20T10:07Z"][..],
        &["explain", "--at", "2026-11-20T10:07Z", "--json"],
        &["history"],
        &["history", "--json"],
        &["ack"],
        &["ack", "--json"],
        &["check"],
        &["verify", "--json"],
    ] {
        let ran = desk.ask(args);
        shows(&args.join(" "), &(ran.stdout + &ran.stderr));
    }
    let mut seen = 0;
    for (path, bytes) in job::files(&desk.path("reports")) {
        let is_text = path.extension().is_some_and(|it| it != "parquet" && it != "xlsx");
        if path.starts_with("ledger") || !is_text {
            continue;
        }
        let text = String::from_utf8(bytes).unwrap();
        shows(&path.display().to_string(), &text);
        seen += usize::from(text.contains("\\u{202e}") || text.contains("\\u202e"));
    }
    assert!(seen >= 8, "the names stand in {seen} files");
    // Parquet tells what CSV tells.
    let table = job::table(&desk.path("reports"), "availability");
    assert!(
        table
            .iter()
            .any(|row| row["scope"].contains("a\\u{202e}b\\u{200b}c\\u{feff}d\\u{e0041}e\\u{1b}[31m")),
        "{table:?}"
    );
    job::job(["verify", "--out", desk.path("reports").to_str().unwrap()]).expect(0);
}
