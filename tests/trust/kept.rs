//! Kept heads: signed by minisign, stamped by an authority of RFC 3161 that openssl plays, and named when the ledger or they change.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Place;
use crate::disturb::differences;
use crate::job;

/// Runs another program in a folder; `None` if it is not there and need not be.
fn tool(folder: &Path, name: &str, args: &[&str]) -> Option<std::process::Output> {
    match Command::new(name).args(args).current_dir(folder).output() {
        Ok(output) => Some(output),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "{name} is needed: {error}");
            std::io::stderr().write_all(format!("skipped: {name}: {error}\n").as_bytes()).unwrap();
            None
        }
    }
}

#[track_caller]
fn works(output: &std::process::Output) {
    assert!(output.status.success(), "{output:?}");
}

fn keep(place: &Place) -> PathBuf {
    let said = place.ask(&["head", "--keep", "--request"]).expect(0).stdout;
    PathBuf::from(said.trim_end())
}

#[test]
fn a_kept_head_is_held_against_the_journal_each_time() {
    let place = Place::new();
    let head = keep(&place);
    let text = fs::read_to_string(&head).unwrap();
    assert_eq!(text, place.ask(&["head"]).expect(0).stdout);
    // The same head is kept once, and the reports are not touched by it.
    let before = crate::disturb::tree(&place.path("reports"));
    assert_eq!(keep(&place), head);
    assert_eq!(differences(&before, &crate::disturb::tree(&place.path("reports"))), "");
    place.night(29);
    let later = keep(&place);
    assert_ne!(later, head);
    let ran = place.ask(&["verify"]).expect(0);
    assert!(ran.stdout.contains("heads/: 2 kept, the journal goes on from each"), "{}", ran.stdout);
    assert_eq!(place.ask(&["verify", "--json"]).expect(0).json()["kept_heads"]["heads"], 2);

    // A journal that was rewritten as a whole does not go on from them.
    let mut lines = place.journal();
    let confirmed = lines.iter().position(|line| line.contains(r#""kind":"settings""#)).unwrap();
    lines.remove(confirmed);
    place.rewrite(&lines);
    let name = head.file_name().unwrap().to_string_lossy().into_owned();
    place.ask(&["verify"]).expect(1).says(&[&name, "does not go on from it"]);
}

#[test]
fn a_head_without_a_good_signature_is_named() {
    let place = Place::new();
    let head = keep(&place);
    let heads = place.path("reports/heads");
    let name = head.file_name().unwrap().to_string_lossy().into_owned();
    let keys = tempfile::tempdir().unwrap();
    let key = |name: &str| keys.path().join(name).display().to_string();
    let (public, secret, other) = (key("a.pub"), key("a.key"), key("b.pub"));
    for (public, secret) in [(&public, &secret), (&other, &key("b.key"))] {
        let Some(made) = tool(keys.path(), "minisign", &["-G", "-W", "-f", "-p", public, "-s", secret])
        else {
            return;
        };
        works(&made);
    }
    place.ask(&["verify"]).expect(0);
    place.ask(&["verify", "--public-key", &public]).expect(1).says(&[&name, "it is not signed"]);
    works(&tool(&heads, "minisign", &["-S", "-s", &secret, "-m", &name]).unwrap());
    let ran = place.ask(&["verify", "--public-key", &public]).expect(0);
    assert!(
        ran.stdout.contains("1 kept, the journal goes on from each, 1 signed by this key"),
        "{}",
        ran.stdout
    );
    place.ask(&["verify", "--public-key", &other]).expect(1).says(&[&name, "its signature is not good"]);
    place.ask(&["verify", "--public-key", &secret]).expect(2).says(&["it is no public key of minisign"]);
    // Another byte in the signature, or in what it is of.
    let signature = heads.join(format!("{name}.minisig"));
    let whole = fs::read(&signature).unwrap();
    let at = whole.iter().position(|byte| *byte == b'\n').unwrap() + 20;
    let mut torn = whole.clone();
    torn[at] = if torn[at] == b'A' { b'B' } else { b'A' };
    fs::write(&signature, torn).unwrap();
    place.ask(&["verify", "--public-key", &public]).expect(1).says(&[&name, "its signature is not good"]);
    fs::write(&signature, whole).unwrap();
    fs::write(&head, fs::read_to_string(&head).unwrap() + "\n").unwrap();
    place.ask(&["verify", "--public-key", &public]).expect(1).says(&[&name, "its signature is not good"]);
    // A kept head is never written over.
    place
        .ask(&["head", "--keep"])
        .expect(1)
        .says(&[&name, "it has another content than the one to be kept there"]);
    fs::write(&head, "no checkpoint").unwrap();
    place.ask(&["verify"]).expect(1).says(&[&name, "it is no checkpoint"]);
}

#[test]
fn a_head_that_two_persons_gave_up_is_known_as_such() {
    let place = Place::new();
    let older: Vec<_> =
        ["journal.ndjson", "journal.head"].map(|name| (name, fs::read(place.ledger(name)).unwrap())).into();
    place.night(29);
    let head = keep(&place);
    for (name, bytes) in older {
        fs::write(place.ledger(name), bytes).unwrap();
    }
    let said = place.night(30).expect(1).stderr;
    let key = said
        .split('\'')
        .find(|part| part.starts_with("head:"))
        .unwrap_or_else(|| panic!("{said}"))
        .to_owned();
    let persons =
        ["--author", "ann", "--approver", "bob", "--reason", "restored", "--as-of", "2026-11-30T04:00:00Z"];
    place.ask(&[&["ack", &key], &persons[..]].concat()).expect(0);
    place.night(30);
    let ran = place.ask(&["verify"]);
    assert!(!ran.stderr.contains("does not go on from it"), "{ran:?}");
    let ran = place.ask(&["verify", "--extends", head.to_str().unwrap()]).expect(1);
    assert!(ran.stderr.contains("given up by line"), "{ran:?}");
}

/// A timestamp authority with a certificate of its own.
fn authority(folder: &Path) -> Option<()> {
    fs::write(
        folder.join("tsa.cnf"),
        "[req]\ndistinguished_name=dn\nx509_extensions=ext\nprompt=no\n[dn]\nCN=an authority for tests\n[ext]\nbasicConstraints=critical,CA:FALSE\n\
         keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n[tsa]\ndefault_tsa=t\n[t]\nserial=serial\n\
         signer_cert=tsa.pem\nsigner_key=tsa.key\nsigner_digest=sha256\ndefault_policy=1.2.3.4\ndigests=sha256\naccuracy=secs:1\n\
         ess_cert_id_alg=sha256\n",
    )
    .unwrap();
    let args = [
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", "tsa.key", "-out",
        "tsa.pem",
    ];
    works(&tool(folder, "openssl", &[&args[..], &["-config", "tsa.cnf"]].concat())?);
    fs::write(folder.join("serial"), "01\n").unwrap();
    Some(())
}

#[test]
fn the_answer_of_a_timestamp_authority_stands_beside_the_head_that_it_is_about() {
    let place = Place::new();
    let head = keep(&place);
    let folder = tempfile::tempdir().unwrap();
    if authority(folder.path()).is_none() {
        return;
    }
    let beside = |ending: &str| PathBuf::from(format!("{}.{ending}", head.display()));
    let answer = folder.path().join("a.tsr");
    let ask = |query: &Path, answer: &Path| {
        let [query, answer] = [query, answer].map(|path| path.display().to_string());
        let args =
            ["ts", "-reply", "-config", "tsa.cnf", "-section", "t", "-queryfile", &query, "-out", &answer];
        works(&tool(folder.path(), "openssl", &args).unwrap());
    };
    ask(&beside("tsq"), &answer);
    let said = place.ask(&["head", "--answer", answer.to_str().unwrap()]).expect(0).stdout;
    assert!(said.contains("seen by the authority at 20"), "{said}");
    let ran = place.ask(&["verify"]).expect(0);
    assert!(ran.stdout.contains("1 with a timestamp, the last of 20"), "{}", ran.stdout);
    // openssl finds that the authority signed it, for these bytes.
    let (data, stored) = (head.display().to_string(), beside("tsr").display().to_string());
    let check = ["ts", "-verify", "-data", &data, "-in", &stored, "-CAfile", "tsa.pem"];
    works(&tool(folder.path(), "openssl", &check).unwrap());

    // An answer about something else is not taken, and named where it was put by hand.
    let (other, query) = (folder.path().join("other"), folder.path().join("other.tsq"));
    fs::write(&other, "other bytes").unwrap();
    let args = ["ts", "-query", "-data", "other", "-sha256", "-cert", "-out", "other.tsq"];
    works(&tool(folder.path(), "openssl", &args).unwrap());
    let wrong = folder.path().join("wrong.tsr");
    ask(&query, &wrong);
    place.ask(&["head", "--answer", wrong.to_str().unwrap()]).expect(2).says(&["it is about no kept head"]);
    fs::write(&other, "no answer").unwrap();
    place
        .ask(&["head", "--answer", other.to_str().unwrap()])
        .expect(2)
        .says(&["no answer to a request for a timestamp"]);
    fs::copy(&wrong, beside("tsr")).unwrap();
    place
        .ask(&["verify"])
        .expect(1)
        .says(&["the timestamp beside it is not good: the answer is about other bytes"]);
}

#[test]
fn kept_heads_are_published_with_the_reports() {
    let place = Place::new();
    let head = keep(&place);
    let config = fs::read_to_string(place.path("uptime-ledger.toml")).unwrap();
    fs::write(place.path("uptime-ledger.toml"), config + "[outputs]\npublish = \"./public\"\n").unwrap();
    place.night(29);
    let name = head.file_name().unwrap();
    let shown = job::files(&place.path("public"));
    assert!(shown.contains_key(&Path::new("heads").join(name)), "{:?}", shown.keys());
    assert!(
        shown.contains_key(Path::new("index.html")) && !shown.keys().any(|path| path.starts_with("ledger"))
    );
}
