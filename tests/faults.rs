//! Faults: a run is stopped at the system calls by which it changes the reports folder, or such a call fails as on a full or a
//! broken disk: at every single one once a night, at half of the writes and all others in each run of the tests. Whatever the
//! instant, no report is torn, and the same run again makes of the folder, byte for byte, what it would have become undisturbed.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::converge;
use crate::disturb::{
    self, CALLS, Call, MAKES, RENAMES, SYNCS, Traced, Tree, WRITES, below, can_disturb, differences, is_like,
    lines, shape, target, tree,
};
use crate::job::{self, Ran};

const CONFIG: &str = r#"
salt = "a pinch of salt for tests"
slot = "5m"

[[source]]
name = "requests"
paths = ["requests-{date}.ndjson"]

[[source]]
name = "webhooks"
log = "webhooks"
paths = ["webhooks-{date}.ndjson"]

[[service]]
name = "messages"

[[service]]
name = "media"

[[component]]
name = "Cloud API"
services = ["messages", "media"]

[limits]
coverage_percent = 0

[overrides]
path = "overrides.csv"

# Every file is written in the same way; the tables are enough of them.
[outputs]
formats = []
"#;

const OVERRIDES: &str = "\
id,direction,start,end,service,region,business_id,error_code,account,reason,ticket,author,approver,created_at,note
a,to_uptime,2026-11-18T10:00Z,2026-11-18T10:05Z,media,,,131016,,caller-misuse,OPS-1,ann,bob,2026-11-24T09:00Z,
";

/// The clock of the run that is disturbed.
const NOW: &str = "2026-11-25T06:00:00Z";

