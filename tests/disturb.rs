//! Disturb: runs under `strace`, killed at the system calls by which they change the reports folder.
//!
//! `strace` counts the calls of a thread from its start, so a point is the nth call of a name by the main thread, taken from
//! a trace of the undisturbed run; that it was hit, once, and where it was meant to, is read from the trace of the
//! disturbed one.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use crate::job;

/// Calls that change files, or bring them to disk. `openat` counts where it creates a file.
pub const CALLS: [&str; 24] = [
    "write",
    "pwrite64",
    "writev",
    "pwritev",
    "pwritev2",
    "copy_file_range",
    "sendfile",
    "fallocate",
    "ftruncate",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "openat",
    "mkdir",
    "mkdirat",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "symlinkat",
    "unlink",
    "unlinkat",
    "rmdir",
];
pub const WRITES: [&str; 8] =
    ["write", "pwrite64", "writev", "pwritev", "pwritev2", "copy_file_range", "sendfile", "fallocate"];
pub const SYNCS: [&str; 3] = ["fsync", "fdatasync", "sync_file_range"];
pub const RENAMES: [&str; 5] = ["rename", "renameat", "renameat2", "link", "linkat"];
pub const MAKES: [&str; 3] = ["openat", "mkdir", "mkdirat"];

/// A system call of the undisturbed run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub name: String,
    /// The how-many-th of its name, from 1.
    pub nth: usize,
    /// What it changes, below the reports folder.
    pub target: String,
}

impl Call {
    pub fn is(&self, names: &[&str]) -> bool {
        names.contains(&self.name.as_str())
    }
}

/// A run of the job, to be traced and disturbed.
#[derive(Debug, Clone, Copy)]
pub struct Traced<'a> {
    pub config: &'a Path,
    /// What follows the config and the reports folder.
    pub args: &'a [&'a str],
}

impl Traced<'_> {
    /// The run under `strace`, which writes what it sees to a log.
    pub fn strace(&self, reports: &Path, log: &Path, options: &[&str]) -> Command {
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-y", "-s", "0", "--seccomp-bpf", "-o"]).arg(log).args(options);
        command.arg(job::binary()).arg("run").arg("--config").arg(self.config);
        command.arg("--out").arg(reports).args(self.args).args(["--threads", "1"]);
        // Threads that have nothing to do only cost time.
        command.env("POLARS_MAX_THREADS", "1");
        // With heaps of their own for threads, glibc opens a file under /proc the first time that it gives memory of one back:
        // in the main thread, or not, whoever was first. The calls could then not be counted.
        command.env("MALLOC_ARENA_MAX", "1");
        command.env_remove("RUST_BACKTRACE").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Lets it run undisturbed. Returns how it ended, and the calls that change the reports folder, in their order.
    pub fn calls(&self, reports: &Path) -> (ExitStatus, Vec<Call>) {
        let all = format!("trace=execve,?{}", CALLS.join(",?"));
        let log = reports.with_extension("log");
        let status = self.strace(reports, &log, &["-e", &all]).status().unwrap();
        (status, calls(&fs::read_to_string(&log).unwrap(), reports))
    }

    /// Kills it at the entry of a call, which is then not carried out. The folder is made anew for each attempt.
    pub fn kill(&self, call: &Call, reports: &Path, prepare: impl Fn()) -> Result<(), String> {
        // `strace` holds the call back for a while, in which the process is killed; one that was not killed in time starts
        // over with more of it. (`strace` could send the signal itself, but not together with --seccomp-bpf, without which a
        // run takes seconds.)
        for while_ms in [200, 2_000, 20_000] {
            prepare();
            let log = reports.with_extension("log");
            let _ = fs::remove_file(&log);
            let trace = format!("trace=execve,{}", call.name);
            let hold = format!("inject={}:delay_enter={while_ms}ms:when={}", call.name, call.nth);
            let mut strace = self.strace(reports, &log, &["-e", &trace, "-e", &hold]).spawn().unwrap();
            let reached = || {
                let text = fs::read_to_string(&log).unwrap_or_default();
                let (main, lines) = lines(&text);
                let hits = lines.into_iter().filter(|(pid, text)| *pid == main && name(text) == call.name);
                (main.to_owned(), hits.map(|(_, text)| text).collect::<Vec<_>>())
            };
            loop {
                let is_ended = strace.try_wait().unwrap().is_some();
                let (main, hits) = reached();
                if is_ended {
                    break;
                }
                if hits.len() >= call.nth {
                    Command::new("sh").args(["-c", &format!("kill -KILL {main}")]).status().unwrap();
                    break;
                }
                thread::sleep(Duration::from_millis(2));
            }
            let status = strace.wait().unwrap();
            let (_, hits) = reached();
            let Some(hit) = hits.get(call.nth - 1) else {
                return Err(format!("the call was not reached, and the run ended with {status}"));
            };
            // A call that was never answered was the last one.
            if status.code().is_some() || !hit.ends_with("= ?") {
                continue;
            }
            let hit = below(&target(hit), reports);
            if !is_like(call, hit.as_deref()) {
                return Err(format!("the run took another way this time: {hit:?}"));
            }
            return Ok(());
        }
        Err("could not be killed in time".to_owned())
    }
}

// What lies in a folder.

/// All that lies in a folder: files with their bytes, folders without.
pub type Tree = BTreeMap<PathBuf, Option<Vec<u8>>>;

