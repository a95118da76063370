//! Trust: what the ledger can lose it makes again, and a journal that was rewritten as a whole does not pass for the one whose
//! head somebody kept.

#[cfg(unix)]
mod interrupted;
#[cfg(target_os = "linux")]
mod kept;
#[cfg(unix)]
mod served;
mod tamper;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::attention::Desk;
use crate::job::{self, Ran};

const HEADER: &str = "id,direction,start,end,service,region,business_id,error_code,account,reason,ticket,author,approver,created_at,note\n";
const ROW: &str = "a,to_uptime,2026-11-19T10:00Z,2026-11-19T10:05Z,messages,,,131016,,caller-misuse,OPS-1,ann,bob,2026-11-20T01:00:00Z,\n";

/// A simulated ledger of three days: the first two are sealed, the second has an edition with an override row.
struct Place {
    desk: Desk,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            desk: Desk::new(
                r#"
                slot = "5m"
                [[source]]
                name = "requests"
                paths = ["requests-{date}.ndjson"]
                [[service]]
                name = "messages"
                [definition]
                min_events = 1
                [limits]
                coverage_percent = 0
                [overrides]
                path = "overrides.csv"
                "#,
            ),
        };
        let write = |name: &str, text: &str| place.desk.file(name, text);
        write("overrides.csv", HEADER);
        for day in 18..=30 {
            let call = |hour: u32, rest: &str| {
                format!(
                    r#"{{"ts":"2026-11-{day}T{hour:02}:00:00Z","request_id":"{day}-{hour}","service":"messages",{rest}}}"#
                ) + "\n"
            };
            let failed = call(10, r#""http_status":500,"error_code":131016"#);
            write(&format!("requests-2026-11-{day}.ndjson"), &(failed + &call(12, r#""http_status":200"#)));
        }
        place.night(19).expect(0);
        place.night(20).expect(0);
        write("overrides.csv", &(HEADER.to_owned() + ROW));
        for day in [21, 26, 27, 28] {
            place.night(day);
        }
        place.ask(&["verify"]).expect(0);
        assert!(
            place.ledger("seals/2026-11-19").exists() && place.ledger("editions/2026-11-19/0002").exists()
        );
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.desk.path(name)
    }

    fn ledger(&self, name: &str) -> PathBuf {
        self.path("reports/ledger").join(name)
    }

    fn night(&self, day: u32) -> Ran {
        self.desk.night(&format!("2026-11-{day}T03:00:00Z"))
    }

    fn ask(&self, args: &[&str]) -> Ran {
        self.desk.ask(args)
    }

    fn repair(&self) -> Ran {
        self.ask(&["repair", "--as-of", "2026-11-28T04:00:00Z"])
    }

    fn journal(&self) -> Vec<String> {
        let text = fs::read_to_string(self.ledger("journal.ndjson")).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// Writes a whole journal anew, its lines numbered and chained, and forgets which reports were drawn.
    fn rewrite(&self, lines: &[String]) {
        let (mut before, mut out) = ("0".to_owned(), String::new());
        for (at, line) in lines.iter().enumerate() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            let (seq, previous) = (value["seq"].to_string(), value["previous"].as_str().unwrap());
            let line = line.replacen(&format!("\"seq\":{seq}"), &format!("\"seq\":{}", at + 1), 1);
            let line = line.replacen(
                &format!("\"previous\":\"{previous}\""),
                &format!("\"previous\":\"{before}\""),
                1,
            );
            before = sha256(&line);
            out += &(line + "\n");
        }
        fs::write(self.ledger("journal.ndjson"), out).unwrap();
        let head = format!("{{\"seq\":{},\"hash\":\"{before}\"}}\n", lines.len());
        fs::write(self.ledger("journal.head"), head).unwrap();
        fs::remove_file(self.path("reports/.drawn")).unwrap();
    }
}

fn sha256(text: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn flip(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    let mut other = bytes.clone();
    other[bytes.len() / 2] ^= 4;
    fs::write(path, other).unwrap();
    bytes
}

fn found(folder: &Path, name: &str) -> PathBuf {
    job::paths(folder).into_iter().find(|path| path.ends_with(name)).unwrap()
}

#[test]
fn what_follows_from_other_files_is_rebuilt_byte_for_byte_and_the_rest_is_named() {
    let place = Place::new();
    let edition = place.ledger("editions/2026-11-19/0002");
    let derived = ["slots", "bad", "accounts", "deliveries", "outline", "instants"];
    let mut damaged: Vec<PathBuf> =
        derived.iter().map(|name| edition.join(format!("{name}.parquet"))).collect();
    damaged.push(found(&place.ledger("seals/2026-11-18"), "seal.json"));
    damaged.push(found(&place.ledger("daybooks/2026-11-27"), "files.sha256"));
    damaged.push(place.ledger("journal.head"));
    let before: Vec<Vec<u8>> = damaged.iter().map(|path| flip(path)).collect();
    let lines = place.journal().len();
    let ran = place.repair().expect(0);
    for (path, before) in damaged.iter().zip(before) {
        assert!(ran.stdout.contains(&format!("rebuilt: {}", path.display())), "{}: {ran:?}", path.display());
        assert!(fs::read(path).unwrap() == before, "{}", path.display());
    }
    assert_eq!(place.journal().len(), lines, "the same bytes need no line");
    place.ask(&["verify"]).expect(0);

    let policy = found(&place.ledger("policies"), "policy.toml");
    let facts = place.ledger("editions/2026-11-27/0001/facts.parquet");
    let [was_policy, was_facts] = [&policy, &facts].map(|path| flip(path));
    let ran = place.repair().expect(1);
    for path in [&policy, &facts] {
        let day = path.parent().unwrap().to_str().unwrap();
        assert!(ran.stderr.contains(day), "{day}: {ran:?}");
    }
    assert!(ran.stderr.contains("Restore it from a backup"), "{ran:?}");
    fs::write(policy, was_policy).unwrap();
    fs::write(facts, was_facts).unwrap();
    place.ask(&["verify"]).expect(0);
}

#[test]
fn a_table_that_another_version_wrote_is_rebuilt_by_its_content_and_a_line_names_the_new_bytes() {
    let place = Place::new();
    // Another writer of Parquet gives other bytes: the manifest then names a hash that this job cannot reach.
    let edition = place.ledger("editions/2026-11-27/0001");
    let manifest = edition.join("edition.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let hash = sha256_of(&edition.join("slots.parquet"));
    let other = text.replace(&hash, &sha256("bytes of another writer"));
    assert_ne!(other, text);
    let [was, is] = [sha256(&text), sha256(&other)];
    fs::write(&manifest, other).unwrap();
    place.rewrite(&place.journal().iter().map(|line| line.replace(&was, &is)).collect::<Vec<_>>());
    let ran = place.repair().expect(0);
    assert!(ran.stdout.contains("2026-11-27/0001/slots.parquet"), "{ran:?}");
    let journal = place.journal();
    assert!(journal.iter().any(|line| line.contains(r#""kind":"repaired""#) && line.contains(&hash)));
    place.ask(&["verify"]).expect(0);
    // From then on the new bytes are the file, and no others.
    place.night(29).expect(0);
    flip(&edition.join("slots.parquet"));
    place.ask(&["verify"]).expect(1).says(&["2026-11-27/0001/slots.parquet"]);
    place.repair().expect(1).says(&["Set the clock right"]);
}

fn sha256_of(path: &Path) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(fs::read(path).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_journal_that_was_rewritten_as_a_whole_does_not_fit_its_editions() {
    let place = Place::new();
    let whole = place.journal();
    let [journal, head] =
        ["journal.ndjson", "journal.head"].map(|name| fs::read(place.ledger(name)).unwrap());
    let mark = fs::read(place.path("reports/.drawn")).unwrap();
    let without = |kind: &str| -> Vec<String> {
        let kind = format!("\"kind\":\"{kind}\"");
        whole.iter().filter(|line| !line.contains(&kind)).cloned().collect()
    };
    let with =
        |from: &str, to: &str| -> Vec<String> { whole.iter().map(|line| line.replace(from, to)).collect() };
    let rewritten = [
        ("rows that nobody saw", without("overrides")),
        ("rows that nobody judged", without("judged")),
        ("no figures", without("reported")),
        ("another approver", with("\"approver\":\"bob\"", "\"approver\":\"eve\"")),
        ("another cause of a state", with("\"state\":\"restated\"", "\"state\":\"reported\"")),
        ("other log files", with("\"bytes\":", "\"bytes\":1")),
        ("other figures", with("\"availability_micro_percent\":", "\"availability_micro_percent\":1")),
        ("another instant", with("\"at\":\"2026-11-21T03:00:00Z\"", "\"at\":\"2026-11-21T02:00:00Z\"")),
    ];
    for (what, lines) in rewritten {
        assert_ne!(lines, whole, "{what}");
        place.rewrite(&lines);
        place.ask(&["report"]);
        let ran = place.ask(&["verify"]);
        assert!(ran.code == Some(1) && ran.stderr.contains("journal.ndjson"), "{what}: {ran:?}");
        fs::write(place.ledger("journal.ndjson"), &journal).unwrap();
        fs::write(place.ledger("journal.head"), &head).unwrap();
        fs::write(place.path("reports/.drawn"), &mark).unwrap();
    }
}

#[test]
fn one_old_head_names_a_rewritten_journal_whatever_file_it_was_kept_in() {
    let place = Place::new();
    let kept = place.path("kept");
    fs::create_dir(&kept).unwrap();
    let names = ["index.html", "status.json", "availability.parquet", "daily/2026-11-19/slots.parquet"];
    let mut heads: Vec<String> = Vec::new();
    for name in names {
        let to = kept.join(name.replace('/', "-"));
        fs::copy(place.path("reports").join(name), &to).unwrap();
        heads.push(to.to_str().unwrap().to_owned());
    }
    let checkpoint = place.ask(&["head"]).expect(0).stdout;
    fs::write(kept.join("checkpoint"), &checkpoint).unwrap();
    heads.push(kept.join("checkpoint").to_str().unwrap().to_owned());
    fs::copy(place.ledger("journal.head"), kept.join("journal.head")).unwrap();
    heads.push(kept.join("journal.head").to_str().unwrap().to_owned());
    heads.push(place.ask(&["head", "--json"]).expect(0).json()["hash"].as_str().unwrap().to_owned());

    place.night(29).expect(0);
    for head in &heads {
        let ran = place.ask(&["verify", "--extends", head]).expect(0);
        assert!(ran.stdout.contains("the journal goes on from it"), "{ran:?}");
    }
    // A line that no edition knows of is changed, and all is chained anew.
    let lines: Vec<String> = place
        .journal()
        .iter()
        .map(|line| line.replace("\"clock\":\"given\"", "\"clock\":\"given\" "))
        .collect();
    place.rewrite(&lines);
    place.ask(&["report"]).expect(0);
    place.ask(&["verify"]).expect(0);
    for head in &heads {
        place.ask(&["verify", "--extends", head]).expect(1).says(&[head, "does not go on from it"]);
    }
    place
        .ask(&["verify", "--extends", place.path("uptime-ledger.toml").to_str().unwrap()])
        .expect(2)
        .says(&["names no head"]);
}

/// `tests/readers/checkpoint.py` knows RFC 6962 and the journal, and nothing of this job.
#[test]
fn another_program_finds_the_same_root_and_takes_the_proofs() {
    let place = Place::new();
    let checkpoint = place.path("checkpoint");
    let lines = place.journal().len();
    fs::write(&checkpoint, place.ask(&["head"]).expect(0).stdout).unwrap();
    for first in 1..=lines {
        let proof = place.path(&format!("proof-{first}"));
        fs::write(proof, place.ask(&["head", "--prove", &first.to_string()]).expect(0).stdout).unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers/checkpoint.py");
    let check = |journal: &Path| {
        let mut command = Command::new("python3");
        command.arg(&script).arg(journal).arg(&checkpoint).arg(place.path("proof-{}"));
        command.output().unwrap()
    };
    let said = check(&place.ledger("journal.ndjson"));
    assert!(said.status.success(), "{said:?}");
    let text = fs::read_to_string(place.ledger("journal.ndjson")).unwrap();
    fs::write(place.path("other"), text.replacen("18", "17", 1)).unwrap();
    assert!(!check(&place.path("other")).status.success());
    place.ask(&["head", "--prove", "0"]).expect(2).says(&["give 1 to"]);
}