fn request(day: u32, id: &str, rest: &str) -> String {
    format!(r#"{{"ts":"2026-11-{day}T10:00:00Z","request_id":"{id}","region":"eu",{rest}}}"#) + "\n"
}

fn admitted(day: u32, message: &str) -> String {
    request(day, message, &format!(r#""service":"messages","http_status":200,"message_id":"{message}""#))
}

fn status(day: u32, message: &str, word: &str) -> String {
    format!(
        r#"{{"ts":"2026-11-{day}T10:00:01Z","webhook_id":"{message}-{word}","service":"messages","region":"eu","message_id":"{message}","status":"{word}","outcome":"http","http_status":200}}"#
    ) + "\n"
}

/// What the next run makes of a disturbed one.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Mended {
    /// What an undisturbed run makes of it, byte for byte.
    Same,
    /// The same figures. The ledger tells of the failure in between, and with it what is made of how often, and in which
    /// order, it was written: numbers of editions, `restatements`, `.drawn` and the metadata of Parquet files.
    Figures(String),
}

/// Found out once for every state.
type Second = Arc<OnceLock<Result<Mended, String>>>;

/// A run to disturb: of two days, one of which stands already, with fewer rows. It seals a third, reads a fourth again that
/// nobody asked for, and applies an override.
struct Case {
    dir: tempfile::TempDir,
    calls: Vec<Call>,
    /// What an undisturbed run makes of the folder.
    after: Tree,
    figures: BTreeMap<PathBuf, String>,
    /// What the next run makes of a state; it depends on nothing else.
    seconds: Mutex<HashMap<u64, Second>>,
}

impl Case {
    fn new() -> Self {
        // Memory, where there is such a folder: a disk that takes its time to sync would make this slow.
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let mut case = Self {
            dir,
            calls: Vec::new(),
            after: Tree::new(),
            figures: BTreeMap::new(),
            seconds: Mutex::default(),
        };
        let write = |name: &str, rows: &[String]| fs::write(case.path(name), rows.concat()).unwrap();
        write("uptime-ledger.toml", &[CONFIG.to_owned()]);
        write("requests-2026-11-18.ndjson", &[admitted(18, "b")]);
        write("webhooks-2026-11-18.ndjson", &[status(18, "b", "sent")]);
        write("overrides.csv", &[OVERRIDES.lines().take(1).collect()]);
        write("requests-2026-11-10.ndjson", &[admitted(10, "x")]);
        write("webhooks-2026-11-10.ndjson", &[status(10, "x", "delivered")]);
        // The grace after its window ends with the second run, before the one that is disturbed.
        case.run(&case.path("before"), "2026-11-10", "2026-11-10", "2026-11-18T05:30:00Z").expect(0);
        write("requests-2026-11-17.ndjson", &[admitted(17, "y")]);
        write("webhooks-2026-11-17.ndjson", &[status(17, "y", "delivered")]);
        case.run(&case.path("before"), "2026-11-17", "2026-11-18", "2026-11-19T00:00:00Z").expect(0);
        let failed = |day| request(day, "c", r#""service":"media","http_status":500,"error_code":131016"#);
        write("requests-2026-11-17.ndjson", &[admitted(17, "y"), failed(17)]);
        write("requests-2026-11-18.ndjson", &[admitted(18, "b"), failed(18)]);
        write("overrides.csv", &[OVERRIDES.to_owned()]);
        write("requests-2026-11-19.ndjson", &[admitted(19, "d")]);
        let told = [status(19, "d", "sent"), status(19, "b", "delivered")];
        write("webhooks-2026-11-19.ndjson", &told);

        let place = case.place("after");
        let said = ["restated: 2026-11-18 is now edition 2", "restated: 2026-11-17 is now edition 2"];
        case.second(&place).expect(0).says(&said);
        let journal = fs::read_to_string(place.join("ledger/journal.ndjson")).unwrap();
        for done in [r#""kind":"sealed","day":"2026-11-10""#, r#""status":"applied""#] {
            assert!(journal.contains(done), "{done}: {journal}");
        }
        case.after = tree(&place);
        verify(&place).unwrap();
        assert_eq!(torn(&place), Vec::<String>::new());
        case.figures = converge::reports(&place);
        let place = case.place("traced");
        let (status, calls) = case.traced(&case.path("uptime-ledger.toml")).calls(&place);
        assert!(status.success());
        assert_eq!(differences(&case.after, &tree(&place)), "", "two undisturbed runs");
        case.calls = calls;
        case
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A copy of the folder as the first run has left it.
    fn place(&self, name: &str) -> PathBuf {
        let to = self.path(name);
        disturb::copy(&self.path("before"), &to);
        to
    }

    fn run(&self, reports: &Path, from: &str, to: &str, as_of: &str) -> Ran {
        let mut command = assert_cmd::Command::new(job::binary());
        command.arg("run").arg("--config").arg(self.path("uptime-ledger.toml")).arg("--out").arg(reports);
        job::ran(command.args(args(from, to, as_of)).args(["--threads", "1"]).env("POLARS_MAX_THREADS", "1"))
    }

    /// The run that is disturbed, undisturbed.
    fn second(&self, reports: &Path) -> Ran {
        self.run(reports, "2026-11-18", "2026-11-19", NOW)
    }

    /// Disturbs a run at every call chosen, each on a copy of its own, and says what went wrong.
    #[track_caller]
    fn each(
        &self,
        is_chosen: impl Fn(&Call) -> bool,
        disturb: impl Fn(&Call, &str) -> Result<(), String> + Sync,
    ) {
        let chosen: Vec<&Call> = self.calls.iter().filter(|call| is_chosen(call)).collect();
        let (next, wrong) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
        let work = || {
            while let Some((at, call)) = {
                let at = next.fetch_add(1, Ordering::Relaxed);
                chosen.get(at).map(|call| (at, call))
            } {
                let name = format!("at-{at}");
                if let Err(why) = disturb(call, &name) {
                    wrong
                        .lock()
                        .unwrap()
                        .insert(at, format!("{} {} {}: {why}", call.name, call.nth, call.target));
                }
                let _ = fs::remove_dir_all(self.path(&name));
                let _ = fs::remove_file(self.path(&name).with_extension("log"));
            }
        };
        thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(work))));
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for call in &chosen {
            *counts.entry(&call.name).or_default() += 1;
        }
        assert!(chosen.len() > 50, "too few for this run: {counts:?}");
        let wrong: Vec<String> = wrong.into_inner().unwrap().into_values().collect();
        let all = chosen.len();
        assert!(wrong.is_empty(), "{} of {all} points, {counts:?}:\n{}", wrong.len(), wrong.join("\n"));
    }

    /// The run that is disturbed.
    fn traced<'a>(&self, config: &'a Path) -> Traced<'a> {
        Traced { config, args: &SECOND }
    }

    /// Kills a run at the entry of a call, which is then not carried out.
    fn kill(&self, call: &Call, place: &str) -> Result<PathBuf, String> {
        let reports = self.path(place);
        let prepare = || {
            let _ = fs::remove_dir_all(&reports);
            self.place(place);
        };
        self.traced(&self.path("uptime-ledger.toml")).kill(call, &reports, prepare)?;
        Ok(reports)
    }

    /// Lets a call fail.
    fn fail(&self, call: &Call, place: &str, error: &str) -> Result<(PathBuf, Ran), String> {
        let reports = self.place(place);
        let log = reports.with_extension("log");
        let trace = format!("trace=execve,{}", call.name);
        let inject = format!("inject={}:error={error}:when={}", call.name, call.nth);
        let config = self.path("uptime-ledger.toml");
        let mut strace = self.traced(&config).strace(&reports, &log, &["-e", &trace, "-e", &inject]);
        let output = strace.stderr(Stdio::piped()).output().unwrap();
        let text = fs::read_to_string(&log).unwrap();
        let (main, lines) = lines(&text);
        let hits: Vec<_> = lines.into_iter().filter(|(_, text)| text.ends_with("(INJECTED)")).collect();
        match hits.as_slice() {
            [(pid, text)] if *pid == main && is_like(call, below(&target(text), &reports).as_deref()) => {}
            _ => return Err(format!("the run took another way this time: {hits:?}")),
        }
        let stderr = String::from_utf8(output.stderr).unwrap();
        Ok((reports, Ran { code: output.status.code(), stdout: String::new(), stderr }))
    }

    /// What is left is whole, and the same run again mends it.
    fn mends(&self, reports: &Path) -> Result<Mended, String> {
        let state = tree(reports);
        let second = Arc::clone(self.seconds.lock().unwrap().entry(fingerprint(&state)).or_default());
        let mend = || {
            let torn = torn(reports);
            if !torn.is_empty() {
                return Err(format!("torn: {}", torn.join(", ")));
            }
            let ran = self.second(reports);
            if ran.code != Some(0) {
                return Err(format!("the run after it ended with {:?}: {}", ran.code, ran.stderr));
            }
            verify(reports)?;
            match differences(&self.after, &tree(reports)) {
                none if none.is_empty() => Ok(Mended::Same),
                few if converge::reports(reports) == self.figures => Ok(Mended::Figures(few)),
                wrong => Err(format!("the run after it left {wrong}")),
            }
        };
        second.get_or_init(mend).clone()
    }
}

