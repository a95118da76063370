//! Rules that the sources keep: who imports whom, how much a folder and a file hold, what names and comments look like.

use std::collections::{BTreeMap, BTreeSet};

use super::root;

/// Lines of the longest source file.
const MOST_LINES: usize = 500;
/// Source files of more than 300 lines, each with its reason. Unit tests in files of their own do not count.
const LONG_FILES: &[(&str, &str)] = &[
    ("attention/kind.rs", "every kind, in every table of kinds"),
    ("cli/run.rs", "every option of a run, and what it finds out by itself"),
    ("cli/voice/summary.rs", "one summary, for people and for programs"),
    ("config/canonical/mod.rs", "every setting, spelled out"),
    ("config/mod.rs", "every noun of the config"),
    ("config/read.rs", "every table of the config"),
    ("config/sources.rs", "every key of a source"),
    ("daybook/message.rs", "one state, joined in any order"),
    ("daybook/stored.rs", "both ways of one stored format"),
    ("document/csv.rs", "one reader of sheets"),
    ("document/toml.rs", "every kind of mistake in a TOML value"),
    ("intake/counting/worker_counts.rs", "one worker, all its counts"),
    ("engine/connect/messages.rs", "every message to and from the server"),
    ("engine/connect/statement.rs", "one statement, over any number of links"),
    ("formats/read.rs", "every table of a format file"),
    ("intake/formats/foreign/compile.rs", "every noun of a format, as numbers"),
    ("intake/formats/foreign/envelopes.rs", "every way that a line is wrapped"),
    ("intake/formats/foreign/json/mod.rs", "one reader of objects, with their repair"),
    ("intake/formats/foreign/mod.rs", "one line, from envelope to row"),
    ("intake/formats/foreign/row/mod.rs", "every part of an expression"),
    ("intake/formats/foreign/template.rs", "one splitter, with what it must tell apart"),
    ("intake/rows/raw_row.rs", "one row, and every way to set a value of it"),
    ("intake/files/bytes/decompress.rs", "every compression, and what each must survive"),
    ("intake/formats/csv.rs", "one reader of delimited text"),
    ("intake/formats/frame.rs", "every way that rows end"),
    ("intake/formats/lines/mod.rs", "the frame of all text formats"),
    ("intake/formats/ndjson/mod.rs", "one parser"),
    ("intake/formats/parquet/cells.rs", "every type of a column"),
    ("intake/formats/parquet/mod.rs", "one decoder"),
    ("intake/formats/webhook_payload.rs", "every shape of a payload"),
    ("intake/inspect/mod.rs", "every noun of a look, and the look"),
    ("intake/join/close_day.rs", "every part of a daybook"),
    ("intake/join/correlate.rs", "the join of the two logs"),
    ("intake/join/merge.rs", "every dictionary of a day"),
    ("intake/records/partitions.rs", "one store with its budget"),
    ("resolve/mod.rs", "one day, from its daybooks to its facts"),
    ("resolve/messages/mod.rs", "every way that a message ends"),
    ("resolve/messages/ambiguous_sends.rs", "one rule, with the rule as it reads beside it"),
    ("intake/rows/fields.rs", "one reader per field"),
    ("intake/rows/instant/mod.rs", "every way to write an instant"),
    ("intake/rows/sketch.rs", "a row as the fast path reads it, value by value"),
    ("intake/rows/source_reader.rs", "one reader of all request fields"),
    ("intake/tasks/mod.rs", "what a day's tasks share, and one stage of them"),
    ("intake/tasks/worker.rs", "one attempt, at a task of any stage"),
    ("intake/wire/exchange.rs", "one place, on a disk and in a bucket"),
    ("intake/wire/object.rs", "both ways of one format"),
    ("intake/wire/stage_job.rs", "one file, with all that a worker is given"),
    ("ledger/editions/folder.rs", "every file of an edition"),
    ("ledger/editions/manifest.rs", "one file of an edition, with what makes two differ"),
    ("ledger/editions/mod.rs", "every part of an edition"),
    ("ledger/editions/outline.rs", "one outline, under its own rule and under those beside it"),
    ("ledger/journal/entry.rs", "every kind of line"),
    ("ledger/journal/state.rs", "what every kind of line comes to"),
    ("ledger/journal/mod.rs", "one chain"),
    ("ledger/mod.rs", "every way to read the ledger"),
    ("ledger/writer/mod.rs", "every way to change the ledger"),
    ("ledger/verify/mod.rs", "one check of all that is stored"),
    ("overrides/override_row.rs", "one row, with what makes it the same"),
    ("pipeline/draw.rs", "what may have changed, and how it is drawn"),
    ("pipeline/overrides/mod.rs", "one file of rows in a run"),
    ("overrides/check.rs", "every mistake of the override file"),
    ("overrides/plan.rs", "one decision over all days"),
    ("pipeline/days.rs", "one run over the days, with what it tells"),
    ("pipeline/read.rs", "what is read, and what is told of it"),
    ("policy/catalogue/mod.rs", "every mistake of a catalogue"),
    ("policy/condition.rs", "every key that a rule may ask for"),
    ("queries/explain/day.rs", "one day, all its questions"),
    ("report/exports/status_json.rs", "one schema, field by field"),
    ("report/mod.rs", "every table, and where it goes"),
    ("report/pages/words.rs", "every text of the pages"),
    ("resolve/missing_logs/mod.rs", "one judgement, from files to shares"),
    ("sample/traffic/mod.rs", "one generator"),
    ("sample/traffic/outcomes.rs", "every way that a call can end"),
    ("sample/truth/accounts.rs", "every verdict, with its account"),
    ("sample/truth/counts.rs", "one set of books, from rows to settlement"),
    ("sample/webhooks/mod.rs", "one generator"),
    ("slots/scope_slots.rs", "one scope, with the dense one that it must be like"),
    ("table/mod.rs", "the one table type"),
    ("table/parquet.rs", "one format, with the bytes that it must keep"),
];
const LONG_FROM: usize = 300;

