//! The integration tests: one binary, because each links polars.
//!
//! - `figures`: worked examples of slots, runs and months; in `worlds`, calls with a known truth: runs over midnight, components,
//!   bounds and breadth of outages.
//! - `laws`: what holds for any input (property tests).
//! - `corrections`: what holds for any overrides (property tests).
//! - `mistakes`: what is said about mistakes in config, policy, catalogue and overrides. To add a case, add a folder to
//!   `tests/mistakes/` with the bad files, run `BLESS=1 cargo test --test main mistakes` and read the diff.
//! - `truth`: a sample is made and run, and its truth.json is found again in the reports, in every format.
//! - `order`: shuffled, split, merged, repacked and repeated logs give the same figures; so do threads, memory and chunks.
//! - `converge`: whatever the order in which days are run and logs arrive, the books end up the same, and as a small model of
//!   messages and notifications says.
//! - `instants`: the sixtieths in which events began, and the callers of an hour, counted again from the rows.
//! - `cli`: one test per promise of the command line; what goes wrong, what is then said, and the exit code.
//! - `first_look`: what `inspect`, `init` and `formats` say of logs of many programs, and the runs that follow.
//! - `attention`: every kind is provoked, told once, acknowledged, and silent; growth, ends and seals.
//! - `books`: overrides, seals, editions over time; what was published is drawn again, what was touched is found.
//! - `evidence`: files that are lost, renamed, cut off or written anew, and rows that nobody reads: told, and no outage. In
//!   `failed_days`, days that cannot be read or booked, or that are damaged: they stop themselves alone.
//! - `governance`: clock, settings and rows of reviewers are judged by what the journal holds, and who may say so.
//! - `reviews`: what reviewers run into, one scenario each: rows that wait, oppose each other, come late, span days.
//! - `seals`: a sealed day stays as it is, and what is found out later stands beside it, over any nights (property test).
//! - `nights`: rows, logs, settings, clocks and kills at random; what the ledger has promised holds after each night.
//! - `simulation`: worlds of sixty nights, each drawn from one number: late, doubled, misplaced and hostile rows, settings, rows of
//!   reviewers, clocks, kills, failing disks, flipped bits. After each night the books equal a model (`just simulate`).
//! - `quarter`: 92 nights with late logs, corrections, another policy and killed runs; the changes add up to what is shown.
//! - `upgrade`: ledgers of earlier versions are whole for this one, which goes on with them. To add a version, make its ledgers
//!   with `tests/ledgers/make.sh` before it is history.
//! - `trust`: damaged files are rebuilt, and a journal that was rewritten as a whole is found: by its editions, by one old head, by
//!   `checkpoint.py`, which knows only the journal and RFC 6962. In `tamper`, thousands of changes to the files of a ledger, each of
//!   which `verify` finds and names, and none of which is published; in `kept`, heads that are kept, signed and stamped; in
//!   `served`, who may read what is written, and what is shown of characters that do not show; in `interrupted`, a run is asked
//!   to stop, or nobody takes what it writes.
//! - `faults`: a run is killed, or its disk is full or broken, at every call that changes a file; the next run mends it.
//! - `ledger_files`: what stands in the folder of the ledger, links and pipes in place of its files, locks, older journals.
//! - `limits`: many names, long values, texts in the place of names: bounded, told, and nothing personal in clear.
//! - `pages`: the pages in a real browser, hostile text in every output, every table in other engines.
//! - `privacy`: phone numbers, message ids, tokens and callers of the logs stand nowhere in what the job writes or says.
//! - `days`: whole days, from given logs to expected reports. To add a case, copy a folder of `tests/days/`, change what
//!   is given, run `BLESS=1 cargo test --test main days` and read the diff.
//! - `doors`: what stands beside the tables is read back by other hands, with the worst texts in it. To add a format, add a
//!   check of it to each test.
//! - `logs`: in `formats`, logs of other programs against what truly happened; in `realdata`, public logs and
//!   corner cases of file formats. They run where a copy lies at `../shared/realdata` or `UPTIME_LEDGER_REALDATA`.
//! - `engines`: logs read by processes and by workers that a command starts give every byte that threads give; what a worker does
//!   wrong is told, and nothing is published.
//! - `store`: logs in a bucket of a real S3 server, on loopback: the reports of the same logs on a disk, or trouble that is told; a
//!   server that is busy, refuses, is silent, or whose logs are written anew meanwhile.
//! - `realdata`: public logs and corner cases of file formats, where a copy lies at `../shared/realdata` or
//!   `UPTIME_LEDGER_REALDATA`; skipped elsewhere.
//! - `tidy`: the house rules, and documents that must match the code; what is linked, and its licences.
//! - `fuzz/`, a crate of its own: every parser, fed with what no person would write (`just fuzz`). `bench/`: the job beside other
//!   engines (`just bench`), its parts by themselves (`just kernels`), a year (`just year`), every output of two binaries beside
//!   each other (`just compare`).
//! - `given`: how the others make input without logs. `job`: how they run the binary and read its reports. `disturb`: how
//!   they kill it.

#![allow(
    clippy::unwrap_used,
    reason = "helpers outside #[test] functions stop at the first surprise as well"
)]

mod attention;
mod books;
mod cli;
mod converge;
mod corrections;
mod days;
#[cfg(target_os = "linux")]
mod disturb;
mod doors;
mod engines;
mod evidence;
#[cfg(target_os = "linux")]
mod faults;
mod figures;
mod first_look;
mod given;
mod governance;
mod instants;
mod job;
mod laws;
mod ledger_files;
mod limits;
mod logs;
mod mistakes;
#[cfg(target_os = "linux")]
mod nights;
mod order;
mod pages;
mod privacy;
mod quarter;
mod reviews;
mod seals;
#[cfg(target_os = "linux")]
mod simulation;
#[cfg(feature = "store")]
mod store;
mod tidy;
mod trust;
mod truth;
mod upgrade;