const fn args<'a>(from: &'a str, to: &'a str, as_of: &'a str) -> [&'a str; 8] {
    ["--from", from, "--to", to, "--simulate", "--as-of", as_of, "--quiet"]
}

/// The run that is disturbed.
const SECOND: [&str; 8] = args("2026-11-18", "2026-11-19", NOW);

/// Every hash and every balance of the ledger holds.
fn verify(reports: &Path) -> Result<(), String> {
    let ran = job::job(["verify".as_ref(), "--out".as_ref(), reports.as_os_str()]);
    if ran.code == Some(0) { Ok(()) } else { Err(format!("verify: {ran:?}")) }
}

/// Equal states have equal fingerprints, whatever the names of their temporary files and whoever held the lock.
fn fingerprint(tree: &Tree) -> u64 {
    let shaped = |(path, bytes): (&PathBuf, &Option<Vec<u8>>)| {
        let shape = shape(path.to_str().unwrap());
        let bytes = if shape == ".lock" { None } else { bytes.clone() };
        (shape, bytes)
    };
    let mut entries: Vec<_> = tree.iter().map(shaped).collect();
    entries.sort();
    let mut hasher = DefaultHasher::new();
    entries.hash(&mut hasher);
    hasher.finish()
}

/// Files that are not whole, with the reason. Hidden ones are no reports: they are not finished, or on their way out.
fn torn(reports: &Path) -> Vec<String> {
    let is_hidden = |path: &Path| path.iter().any(|part| part.to_str().unwrap().starts_with('.'));
    let wrong = |path: PathBuf| {
        let below = path.strip_prefix(reports).unwrap();
        let why = if is_hidden(below) { None } else { parsed(&path).err() };
        why.map(|why| format!("{} ({why})", below.display()))
    };
    job::paths(reports).into_iter().filter_map(wrong).collect()
}