#[test]
fn every_source_file_says_what_it_is() {
    for (path, text) in sources() {
        assert!(text.starts_with("//! "), "{path}: the first line says what the file is");
        let lines = text.lines().count();
        assert!(lines <= MOST_LINES, "{path}: {lines} lines, more than {MOST_LINES}");
        let is_listed = LONG_FILES.iter().any(|(long, _)| *long == path);
        assert_eq!(
            lines > LONG_FROM,
            is_listed,
            "{path}: {lines} lines; list it with its reason, or take it off the list"
        );
    }
}

/// The ground, which every stage may use: each room uses the rooms before it.
const GROUND: [&str; 13] = [
    "day",
    "attention",
    "clock",
    "redact",
    "error",
    "plain_file",
    "document",
    "formats",
    "store",
    "config",
    "table",
    "facts",
    "daybook",
];
/// The stages, in the order of the flow. Each may use the ground and the rooms named here.
const STAGES: [(&str, &[&str]); 10] = [
    ("intake", &[]),
    ("engine", &["intake"]),
    ("resolve", &[]),
    ("policy", &[]),
    ("overrides", &["policy"]),
    ("slots", &["policy"]),
    ("ledger", &["policy", "overrides", "slots"]),
    ("measure", &["slots", "ledger"]),
    ("report", &["policy", "slots", "ledger", "measure"]),
    ("queries", &["policy", "overrides", "slots", "ledger", "measure", "report"]),
];
/// Knows all stages.
const PIPELINE: &str = "pipeline";
/// Stands apart on purpose: it must know the right answer from elsewhere than the stages.
const SAMPLE: (&str, &[&str]) = ("sample", &["day", "error"]);

/// The rooms that a room may use; `None` if it may use all.
fn allowed(room: &str) -> Option<Vec<&'static str>> {
    let stages = STAGES.iter().map(|(name, _)| *name);
    if let Some(at) = GROUND.iter().position(|ground| *ground == room) {
        return Some(GROUND[..at].to_vec());
    }
    if let Some((_, others)) = STAGES.iter().find(|(name, _)| *name == room) {
        return Some(GROUND.iter().chain(*others).copied().collect());
    }
    match room {
        PIPELINE => Some(GROUND.iter().copied().chain(stages).collect()),
        "cli" | "lib" | "main" => None,
        _ if room == SAMPLE.0 => Some(SAMPLE.1.to_vec()),
        _ => panic!("`{room}` has no place in the street yet"),
    }
}

