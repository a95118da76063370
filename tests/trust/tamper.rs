//! Tamper: whatever range of bytes is changed, cut, swapped or repeated in whatever file of a ledger, `verify` finds it and
//! names the file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use uptime_ledger::ledger::verify;

use crate::job;

/// How often each file is changed: most in a ledger of one edition, which is looked through quickly.
const TAMPERED: [u64; 2] = [90, 4];

const CONFIG: &str = r#"
    slot = "5m"
    policy = "policy.toml"
    [[source]]
    name = "requests"
    paths = ["requests-{date}.ndjson"]
    [[source]]
    name = "webhooks"
    log = "webhooks"
    paths = ["webhooks-{date}.ndjson"]
    [[service]]
    name = "messages"
    [definition]
    min_events = 1
    [limits]
    coverage_percent = 0
    [overrides]
    path = "overrides.csv"
"#;

/// A ledger of one day; and one of two days, one of which is sealed and the other has a second edition with an override and
/// another policy.
fn ledgers(dir: &Path) -> [PathBuf; 2] {
    let write = |name: &str, text: &str| fs::write(dir.join(name), text).unwrap();
    let call = |day: u32, id: &str, rest: &str| {
        format!(
            r#"{{"ts":"2026-11-{day}T10:00:00Z","request_id":"{id}","business_id":"b","region":"eu","service":"messages",{rest}}}"#
        ) + "\n"
    };
    let told = |day: u32, id: &str, word: &str| {
        format!(
            r#"{{"ts":"2026-11-{day}T10:00:01Z","webhook_id":"{id}{word}","service":"messages","region":"eu","message_id":"{id}","status":"{word}","outcome":"http","http_status":200}}"#
        ) + "\n"
    };
    let policy = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("data/policy.toml")).unwrap();
    let header = "id,direction,start,end,service,region,business_id,error_code,account,reason,ticket,author,approver,created_at,note\n";
    write("uptime-ledger.toml", CONFIG);
    write("policy.toml", &policy);
    write("overrides.csv", header);
    for day in [18, 19] {
        let failed = call(day, &format!("{day}f"), r#""http_status":503,"error_code":131016"#);
        let ids = [format!("{day}a"), format!("{day}b")];
        let admitted: String = ids
            .iter()
            .map(|id| call(day, id, &format!(r#""http_status":200,"message_id":"{id}""#)))
            .collect();
        write(&format!("requests-2026-11-{day}.ndjson"), &(failed + &admitted + "not a row\n"));
        write(
            &format!("webhooks-2026-11-{day}.ndjson"),
            &(told(day, &ids[0], "sent") + &told(day, &ids[1], "delivered")),
        );
    }
    let reports = dir.join("reports");
    let run = |args: &[&str]| {
        let ran = job::run(&dir.join("uptime-ledger.toml"), &reports, args);
        assert!(matches!(ran.code, Some(0 | 3)), "{ran:?}");
    };
    run(&["--date", "2026-11-18", "--simulate", "--as-of", "2026-11-19T03:00:00Z"]);
    let one = dir.join("one");
    copy(&reports, &one);
    let row = "a,to_uptime,2026-11-19T10:00Z,2026-11-19T10:05Z,messages,,,131016,,caller-misuse,OPS-1,ann,bob,2026-11-20T01:00:00Z,\n";
    run(&["--date", "2026-11-19", "--simulate", "--as-of", "2026-11-20T03:00:00Z"]);
    write("overrides.csv", &(header.to_owned() + row));
    write("policy.toml", &(policy + "\n# Changed.\n"));
    // A run in the grace of the first day's window, and one after it.
    run(&["--date", "2026-11-19", "--simulate", "--as-of", "2026-11-26T03:00:01Z"]);
    run(&["--date", "2026-11-19", "--simulate", "--as-of", "2026-11-27T03:00:01Z"]);
    let persons = [
        "--author",
        "ann",
        "--approver",
        "bob",
        "--reason",
        "the sample ends",
        "--as-of",
        "2026-11-27T03:00:01Z",
    ];
    job::job(["ack", "end:2026-11-19", "--out", reports.to_str().unwrap()].into_iter().chain(persons))
        .expect(0);
    run(&["--date", "2026-11-19", "--simulate", "--as-of", "2026-11-27T03:00:02Z"]);
    [one, reports]
}

/// Numbers that look like chance and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }

    /// A range that is not empty; mostly a short one.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let longest = [1, 2, 8, 64, length][self.below(5)].min(length);
        let long = 1 + self.below(longest);
        let start = self.below(length - long + 1);
        start..start + long
    }
}

/// Bytes that somebody has laid hands on, and how.
fn tampered(bytes: &[u8], dice: &mut Dice) -> (&'static str, Vec<u8>) {
    let range = dice.range(bytes.len());
    let (before, part, after) = (&bytes[..range.start], &bytes[range.clone()], &bytes[range.end..]);
    match dice.below(7) {
        0 => {
            let flipped: Vec<u8> = part.iter().map(|byte| byte ^ (1 << dice.below(8))).collect();
            ("flipped", [before, &flipped, after].concat())
        }
        1 => {
            // Digits and letters stay what they are, so that most of it can still be read.
            let like = |byte: &u8| match byte {
                b'0'..=b'8' | b'a'..=b'e' | b'A'..=b'Y' => byte + 1,
                b'9' => b'0',
                _ => *byte,
            };
            ("changed", [before, &part.iter().map(like).collect::<Vec<u8>>(), after].concat())
        }
        2 => ("cut", [before, after].concat()),
        3 => ("cut short", before.to_vec()),
        4 => {
            let at = dice.below(part.len());
            ("swapped", [before, &part[at..], &part[..at], after].concat())
        }
        5 => ("repeated", [before, part, part, after].concat()),
        _ => ("repeated at the end", [bytes, part].concat()),
    }
}

/// What `verify` has to say of a ledger in which one file is other than it was.
fn is_named(reports: &Path, file: &Path) -> Result<(), String> {
    let name = file.file_name().unwrap().to_str().unwrap();
    let folder = file.parent().unwrap().to_str().unwrap();
    let findings: Vec<String> = verify(reports).findings.iter().map(ToString::to_string).collect();
    let is_of = |told: &String| told.contains(folder) && told.contains(name);
    if findings.iter().any(is_of) { Ok(()) } else { Err(format!("said only {findings:?}")) }
}

fn copy(from: &Path, to: &Path) {
    for (path, bytes) in job::files(from) {
        fs::create_dir_all(to.join(&path).parent().unwrap()).unwrap();
        fs::write(to.join(path), bytes).unwrap();
    }
}

/// Changes every file of a ledger, again and again. Gives how often, and what went unnoticed.
fn tamper(reports: &Path, times: u64) -> (u64, Vec<String>) {
    assert_eq!(verify(reports).findings, []);
    let files: Vec<PathBuf> = job::paths(&reports.join("ledger"))
        .into_iter()
        .map(|path| path.strip_prefix(reports).unwrap().to_owned())
        .collect();
    let kinds: BTreeSet<&str> =
        files.iter().map(|path| path.iter().nth(1).unwrap().to_str().unwrap()).collect();
    let mut want =
        vec!["configs", "daybooks", "editions", "journal.head", "journal.ndjson", "policies", "salt"];
    let journal = std::fs::read_to_string(reports.join("ledger/journal.ndjson")).unwrap();
    if journal.contains(r#""kind":"sealed""#) {
        want.push("seals");
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), want);
    let all = Mutex::new((0, Vec::new()));
    let work = |worker: usize| {
        let mine = reports.with_extension(format!("copy-{worker}"));
        copy(reports, &mine);
        let check = |file: &Path, how: &str| {
            let wrong = is_named(&mine, &mine.join(file)).err();
            let mut all = all.lock().unwrap();
            all.0 += 1;
            all.1.extend(wrong.map(|why| format!("{} {how}: {why}", file.display())));
        };
        for (at, file) in files.iter().enumerate().filter(|(at, _)| at % 2 == worker) {
            let path = mine.join(file);
            let bytes = fs::read(&path).unwrap();
            let mut dice = Dice(at as u64 * 7_919 + times);
            let mut seen = BTreeSet::from([bytes.clone()]);
            for _ in 0..times {
                let (how, other) = tampered(&bytes, &mut dice);
                // The same bytes again are no other file.
                if seen.insert(other.clone()) {
                    fs::write(&path, &other).unwrap();
                    check(file, how);
                }
            }
            // A salt that is not there may have been kept elsewhere; what the list of a daybook says is known without it.
            if !["salt", "files.sha256"].iter().any(|name| file.ends_with(name)) {
                fs::remove_file(&path).unwrap();
                check(file, "removed");
            }
            fs::write(&path, &bytes).unwrap();
        }
        assert_eq!(verify(&mine).findings, []);
    };
    let work = &work;
    thread::scope(|scope| (0..2).for_each(|worker| drop(scope.spawn(move || work(worker)))));
    all.into_inner().unwrap()
}

