//! Tidy: documents that must match the code, and the rules of the house.

use std::fmt::Write;
use std::path::Path;

use uptime_ledger::report;

/// `BLESS=1 cargo test --test main tidy` rewrites the column tables; the prose around them is ours.
#[test]
fn the_dictionary_of_reports_matches_their_schemas() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/README.md");
    let found = std::fs::read_to_string(&path).unwrap();
    let mut want = found.clone();
    for (place, spec) in report::schema() {
        let (open, close) = (format!("<!-- columns of {place} -->\n"), "<!-- end of columns -->");
        let start =
            want.find(&open).unwrap_or_else(|| panic!("{}: no `{open}`", path.display())) + open.len();
        let end = start + want[start..].find(close).expect("an end after each begin");
        let mut table =
            format!("A row is: {}.\n\n| column | type | meaning |\n| --- | --- | --- |\n", spec.row);
        for column in spec.columns {
            assert!(!column.doc.is_empty(), "{place}.{} says nothing", column.name);
            writeln!(table, "| `{}` | {} | {} |", column.name, column.kind.name(), column.doc).unwrap();
        }
        want.replace_range(start..end, &table);
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &want).unwrap();
    } else {
        assert_eq!(found, want, "reports/README.md is not what the code writes; run again with BLESS=1");
    }
}

#[test]
fn every_source_file_says_what_it_is() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                assert!(text.starts_with("//! "), "{}: the first line says what the file is", path.display());
                assert!(text.lines().count() <= 500, "{}: more than 500 lines", path.display());
            }
        }
    }
}
