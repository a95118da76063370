//! Supply chain: what the program is made of, and what our own code may not contain.

use std::collections::BTreeSet;

use super::read;

#[test]
fn no_target_may_contain_unsafe_code() {
    for crate_root in ["src/lib.rs", "src/main.rs"] {
        let is_said = read(crate_root).lines().any(|line| line == "#![forbid(unsafe_code)]");
        assert!(is_said, "{crate_root} does not forbid unsafe code");
    }
    // Tests, benches, examples and fuzz targets.
    for manifest in ["Cargo.toml", "tests/fuzz/Cargo.toml"] {
        let text = read(manifest);
        let lints = text.split("\n[lints.rust]\n").nth(1).unwrap_or_default();
        let is_said = lints.split("\n[").next().unwrap_or_default().contains("unsafe_code = \"forbid\"");
        assert!(is_said, "{manifest} does not forbid unsafe code");
    }
}

/// `.ci/notices.py --check` compares the whole file; this needs neither Python nor the sources of the crates.
#[test]
fn the_notices_name_crates_of_the_lock_file_and_each_dependency() {
    let locked = locked("Cargo.lock");
    let notices = read("LICENSE-THIRD-PARTY");
    let lines: Vec<&str> = notices.lines().collect();
    let entries = lines.windows(2).filter(|pair| pair[1].starts_with("    licence: "));
    let named: BTreeSet<&str> = entries.map(|pair| pair[0]).collect();
    assert!(named.len() > 100, "{} crates", named.len());
    for name in &named {
        assert!(
            locked.contains(*name),
            "LICENSE-THIRD-PARTY: {name} is not in Cargo.lock; run .ci/notices.py"
        );
    }
    let manifest = read("Cargo.toml");
    let dependencies = manifest.split("\n[dependencies]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let dependencies = dependencies.lines().filter(|line| !line.starts_with('#'));
    let names: Vec<&str> = dependencies.filter_map(|line| Some(line.split_once(" = ")?.0)).collect();
    assert!(names.len() > 30, "{names:?}");
    for name in names {
        let is_named = named.iter().any(|entry| entry.split(' ').next() == Some(name));
        assert!(is_named, "LICENSE-THIRD-PARTY does not name {name}; run .ci/notices.py");
    }
}

/// What is fuzzed is what is shipped.
#[test]
fn the_fuzz_targets_are_built_with_the_crates_of_the_job() {
    const OWN: [&str; 3] = ["arbitrary ", "libfuzzer-sys ", "uptime-ledger-fuzz "];
    let job = locked("Cargo.lock");
    for name in locked("tests/fuzz/Cargo.lock") {
        let is_own = OWN.iter().any(|own| name.starts_with(own));
        assert!(
            is_own || job.contains(&name),
            "tests/fuzz/Cargo.lock: {name} is not in Cargo.lock; copy that file over it, and run \
             `cargo metadata --manifest-path tests/fuzz/Cargo.toml`"
        );
    }
}

/// Name and version of each package of a lock file.
fn locked(path: &str) -> BTreeSet<String> {
    let lock = read(path);
    let packages = lock.split("[[package]]\n").skip(1);
    let found = packages.map(|package| {
        let value = |key: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
            line.trim_matches(['=', ' ', '"']).to_owned()
        };
        format!("{} {}", value("name"), value("version"))
    });
    let found: BTreeSet<String> = found.collect();
    assert!(found.len() > 100, "{path}: {} packages", found.len());
    found
}
