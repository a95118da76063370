//! `uptime-ledger verify`: checks that ledger and reports are unchanged and agree.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::place::ReportsPlace;
use super::voice;
use crate::day::Day;
use crate::error::{ExitCode, Trouble};
use crate::ledger::{
    Drawn, Extends, Finding, HEADS, KeptHeads, Ledger, PublishedHead, Seal, heads_of, kept_heads, public_key,
    verify,
};
use crate::pipeline;
use crate::plain_file;
use crate::queries::reported;

#[derive(Args)]
pub struct Verify {
    #[command(flatten)]
    place: ReportsPlace,
    /// A file that was published earlier, a checkpoint, or a hash: does the journal go on from its head?
    #[arg(long, value_name = "FILE|HASH")]
    extends: Vec<String>,
    /// A public key of minisign: every head in `heads/` must have a good signature of it beside it
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// What stands in the folder of kept heads.
#[derive(Default)]
struct HeadsChecked {
    heads: usize,
    has_key: bool,
    signed: usize,
    /// The times that authorities name, in the order of the heads.
    stamped: Vec<String>,
}

impl fmt::Display for HeadsChecked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HEADS}/: {} kept, the journal goes on from each", self.heads)?;
        if self.has_key {
            write!(f, ", {} signed by this key", self.signed)?;
        }
        match self.stamped.last() {
            Some(last) => write!(f, ", {} with a timestamp, the last of {last}", self.stamped.len()),
            None => Ok(()),
        }
    }
}

impl HeadsChecked {
    fn json(&self) -> serde_json::Value {
        let signed = self.has_key.then_some(self.signed);
        json!({ "heads": self.heads, "signed": signed, "timestamps": self.stamped })
    }
}

impl Verify {
    pub fn run(self) -> Result<ExitCode> {
        let reports = self.place.reports()?;
        if !reports.join("ledger").exists() {
            let text = format!("{}: there is no ledger; name the folder with --out", reports.display());
            return Err(Trouble::Usage(text).into());
        }
        let mut checked = verify(&reports);
        if checked.findings.is_empty() {
            checked.findings = self.reports(&reports)?;
        }
        let extended = self.extended(&reports)?;
        for (name, extends) in extended.iter().filter(|(_, extends)| !matches!(extends, Extends::From(_))) {
            checked.findings.push(Finding { path: name.into(), what: extends.to_string() });
        }
        let (kept, off) = self.kept(&reports)?;
        checked.findings.extend(off);
        let is_whole = checked.findings.is_empty();
        if self.json {
            let findings = checked.findings.iter();
            let findings: Vec<_> =
                findings.map(|f| json!({ "path": f.path.display().to_string(), "what": f.what })).collect();
            let summary = json!({
                "is_whole": is_whole,
                "entries": checked.lines,
                "editions": checked.editions,
                "events": checked.events,
                "findings": findings,
                "extends": extended.iter().map(|(name, extends)| json!({
                    "head": name,
                    "line": if let Extends::From(line) = extends { Some(line) } else { None },
                })).collect::<Vec<_>>(),
                "kept_heads": kept.json(),
            });
            voice::json(&summary, false)?;
        } else if is_whole {
            writeln!(
                voice::stdout(),
                "{}: whole; {} entries, {} editions, {} events booked again, reports as the ledger says",
                reports.display(),
                checked.lines,
                checked.editions,
                checked.events
            )?;
            if kept.heads > 0 {
                writeln!(voice::stdout(), "{kept}")?;
            }
        }
        if !self.json {
            for (name, line) in extended.iter().filter(|(_, extends)| matches!(extends, Extends::From(_))) {
                writeln!(voice::stdout(), "{name}: {line}")?;
            }
        }
        let mut err = voice::stderr();
        if !self.json {
            checked.findings.iter().try_for_each(|finding| writeln!(err, "off: {finding}"))?;
        }
        Ok(if is_whole { ExitCode::Done } else { ExitCode::Failed })
    }

    /// Holds the journal against the heads that the command line names.
    fn extended(&self, reports: &Path) -> Result<Vec<(String, Extends)>> {
        let mut found = Vec::new();
        if self.extends.is_empty() {
            return Ok(found);
        }
        // A journal that cannot be read has a finding of its own.
        let Ok(ledger) = Ledger::open(reports) else { return Ok(found) };
        for name in &self.extends {
            for head in heads_of(name)? {
                found.push((name.clone(), ledger.extends(&head)?));
            }
        }
        Ok(found)
    }