#[test]
fn stages_import_only_what_stands_before_them() {
    for (path, text) in sources() {
        let room = room(&path);
        let Some(allowed) = allowed(room) else { continue };
        for (number, line) in code(&text) {
            for (at, _) in line.match_indices("crate::") {
                let rest = &line[at + "crate::".len()..];
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                let used = &rest[..end];
                assert!(
                    used == room || allowed.contains(&used),
                    "{path}:{number}: {room} must not know {used}"
                );
            }
        }
    }
}

#[test]
fn only_the_edges_touch_disk_clock_and_voice() {
    // The lock's holder says since when, for the person who finds it held; that reaches no figure. Nor does it how long a run
    // waits for a store, or for a Spark server.
    const CLOCK: [&str; 4] =
        ["cli", "ledger/writer/lock.rs", "store/patience.rs", "engine/connect/statement.rs"];
    const DISK: [&str; 9] =
        ["plain_file", "store", "daybook", "intake", "engine", "ledger", "report", "sample", "cli"];
    const RULES: [(&str, &[&str], &[&str]); 3] = [
        ("the clock", &["Utc::now", "Local::now", "SystemTime", "Instant::now"], &CLOCK),
        ("the disk", &["std::fs", "fs::", "File::"], &DISK),
        ("a voice", &["print!(", "println!(", "io::stdout", "io::stderr"], &["cli"]),
    ];
    for (path, text) in sources() {
        for (what, words, allowed) in RULES {
            if allowed.iter().any(|a| room(&path) == *a || path == *a) {
                continue;
            }
            for (number, line) in code(&text) {
                let hit = words.iter().find(|word| line.contains(*word));
                assert!(hit.is_none(), "{path}:{number}: `{}` needs {what}", hit.unwrap_or(&""));
            }
        }
    }
}

/// Entries that a folder may hold, so that one look takes them in.
const MOST_ENTRIES: usize = 12;
/// Folders with a limit of their own.
const BIG_FOLDERS: [(&str, usize, &str); 9] = [
    ("src", 29, "the rooms of the street, which README and lib.rs list"),
    ("src/cli", 22, "one file a command"),
    ("src/config", 13, "one file a table"),
    ("src/intake", 16, "its rooms, and the files that use them all"),
    ("src/ledger", 14, "one file a thing that the ledger keeps or looks after"),
    ("src/ledger/editions", 13, "one file a part of an edition"),
    ("src/pipeline", 13, "one file a step of a night, and one a command that writes"),
    ("src/policy", 17, "one file a table of the policy"),
    ("tests", 52, "one module a kind of test"),
];

#[test]
fn a_folder_is_taken_in_by_one_look() {
    for (folder, entries) in folders() {
        let own = BIG_FOLDERS.iter().find(|(name, ..)| *name == folder);
        let most = own.map_or(MOST_ENTRIES, |(_, most, _)| *most);
        assert!(entries <= most, "{folder}: {entries} entries, more than {most}");
    }
}

#[test]
fn no_file_imports_another_in_a_circle() {
    let mut imports = Imports::read().by_file();
    assert!(imports.values().map(BTreeSet::len).sum::<usize>() > 500, "imports are found");
    // Files that import none of those left, or are imported by none, are in no circle.
    loop {
        let before = imports.len();
        let left: BTreeSet<String> = imports.keys().cloned().collect();
        for used in imports.values_mut() {
            used.retain(|file| left.contains(file));
        }
        let used: BTreeSet<String> = imports.values().flatten().cloned().collect();
        imports.retain(|file, uses| !uses.is_empty() && used.contains(file));
        if imports.len() == before {
            break;
        }
    }
    assert!(imports.is_empty(), "files that import each other in circles: {imports:#?}");
}

/// A name means one thing: where two rooms need it, one of them says of what.
#[test]
fn a_public_type_has_a_name_of_its_own() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, text) in sources() {
        for (_, line) in code(&text) {
            // Types of the file itself, and those that `record!` declares.
            let declared = line.strip_prefix("    ").unwrap_or(line).strip_prefix("pub ");
            let words: Vec<&str> = declared.unwrap_or_default().split([' ', '<', '(', ';', '{']).collect();
            if let ["struct" | "enum" | "trait" | "type" | "union", name, ..] = words.as_slice() {
                places.entry((*name).to_owned()).or_default().push(path.clone());
            }
        }
    }
    assert!(places.len() > 200, "{} types", places.len());
    places.retain(|_, paths| paths.len() > 1);
    assert!(places.is_empty(), "public types that share a name: {places:#?}");
}

/// Columns of the widest comment.
const WIDEST_COMMENT: usize = 100;

