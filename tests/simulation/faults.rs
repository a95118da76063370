//! Faults: a run that is killed, whose disk fails, or whose files are not as they were written.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::acts::Fault;
use super::laws::{self, Broken};
use super::office::Office;
use crate::disturb::{self, Traced};

/// A file that has one other bit.
pub struct Flipped {
    path: PathBuf,
    was: Vec<u8>,
    is: Vec<u8>,
}

impl Flipped {
    /// Turns over one bit of a stored file.
    pub fn new(office: &Office, file: u64, bit: u64) -> Option<Self> {
        let files: Vec<_> = laws::files(office)
            .into_iter()
            .filter_map(|(path, bytes)| Some((path, bytes.filter(|bytes| !bytes.is_empty())?)))
            .collect();
        let at = file as usize % files.len().max(1);
        let (path, was) = files.into_iter().nth(at)?;
        let mut is = was.clone();
        let bit = bit as usize % (8 * is.len());
        is[bit / 8] ^= 1 << (bit % 8);
        let path = office.reports().join(path);
        fs::write(&path, &is).unwrap();
        Some(Self { path, was, is })
    }

    /// True if the file still has the other bit.
    pub fn stands(&self) -> bool {
        fs::read(&self.path).is_ok_and(|bytes| bytes == self.is)
    }

    /// Puts the file back as it was, unless the job has written it anew.
    pub fn restore(&self) {
        if self.stands() || !self.path.exists() {
            fs::create_dir_all(self.path.parent().unwrap()).unwrap();
            fs::write(&self.path, &self.was).unwrap();
        }
    }

    /// True for what is drawn from the ledger, which only the command `verify` compares.
    pub fn is_drawn(&self) -> bool {
        !self.path.iter().any(|part| part == "ledger")
    }

    pub fn name(&self) -> String {
        self.path.display().to_string()
    }
}

/// Lets the binary run, and kills it or lets a call of it fail.
pub fn disturbed(office: &Office, fault: &Fault, as_of: &str) -> Broken {
    let (config, reports, log) = (office.path("uptime-ledger.toml"), office.reports(), office.path("strace"));
    let _ = fs::remove_file(&log);
    let args = ["--simulate", "--quiet", "--as-of", as_of];
    let traced = Traced { config: &config, args: &args };
    match fault {
        Fault::Fails(name, error, nth) => {
            let trace = format!("trace=execve,{name}");
            let inject = format!("inject={name}:error={error}:when={nth}");
            let mut strace = traced.strace(&reports, &log, &["-e", &trace, "-e", &inject]);
            let output = strace.stderr(Stdio::piped()).output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            match output.status.code() {
                Some(0 | 1 | 3) if !stderr.contains("panicked") => Ok(()),
                code => Err(format!("{fault:?}: exit code {code:?}: {stderr}")),
            }
        }
        Fault::Kill(name, nth) => {
            let trace = format!("trace=execve,{name}");
            let hold = format!("inject={name}:delay_enter=5000ms:when={nth}");
            let mut strace = traced.strace(&reports, &log, &["-e", &trace, "-e", &hold]).spawn().unwrap();
            loop {
                let ended = strace.try_wait().unwrap();
                let text = fs::read_to_string(&log).unwrap_or_default();
                let (main, lines) = disturb::lines(&text);
                if let Some(status) = ended {
                    // The run came to its end before the call, or was killed.
                    return match status.code() {
                        Some(0 | 3) | None => Ok(()),
                        code => Err(format!("{fault:?}: exit code {code:?}")),
                    };
                }
                let hits = lines.iter().filter(|(pid, text)| *pid == main && disturb::name(text) == *name);
                if hits.count() >= *nth as usize {
                    Command::new("sh").args(["-c", &format!("kill -KILL {main}")]).status().unwrap();
                    strace.wait().unwrap();
                    return Ok(());
                }
                thread::sleep(Duration::from_millis(2));
            }
        }
        Fault::Flip(..) => Ok(()),
    }
}
