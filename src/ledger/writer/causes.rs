//! Causes: why an edition differs from the one before it.

use std::collections::BTreeMap;

use crate::day::Day;
use crate::facts::{FileBalance, FileRole, Input};
use crate::ledger::editions::manifest::Manifest;
use crate::ledger::journal::entry::Cause;
use crate::overrides::Override;

/// Returns whether a file of the day itself has another content under the same name.
///
/// As many rows as before may stand in it.
pub fn is_rewritten(before: &[Input], now: &[Input], intake: &[FileBalance]) -> bool {
    let is_other = |now: &&Input| before.iter().any(|b| b.path == now.path && b.hash != now.hash);
    let is_own = |input: &Input| intake.iter().any(|f| f.path == input.path && f.role == FileRole::Own);
    now.iter().filter(is_other).any(is_own)
}

/// Finds out why an edition differs from the one before it.
///
/// `is_rewritten` says that a file of its own has another content.
pub fn causes(
    before: Option<&Manifest>,
    is_ruled_alike: bool,
    has_ended: bool,
    is_rewritten: bool,
    now: &Manifest,
) -> Vec<Cause> {
    let Some(before) = before else { return vec![Cause::First] };
    let own = |m: &Manifest| m.daybooks.get(&m.day).cloned();
    let others = |m: &Manifest| -> BTreeMap<Day, String> {
        m.daybooks.iter().filter(|(day, _)| **day != m.day).map(|(d, h)| (*d, h.clone())).collect()
    };
    let has_other_rows = !Override::are_same_rows(&before.rows(), &now.rows());
    let mut causes = Vec::new();
    let mut add = |is_so: bool, cause: Cause| is_so.then(|| causes.push(cause));
    // Daybooks change every day, mostly without effect on this one: a neighbour's file is new, or
    // other days are read. If the rows of the day's own files are unchanged, new facts came from
    // elsewhere.
    // Rules and overrides change instants too; if they are the same, facts have other sixtieths.
    let has_other_instants = before.instants != now.instants && is_ruled_alike && !has_other_rows;
    let has_other_callers = before.callers != now.callers;
    let has_other_facts = before.facts != now.facts || has_other_instants || has_other_callers;
    let is_told_by_others =
        has_other_facts && before.logs == now.logs && !is_rewritten && others(before) != others(now);
    let is_read_otherwise = has_other_facts && own(before) != own(now);
    add(before.logs != now.logs || (is_read_otherwise && !is_told_by_others), Cause::Logs);
    let is_expected_otherwise = has_other_facts && before.logs == now.logs && before.missing != now.missing;
    add(is_expected_otherwise, Cause::Neighbour);
    add(is_told_by_others && !is_expected_otherwise, Cause::Webhooks);
    add(has_other_rows, Cause::Overrides);
    add(!is_ruled_alike, Cause::Policy);
    add(before.definition != now.definition, Cause::Definition);
    add(has_ended, Cause::Window);
    if causes.is_empty() {
        // Rows of other days can change the reconciliation alone: which statuses are orphans.
        let is_told_by_others = before.logs == now.logs && others(before) != others(now);
        let is_same_job = before.job_version == now.job_version;
        causes.push(if is_told_by_others && is_same_job { Cause::Webhooks } else { Cause::Job });
    }
    causes
}

/// Names settings as the cause of other rows, if no file with rows of the day has another content.
///
/// A file of a neighbouring day without such rows may be new, or have grown.
pub fn name_settings(
    causes: &mut Vec<Cause>,
    named: &[Cause],
    before: &[Input],
    now: &[Input],
    intake: &[FileBalance],
) {
    let tells = |file: &FileBalance| {
        let rows = file.accepted + file.duplicate + file.conflict + file.quarantine;
        file.role == FileRole::Own || file.failure.is_some() || rows > 0
    };
    let is_bare = |input: &Input| intake.iter().any(|file| file.path == input.path && !tells(file));
    let are_in = |one: &[Input], other: &[Input]| {
        let mut told = one.iter().filter(|input| !is_bare(input));
        told.all(|input| other.iter().any(|known| known.hash == input.hash))
    };
    if are_in(before, now) && are_in(now, before) {
        causes.retain(|cause| *cause != Cause::Logs && *cause != Cause::Job);
    }
    causes.extend_from_slice(named);
    causes.sort();
}