#[test]
fn comments_are_narrow() {
    for (path, text) in every_source() {
        for (number, line) in (1..).zip(text.lines()) {
            let is_comment = line.trim_start().starts_with("//");
            // Help texts of the command line and descriptions of a published schema are output.
            let is_output = path.starts_with("cli/") || path == "report/exports/status_json.rs";
            let width = line.chars().count();
            assert!(!is_comment || is_output || width <= WIDEST_COMMENT, "{path}:{number}: {width} columns");
        }
    }
}

#[test]
fn sources_refer_to_nothing_outside_the_repository() {
    // Policies of version 0.1.0 cite such sections, and are still read.
    const ALLOWED: [&str; 2] = ["policy/cells.rs", "policy/read.rs"];
    let texts = every_source().into_iter().filter(|(path, _)| !ALLOWED.contains(&path.as_str()));
    let policy = ("data/policy.toml".to_owned(), super::read("data/policy.toml"));
    for (path, text) in texts.chain([policy]) {
        for word in ["DESIGN", "HOUSE.md", "STYLE.md", "DISTRIBUTED.md", "/work/", "/root/"] {
            assert!(!text.contains(word), "{path}: `{word}` is not in the repository");
        }
    }
}

/// What the files of src/ take from each other, by their paths in the code.
struct Imports {
    /// Text of each file without comments and unit tests, by the module that it is.
    modules: BTreeMap<Vec<String>, (String, String)>,
    /// Names that a module shows as its own, with the module that they come from: `pub use`.
    shown: BTreeMap<(Vec<String>, String), Vec<String>>,
}

impl Imports {
    fn read() -> Self {
        let mut modules = BTreeMap::new();
        for (path, text) in sources() {
            let name = path.trim_end_matches(".rs").trim_end_matches("/mod");
            let parts: Vec<String> = name.split('/').map(str::to_owned).collect();
            let parts = if matches!(name, "lib" | "main") { Vec::new() } else { parts };
            if name != "main" {
                let text = code(&text).map(|(_, line)| line).collect::<Vec<_>>().join("\n");
                modules.insert(parts, (path, text));
            }
        }
        let mut imports = Self { modules, shown: BTreeMap::new() };
        let shown: Vec<_> = imports
            .modules
            .iter()
            .flat_map(|(module, (_, text))| {
                let paths = statements(text, true).into_iter();
                paths
                    .filter_map(|path| imports.absolute(module, &path))
                    .map(|path| (module.clone(), path))
                    .collect::<Vec<_>>()
            })
            .collect();
        for (module, path) in shown {
            if let Some(name) = path.last().cloned() {
                imports.shown.insert((module, name), path);
            }
        }
        imports
    }

    /// By file: the other files from which it takes something.
    fn by_file(&self) -> BTreeMap<String, BTreeSet<String>> {
        let of = |(module, (path, text)): (&Vec<String>, &(String, String))| {
            let named = statements(text, false).into_iter().chain(inline(&without_statements(text)));
            let files = named.filter_map(|path| self.file(self.absolute(module, &path)?));
            (path.clone(), files.filter(|file| file != path && !is_front_of(file, path)).collect())
        };
        self.modules.iter().map(of).collect()
    }

    /// A path of a module as one from the root; `None` for other crates.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Vec<String>> {
        let mut parts = module.to_vec();
        let mut rest = path;
        match path.first().map(String::as_str)? {
            "crate" => {
                parts.clear();
                rest = &path[1..];
            }
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|part| part == "super") {
                    parts.pop();
                    rest = &rest[1..];
                }
            }
            child => {
                parts.push(child.to_owned());
                if !self.modules.contains_key(&parts) {
                    return None;
                }
                rest = &path[1..];
            }
        }
        parts.extend(rest.iter().cloned());
        Some(parts)
    }

    /// The file that defines what a path leads to: through every `pub use` on the way.
    fn file(&self, mut path: Vec<String>) -> Option<String> {
        for _ in 0..8 {
            let length = (0..=path.len()).rev().find(|n| self.modules.contains_key(&path[..*n]))?;
            let (module, rest) = path.split_at(length);
            let Some(name) = rest.first() else { return Some(self.modules[module].0.clone()) };
            match self.shown.get(&(module.to_vec(), name.clone())) {
                Some(from) if *from != path => path.clone_from(from),
                _ => return Some(self.modules[module].0.clone()),
            }
        }
        None
    }
}

