//! `uptime-ledger`: availability of a messaging API, kept as books that balance.
//!
//! # The picture
//!
//! Data flows in one direction. A stage is a folder, each arrow is one verb between two nouns, and
//! all arrows stand on one screen in [`pipeline`].
//!
//! ```text
//! logs ─intake─▶ Daybooks ─resolve─▶ Facts ─policy─▶ Postings ─overrides─▶ Postings ─slots─▶ Slots
//!       read()            resolve()        classify()           adjust()            count()
//!                            └─▶ Receipt: balance per file, latencies, delays, quarantine
//!
//! Slots, Receipt ─ledger─▶ Editions ─measure─▶ Figures ─report─▶ files
//!                publish()          draw()            render()
//! ```
//!
//! The rooms of `src/`, in the order of the flow:
//!
//! | room | content |
//! | --- | --- |
//! | [`day`] | the calendar: UTC days, months, slots, instants |
//! | [`attention`] | what needs a person, under keys that stand open until they are closed |
//! | [`clock`] | the two instants that a run works by |
//! | [`redact`] | masking of anything in a log's text that may identify a person |
//! | [`error`] | trouble, exit codes, the guard around foreign decoders |
//! | [`plain_file`] | files of the job itself, opened only where no link or pipe stands |
//! | [`document`] | files that people write, and the mistakes in them |
//! | [`store`] | objects in S3, Google Cloud Storage and Azure, and files of web servers |
//! | [`config`] | `uptime-ledger.toml` |
//! | [`table`] | tables with a fixed schema, as CSV and as Parquet |
//! | [`facts`] | counted events, their kinds, and the receipt |
//! | [`daybook`] | the content of one day's logs, as it is stored |
//! | [`intake`] | logs → daybook; the only heavy stage, and it knows no policy |
//! | [`engine`] | who runs the tasks of intake, if it is not threads: processes, a command |
//! | [`resolve`] | daybooks of a day and of the days around it → facts |
//! | [`policy`] | facts → postings: the first rule that matches gives the account |
//! | [`overrides`] | postings → postings: rows of reviewers move counts between accounts |
//! | [`slots`] | postings → slots: up, degraded, down, doubtful or unobserved |
//! | [`ledger`] | slots → editions, stored permanently and chained by a journal |
//! | [`measure`] | editions → figures: availability, outages, error budgets |
//! | [`report`] | figures → files: tables, pages, exports |
//! | [`queries`] | questions to the ledger: explain, compare, reported figures |
//! | [`pipeline`] | the daily run: all stages in order, and what needs a person |
//! | [`cli`] | the command line: one file per command |
//! | [`sample`] | generated logs together with their right answer |
//!
//! # Where to add
//!
//! - **A format of a program**: a file in `data/formats/` with samples, and a line in
//!   `formats/builtin.rs`; `inspect` and `init` know it by what it reads.
//! - **A log format of our own**: a variant of [`config::LogPreset`] with its word in
//!   `config/sources.rs`, its place among `intake/inspect/candidates.rs`, its detection in
//!   `intake/files/detect.rs`, its columns in `intake/rows/mapping.rs` and, if its bytes are new, a
//!   reader in `intake/formats/`; `data/formats.md` explains it, `tests/fuzz/targets/text.rs` feeds
//!   it.
//! - **A webhook field**: a row in `intake/formats/webhook_payload/fields.rs`; if it has statuses,
//!   their reader in `intake/formats/webhook_payload.rs`.
//! - **A definition of availability**: an entry of [`measure::DEFINITIONS`] and, if its formula is
//!   new, a variant of [`measure::CountingRule`]; `reports/README.md` explains it. Pages show the
//!   first one.
//! - **A page of the reports**: a file in `report/pages/`, drawn and taken away in its `mod.rs`;
//!   its texts are in `report/pages/words.rs`.
//! - **A table or an export**: a file in `report/tables/` or `report/exports/`, listed in
//!   `report/mod.rs`; `reports/tables.md` and `reports/daily.md` have the columns.
//! - **A kind of attention**: a variant of [`attention::AttentionKind`], raised in
//!   `pipeline/attention/` if an edition shows it, and a heading of the same name, in the same
//!   order, in `reports/runbook.md` or a page it names.
//! - **A config key**: a field in `config/mod.rs`, its reader in the file of its table (or
//!   `config/read.rs`), its canonical spelling in `config/canonical/`; `data/config.md` explains
//!   it.
//! - **A rule, a reason or a restriction**: `data/policy.toml`; no code.
//! - **A kind of store**: a variant of `store/address.rs`, its client in `store/bucket/connect.rs`;
//!   `data/stores.md` explains it.
//! - **An engine**: a [`TaskRunner`](intake::tasks::TaskRunner) in `engine/`, chosen in
//!   `cli/engine.rs`; `data/engines/README.md` explains it, `tests/engines.rs` compares its bytes.
//! - **An error code**: a row of `data/error_catalog.csv`; no code. Exit codes are in `error.rs`.
//! - **A refusal of an override**: `overrides/refusal.rs`, decided in `overrides/plan.rs`. A cell
//!   that cannot be read is a mistake: `overrides/check.rs`.
//! - **A command**: a file in `cli/`, a variant in `cli/mod.rs`; `README.md` names it.
//! - **A test**: `tests/main.rs` lists the kinds, `tests/README.md` says how to add one.
//!
//! # The words
//!
//! The logs:
//!
//! - **Event**: the unit of counting; it counts once, however many log rows tell of it.
//! - **Stream**: the type of an event: request, message or notification ([`facts::Stream`]).
//! - **Request**: one API call that admitted no message.
//! - **Message**: one admitted message, with the call that admitted it and all its statuses.
//! - **Status**: a report about a message, sent by webhook: sent, delivered, read, played, failed.
//! - **Echo**: a copy of a message that was sent without a call, from the Business app or by
//!   another responder of the number.
//! - **Overheard**: a status that an app on standby is told, of a message of any responder.
//! - **Field**: the kind of a webhook, as the platform names it: `messages`, `standby`, `calls`.
//! - **Notification**: one outbound webhook with all its attempts.
//! - **Attempt**: one try to deliver a notification to the endpoint of a business.
//! - **Vantage**: the place where a log is written ([`config::Vantage`]).
//! - **Symptom**: the effect of the network on a call ([`facts::Symptom`]).
//! - **Quarantine**: log rows that cannot be read; all are counted, the first of a file are kept.
//! - **Not a call**: a line of a log that tells of no call, such as a header or a start-up message.
//! - **Task**: a part of a stage that another process can run, and repeat. What it found, and a
//!   receipt for it, are files of an exchange, which lives as long as its run.
//! - **Gap**: a span of a day in which a log is missing; its slots are unobserved, not down.
//!
//! The books:
//!
//! - **Daybook**: the content of one day's logs, stored so that no log needs to be read twice.
//! - **Open item**: a message or notification whose outcome another day's logs can still change.
//! - **Kind**: the set of attributes that events share ([`facts::Kind`]).
//! - **Fact**: the number of events of one kind and one caller in one slot.
//! - **Receipt**: the origin of a day's facts: balance per file, gaps, delays, quarantine.
//! - **Sketch (of callers)**: the smallest hashes of a set, by which it is counted.
//! - **Account**: the place where an event is booked, such as `good` ([`policy::Account`]).
//! - **Rule**: a condition of the policy with the account it leads to, a reason and its sources.
//! - **Posting**: a fact with its account and the rule that chose it.
//! - **Suspense**: the account of events that no rule matches.
//! - **Unknown**: the account of events of which the logs do not say what became.
//! - **Override**: a reviewed row that moves counts between accounts ([`overrides::Override`]).
//! - **Adjusting entry**: a correction that is added next to what is booked, never an edit.
//! - **Gross, net**: before overrides, after overrides.
//!
//! Time and place:
//!
//! - **Slot**: an interval of a day in which events are counted: a minute, unless configured.
//! - **Sixtieth**: a sixtieth of a slot, the place where an event began ([`day::SlotPlace`]).
//! - **Service**: a group of endpoints that is judged together.
//! - **Component**: a group of services as the status page shows it, down when one of them is.
//! - **Region**: the place where an event was served; `-` if the logs do not say, `*` for all.
//! - **Scope**: a service or component in one region or in all ([`slots::Scope`]).
//! - **Failing slot**: something in it is bad, and bad / (good + bad) reaches `unable_ratio`.
//! - **Run (of slots)**: a stretch of failing slots in which failures outweigh successes
//!   ([`slots::runs`]); a failing slot in a run is down.
//! - **Outage**: runs that overlap or touch, with length, class, error codes and callers.
//! - **Definition**: a formula that turns slots and events into a percentage.
//!
//! The ledger:
//!
//! - **Ledger**: the folder with all daybooks, editions, policies and configs, and the journal.
//! - **Journal**: one line per thing done, each with the hash of the line before; only appended to.
//! - **Edition**: one published state of a day.
//! - **Restatement**: an edition that changes an earlier one, with the cause.
//! - **Seal**: a day's figures become final; later discoveries are adjusting entries.
//! - **Frozen**: as the seal of a day has stored it: its figures, slots and outages.
//! - **Adjusted**: with the adjusting editions of sealed days, beside the figures that are shown.
//! - **Run (of the job)**: one execution of `uptime-ledger run`.
//! - **Clock**: `at`, the instant a run works as of, and `wall`, the instant it took place.
//! - **Simulation**: a ledger whose wall clock is `--as-of` too; it never becomes a real one.
//!
//! Problems:
//!
//! - **Mistake**: an error in a file that a person wrote; all are collected and shown together.
//! - **Trouble**: an error of the world: unreadable log, full disk, held lock ([`error::Trouble`]).
//! - **Bug**: books that do not balance; the run stops and publishes nothing.
//! - **Attention**: an open matter that needs a person; its kind is a heading of the runbook. Its
//!   key stands open until the matter is settled, final with its day, or acknowledged.
//!
//! # What always holds
//!
//! - **The books balance.** Per file, rows read = accepted + duplicate + conflict + outside +
//!   quarantine + not a call. Per day, accepted calls = requests + messages, accepted webhook rows
//!   = attempts of notifications, events in the accounts = events in the slots. Every run checks
//!   this; an imbalance is a bug.
//! - **Facts do not depend on order.** Neither the order of files, nor of days, nor the number of
//!   workers changes a number. A daybook depends on the rows of its day alone, the facts of a day
//!   on the daybooks within reach of its webhooks.
//! - **An edition knows one day.** Figures that span days are measured from the ledger and never
//!   stored, but for those of sealed days. When a later webhook log settles an open item, the day
//!   is published again, by the same path.
//! - **Nothing is edited.** A correction is a new entry that names its cause.
//! - **Integers until the last division.** Ratios and percentages in config are millionths; a
//!   percentage is rounded down, so that only all is 100 %.
//! - **The bytes are reproducible.** Same logs, config, policy, catalogue and clock: same files.
//! - **Nothing personal leaves intake.** Ids become keyed hashes or are dropped there, excerpts are
//!   masked, callers become pseudonyms.
//!
//! # Who may import whom
//!
//! The ground is `day`, `clock`, `redact`, `error`, `plain_file`, `document`, `store`, `config`,
//! `table`, `facts`, `daybook`: each room uses the rooms before it. A stage uses the ground, and in
//! addition:
//!
//! | stage | uses |
//! | --- | --- |
//! | `intake`, `resolve`, `policy` | the ground alone |
//! | `engine` | `intake` |
//! | `overrides`, `slots` | `policy` |
//! | `ledger` | `policy`, `overrides`, `slots` |
//! | `measure` | `slots`, `ledger` |
//! | `report` | `policy`, `slots`, `ledger`, `measure` |
//! | `queries` | `policy`, `overrides`, `slots`, `ledger`, `measure`, `report` |
//! | `pipeline` | every stage |
//! | `cli` | everything |
//! | `sample` | `day`, `error`: the right answer must not come from the code under test |
//!
//! Only `plain_file`, `store`, `daybook`, `intake`, `engine`, `ledger`, `report`, `sample` and
//! `cli` touch the disk; only `cli` has a clock and a voice (the lock of the ledger notes since
//! when it is held, `store` and `engine` how long they wait). A test reads the sources and keeps
//! all this: `tests/tidy.rs`. The reasons are in `src/decisions.md`.

#![forbid(unsafe_code)]

pub mod attention;
pub mod cli;
pub mod clock;
pub mod config;
pub mod day;
pub mod daybook;
pub mod document;
pub mod engine;
pub mod error;
pub mod facts;
pub mod formats;
pub mod intake;
pub mod ledger;
pub mod measure;
pub mod overrides;
pub mod pipeline;
pub mod plain_file;
pub mod policy;
pub mod queries;
pub mod redact;
pub mod report;
pub mod resolve;
pub mod sample;
pub mod slots;
pub mod store;
pub mod table;