#[test]
fn whatever_is_done_to_a_file_of_the_ledger_is_found_and_the_file_named() {
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let (mut count, mut wrong) = (0, Vec::new());
    for (reports, times) in ledgers(dir.path()).iter().zip(TAMPERED) {
        let (tampered, unnoticed) = tamper(reports, times);
        count += tampered;
        wrong.extend(unnoticed);
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 2_000, "only {count}");
}

/// A copy of the second ledger in which a bit of one file is flipped, and what was made of it.
struct Flipped<'a> {
    dir: &'a Path,
    file: &'a Path,
}

impl Flipped<'_> {
    /// Draws the reports from the ledger: none may differ from those of the whole ledger, but for the pages of the day that is
    /// damaged and the months, which say so.
    fn reports(&self, whole: &Files) -> Result<(), String> {
        let into = self.dir.join("into");
        let args = ["report", "--out", "reports", "--into", into.to_str().unwrap()];
        let ran = job::ran(assert_cmd::Command::new(job::binary()).current_dir(self.dir).args(args));
        let drawn = shown(&into);
        fs::remove_dir_all(&into).ok();
        match ran.code {
            Some(0) if drawn == *whole => Ok(()),
            Some(3) => self.is_confined(&ran, whole, &drawn),
            Some(1) if drawn.is_empty() => self.is_told(&ran),
            _ => Err(format!("report: {ran:?}")),
        }
    }

    /// Runs the next night: the new day is published unless all stops, and no figure of another day changes.
    fn night(&self, whole: &Files) -> Result<(), String> {
        let reports = self.dir.join("reports");
        let args = ["--as-of", "2026-11-28T03:00:00Z", "--date", "2026-11-20"];
        let ran = job::run(&self.dir.join("uptime-ledger.toml"), &reports, &args);
        let drawn = shown(&reports);
        match ran.code {
            // An attention stands open in the whole ledger too.
            Some(3) if drawn == *whole => Ok(()),
            Some(3) => self.is_confined(&ran, whole, &drawn),
            Some(1) => self.is_told(&ran),
            _ => Err(format!("run: {ran:?}")),
        }
    }

    /// Only tables of days that are named differ, and no published figure does.
    fn is_confined(&self, ran: &job::Ran, whole: &Files, drawn: &Files) -> Result<(), String> {
        let is_named = |path: &Path| {
            path.iter().nth(1).is_some_and(|day| ran.stderr.contains(&format!("{}", day.to_string_lossy())))
        };
        let of_days = whole.iter().filter(|(path, _)| path.starts_with("daily") && !is_named(path));
        let other: Vec<_> = of_days.filter(|(path, bytes)| drawn.get(*path) != Some(*bytes)).collect();
        if !other.is_empty() {
            return Err(format!(
                "{:?} differ: {ran:?}",
                other.iter().map(|(path, _)| path).collect::<Vec<_>>()
            ));
        }
        let net = |files: &Files| -> Vec<(String, String)> {
            let text = files.get(Path::new("availability.csv")).cloned().unwrap_or_default();
            let mut rows = csv::Reader::from_reader(text.as_slice());
            let rows = rows.deserialize().map(Result::unwrap);
            let rows = rows.filter(|row: &job::Row| row["region"] == "*" && row["scope_kind"] == "component");
            let key = |row: &job::Row| format!("{} {} {}", row["day"], row["scope"], row["definition"]);
            rows.map(|row| (key(&row), row["availability_percent_net"].clone())).collect()
        };
        if net(whole) != net(drawn) {
            return Err(format!("{:?}, not {:?}: {ran:?}", net(drawn), net(whole)));
        }
        self.is_told(ran)
    }

    fn is_told(&self, ran: &job::Ran) -> Result<(), String> {
        // A list of files, a table or a policy is named by its folder at least.
        let folder = self.file.parent().unwrap().to_str().unwrap();
        let is_told = ran.stderr.contains(folder);
        if is_told { Ok(()) } else { Err(format!("{folder} is not named: {ran:?}")) }
    }
}

