//! Tests of text logs that are not shaped as one writer writes them, through a whole pass.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use super::*;
use crate::config::Config;
use crate::facts::{Intake, Kind};
use crate::intake::formats::parquet::tests::{facts, source};

const HEADER: &str = "ts,request_id,service,region,http_status,error_code,note";

/// Returns rows `from..to` of a CSV log, without line ends; each has a minute of its own.
fn rows(numbers: std::ops::Range<usize>) -> Vec<String> {
    let row = |n: usize| {
        format!("2026-11-20T{:02}:{:02}:00Z,r-{n},messages,eu,503,131016,curl", n / 60 % 24, n % 60)
    };
    numbers.map(row).collect()
}

fn json(n: usize) -> String {
    format!(
        r#"{{"ts":"2026-11-20T{:02}:{:02}:00Z","request_id":"r-{n}","http_status":200}}"#,
        n / 60 % 24,
        n % 60
    )
}

fn read(name: &str, bytes: &[u8], preset: LogPreset) -> Result<Intake, Trouble> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    read_paths(&[&path], preset)
}

/// Reads a file by a source that is set up by `set`.
pub fn read_source(name: &str, bytes: &[u8], set: impl FnOnce(&mut crate::config::Source)) -> Intake {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let mut source = source(&path);
    set(&mut source);
    let config = Config { sources: vec![source], ..Config::bare("") };
    facts(&config, "2026-11-20".parse().unwrap(), 2, folder.path(), &Meter::default()).unwrap()
}

fn read_paths(paths: &[&Path], preset: LogPreset) -> Result<Intake, Trouble> {
    let spill = tempfile::tempdir().unwrap();
    let mut source = crate::config::Source { preset, ..source(paths[0]) };
    source.paths = paths.iter().map(|path| path.display().to_string()).collect();
    let config = Config { sources: vec![source], ..Config::bare("") };
    facts(&config, "2026-11-20".parse().unwrap(), 2, spill.path(), &Meter::default())
}

/// Returns accepted and quarantined rows, and line and reason of those that are kept.
fn balance(name: &str, bytes: impl AsRef<[u8]>) -> (u64, u64, Vec<String>) {
    let intake = read(name, bytes.as_ref(), LogPreset::Canonical).unwrap();
    let file = &intake.receipt.files[0];
    assert_eq!(file.rows_read, file.accepted + file.outside + file.quarantine + file.duplicate);
    assert_eq!(file.outside, 0);
    let reasons = intake.receipt.quarantine.iter().map(|bad| format!("{}: {}", bad.line, bad.reason));
    (file.accepted, file.quarantine, reasons.collect())
}

fn failure(name: &str, bytes: impl AsRef<[u8]>) -> String {
    read(name, bytes.as_ref(), LogPreset::Canonical).unwrap_err().to_string()
}

#[test]
fn a_stray_quote_costs_its_row_alone() {
    for note in ["\"Mozilla", "\"", "\"\"\"", "\"two\"\"", "\"a\" b \"c"] {
        let mut lines = rows(0..60);
        for at in [20, 21, 43] {
            lines[at] = lines[at].replace("curl", note);
        }
        let (accepted, quarantine, reasons) = balance("a.csv", format!("{HEADER}\n{}\n", lines.join("\n")));
        let spoilt = if note.ends_with("\"c") { 0 } else { 3 };
        assert_eq!((accepted, quarantine), (60 - spoilt, spoilt), "{note}: {reasons:?}");
        if spoilt > 0 {
            assert!(reasons[0].starts_with("22: a quote opens a field"), "{reasons:?}");
        }
    }
    // Megabytes of stray quotes after which no row comes.
    let text = format!("{HEADER}\n{}\n{}", rows(0..1)[0], "x\",\"\"\",\"\n".repeat(300_000));
    let (accepted, quarantine, _) = balance("a.csv", text);
    assert_eq!((accepted, quarantine), (1, 300_000));
}

