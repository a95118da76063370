//! Tests of finding files: regions in paths, marker files, special files.

use super::*;

fn config(source: Source, base: &Path) -> Config {
    Config { sources: vec![source], ..Config::bare(base) }
}

#[test]
fn a_file_under_two_names_is_one_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.log"), "x").unwrap();
    std::os::unix::fs::symlink("a.log", folder.path().join("current.log")).unwrap();
    let mut source = crate::intake::formats::parquet::tests::source(&folder.path().join("*.log"));
    source.paths.push(folder.path().join("./a.log").display().to_string());
    let found = find(&config(source, Path::new("")), "2026-11-20".parse().unwrap()).unwrap();
    assert_eq!(found.logs.len(), 1, "{found:?}");
}

#[test]
fn dates_are_put_into_patterns() {
    let day: Day = "2026-11-20".parse().unwrap();
    assert_eq!(dated("logs/{date}/*.gz", day), "logs/2026-11-20/*.gz");
    assert_eq!(dated("{date:%Y/%m}/r-{date:%d}.csv", day), "2026/11/r-20.csv");
    assert_eq!(dated("plain.log", day), "plain.log");
}

/// Returns the names and regions of the logs that a pattern finds, and the special files.
fn found(base: &Path, pattern: &str) -> (Vec<(String, String)>, Vec<SpecialFile>) {
    let mut source = crate::intake::formats::parquet::tests::source(Path::new(pattern));
    source.is_named_by_hand = false;
    let found = find(&config(source, base), "2026-11-20".parse().unwrap()).unwrap();
    let region = |log: &LogFile| log.constants.first().map(|(_, region)| region.clone());
    let logs = found.logs.iter().map(|log| (log.shown.clone(), region(log).unwrap_or_default()));
    (logs.collect(), found.special.into_iter().collect())
}

fn names(base: &Path, pattern: &str) -> Vec<String> {
    found(base, pattern).0.into_iter().map(|(name, _)| name).collect()
}

#[test]
fn regions_are_read_from_paths_with_brackets_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("data[1]*");
    for path in ["logs [x]/eu/a.csv", "logs [x]/us/a.csv", "logs x/eu/a.csv"] {
        fs::create_dir_all(base.join(path).parent().unwrap()).unwrap();
        fs::write(base.join(path), "").unwrap();
    }
    let both = ["eu", "us"].map(|region| (format!("logs [x]/{region}/a.csv"), region.to_owned()));
    for pattern in ["logs [[]x]/{region}/*.csv", "logs [[]x[]]/{region}/a.csv", "**/*[]]/{region}/?.csv"] {
        assert_eq!(found(&base, pattern).0, both, "{pattern}");
    }
    // However the config's folder is spelled, and if the pattern names it itself.
    let pattern = "logs [[]x]/{region}/*.csv";
    let dotted = folder.path().join("./data[1]*/.");
    assert_eq!(found(&dotted, pattern).0.len(), 2);
    let escaped = glob::Pattern::escape(&base.display().to_string());
    assert_eq!(found(&base, &format!("{escaped}/{pattern}")).0, both);
    assert_eq!(below("logs/a.csv", "."), "logs/a.csv");
    assert_eq!(below("conf/../logs/a.csv", "./conf"), "../logs/a.csv");
}

#[test]
fn marker_files_are_logs_only_where_they_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path();
    for path in ["_SUCCESS", "_committed_1", ".hidden", ".a.csv.crc", "a.csv", "a.csv.crc", "_old/a.csv"] {
        fs::create_dir_all(base.join("logs").join(path).parent().unwrap()).unwrap();
        fs::write(base.join("logs").join(path), "x").unwrap();
    }
    for pattern in ["logs", "logs/*", "logs/**/*", "**/*.csv*", "logs/?*"] {
        assert_eq!(names(base, pattern), ["logs/a.csv"], "{pattern}");
    }
    for (pattern, wanted) in [
        ("logs/_SUCCESS", "logs/_SUCCESS"),
        ("logs/_committed_*", "logs/_committed_1"),
        ("logs/_old", "logs/_old/a.csv"),
        ("logs/_old/*", "logs/_old/a.csv"),
        ("logs/.hidden", "logs/.hidden"),
    ] {
        assert_eq!(names(base, pattern), [wanted], "{pattern}");
    }
}

#[test]
fn special_files_are_told_and_never_opened() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path();
    fs::create_dir(base.join("logs")).unwrap();
    fs::write(base.join("logs/a.csv"), "x").unwrap();
    std::os::unix::fs::symlink("nowhere", base.join("logs/b.csv")).unwrap();
    std::os::unix::fs::symlink("/dev/null", base.join("logs/c.csv")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(base.join("logs/d.csv")).unwrap();
    for pattern in ["logs", "logs/*.csv"] {
        let (logs, special) = found(base, pattern);
        assert_eq!(logs.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["logs/a.csv", "logs/b.csv"]);
        let special: Vec<_> = special.iter().map(|file| (file.shown.as_str(), file.what)).collect();
        assert_eq!(special, [("logs/c.csv", "a device"), ("logs/d.csv", "a socket")]);
    }
    let source = crate::intake::formats::parquet::tests::source(Path::new("logs/d.csv"));
    let named = find(&config(source, base), "2026-11-20".parse().unwrap()).unwrap_err().to_string();
    assert!(named.contains("d.csv is a socket, not a file"), "{named}");
}