/// The front of a room shows what its files hold, and they may use what it declares: the two are one place.
fn is_front_of(front: &str, path: &str) -> bool {
    front == "lib.rs" || front.strip_suffix("mod.rs").is_some_and(|folder| path.starts_with(folder))
}

/// The paths of all `use` statements, of public ones or of the others, each written out.
fn statements(text: &str, is_public: bool) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("use ") {
        let line = &rest[..at];
        let before = line.rsplit('\n').next().unwrap_or_default().trim();
        let end = rest[at..].find(';').map_or(rest.len(), |end| at + end);
        let is_use = before.is_empty() || before.starts_with("pub");
        if is_use && before.starts_with("pub") == is_public {
            written_out(&rest[at + 4..end], &[], &mut found);
        }
        rest = &rest[if is_use { end } else { at + 4 }..];
    }
    found
}

/// The text without its `use` statements.
fn without_statements(text: &str) -> String {
    let mut is_inside = false;
    let mut kept = String::new();
    for line in text.lines() {
        is_inside |= line.trim_start().trim_start_matches("pub ").starts_with("use ")
            || line.starts_with("pub(crate) use ");
        if !is_inside {
            kept.extend([line, "\n"]);
        }
        is_inside &= !line.ends_with(';');
    }
    kept
}

/// `a::{b, c::{self, d}}` is `a::b`, `a::c` and `a::c::d`.
fn written_out(tree: &str, prefix: &[String], found: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    let (head, list) = tree.split_once('{').map_or((tree, None), |(head, list)| (head, Some(list)));
    let head = head.split(" as ").next().unwrap_or_default();
    let parts = head.split("::").map(str::trim).filter(|part| !part.is_empty() && *part != "*");
    let mut path = prefix.to_vec();
    path.extend(parts.map(str::to_owned));
    let Some(list) = list else {
        if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
            path.pop();
        }
        found.push(path);
        return;
    };
    let list = list.trim_end().strip_suffix('}').unwrap_or(list);
    let (mut depth, mut from) = (0, 0);
    for (at, c) in list.char_indices().chain([(list.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !list[from..at].trim().is_empty() {
                    written_out(&list[from..at], &path, found);
                }
                from = at + 1;
            }
            _ => {}
        }
    }
}

/// Paths in expressions and types that begin with `crate`, `super`, or the name of another module.
fn inline(text: &str) -> Vec<Vec<String>> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '$';
    let words = text.split(|c: char| !is_part(c)).filter(|word| word.contains("::"));
    words
        .map(|word| word.split("::").map(str::to_owned).collect::<Vec<_>>())
        .filter(|path| path.first().is_some_and(|first| first.starts_with(char::is_lowercase)))
        .collect()
}

/// Folders of src/ and tests itself, by their path from the root, with the number of their entries.
fn folders() -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut open = vec!["src".to_owned(), "tests".to_owned()];
    while let Some(folder) = open.pop() {
        let entries: Vec<_> = std::fs::read_dir(root().join(&folder)).unwrap().map(Result::unwrap).collect();
        found.push((folder.clone(), entries.len()));
        if folder != "tests" {
            let below = entries.iter().filter(|entry| entry.path().is_dir());
            open.extend(below.map(|entry| format!("{folder}/{}", entry.file_name().to_string_lossy())));
        }
    }
    assert!(found.len() > 20, "{} folders", found.len());
    found
}

/// Every file under src/, by its path from there.
fn every_source() -> Vec<(String, String)> {
    let src = root().join("src");
    let mut folders = vec![src.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let shown = path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
                files.push((shown, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    assert!(files.len() > 150, "{} files", files.len());
    files
}

/// Every file under src/ but unit tests in files of their own, by its path from there.
fn sources() -> Vec<(String, String)> {
    let is_test = |path: &str| path.ends_with("tests.rs") || path.contains("/tests/");
    every_source().into_iter().filter(|(path, _)| !is_test(path)).collect()
}

/// The folder of src/ that a file lies in, or the file's own name.
fn room(path: &str) -> &str {
    path.split('/').next().unwrap_or(path).trim_end_matches(".rs")
}

/// The lines of a file that are neither comments nor unit tests, which may look further.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    lines.take_while(|(_, line)| *line != "mod tests {").filter(|(_, l)| !l.trim_start().starts_with("//"))
}