#[test]
fn lines_may_end_in_any_way() {
    for [first, later] in [["\r"; 2], ["\r\n"; 2], ["\r", "\r\n"], ["\r\n", "\r"], ["\n", "\r"], ["\r", "\n"]]
    {
        let text =
            format!("{HEADER}{first}{}{first}{}{later}", rows(0..5).join(first), rows(5..40).join(later));
        assert_eq!(balance("a.csv", &text), (40, 0, Vec::new()), "csv {first:?} {later:?}");
        let json = |numbers: std::ops::Range<usize>| numbers.map(json).collect::<Vec<_>>();
        let text = format!("{}{first}{}{later}", json(0..5).join(first), json(5..40).join(later));
        assert_eq!(balance("a.ndjson", &text), (40, 0, Vec::new()), "ndjson {first:?} {later:?}");
    }
    // A line of an access log of which the first part alone would be read.
    let line = |n: usize| format!("::1 - - [20/Nov/2026:10:{n:02}:00 +0000] \"GET / HTTP/1.1\" 200 1");
    let text = [line(0), "\n".into(), line(1), "\r".into(), line(2), "\n".into()].concat();
    let intake = read("access.log", text.as_bytes(), LogPreset::Combined).unwrap();
    assert_eq!(intake.receipt.files[0].accepted, 3);
}

#[test]
fn nuls_before_and_behind_rows_are_no_rows() {
    let nuls = |n: usize| "\0".repeat(n);
    for block in [1, 5_000, 3 << 20] {
        let csv = format!("{}{HEADER}\n{}{}\n", nuls(block), nuls(block), rows(0..20).join("\n"));
        assert_eq!(balance("a.csv", csv + &nuls(block)), (20, 0, Vec::new()), "{block}");
        // The format of a file without an ending is found behind the NULs.
        let text = format!("{}{}\n{}{}\n{}", nuls(block), json(0), nuls(block), json(1), nuls(block));
        assert_eq!(balance("a.log", text), (2, 0, Vec::new()), "{block}");
        // A row was torn where a machine lost power.
        let text = format!("{}\n{}{}{}\n", json(0), &json(1)[..30], nuls(block), json(2));
        let (accepted, quarantine, _) = balance("a.ndjson", text);
        assert_eq!((accepted, quarantine), (2, 1), "{block}");
    }
}

#[test]
fn nuls_over_the_ends_of_chunks_hide_no_row() {
    let long = "x".repeat(100);
    let mut text = String::new();
    let mut number = 0..;
    let mut fill = |text: &mut String, length: usize| {
        let end = text.len() + length;
        while text.len() < end {
            let n = number.next().unwrap();
            writeln!(text, "{}{long}\"}}", json(n).replace('}', ",\"note\":\"")).unwrap();
        }
    };
    fill(&mut text, CHUNK as usize - 1_000);
    text.push_str(&"\0".repeat(2 * CHUNK as usize + 5_000));
    fill(&mut text, CHUNK as usize);
    let count = number.next().unwrap() as u64;
    assert_eq!(balance("a.ndjson", &text), (count, 0, Vec::new()));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    assert_eq!(balance("a.ndjson.gz", gzip.finish().unwrap()), (count, 0, Vec::new()));
}

#[test]
fn a_header_inside_a_file_holds_for_the_rows_after_it() {
    let swapped = "ts,request_id,region,service,error_code,http_status,note";
    let swap = |row: &String| row.replace("messages,eu,503,131016", "eu,messages,131016,503");
    let later: Vec<String> = rows(20..40).iter().map(swap).collect();
    let (first, last) = (rows(0..20).join("\n"), rows(40..60).join("\n"));
    for again in [HEADER.to_owned(), format!("\u{feff}{HEADER}"), HEADER.replace(',', ", ")] {
        let text = format!("{HEADER}\n{first}\n{swapped}\n{}\n{again}\n{last}\n", later.join("\n"));
        let intake = read("a.csv", text.as_bytes(), LogPreset::Canonical).unwrap();
        assert_eq!(
            (intake.receipt.files[0].accepted, intake.receipt.files[0].quarantine),
            (60, 0),
            "{again}"
        );
        let is_read = |kind: &Kind| &*kind.region == "eu" && kind.error_code == Some(131_016);
        assert!(intake.facts.kinds().iter().all(is_read), "{:?}", intake.facts.kinds());
    }
    // A header that cannot be used: what stands below it is not guessed.
    let text = format!(
        "{HEADER}\n{first}\nts,request_id,request_id,http_status\n{}\n{HEADER}\n{last}\n",
        later.join("\n")
    );
    let (accepted, quarantine, reasons) = balance("a.csv", text);
    assert_eq!((accepted, quarantine), (40, 20), "{reasons:?}");
    assert!(
        reasons[0].contains("another header, in line 22")
            && reasons[0].contains("`request_id` stands in it twice"),
        "{reasons:?}"
    );
}

