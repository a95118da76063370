//! Interrupted: a run that is asked to stop ends with a message and a clean state; a stream that takes nothing is named, and
//! what was done stays done.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use crate::job::{self, binary, n, table};

const DAY: &str = "2026-11-20";
const AT: [&str; 3] = ["--simulate", "--as-of", "2026-11-21T03:00:00Z"];

/// A log whose rows take a run of one thread some seconds.
fn long_log(path: &Path) {
    let mut log = String::new();
    for at in 0..600_000 {
        let (hour, minute, second) = (at / 3600 % 24, at / 60 % 60, at % 60);
        writeln!(
            log,
            r#"{{"ts":"{DAY}T{hour:02}:{minute:02}:{second:02}Z","request_id":"r-{at}","service":"media","region":"eu","http_status":{}}}"#,
            if at % 7 == 0 { 503 } else { 200 }
        )
        .unwrap();
    }
    fs::write(path, log).unwrap();
}

fn run(folder: &Path) -> Command {
    let mut command = Command::new(binary());
    let (log, out) = (folder.join("requests.ndjson"), folder.join("reports"));
    command.args(["run", "--preset", "canonical", "--date", DAY, "--threads", "1", "--requests"]).arg(log);
    command.arg("--out").arg(out).args(AT);
    command
}

/// Starts a run, asks it to stop once it reads, and returns how it ended.
fn stopped(folder: &Path, signal: &str) -> Output {
    let child = run(folder).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !folder.join("reports/ledger/.tmp").exists() {
        thread::sleep(Duration::from_millis(5));
    }
    thread::sleep(Duration::from_millis(100));
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    child.wait_with_output().unwrap()
}

#[test]
fn a_run_that_is_asked_to_stop_says_so_and_leaves_nothing_half_done() {
    let folder = tempfile::tempdir().unwrap();
    long_log(&folder.path().join("requests.ndjson"));
    for (signal, name) in [("-TERM", "SIGTERM"), ("-INT", "SIGINT")] {
        let output = stopped(folder.path(), signal);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("stopped by {name}")), "{said}");
        let left: Vec<_> = job::paths(&folder.path().join("reports"));
        let left: Vec<_> =
            left.iter().map(|path| path.strip_prefix(folder.path()).unwrap().display().to_string()).collect();
        let lost =
            |path: &String| path.contains(".tmp") || path.contains(".writing") || path.contains("daily");
        assert_eq!(
            left.iter().filter(|path| lost(path)).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "{name}"
        );
    }
    // The same run again goes on as if nothing had been.
    let output = run(folder.path()).output().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 3)), "{output:?}");
    let accounts = table(&folder.path().join("reports/daily").join(DAY), "accounts");
    assert_eq!(accounts.iter().map(|row| n(row, "events_net")).sum::<u64>(), 600_000);
    job::job(["verify", "--out", folder.path().join("reports").to_str().unwrap()]).expect(0);
}

#[test]
fn a_command_that_only_waits_ends_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(binary());
    command
        .args(["run", "--date", DAY, "--requests", "-", "--out"])
        .arg(folder.path().join("reports"))
        .args(AT);
    let child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    thread::sleep(Duration::from_millis(400));
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("ended by SIGTERM before it was done"), "{said}");
}

/// A small ledger with something that needs a person: its code of exit is 3.
fn small(folder: &Path) -> Command {
    let row = |at: u32| {
        format!(
            r#"{{"ts":"{DAY}T10:{at:02}:00Z","request_id":"r-{at}","service":"media","region":"eu","http_status":500,"error_code":199999}}"#
        ) + "\n"
    };
    fs::write(folder.join("requests.ndjson"), (0..50).map(row).collect::<String>()).unwrap();
    run(folder)
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_or_closed_output_is_named_and_what_was_done_stands() {
    let folder = tempfile::tempdir().unwrap();
    let code = small(folder.path()).output().unwrap().status.code();
    assert_eq!(code, Some(3));
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    let said = |output: &Output| String::from_utf8(output.stderr.clone()).unwrap();

    let fresh = tempfile::tempdir().unwrap();
    let output = small(fresh.path()).stdout(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(
        said(&output).contains("writing to standard output failed: No space left on device"),
        "{output:?}"
    );
    // The day was published, its points of attention were told on standard error, and nothing is left to do.
    assert!(said(&output).contains("attention["), "{output:?}");
    let reports = |of: &Path| job::files(&of.join("reports/daily"));
    let names = |of: &Path| reports(of).into_keys().collect::<Vec<_>>();
    assert_eq!(names(fresh.path()), names(folder.path()));

    // Standard error that takes nothing stops nobody.
    let fresh = tempfile::tempdir().unwrap();
    let output = small(fresh.path()).stderr(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(names(fresh.path()), names(folder.path()));

    let fresh = tempfile::tempdir().unwrap();
    let output = small(fresh.path()).arg("-vv").stderr(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");

    // A reader that closed the pipe wanted no more: the code is that of the work.
    let fresh = tempfile::tempdir().unwrap();
    let mut child = small(fresh.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3), "{said}");
    assert!(said.contains("note: standard output was closed before everything was written to it"), "{said}");
    assert_eq!(names(fresh.path()), names(folder.path()));
    for args in [&["verify"][..], &["history"], &["head"], &["history", "--json"], &["--help"]] {
        let mut command = Command::new(binary());
        command.args(args);
        if args[0] != "--help" {
            command.arg("--out").arg(folder.path().join("reports"));
        }
        let output = command.stdout(full()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
        assert!(String::from_utf8(output.stderr).unwrap().contains("standard output"), "{args:?}");
    }
}