/// Names settings as a cause of other facts of a day whose own logs were not read again.
///
/// Vantages and paths of sources decide what its daybook means: gaps and lost evidence. Rows of
/// other days stay a cause unless nothing changed that they decide (`can_be_of_others`), and
/// another version of the job stays one unless the version is the same.
pub fn name_settings_of_facts(
    causes: &mut Vec<Cause>,
    named: &[Cause],
    can_be_of_others: bool,
    is_same_job: bool,
) {
    causes.retain(|cause| match cause {
        Cause::Webhooks => can_be_of_others,
        Cause::Job => !is_same_job,
        _ => true,
    });
    causes.extend_from_slice(named);
    causes.sort();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Log;
    use crate::facts::LinesByReason;

    fn file(path: &str, role: FileRole, accepted: u64) -> FileBalance {
        FileBalance {
            path: path.to_owned(),
            source: "edge".to_owned(),
            log: Log::Requests,
            role,
            format: "csv".to_owned(),
            bytes: 1,
            rows_read: 5,
            accepted,
            duplicate: 0,
            conflict: 0,
            outside: 5 - accepted,
            quarantine: 0,
            not_a_call: 0,
            not_a_call_reasons: LinesByReason::default(),
            first_ts_us: None,
            last_ts_us: None,
            failure: None,
        }
    }

    fn input(path: &str, hash: &str) -> Input {
        let (path, hash) = (path.to_owned(), hash.to_owned());
        Input { path, bytes: 1, modified_us: 0, hash, version: None }
    }

    #[test]
    fn a_file_without_rows_of_the_day_is_no_cause_beside_settings() {
        let told = |before: &[Input], now: &[Input], of_neighbour: u64| {
            let intake = [file("own", FileRole::Own, 5), file("next", FileRole::Neighbour, of_neighbour)];
            let mut causes = vec![Cause::Logs];
            name_settings(&mut causes, &[Cause::Config], before, now, &intake);
            causes
        };
        let own = || input("own", "a");
        let (new, grown) = ([own(), input("next", "b")], [own(), input("next", "c")]);
        assert_eq!(told(&[own()], &new, 0), [Cause::Config], "it is new");
        assert_eq!(told(&new, &grown, 0), [Cause::Config], "it has grown");
        assert_eq!(told(&[own()], &new, 1), [Cause::Logs, Cause::Config], "it has a row of the day");
        assert_eq!(told(&[own()], &[input("own", "d")], 0), [Cause::Logs, Cause::Config]);
        assert_eq!(told(&[own()], &[], 0), [Cause::Logs, Cause::Config]);
    }

    #[test]
    fn settings_stand_beside_what_else_can_explain_other_facts() {
        let told = |causes: &[Cause], can_be_of_others, is_same_job| {
            let mut causes = causes.to_vec();
            name_settings_of_facts(&mut causes, &[Cause::Config], can_be_of_others, is_same_job);
            causes
        };
        assert_eq!(told(&[Cause::Webhooks], false, true), [Cause::Config]);
        assert_eq!(told(&[Cause::Webhooks], true, true), [Cause::Webhooks, Cause::Config]);
        assert_eq!(told(&[Cause::Job], false, true), [Cause::Config]);
        assert_eq!(told(&[Cause::Job], false, false), [Cause::Config, Cause::Job]);
        assert_eq!(told(&[Cause::Overrides], false, true), [Cause::Overrides, Cause::Config]);
    }
}