#[test]
fn no_chunk_is_read_under_the_header_of_another() {
    let mut text = format!("{HEADER}\n");
    let long = "x".repeat(200);
    for row in rows(0..100_000) {
        writeln!(text, "{}", row.replace("curl", &long)).unwrap();
    }
    assert!(text.len() as u64 > 2 * CHUNK);
    let at = CHUNK as usize / 2;
    let at = at + text[at..].find('\n').unwrap() + 1;
    let rest = text.split_off(at).replace("messages,eu,503,131016", "eu,messages,131016,503");
    text = format!("{text}ts,request_id,region,service,error_code,http_status,note\n{rest}");
    let intake = read("a.csv", text.as_bytes(), LogPreset::Canonical).unwrap();
    assert_eq!(intake.receipt.files[0].accepted, 100_000);
    assert!(intake.facts.kinds().iter().all(|kind| &*kind.region == "eu"), "{:?}", intake.facts.kinds());
}

#[test]
fn a_column_twice_in_the_header_fails_the_file() {
    let text = format!("{HEADER}, http_status\n{},200\n", rows(0..1)[0]);
    let reason = failure("a.csv", text);
    assert!(reason.contains("the column `http_status` stands in it twice"), "{reason}");
    // A column that is not read may stand twice.
    assert_eq!(balance("a.csv", format!("{HEADER},note\n{},x\n", rows(0..1)[0])).0, 1);
}

#[test]
fn numbers_and_blanks_are_read_as_tools_write_them() {
    let row = |status: &str, code: &str| format!("2026-11-20T10:00:00Z,,messages,eu,{status},{code},x\n");
    let good = [row("503.0", "131016.0"), row(" 5.03e2 ", "1.31016e5"), row("503", "131016")].concat();
    // Not a number is what tools write where a number is missing.
    let good = [good, row("nan", ""), row("503", "NaN")].concat();
    let bad = [row("inf", ""), row("503.5", ""), row("", "-inf")].concat();
    let (accepted, quarantine, reasons) = balance("a.csv", format!("{HEADER}\n{good}{bad}"));
    assert_eq!((accepted, quarantine), (5, 3), "{reasons:?}");

    let line = |rest: &str| format!("{{\"ts\":\"2026-11-20T10:00:00Z\",{rest}}}\n");
    let good =
        [line("\"http_status\":503.0,\"error_code\":1.31016e5"), line("\"http_status\":200,\"other\":NaN")];
    let lines = [line("\"http_status\":NaN"), line("\"http_status\":200,\"error_code\":Infinity")];
    let (accepted, quarantine, reasons) = balance("a.ndjson", [good.concat(), lines.concat()].concat());
    assert_eq!((accepted, quarantine), (3, 1), "{reasons:?}");
    assert!(reasons[0].contains("error_code is `inf`"), "{reasons:?}");

    // Blanks around ids, services and regions are no part of them, in any format.
    let text = format!("{}\n{}\n", HEADER.replace(',', ", "), rows(0..20).join("\n").replace(',', ", "));
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let csv = write("a.csv", text + &rows(0..1)[0].replace("curl", " \"a, b\" ") + "\n");
    let ndjson = (0..20).fold(String::new(), |all, n| {
        all + &json(n).replace("r-", " r-").replace("\",\"h", " \",\"h") + "\n"
    });
    let ndjson = write("a.ndjson", ndjson);
    let intake = read_paths(&[&csv, &ndjson], LogPreset::Canonical).unwrap();
    let sum = |of: fn(&crate::facts::FileBalance) -> u64| intake.receipt.files.iter().map(of).sum::<u64>();
    // The rows in the two formats differ in outcome, so they are in conflict where ids meet.
    let met = sum(|f| f.duplicate) + sum(|f| f.conflict);
    assert_eq!((sum(|f| f.accepted), met, sum(|f| f.quarantine)), (20, 21, 0));
}

#[test]
fn empty_cells_without_a_name_at_the_end_do_not_count() {
    let rows = rows(0..20);
    let with = |end: &str| rows.iter().fold(String::new(), |all, row| all + row + end + "\n");
    for (header_end, row_end) in [(",,,", ",,,"), ("", ",,"), (",,,", ""), (", ,", ",, ")] {
        let text = format!("{HEADER}{header_end}\n{},,,,,,,,,\n", with(row_end));
        assert_eq!(balance("a.csv", text), (20, 0, Vec::new()), "{header_end} {row_end}");
    }
    assert_eq!(balance("a.csv", format!("{HEADER},,\n{}", with(",,x"))).1, 20);
}