    /// Holds the journal against the heads that were kept, and these against what stands beside them.
    fn kept(&self, reports: &Path) -> Result<(HeadsChecked, Vec<Finding>)> {
        let key = self.public_key.as_deref().map(public_key).transpose()?;
        let (mut kept, mut off) =
            (HeadsChecked { has_key: key.is_some(), ..HeadsChecked::default() }, Vec::new());
        // A journal that cannot be read has a finding of its own.
        let Ok(ledger) = Ledger::open(reports) else { return Ok((kept, off)) };
        let found = kept_heads(reports).unwrap_or_else(|trouble| KeptHeads {
            wrong: vec![(HEADS.into(), trouble)],
            ..KeptHeads::default()
        });
        let wrong =
            found.wrong.into_iter().map(|(path, trouble)| Finding { path, what: trouble.to_string() });
        off.extend(wrong);
        if found.heads.is_empty() && key.is_some() {
            let what = "no head is kept that the key could have signed; `head --keep` keeps one".to_owned();
            off.push(Finding { path: HEADS.into(), what });
        }
        for head in found.heads {
            kept.heads += 1;
            let mut is_off = |what: String| off.push(Finding { path: head.path.clone(), what });
            let extends = ledger.extends(&PublishedHead::Checkpoint(head.checkpoint.clone()))?;
            if let Extends::No(_) = extends {
                is_off(extends.to_string());
            }
            match key.as_ref().map(|key| head.signature(key)) {
                Some(Ok(Seal::Good(_))) => kept.signed += 1,
                Some(Ok(Seal::Bad(why))) => is_off(format!("its signature is not good: {why}")),
                Some(Ok(Seal::Absent)) => is_off("it is not signed; `minisign -S -m` signs it".to_owned()),
                Some(Err(trouble)) => is_off(trouble.to_string()),
                None => {}
            }
            match head.timestamp() {
                Ok(Seal::Good(time)) => kept.stamped.push(time),
                Ok(Seal::Bad(why)) => is_off(format!("the timestamp beside it is not good: {why}")),
                Ok(Seal::Absent) => {}
                Err(trouble) => is_off(trouble.to_string()),
            }
        }
        Ok((kept, off))
    }

    /// Draws the reports again into a temporary folder, and compares them byte for byte.
    fn reports(&self, reports: &Path) -> Result<Vec<Finding>> {
        let ledger = Ledger::open(reports)?;
        let finding = |name: &str, what: &str| Finding { path: reports.join(name), what: what.to_owned() };
        let Some(settings) = ledger.record().settings.clone().filter(|_| !ledger.days().is_empty()) else {
            return Ok(Vec::new());
        };
        let (seq, hash) = ledger.head();
        let is_newest = |drawn: &Drawn| (drawn.seq, &drawn.hash) == (seq, &hash);
        let Some(drawn) = Drawn::read(reports)?.filter(is_newest) else {
            let what = "the reports do not show the newest entry of the ledger; run again, or `report`";
            return Ok(vec![finding(".drawn", what)]);
        };
        // Another version may draw other bytes from the same ledger; the next run draws all anew.
        if !drawn.is_of_this_job() {
            return Ok(Vec::new());
        }
        let news = reported::news(&ledger, &settings, &ledger.days().into_iter().collect())?;
        if let Some(figure) = news.figures.first() {
            let what = format!(
                "{} figures are not as its last lines about them say, from {} {} ({}) on: lines were taken out \
                 or changed, or a run was killed and is to be run again",
                news.figures.len(),
                figure.day,
                figure.scope,
                figure.definition
            );
            return Ok(vec![finding("ledger/journal.ndjson", &what)]);
        }
        let again = tempfile::tempdir()?;
        let (rendered, damaged) = pipeline::redraw(&ledger, again.path(), &settings, None, super::cores())?;
        let of_day = |(day, why): (Day, String)| finding(&format!("daily/{day}"), &why);
        let mut findings: Vec<Finding> = damaged.into_iter().map(of_day).collect();
        for path in rendered.written {
            let name = path.strip_prefix(again.path())?.display().to_string();
            if plain_file::read(&reports.join(&name)).ok() != Some(std::fs::read(&path)?) {
                findings.push(finding(&name, "it is not what the ledger says; `report` draws it anew"));
            }
        }
        Ok(findings)
    }
}
