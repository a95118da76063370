//! Engines: logs read by processes, or by workers that a command starts, give every byte that threads give; what a worker
//! does wrong is told in its own words, and nothing is published.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::job::{self, Ran, binary};

const AS_OF: [&str; 3] = ["--simulate", "--as-of", "2026-11-25T06:00:00Z"];

/// Every file below a folder with its content, but the lock, which says who held it.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(at).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                open.push(path);
            } else if entry.file_name() != ".lock" {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[track_caller]
fn assert_same(one: &Path, other: &Path) {
    let (one, other) = (tree(one), tree(other));
    assert!(one.len() > 20, "{} files", one.len());
    let differ: Vec<&PathBuf> =
        one.keys().chain(other.keys()).filter(|path| one.get(*path) != other.get(*path)).collect();
    assert!(differ.is_empty(), "{differ:?}");
}

/// Logs of one day that need more than one round.
struct HardLogs {
    dir: tempfile::TempDir,
}

impl HardLogs {
    /// A file of three chunks with 1,200 bad rows, one with late quotes, copies of rows of both, a file that ends too early,
    /// and statuses of the messages.
    fn new() -> Self {
        Self::of(120_000)
    }

    fn of(rows: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |n: usize| {
            let (minute, second) = (n / 60 % 1_440, n % 60);
            format!("2026-11-20T{:02}:{:02}:{second:02}Z", minute / 60, minute % 60)
        };
        let header = "ts,request_id,http_status,business_id,message_id,error_code,region,note\n";
        let row = |file: &str, n: usize, note: &str| {
            let status = match n % 97 {
                0 => "503",
                1 => "4o4",
                _ => "200",
            };
            let message =
                if n.is_multiple_of(3) && status == "200" { format!("m-{file}{n}") } else { String::new() };
            let (caller, region) = (n % 40, ["eu", "us"][n % 2]);
            format!("{},{file}-{n},{status},b-{caller},{message},,{region},{note}\n", at(n))
        };
        let filler = "a note that makes the rows of this file long enough for several chunks of it";
        let mut requests = Vec::new();
        for (file, rows) in [("a", rows), ("b", rows * 3 / 4)] {
            let mut text = header.to_owned();
            for n in 0..rows {
                let is_late = file == "b" && n + 500 > rows;
                text.push_str(&row(file, n, if is_late { "\"two\nlines\"" } else { filler }));
            }
            requests.push((dir.path().join(format!("{file}.csv")), text.into_bytes()));
        }
        // Copies of rows of both files, and rows beside midnight.
        let mut copies = header.to_owned();
        for n in (0..rows * 3 / 4).step_by(11) {
            copies.push_str(&row(if n % 2 == 0 { "a" } else { "b" }, n, filler));
        }
        copies
            .push_str("2026-11-19T23:59:59Z,early,200,b-1,,,eu,\n2026-11-21T00:00:01Z,late,200,b-1,,,eu,\n");
        requests.push((dir.path().join("copies.csv"), copies.into_bytes()));
        let rest: String = (0..5_000).map(|n| row("cut", n, filler)).collect();
        let mut cut = gzip((header.to_owned() + &rest).as_bytes());
        cut.truncate(cut.len() - 100);
        requests.push((dir.path().join("cut.csv.gz"), cut));
        for (path, bytes) in &requests {
            fs::write(path, bytes).unwrap();
        }
        let mut told =
            "ts,event_ts,webhook_id,business_id,region,attempt_no,outcome,http_status,message_id,status\n"
                .to_owned();
        for n in (0..rows).step_by(3) {
            let (at, caller, region) = (at(n + 5), n % 40, ["eu", "us"][n % 2]);
            for file in ["a", "b"].into_iter().filter(|file| *file == "a" || n < rows * 3 / 4) {
                let status = if n.is_multiple_of(33) { "failed" } else { "delivered" };
                writeln!(told, "{at},{at},w-{file}{n},b-{caller},{region},1,http,200,m-{file}{n},{status}")
                    .unwrap();
            }
        }
        fs::write(dir.path().join("hooks.csv"), told).unwrap();
        let config = "salt = \"the salt of hard logs\"\n\
            [[source]]\nname = \"requests\"\npaths = [\"*.csv.gz\", \"[abc]*.csv\"]\n\
            [[source]]\nname = \"hooks\"\nlog = \"webhooks\"\npaths = [\"hooks.csv\"]\n";
        fs::write(dir.path().join("hard.toml"), config).unwrap();
        Self { dir }
    }

    fn command(&self, out: &str, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.current_dir(self.dir.path()).args(["run", "--config", "hard.toml", "--out", out]);
        command.args(["--date", "2026-11-20"]).args(AS_OF).args(args);
        command
    }

    fn run(&self, out: &str, args: &[&str]) -> Ran {
        let output = self.command(out, args).output().unwrap();
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// A script that gets the stage, the places of the tasks and the job, and may call `work PLACE`.
fn script(folder: &Path, body: &str) -> Vec<String> {
    let path = folder.join(format!("engine-{}.sh", fs::read_dir(folder).unwrap().count()));
    let binary = binary();
    let text = format!(
        "stage=$1 job=$3 folder=${{3%/*}}\nIFS=, read -ra places <<< \"$2\"\n\
         work() {{ {} worker \"$stage\" --job \"$job\" --task \"$1\" > /dev/null; }}\n{body}\n",
        binary.display()
    );
    fs::write(&path, text).unwrap();
    let words = ["bash", path.to_str().unwrap(), "{stage}", "{indexes}", "{job}"];
    words.map(str::to_owned).to_vec()
}

/// The options of an engine that is a script.
fn engine(folder: &Path, exchange: &str, cut: &[&str], body: &str) -> Vec<String> {
    let fixed = ["--engine", "command", "--exchange", exchange];
    let words = fixed.iter().chain(cut).map(|word| (*word).to_owned());
    words.chain(["--engine-command".to_owned()]).chain(script(folder, body)).collect()
}

fn strs(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

#[test]
fn processes_give_the_bytes_of_threads_in_every_format() {
    let dir = tempfile::tempdir().unwrap();
    for (at, (format, tasks, reducers, partition_bits)) in [
        ("csv", "1", "5", 8),
        ("ndjson.gz", "7", "1", 9),
        ("ndjson.zst", "40", "64", 14),
        ("parquet", "7", "5", 11),
    ]
    .into_iter()
    .enumerate()
    {
        let (format, packed) = format.split_once('.').unwrap_or((format, "none"));
        let packed = if format == "parquet" { "zst" } else { packed };
        let sample = dir.path().join(format!("sample-{at}"));
        job::sample(
            &sample,
            &["--days", "2", "--rows", "4000", "--format", format, "--compression", packed, "--files", "2"],
        );
        let (config, days) =
            (sample.join("uptime-ledger.toml"), ["--from", "2026-11-18", "--to", "2026-11-20"]);
        let run = |out: &Path, args: &[&str]| {
            let ran = job::run(&config, out, &[&AS_OF[..], &days, args].concat());
            assert!(matches!(ran.code, Some(0 | 3)), "{ran:?}");
        };
        let cut = format!("\n[engine]\npartition_bits = {partition_bits}\n");
        let (threads, processes) = (dir.path().join(format!("t{at}")), dir.path().join(format!("p{at}")));
        run(&threads, &[]);
        let exchange = dir.path().join("exchange");
        let exchange = exchange.to_str().unwrap();
        let engine =
            ["--engine", "processes", "--exchange", exchange, "--tasks", tasks, "--reducers", reducers];
        fs::write(&config, fs::read_to_string(&config).unwrap() + &cut).unwrap();
        run(&processes, &engine);
        assert_same(&threads, &processes);
        let divided = dir.path().join(format!("d{at}"));
        run(&divided, &[]);
        assert_same(&threads, &divided);
        let left = fs::read_dir(exchange).unwrap().count();
        assert_eq!(left, 0, "the exchange is empty after a run");
    }
}

#[test]
fn hard_logs_give_the_same_bytes_whatever_happens_to_workers() {
    let logs = HardLogs::new();
    let told = logs.run("threads", &[]).expect(3);
    assert!(told.stderr.contains("cut.csv.gz"), "{}", told.stderr);
    let quarantine = fs::read_to_string(logs.path("threads/daily/2026-11-20/quarantine.ndjson"));
    let quarantine = quarantine.unwrap_or_default().lines().count();
    assert!(quarantine > 1_000, "{quarantine} bad rows");

    let ran = logs
        .run("processes", &["--engine", "processes", "--exchange", "x", "--tasks", "7", "--threads", "2"]);
    let told_by = |told: &Ran| -> Vec<String> {
        told.stderr.lines().filter(|line| line.starts_with("attention")).map(str::to_owned).collect()
    };
    assert_eq!(told_by(&ran.expect(3)), told_by(&told));
    assert_same(&logs.path("threads"), &logs.path("processes"));

    // Every fifth task runs twice at once, another is killed and run again, in any order.
    let body = "for ((n = ${#places[@]} - 1; n >= 0; n--)); do\n\
                case $((n % 5)) in\n\
                0) work ${places[n]} & work ${places[n]} & wait -n || exit 1; wait -n || exit 1 ;;\n\
                1) work ${places[n]} & sleep 0.03; pkill -9 -P $! ; kill -9 $! ; wait $!; work ${places[n]} || exit 1 ;;\n\
                *) work ${places[n]} || exit 1 ;;\n\
                esac\n\
                done 2> /dev/null";
    let words = engine(logs.dir.path(), "y", &["--tasks", "40", "--reducers", "3"], body);
    logs.run("command", &strs(&words)).expect(3);
    assert_same(&logs.path("threads"), &logs.path("command"));
}

#[test]
fn what_a_worker_does_wrong_is_told_and_nothing_is_published() {
    let logs = HardLogs::of(6_000);
    let all = "for place in ${places[@]}; do work $place || exit 1; done\n";
    let at_last = |stage: &str, harm: &str| format!("{all}[ $stage != {stage} ] || {{ {harm}; }}");
    let object = "$(ls $folder/*.ulx | tail -1)";
    let receipt = "$(ls $folder/*-*.json | tail -1)";
    let cases = [
        ("truncates its object", at_last("map", &format!("truncate -s -1 {object}")), "and its receipt names"),
        (
            "changes a byte of its records",
            at_last("map", &format!("printf x | dd of={object} bs=1 seek=60000 conv=notrunc 2> /dev/null")),
            "and the index names",
        ),
        ("lies about its rows", at_last("map", &format!("sed -i 's/\"rows_read\":[0-9]*/\"rows_read\":1/' {receipt}")), "rows_read: 1"),
        (
            "lies about its records",
            at_last("map", &format!("sed -i 's/\"calls\":[0-9]*/\"calls\":1/' {receipt}")),
            "and its receipt names {",
        ),
        (
            "is of another version",
            at_last("join", &format!("sed -i 's/\"version\":\"[^\"]*/\"version\":\"0.0.9/' {receipt}")),
            "its version is 0.0.9, expected",
        ),
        ("leaves no receipt", at_last("dedupe", &format!("rm {receipt}")), "has left no receipt in"),
        ("fails", "echo 'the disk of node 7 is full' >&2; exit 7".to_owned(), "the disk of node 7 is full"),
        (
            "finds a job of another version",
            "sed -i 's/\"reading\":{\"version\":\"[^\"]*/\"reading\":{\"version\":\"0.0.9/' $job; work 0; exit $?".to_owned(),
            "its version is 0.0.9, expected",
        ),
        (
            "finds a job that was changed",
            "sed -i 's/\"first_status_us\":[0-9]*/\"first_status_us\":1/' $job; work 0; exit $?".to_owned(),
            "its hash is",
        ),
        (
            "is another build",
            format!("cp {} other; printf x >> other; ./other worker map --job $job --task 0; code=$?; rm other; exit $code", binary().display()),
            "its program (SHA-256) is",
        ),
    ];
    for (at, (what, body, words)) in cases.into_iter().enumerate() {
        let args = engine(logs.dir.path(), &format!("x{at}"), &["--tasks", "2", "--reducers", "2"], &body);
        let out = format!("out-{at}");
        let ran = logs.run(&out, &strs(&args));
        assert_eq!(ran.code, Some(1), "{what}: {ran:?}");
        assert!(ran.stderr.contains(words), "a worker {what}: no `{words}` in {}", ran.stderr);
        assert!(ran.stderr.contains("--resume run-"), "{}", ran.stderr);
        assert!(!logs.path(&out).join("availability.csv").exists(), "{what}");
    }
}

#[test]
fn attempts_that_failed_are_told_in_their_own_words() {
    let logs = HardLogs::of(6_000);
    logs.run("threads", &[]).expect(3);
    // One attempt finds no log, one is killed, one is too many.
    let body = "[ $stage != map ] || { mv cut.csv.gz away; for place in ${places[@]}; do work $place; done; mv away cut.csv.gz; }\n\
                [ $stage != join ] || work 0\n\
                for place in ${places[@]}; do work $place || exit 1; done 2> /dev/null";
    let words = engine(logs.dir.path(), "x", &["--tasks", "2", "--reducers", "1"], body);
    let told = logs.run("command", &strs(&words)).expect(3).stderr;
    let line =
        |start: &str| told.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{told}"));
    assert!(line("map: ").contains(" attempts, "), "{told}");
    assert!(line("dedupe: ").starts_with("dedupe: 1 tasks, "), "{told}");
    assert!(line("join: ").starts_with("join: 1 tasks in 2 attempts, "), "{told}");
    assert!(line("note: 2026-11-20: failed attempts at tasks of map: ").ends_with('1'), "{told}");
    assert!(line("  1 x ").contains("cut.csv.gz: opening a log that the run has opened"), "{told}");
    assert_same(&logs.path("threads"), &logs.path("command"));
}

#[test]
fn a_task_reads_from_more_results_than_it_may_open() {
    let dir = tempfile::tempdir().unwrap();
    let mut row = 0;
    for file in 0..60 {
        let mut text = "ts,request_id,http_status,message_id\n".to_owned();
        for _ in 0..20 {
            row += 1;
            writeln!(text, "2026-11-20T{:02}:{:02}:00Z,r{row},200,m{row}", row / 60 % 24, row % 60).unwrap();
        }
        fs::write(dir.path().join(format!("a{file}.csv")), text).unwrap();
    }
    fs::write(
        dir.path().join("many.toml"),
        "salt = \"the salt of many files\"\n[[source]]\nname = \"api\"\npaths = [\"a*.csv\"]\n",
    )
    .unwrap();
    let run = |out: &str, engine: &str| {
        let words = format!(
            "ulimit -n 40; exec {} run --config many.toml --date 2026-11-20 {} --out {out} {engine}",
            binary().display(),
            AS_OF.join(" ")
        );
        let output = Command::new("bash").current_dir(dir.path()).args(["-c", &words]).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(matches!(output.status.code(), Some(0 | 3)), "{told}");
        assert!(engine.is_empty() || told.contains("map: "), "{told}");
    };
    run("threads", "");
    run("tasks", "--engine processes --exchange x --tasks 60 --reducers 50 --threads 2");
    assert_same(&dir.path().join("threads"), &dir.path().join("tasks"));
}

#[test]
fn a_command_that_fails_is_not_waited_for_and_a_late_worker_brings_nothing_back() {
    let logs = HardLogs::of(6_000);
    let begun = std::time::Instant::now();
    let body = "sleep 600 & echo 'the cluster refused' >&2; exit 1";
    let told =
        logs.run("refused", &strs(&engine(logs.dir.path(), "x", &["--tasks", "2"], body))).expect(1).stderr;
    assert!(told.contains("the cluster refused") && begun.elapsed().as_secs() < 300, "{told}");
    // A copy of the first task has read its job, and goes on when the run is over.
    let body = "[ $stage != map ] || { cp $job late.json; echo $folder > late; }\n\
                for place in ${places[@]}; do work $place || exit 1; done";
    logs.run("good", &strs(&engine(logs.dir.path(), "y", &["--tasks", "2"], body))).expect(3);
    let late = Command::new(binary())
        .current_dir(logs.dir.path())
        .args(["worker", "map", "--job", "late.json", "--task", "0"])
        .output()
        .unwrap();
    assert_eq!(late.status.code(), Some(75), "{late:?}");
    assert_eq!(fs::read_dir(logs.path("y")).unwrap().count(), 0, "the run is over");
}

#[test]
fn a_run_goes_on_with_the_results_that_its_stages_have_read() {
    let logs = HardLogs::of(6_000);
    logs.run("threads", &[]).expect(3);
    let body = |fails: &str| {
        format!(
            "[ $stage != {fails} ] || exit 1\nfor place in ${{places[@]}}; do work $place || exit 1; done"
        )
    };
    let cut = ["--tasks", "2", "--reducers", "2"];
    for (at, stage) in ["dedupe", "join"].into_iter().enumerate() {
        let (exchange, out) = (format!("x{at}"), format!("out{at}"));
        let told =
            logs.run(&out, &strs(&engine(logs.dir.path(), &exchange, &cut, &body(stage)))).expect(1).stderr;
        let name =
            told.split("`--resume ").nth(1).and_then(|rest| rest.split('`').next()).unwrap().to_owned();
        // Each task runs again, so that half of the smallest names are other ones.
        let folder = logs.path(&exchange).join(&name).join("2026-11-20");
        for before in ["map-0", "map-1", "dedupe"] {
            let job = folder.join(before).join("job.json");
            for task in ["0", "1", "0", "1"]
                .into_iter()
                .filter(|_| job.exists() && !(stage == "dedupe" && before == "dedupe"))
            {
                fs::remove_file(folder.join(before).join("cancelled")).ok();
                let stage = before.split('-').next().unwrap();
                let mut again = Command::new(binary());
                again.current_dir(logs.dir.path()).args([
                    "worker",
                    stage,
                    "--job",
                    job.to_str().unwrap(),
                    "--task",
                    task,
                ]);
                again.output().unwrap();
            }
        }
        let more = [&cut[..], &["--resume", &name]].concat();
        let words = engine(logs.dir.path(), &exchange, &more, &body("none"));
        logs.run(&out, &strs(&words)).expect(3);
        assert_same(&logs.path("threads"), &logs.path(&out));
    }
    // A log that was changed since, with as many bytes, is another log.
    let told =
        logs.run("changed", &strs(&engine(logs.dir.path(), "z", &cut, &body("dedupe")))).expect(1).stderr;
    let name = told.split("`--resume ").nth(1).and_then(|rest| rest.split('`').next()).unwrap().to_owned();
    let log = logs.path("a.csv");
    fs::write(&log, fs::read_to_string(&log).unwrap().replace(",200,", ",500,")).unwrap();
    let more = [&cut[..], &["--resume", &name]].concat();
    let words = engine(logs.dir.path(), "z", &more, &body("none"));
    let told = logs.run("changed", &strs(&words)).expect(1).stderr;
    assert!(told.contains("its hash is") && told.contains("of other logs"), "{told}");
}

#[test]
fn a_run_that_is_stopped_is_resumed_with_what_its_tasks_have_done() {
    let logs = HardLogs::new();
    logs.run("threads", &[]).expect(3);
    // The first three tasks are done, then the engine hangs.
    let body = "if [ $stage = map ]; then for place in ${places[@]:0:3}; do work $place; done; touch here; exec sleep 600; fi";
    let cut = ["--tasks", "7", "--reducers", "2"];
    let words = engine(logs.dir.path(), "x", &cut, body);
    let mut running = logs.command("out", &strs(&words));
    let running = running.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while !logs.path("here").exists() {
        assert!(begun.elapsed() < Duration::from_mins(1), "the tasks are not done");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(Command::new("kill").arg(running.id().to_string()).status().unwrap().success());
    let output = running.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("stopped by SIGTERM"), "{told}");
    let run = told.split_once("--resume ").unwrap().1.split('`').next().unwrap();
    let told = logs.path("x").join(run).join("2026-11-20/map-0/cancelled");
    assert!(told.exists(), "workers are told to stop");
    let told =
        logs.run("out", &["--engine", "processes", "--exchange", "x", "--resume", "run-0000"]).expect(2);
    assert!(told.stderr.contains("there is nothing in"), "{}", told.stderr);

    let body = "echo $stage ${places[@]} >> asked; for place in ${places[@]}; do work $place || exit 1; done";
    let resume = [&cut[..], &["--resume", run]].concat();
    logs.run("out", &strs(&engine(logs.dir.path(), "x", &resume, body))).expect(3);
    let asked = fs::read_to_string(logs.path("asked")).unwrap();
    assert!(asked.starts_with("map 3 4\n"), "{asked}");
    assert_same(&logs.path("threads"), &logs.path("out"));
}

#[test]
fn a_run_that_has_failed_in_any_stage_is_resumed_also_on_a_real_clock() {
    let logs = HardLogs::of(6_000);
    let cut = ["--tasks", "3", "--reducers", "2"];
    let run = |out: &str, words: &[String]| {
        let mut command = Command::new(binary());
        command.current_dir(logs.dir.path()).args(["run", "--config", "hard.toml", "--out", out]);
        let output = command.args(["--date", "2026-11-20"]).args(words).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    for stage in ["map", "dedupe", "join"] {
        let out = format!("out-{stage}");
        let body = format!(
            "[ $stage != {stage} ] || exit 1; for place in ${{places[@]}}; do work $place || exit 1; done"
        );
        let (code, told) = run(&out, &engine(logs.dir.path(), "x", &cut, &body));
        assert_eq!(code, Some(1), "{told}");
        let run_name = told.split_once("--resume ").unwrap().1.split('`').next().unwrap().to_owned();
        std::thread::sleep(Duration::from_millis(5));
        let body = "echo $stage >> asked; for place in ${places[@]}; do work $place || exit 1; done";
        let more = [&cut[..], &["--resume", &run_name]].concat();
        let (code, told) = run(&out, &engine(logs.dir.path(), "x", &more, body));
        assert!(matches!(code, Some(0 | 3)), "{stage}: {told}");
        let asked = fs::read_to_string(logs.path("asked")).unwrap();
        assert!(asked.starts_with(stage), "{stage}: {asked}");
        fs::remove_file(logs.path("asked")).unwrap();
        assert!(logs.path(&out).join("availability.csv").exists());
    }
    let other = engine(logs.dir.path(), "x", &["--tasks", "2", "--reducers", "2"], "exit 1");
    let (_, told) = run("out", &other);
    let run_name = told.split_once("--resume ").unwrap().1.split('`').next().unwrap().to_owned();
    let more = engine(logs.dir.path(), "x", &[&cut[..], &["--resume", &run_name]].concat(), "exit 1");
    let (code, told) = run("out", &more);
    assert!(
        code == Some(1) && told.contains("its stage is cut into 2 tasks, expected cut into 3 tasks"),
        "{told}"
    );
}

#[test]
fn a_day_whose_tasks_fail_stops_itself_alone_and_is_kept_for_resume() {
    let dir = tempfile::tempdir().unwrap();
    let sample = dir.path().join("sample");
    job::sample(&sample, &["--days", "2", "--rows", "2000"]);
    let (config, days) = (sample.join("uptime-ledger.toml"), ["--from", "2026-11-18", "--to", "2026-11-19"]);
    let exchange = dir.path().join("exchange");
    let run = |body: &str, more: &[&str]| {
        let words = engine(dir.path(), exchange.to_str().unwrap(), more, body);
        job::run(&config, &dir.path().join("out"), &[&AS_OF[..], &days, &strs(&words)].concat())
    };
    let all = "for place in ${places[@]}; do work $place || exit 1; done";
    let told = run(&format!("[[ $job != */2026-11-18/* ]] || exit 1; {all}"), &["--tasks", "2"]);
    assert_eq!(told.code, Some(3), "{told:?}");
    let days_out = job::table(&dir.path().join("out"), "availability");
    assert!(days_out.iter().all(|row| row["day"] == "2026-11-19") && !days_out.is_empty());
    let run_name = told.stderr.split_once("--resume ").unwrap().1.split('`').next().unwrap().to_owned();
    let told = run(all, &["--tasks", "2", "--resume", &run_name]);
    assert!(matches!(told.code, Some(0 | 3)), "{told:?}");
    let days_out = job::table(&dir.path().join("out"), "availability");
    assert!(days_out.iter().any(|row| row["day"] == "2026-11-18"));
    assert_eq!(fs::read_dir(&exchange).unwrap().count(), 0, "{told:?}");
}

#[test]
fn a_log_that_is_changed_before_a_worker_reads_it_is_no_smaller_log() {
    let logs = HardLogs::new();
    // A file of three chunks becomes a file of one, which a worker would read whole.
    let body = "[ $stage != map ] || truncate -s 1000000 a.csv; for place in ${places[@]}; do work $place || exit 1; done";
    let ran =
        logs.run("out", &strs(&engine(logs.dir.path(), "x", &["--tasks", "3", "--reducers", "2"], body)));
    assert!(ran.stderr.contains("a.csv") && ran.stderr.contains("unreadable-file"), "{}", ran.stderr);
    let intake = job::table(&logs.path("out"), "daily/2026-11-20/intake");
    let row = intake.iter().find(|row| row["path"].ends_with("a.csv")).unwrap();
    assert_eq!(job::n(row, "accepted"), 0, "{row:?}");
    // One that is gone for a worker alone is no bad file.
    let logs = HardLogs::of(6_000);
    let body = "mv a.csv elsewhere; for place in ${places[@]}; do work $place || { mv elsewhere a.csv; exit 1; }; done";
    let ran = logs.run("out", &strs(&engine(logs.dir.path(), "y", &["--tasks", "3"], body)));
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("opening a log that the run has opened"), "{}", ran.stderr);
}

#[test]
fn a_worker_says_what_it_cannot_do() {
    let logs = HardLogs::of(6_000);
    let body = "cp $job kept.json; cp -r $folder kept; exit 1";
    logs.run("out", &strs(&engine(logs.dir.path(), "x", &["--tasks", "2"], body))).expect(1);
    let worker = |args: &[&str]| {
        let mut command = Command::new(binary());
        let output = command.current_dir(logs.dir.path()).arg("worker").args(args).output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let (code, told, _) = worker(&["map", "--job", "none.json", "--task", "0"]);
    assert!(code == Some(75) && told.contains("none.json"), "{code:?} {told}");
    let (code, told, _) = worker(&["join", "--job", "kept.json", "--task", "0"]);
    assert!(code == Some(70) && told.contains("of the stage map, not join"), "{code:?} {told}");
    let (code, told, _) = worker(&["map", "--job", "kept.json", "--task", "9"]);
    assert!(code == Some(70) && told.contains("no task 9: it has 2 tasks"), "{code:?} {told}");
    fs::write(logs.path("broken.json"), "{").unwrap();
    let (code, told, _) = worker(&["map", "--job", "broken.json", "--task", "0"]);
    assert!(code == Some(65) && told.contains("broken.json cannot be used"), "{code:?} {told}");
    let (code, _, told) = worker(&["probe", "--job", "kept.json"]);
    assert!(code == Some(0) && told.contains("can be read") && told.contains("can be written to"), "{told}");
    for log in job::paths(logs.dir.path()).iter().filter(|path| path.to_string_lossy().contains(".csv")) {
        fs::remove_file(log).unwrap();
    }
    let (code, told, _) = worker(&["probe", "--job", "kept.json"]);
    assert!(code == Some(75) && told.contains("csv"), "{code:?} {told}");
    // The job holds the salt, so it is for its owner alone.
    let jobs = fs::read_dir(logs.path("x"))
        .unwrap()
        .map(|run| run.unwrap().path().join("2026-11-20/map-0/job.json"));
    for job in jobs {
        assert_eq!(fs::metadata(job).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn the_config_names_an_engine_and_the_command_line_goes_before_it() {
    let logs = HardLogs::of(600);
    logs.run("threads", &[]).expect(3);
    let config = fs::read_to_string(logs.path("hard.toml")).unwrap();
    let engine = "[engine]\nkind = \"processes\"\nexchange = \"x\"\ntasks = 3\nreducers = 2\n";
    fs::write(logs.path("hard.toml"), format!("{config}\n{engine}")).unwrap();
    let told = logs.run("processes", &[]).expect(3);
    assert!(told.stderr.contains("dedupe: 2 tasks"), "{}", told.stderr);
    assert_same(&logs.path("threads"), &logs.path("processes"));
    let told = logs.run("again", &["--engine", "threads"]).expect(3);
    assert!(!told.stderr.contains("dedupe:"), "{}", told.stderr);
    assert_same(&logs.path("threads"), &logs.path("again"));
}

#[test]
fn options_of_engines_that_do_not_fit_are_refused() {
    let logs = HardLogs::of(600);
    let refused = |args: &[&str], words: &str| {
        let ran = logs.run("out", args).expect(2);
        assert!(ran.stderr.contains(words), "{args:?}: {}", ran.stderr);
    };
    refused(&["--engine", "processes"], "needs --exchange");
    refused(&["--tasks", "3"], "are for an engine of tasks");
    refused(&["--engine", "command", "--exchange", "x"], "needs --engine-command");
    refused(&["--engine", "spark", "--exchange", "x"], "needs --remote");
    refused(&["--remote", "sc://a"], "--remote needs --engine spark");
    refused(&["--engine", "processes", "--exchange", "x", "--engine-command", "a"], "needs --engine command");
    refused(&["--engine", "processes", "--exchange", "x", "--resume", "../other"], "begins with `run-`");
    refused(&["--engine", "processes", "--exchange", "s3://", "--tasks", "2"], "--exchange s3://");
}
