//! `uptime-ledger`: the books of a messaging API's availability. The picture, the words, what always holds.
//!
//! # The picture
//!
//! One direction, no way back. A stage is a folder; each arrow is one verb between two nouns, and all arrows stand on
//! one screen in [`pipeline`].
//!
//! ```text
//!  logs ─intake─▶ Daybooks ─intake─▶ Facts ─policy─▶ Postings ─overrides─▶ Postings' ─slots─▶ Slots
//!       read()             resolve()       classify()          adjust()             count()
//!                              └─▶ Receipt: balance per file, latencies, delays, quarantine ─▶ into the edition
//!
//!  Slots ─ledger─▶ Editions ─measure─▶ Figures ─report─▶ files
//!        publish()         draw()           render()
//! ```
//!
//! - [`intake`] is the only heavy stage. It parses, dedupes, joins and counts, and knows no policy. It reads the logs of a
//!   day into a [`intake::Daybook`], which depends on the rows of that day alone, and resolves the daybooks of a day and of
//!   the days around it into few [`intake::Facts`]: how many events share a slot and the same attributes. A row that is like one
//!   that was plainly good is counted as that one was; every other row is read field by field.
//! - [`policy`] gives each kind of event the first rule that matches, and so an account: [`policy::Postings`].
//! - [`overrides`] moves counts between accounts, by rows that reviewers wrote; no posting is ever edited.
//! - [`slots`] says of every minute of every service and region whether it was up, degraded, down or unobserved.
//! - [`ledger`] keeps the daybooks and all [`ledger::Edition`]s of all days, chained by a journal that is only appended to.
//! - [`measure`] draws [`measure::Figures`] over all editions: runs, outages, days, months, budgets.
//! - [`report`] writes them as CSV and Parquet, as pages for people, and for other programs as JSON, Atom, metrics, workbooks
//!   and journals.
//!
//! Around them: [`config`] reads `uptime-ledger.toml`, [`day`] is the calendar, [`error`] all that can go wrong,
//! [`table`] a table that CSV and Parquet agree on, [`cli`] the command line, and [`sample`] makes logs together with
//! their right answer.
//!
//! # The words
//!
//! An **event** is what counts once, however often its rows were shipped: a **request** (a call), a **message** (a call that
//! admitted one, with all its statuses), or a **notification** (an outbound webhook with all its attempts). A **kind** is the set of attributes that
//! events share, a **fact** how many events of a kind fell into a **slot** (a minute, by default). A **posting** is a
//! fact with its **account** and the **rule** that chose it. A **scope** is a service or component in one region or in all.
//! A **run** is a stretch of down slots, an **outage** a run with its length and class. An **edition** is one published
//! state of a day, a **restatement** one that changes an earlier one; after its **seal** a day stays, and what comes later is an
//! **adjusting entry** beside it. **Gross** is before overrides and **net** after. A
//! **mistake** stands in a file that a person wrote, **trouble** is the world's, and a bad log row is neither: it is data.
//!
//! # What always holds
//!
//! - **The books balance.** Per file, rows read = accepted + duplicate + outside + quarantine; per day, accepted calls =
//!   requests + messages, accepted webhook rows = attempts of notifications, events in the accounts = events in the slots.
//!   Checked on every run; an imbalance is a bug and publishes nothing.
//! - **Facts are free of order.** Neither the order of files nor of days nor the number of workers moves a number.
//!   A daybook is a function of the rows of its day, a day's facts one of the daybooks within reach of its webhooks.
//! - **An edition knows one day and no other.** Whatever spans days is measured from the ledger and never stored. What a
//!   later webhook log settles is the same day published again, by the same path.
//! - **Integers until the last division.** Ratios and percentages in config are millionths; a percentage is rounded down.
//! - **The bytes are reproducible.** Same logs, config, policy, catalogue and clock give the same files.
//! - **Nothing personal leaves intake.** Ids become keyed hashes or are dropped there, excerpts are masked, callers become
//!   pseudonyms.
//!
//! # Who may know whom
//!
//! A stage uses `day`, `error`, `config`, `table` and the types of stages before it; [`pipeline`] alone knows all. Only
//! `intake`, `ledger`, `report`, `sample` and `cli` touch the disk; only `cli` has a clock and a voice. A test reads the
//! sources and keeps this (`tests/tidy.rs`). Why things are as they are: `src/decisions.md`.

pub mod cli;
pub mod clock;
pub mod config;
pub mod day;
pub mod daybook;
pub mod document;
pub mod error;
pub mod facts;
pub mod intake;
pub mod ledger;
pub mod measure;
pub mod overrides;
pub mod pipeline;
pub mod policy;
pub mod queries;
pub mod redact;
pub mod report;
pub mod resolve;
pub mod sample;
pub mod slots;
pub mod table;