#[test]
fn instants_that_nobody_can_mean_are_quarantined() {
    let row = |ts: &str| rows(0..1)[0].replace("2026-11-20T00:00:00Z", ts) + "\n";
    let wrong =
        ["0", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1999-12-31T23:59:59Z"];
    let text = format!("{HEADER}\n{}{}", row("2026-11-20T00:00:00Z"), wrong.map(row).concat());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    std::fs::write(&path, text).unwrap();
    let config = Config { sources: vec![source(&path)], ..Config::bare("") };
    let folders = crate::intake::IntakeFolders { spill: folder.path(), daybook: folder.path() };
    let day: crate::day::Day = "2026-11-20".parse().unwrap();
    let salt = crate::facts::Salt::new("test");
    let latest_us = day.end_us() + 1;
    let (daybook, _) = crate::intake::read(
        &config,
        day,
        crate::intake::Workers::Threads(1),
        &salt,
        folders,
        latest_us,
        &Meter::default(),
    )
    .unwrap();
    let file = &daybook.files[0];
    assert_eq!((file.accepted, file.outside, file.quarantine), (1, 0, 5), "{:?}", daybook.quarantine);
    assert!(daybook.quarantine[0].reason.contains("before the year 2000"), "{:?}", daybook.quarantine);
}

#[test]
fn text_in_another_encoding_is_read_or_refused_saying_which() {
    let text = format!("{HEADER}\n{}\n", rows(0..1)[0]);
    for (mark, is_big) in [(true, true), (true, false), (false, true), (false, false)] {
        let mark = if mark { "\u{feff}" } else { "" };
        let units = format!("{mark}{text}").encode_utf16().collect::<Vec<_>>();
        let bytes = |unit: &u16| if is_big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        let reason = failure("a.csv", units.iter().flat_map(bytes).collect::<Vec<_>>());
        assert!(reason.contains("UTF-16") && reason.contains("iconv"), "{reason}");
    }
    let latin1 = [HEADER.as_bytes(), b",gr\xf6\xdfe\n", rows(0..1)[0].as_bytes(), b",\xff\n"].concat();
    let region = String::from_utf8_lossy(&latin1).into_owned();
    assert!(region.contains('\u{fffd}'));
    assert_eq!(balance("a.csv", &latin1), (1, 0, Vec::new()));
    let named = [HEADER.as_bytes(), b"\n2026-11-20T10:00:00Z,q-\xff,messages,S\xe3o Paulo,200,,x\n"].concat();
    let intake = read("a.csv", &named, LogPreset::Canonical).unwrap();
    // Its bytes are read as Latin-1; no name of the config, it is kept as a pseudonym.
    assert_eq!(&*intake.facts.kinds()[0].region, crate::facts::Salt::new("test").word("São Paulo"));
}

#[test]
fn a_file_with_the_text_of_another_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let lines = |second: usize| {
        (0..40).fold(String::new(), |all, n| {
            all + &format!("::1 - - [20/Nov/2026:10:{n:02}:{second:02} +0000] \"GET / HTTP/1.1\" 200 1\n")
        })
    };
    let gzip = |text: &str| {
        let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        to.write_all(text.as_bytes()).unwrap();
        to.finish().unwrap()
    };
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let paths = [
        write("access.log.1", lines(0).as_bytes()),
        write("access.log.1.gz", &gzip(&lines(0))),
        write("access.log.2.gz", &gzip(&lines(1))),
        write("access.log.3.gz", b""),
    ];
    std::fs::write(&paths[3], gzip("")).unwrap();
    let paths: Vec<&Path> = paths.iter().map(|path| &**path).collect();
    let intake = read_paths(&paths, LogPreset::Combined).unwrap();
    let accepted: Vec<u64> = intake.receipt.files.iter().map(|file| file.accepted).collect();
    assert_eq!(accepted, [40, 0, 40, 0]);
}