type Files = std::collections::BTreeMap<PathBuf, Vec<u8>>;

/// The tables of a folder. Pages and Parquet files name the head, which depends on the clock of the disk.
fn shown(reports: &Path) -> Files {
    let mut files = job::files(reports);
    files.retain(|path, _| {
        path.extension().is_some_and(|ending| ending == "csv") && !path.starts_with("ledger")
    });
    files
}

#[test]
fn a_flipped_bit_is_never_published_and_stops_its_day_alone() {
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    ledgers(dir.path());
    fs::remove_dir_all(dir.path().join("one")).unwrap();
    let log = fs::read_to_string(dir.path().join("requests-2026-11-19.ndjson")).unwrap();
    fs::write(dir.path().join("requests-2026-11-20.ndjson"), log.replace("2026-11-19", "2026-11-20"))
        .unwrap();
    let log = fs::read_to_string(dir.path().join("webhooks-2026-11-19.ndjson")).unwrap();
    fs::write(dir.path().join("webhooks-2026-11-20.ndjson"), log.replace("2026-11-19", "2026-11-20"))
        .unwrap();
    let reports = dir.path().join("reports");
    let whole = shown(&reports);
    let mut files: Vec<PathBuf> = job::paths(&reports.join("ledger"));
    files.push(reports.join(".drawn"));
    // Nothing is drawn from an edition that another has replaced.
    files.retain(|path| !path.to_str().unwrap().contains("2026-11-19/0001"));
    let files: Vec<PathBuf> =
        files.iter().map(|path| path.strip_prefix(&reports).unwrap().to_owned()).collect();
    let after = {
        let copied = dir.path().with_extension("whole");
        copy(dir.path(), &copied);
        let args = ["--as-of", "2026-11-28T03:00:00Z", "--date", "2026-11-20"];
        job::run(&copied.join("uptime-ledger.toml"), &copied.join("reports"), &args).expect(3);
        let after = shown(&copied.join("reports"));
        fs::remove_dir_all(copied).unwrap();
        after
    };
    let wrong = Mutex::new(Vec::new());
    let work = |worker: usize| {
        let mine = dir.path().with_extension(format!("copy-{worker}"));
        for (at, file) in files.iter().enumerate().filter(|(at, _)| at % 2 == worker) {
            let mut dice = Dice(at as u64 * 104_729);
            copy(dir.path(), &mine);
            let path = mine.join("reports").join(file);
            let mut bytes = fs::read(&path).unwrap();
            let at = dice.below(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
            fs::write(&path, bytes).unwrap();
            let flipped = Flipped { dir: &mine, file };
            for result in [flipped.reports(&whole), flipped.night(&after)] {
                let of_file =
                    |why: String| wrong.lock().unwrap().push(format!("{}, byte {at}: {why}", file.display()));
                result.err().map(of_file);
            }
            fs::remove_dir_all(&mine).unwrap();
        }
    };
    let work = &work;
    thread::scope(|scope| (0..2).for_each(|worker| drop(scope.spawn(move || work(worker)))));
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), files.len(), wrong.join("\n"));
}

