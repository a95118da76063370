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