/// Writes a text as a string of JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Writes lines as other programs wrap them; each text has every line once.
fn wrapped(lines: &[String]) -> Vec<(&'static str, String)> {
    use base64::Engine as _;
    let each = |wrap: &dyn Fn(&String) -> String| lines.iter().map(wrap).collect::<Vec<_>>().join("\n");
    let base64 = |line: &String| base64::engine::general_purpose::STANDARD.encode(line);
    let lists = |before: &str, wrap: &dyn Fn(&String) -> String, after: &str| -> String {
        let list = |some: &[String]| some.iter().map(wrap).collect::<Vec<_>>().join(",");
        lines.chunks(7).map(|some| format!("{before}{}{after}\n", list(some))).collect()
    };
    let in_pieces = |line: &String| {
        let (start, end) = line.split_at(line.len() / 2);
        format!("2026-11-20T03:10:21.6Z stdout P {start}\n2026-11-20T03:10:21.6Z stdout F {end}")
    };
    let docker = |line: &String| {
        format!(
            r#"{{"log":{},"stream":"stdout","time":"2026-11-20T03:10:21Z"}}"#,
            quoted(&format!("{line}\n"))
        )
    };
    let message = |line: &String| format!(r#"{{"message":{}}}"#, quoted(line));
    vec![
        ("docker", each(&docker)),
        ("cri", each(&in_pieces)),
        ("docker in cri", each(&|line| in_pieces(&docker(line)))),
        ("syslog", each(&|line| format!("<134>1 2026-11-20T03:10:21Z host app 7 - - {line}"))),
        (
            "journald",
            each(&|line| {
                format!(r#"{{"__REALTIME_TIMESTAMP":"1795835421615000","MESSAGE":{}}}"#, quoted(line))
            }),
        ),
        ("vector", each(&|line| format!(r#"{{"source_type":"file","message":{}}}"#, quoted(line)))),
        (
            "cloudwatch",
            lists(r#"{"messageType":"DATA_MESSAGE","logGroup":"a","logEvents":["#, &message, "]}"),
        ),
        (
            "sqs",
            lists(
                r#"{"Records":["#,
                &|line| format!(r#"{{"eventSource":"aws:sqs","body":{}}}"#, quoted(line)),
                "]}",
            ),
        ),
        (
            "firehose",
            lists(
                r#"{"records":["#,
                &|line| format!(r#"{{"recordId":"1","data":"{}"}}"#, base64(line)),
                "]}",
            ),
        ),
    ]
}

fn accepted(name: &str, text: &str, preset: LogPreset) -> (u64, u64) {
    let intake = read(name, text.as_bytes(), preset).unwrap();
    let file = &intake.receipt.files[0];
    (file.accepted, file.quarantine)
}

#[test]
fn rows_of_ours_inside_the_lines_of_other_programs_are_the_same_rows() {
    let lines: Vec<String> = (0..700).map(json).collect();
    for (name, text) in wrapped(&lines) {
        assert_eq!(accepted("a.log", &text, LogPreset::Canonical), (700, 0), "{name}");
    }
    let list = lines.chunks(7).map(|some| format!("[{}]\n", some.join(","))).collect::<String>();
    assert_eq!(accepted("a.log", &list, LogPreset::Canonical), (700, 0));
    let value: Vec<serde_json::Value> =
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let pretty = serde_json::to_string_pretty(&value).unwrap();
    assert_eq!(accepted("a.log", &pretty, LogPreset::Canonical), (700, 0));
    let access: Vec<String> = (0..700)
        .map(|n| {
            format!(
                r#"10.0.0.1 - - [20/Nov/2026:{:02}:{:02}:00 +0000] "GET /{n} HTTP/1.1" 200 5"#,
                n / 60,
                n % 60
            )
        })
        .collect();
    for (name, text) in wrapped(&access) {
        assert_eq!(accepted("a.log", &text, LogPreset::Combined), (700, 0), "{name}");
    }
}

#[test]
fn what_is_broken_inside_another_program_s_line_costs_its_row_alone() {
    let mut lines: Vec<String> = (0..70).map(json).collect();
    lines[3] = lines[3].replace("\"ts\"", "\"other\"");
    lines[8].truncate(20);
    for (name, text) in wrapped(&lines) {
        assert_eq!(accepted("a.log", &text, LogPreset::Canonical), (68, 2), "{name}");
    }
    let text = format!("[{},17,{{}},{}]\n[17,{{}}]\n[{}", json(1), json(2), json(3));
    assert_eq!(accepted("a.json", &text, LogPreset::Canonical), (2, 4));
}

#[test]
fn pieces_of_a_line_meet_wherever_a_big_file_is_cut() {
    let mut lines = Vec::new();
    let mut bytes = 0;
    while bytes < 2 * CHUNK as usize + 1_000 {
        let note = "x".repeat(3_000);
        let line = json(lines.len()).replace('}', &format!(r#","note":"{note}"}}"#));
        bytes += line.len();
        lines.push(line);
    }
    let (_, text) = wrapped(&lines).swap_remove(1);
    assert_eq!(accepted("a.log", &text, LogPreset::Canonical), (lines.len() as u64, 0));
}