pub fn tree(folder: &Path) -> Tree {
    fn add(tree: &mut Tree, root: &Path, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let bytes = (!path.is_dir()).then(|| fs::read(&path).unwrap());
            let is_folder = bytes.is_none();
            tree.insert(path.strip_prefix(root).unwrap().into(), bytes);
            if is_folder {
                add(tree, root, &path);
            }
        }
    }
    let mut tree = Tree::new();
    add(&mut tree, folder, folder);
    tree
}

/// Copies a folder with all that lies in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for (path, bytes) in tree(from) {
        match bytes {
            Some(bytes) => fs::write(to.join(path), bytes).unwrap(),
            None => fs::create_dir(to.join(path)).unwrap(),
        }
    }
}

pub fn differences(want: &Tree, found: &Tree) -> String {
    let missing = want.keys().filter(|path| !found.contains_key(*path)).map(|path| ("no", path));
    let other = |path: &&PathBuf| want.get(*path).is_some_and(|bytes| Some(bytes) != found.get(*path));
    let other = found.keys().filter(other).map(|path| ("another", path));
    let more = found.keys().filter(|path| !want.contains_key(*path)).map(|path| ("an additional", path));
    let all: Vec<String> =
        missing.chain(other).chain(more).map(|(what, path)| format!("{what} {}", path.display())).collect();
    all.join(", ")
}

// What `strace` writes.

/// The first process, which is the main thread, and every call with its process, pieced together where another came between.
pub fn lines(log: &str) -> (&str, Vec<(&str, String)>) {
    let mut found: Vec<(&str, String)> = Vec::new();
    let mut unfinished: HashMap<&str, usize> = HashMap::new();
    for line in log.lines() {
        let Some((pid, text)) = line.split_once(' ') else { continue };
        let text = text.trim_start();
        if let Some((_, rest)) = text.split_once("resumed>") {
            if let Some(at) = unfinished.remove(pid) {
                found[at].1.push_str(rest);
            }
        } else if let Some(start) = text.strip_suffix("<unfinished ...>") {
            unfinished.insert(pid, found.len());
            found.push((pid, start.to_owned()));
        } else if text.starts_with(|c: char| c.is_ascii_lowercase()) && text.contains('(') {
            found.push((pid, text.to_owned()));
        }
    }
    (found.first().map_or("", |(pid, _)| pid), found)
}

pub fn name(call: &str) -> &str {
    call.split('(').next().unwrap_or_default()
}

/// The path that a call changes: of two, the second.
pub fn target(call: &str) -> PathBuf {
    let opened = |text: &str| {
        let path = text.rsplit_once('<')?.1.split_once('>')?.0;
        Some(PathBuf::from(path))
    };
    if WRITES.contains(&name(call)) || SYNCS.contains(&name(call)) || name(call) == "ftruncate" {
        let first = call.split_once('>').map(|(first, _)| format!("{first}>"));
        return first.and_then(|first| opened(&first)).unwrap_or_default();
    }
    let mut parts = call.rsplitn(3, '"');
    let (_, path, rest) = (parts.next(), parts.next(), parts.next());
    let (path, folder) = (path.unwrap_or_default(), opened(rest.unwrap_or_default()));
    folder.unwrap_or_default().join(path)
}

/// A path below the reports folder, without what is random in it; none when it lies elsewhere.
pub fn below(path: &Path, reports: &Path) -> Option<String> {
    Some(shape(path.strip_prefix(reports).ok()?.to_str()?))
}

/// Temporary names are random.
pub fn shape(path: &str) -> String {
    let part = |part: &str| if part.starts_with(".tmp") { ".tmp*".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Whether a run that was disturbed there came by the same call. Files of a folder may be cleared away in any order.
pub fn is_like(call: &Call, target: Option<&str>) -> bool {
    let place = |target: &str| target.rsplit_once('/').map(|(folder, _)| folder.to_owned());
    match target {
        Some(target) if call.name.starts_with("unlink") => place(target) == place(&call.target),
        target => target == Some(&call.target),
    }
}

/// The calls that change the reports folder, in their order.
pub fn calls(log: &str, reports: &Path) -> Vec<Call> {
    let (main, lines) = lines(log);
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut found = Vec::new();
    for (pid, text) in lines {
        let name = name(&text).to_owned();
        let target = below(&target(&text), reports);
        let is_change = match name.as_str() {
            "execve" => false,
            "openat" => text.contains("O_CREAT"),
            // A folder that is there already: nothing changes, and no disk is asked.
            "mkdir" | "mkdirat" => !text.contains("EEXIST"),
            _ => true,
        };
        if pid == main {
            *counts.entry(name.clone()).or_default() += 1;
        } else {
            let is_ours = target.is_some() && is_change;
            assert!(!is_ours, "a second thread changes reports, and its calls are not counted: {text}");
        }
        if let (Some(target), true) = (target, is_change) {
            found.push(Call { nth: counts[&name], name, target });
        }
    }
    found
}

/// Whether system calls can be disturbed here. Where CI is set they must be.
pub fn can_disturb() -> bool {
    let options =
        ["-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", "inject=write:delay_enter=1:when=1"];
    let output = Command::new("strace").args(options).args(["sh", "-c", "echo yes"]).output();
    let why = match output {
        Ok(output) if output.stdout == b"yes\n" => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    assert!(std::env::var_os("CI").is_none(), "strace is needed: {why}");
    // Written as it is: what `eprintln!` says is only shown of a test that fails.
    let told = format!("skipped: kills and faults, because strace is missing or may not trace: {why}\n");
    std::io::stderr().write_all(told.as_bytes()).unwrap();
    false
}