fn parsed(path: &Path) -> Result<(), String> {
    let file = || fs::File::open(path).unwrap();
    let text = || fs::read_to_string(path).map_err(|e| e.to_string());
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).map_err(|e| e.to_string());
    match path.extension().and_then(|e| e.to_str()) {
        Some("csv") => {
            let text = text()?;
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            let is_whole = !reader.headers().map_err(|e| e.to_string())?.is_empty() && text.ends_with('\n');
            let rows = reader.records().try_for_each(|row| row.map(drop));
            rows.map_err(|e| e.to_string())?;
            if is_whole { Ok(()) } else { Err("cut off".to_owned()) }
        }
        Some("parquet") => {
            let reader = ParquetRecordBatchReaderBuilder::try_new(file())
                .and_then(ParquetRecordBatchReaderBuilder::build);
            let mut rows = reader.map_err(|e| e.to_string())?;
            rows.try_for_each(|rows| rows.map(drop)).map_err(|e| e.to_string())
        }
        Some("json") => json(&text()?).map(drop),
        Some("ndjson") => text()?.lines().try_for_each(|line| json(line).map(drop)),
        _ => Ok(()),
    }
}

/// Writes are most of the calls: each fails in one of two ways, and every second one is killed. With `EVERY_FAULT`, as once a
/// night, everything is tried.
fn is_chosen(call: &Call, turn: usize) -> bool {
    std::env::var_os("EVERY_FAULT").is_some() || !call.is(&WRITES) || call.nth % 2 == turn
}

#[test]
fn a_run_that_is_killed_tears_nothing_and_the_next_one_finishes() {
    if !can_disturb() {
        return;
    }
    let case = Case::new();
    case.each(
        |call| call.is(&CALLS) && call.name != "openat" && is_chosen(call, 1),
        |call, place| {
            let reports = case.kill(call, place)?;
            match case.mends(&reports)? {
                Mended::Same => Ok(()),
                Mended::Figures(few) => Err(format!("the run after it left {few}")),
            }
        },
    );
}

/// The run ends with exit code 1 and says where, why and what to do; when the cause is gone, the next one finishes. What fails
/// for a day that nobody asked for leaves that day as it is, and is a reason to look: exit code 3.
fn is_told_and_mended(case: &Case, call: &Call, place: &str, error: &str, why: &str) -> Result<(), String> {
    let (reports, ran) = case.fail(call, place, error)?;
    let Ran { code, stderr, .. } = &ran;
    if stderr.contains("panicked") {
        return Err(format!("panic: {stderr}"));
    }
    let of_another_day = ["could not be read again", "could not be booked"];
    let is_of_another_day = stderr.lines().any(|line| {
        line.starts_with("attention[")
            && line.contains("]: 2026-11-17: ")
            && of_another_day.iter().any(|words| line.contains(words))
    });
    if *code != Some(if is_of_another_day { 3 } else { 1 }) {
        return Err(format!("exit code {code:?}, stderr `{}`", stderr.trim()));
    }
    let remedies = ["free some space", "run again", "run the same days again"];
    let says_what_to_do = remedies.iter().any(|remedy| stderr.contains(remedy));
    if !stderr.contains(reports.to_str().unwrap()) || !stderr.contains(why) || !says_what_to_do {
        return Err(format!("does not say where, why and what to do: `{}`", stderr.trim()));
    }
    match case.mends(&reports)? {
        Mended::Same => Ok(()),
        // The days before a failure are published, and the run says so.
        Mended::Figures(_) if is_of_another_day || stderr.contains("1 of 2 days are published") => Ok(()),
        Mended::Figures(few) => {
            Err(format!("the run after it left {few}; the disturbed one said: {}", stderr.trim()))
        }
    }
}

#[test]
fn a_full_disk_is_told_and_when_there_is_room_the_next_run_finishes() {
    if !can_disturb() {
        return;
    }
    let case = Case::new();
    case.each(
        |call| (call.is(&WRITES) || call.is(&MAKES)) && is_chosen(call, 0),
        |call, place| is_told_and_mended(&case, call, place, "ENOSPC", "No space left on device"),
    );
}

#[test]
fn a_broken_disk_is_told_and_when_it_is_mended_the_next_run_finishes() {
    if !can_disturb() {
        return;
    }
    let case = Case::new();
    case.each(
        |call| (call.is(&WRITES) || call.is(&SYNCS) || call.is(&RENAMES)) && is_chosen(call, 1),
        |call, place| is_told_and_mended(&case, call, place, "EIO", "Input/output error"),
    );
}