/// The names in a manifest say which files of its folder are known, so they must be checked before they are believed.
#[test]
fn a_flipped_bit_in_the_name_of_a_file_moves_no_file_aside() {
    let dir = tempfile::tempdir().unwrap();
    let [reports, _] = ledgers(dir.path());
    let manifest = job::paths(&reports).into_iter().find(|path| path.ends_with("edition.json")).unwrap();
    let whole = fs::read_to_string(&manifest).unwrap();
    let config = dir.path().join("uptime-ledger.toml");
    for name in ["basis.json", "slots.parquet", "facts.parquet"] {
        let folder = job::files(manifest.parent().unwrap());
        // One bit: `b` and `c`, `s` and `r`, `f` and `g` differ by it.
        let flipped = format!("{}{}", char::from(name.as_bytes()[0] ^ 1), &name[1..]);
        fs::write(&manifest, whole.replace(name, &flipped)).unwrap();
        let args = ["run", "--config", config.to_str().unwrap(), "--as-of", "2026-11-19T03:00:00Z", "--out"];
        job::job([&args[..], &[reports.to_str().unwrap()]].concat());
        fs::write(&manifest, &whole).unwrap();
        assert!(!reports.join("ledger/lost+found").exists(), "{name}");
        assert_eq!(job::files(manifest.parent().unwrap()), folder, "{name}");
        assert!(verify(&reports).findings.is_empty(), "{name}");
    }
}
