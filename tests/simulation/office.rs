//! Office: the folder of a world, with logs, config, policy and rows as they stand in a night, and the job that runs there.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use uptime_ledger::clock::{Clock, ClockSource};
use uptime_ledger::config;
use uptime_ledger::document::Document;
use uptime_ledger::error::Cancellation;
use uptime_ledger::pipeline::{self, Asked, Job, RunSummary};
use uptime_ledger::policy::Policy;

use super::acts::{Act, Row};
use super::world::{DAY_US, HOUR_US, Log, MINUTE_US, World};

const HEADER: &str = "id,direction,start,end,service,region,business_id,error_code,account,reason,ticket,author,approver,created_at,note\n";

/// What another policy says: callers that are refused are the platform's fault.
const RULE: &str = r#"
[[rule]]
id = "refused-by-us"
when = { error_code = 190 }
account = "bad:platform:error"
because = "The platform has refused callers that it should not have."
cites = ["R6"]

"#;

pub struct Office<'w> {
    pub world: &'w World,
    dir: tempfile::TempDir,
    definition: [u32; 3],
    review: [u32; 2],
    pub is_strict: bool,
    pub is_from_callers: bool,
    /// The rows of the override file.
    pub rows: Vec<Row>,
    /// Every row that ever stood there.
    pub known_rows: Vec<Row>,
    /// Lines in the files so far.
    written: BTreeMap<PathBuf, usize>,
}

impl<'w> Office<'w> {
    pub fn new(world: &'w World) -> Self {
        // Memory, where there is such a folder: a disk that takes its time to sync would make this slow.
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let office = Self {
            world,
            dir,
            definition: [10, 2, 15],
            review: [2, 6],
            is_strict: false,
            is_from_callers: false,
            rows: Vec::new(),
            known_rows: Vec::new(),
            written: BTreeMap::new(),
        };
        fs::create_dir(office.path("logs")).unwrap();
        office
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn reports(&self) -> PathBuf {
        self.path("reports")
    }

    pub fn act(&mut self, act: &Act) {
        match act {
            Act::Definition(definition) => self.definition = *definition,
            Act::Policy => self.is_strict = !self.is_strict,
            Act::Review(review) => self.review = *review,
            Act::Vantage => self.is_from_callers = !self.is_from_callers,
            Act::Row(row) => {
                self.rows.push(row.clone());
                self.known_rows.push(row.clone());
            }
            Act::Withdrawn(id) => self.rows.retain(|row| row.id != *id),
            Act::Edited(id) => {
                for row in self.rows.iter_mut().filter(|row| row.id == *id) {
                    row.approver = "carol";
                    self.known_rows.push(row.clone());
                }
            }
            Act::Skipped | Act::Back(_) | Act::Fault(_) => {}
        }
    }

    /// The clock of the night after a day.
    pub fn clock_us(night: i64) -> i64 {
        (night + 1) * DAY_US + 3 * HOUR_US
    }

    /// Writes everything as it stands in a night.
    pub fn write(&mut self, night: i64) {
        let mut files: BTreeMap<PathBuf, Vec<usize>> = BTreeMap::new();
        for line in self.world.lines.iter().filter(|line| line.night <= night) {
            let log = if line.log == Log::Requests { "requests" } else { "webhooks" };
            let name = format!("logs/{log}-{}.ndjson", self.world.date(line.file));
            files.entry(self.path(&name)).or_default().push(line.row);
        }
        for (path, rows) in files {
            if self.written.insert(path.clone(), rows.len()) != Some(rows.len()) {
                let lines: Vec<&[u8]> =
                    rows.iter().map(|row| self.world.rows[*row].text.as_slice()).collect();
                fs::write(path, [&lines.join(&b'\n')[..], b"\n"].concat()).unwrap();
            }
        }
        fs::write(self.path("uptime-ledger.toml"), self.config()).unwrap();
        fs::write(self.path("policy.toml"), self.policy()).unwrap();
        fs::write(self.path("overrides.csv"), self.overrides()).unwrap();
    }

    fn policy(&self) -> String {
        let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/policy.toml");
        let mut policy = fs::read_to_string(built_in).unwrap();
        if self.is_strict {
            policy.insert_str(policy.find("[[rule]]").unwrap(), RULE);
        }
        policy
    }

    fn overrides(&self) -> String {
        let mut text = HEADER.to_owned();
        for row in &self.rows {
            let Row { id, is_to_uptime, day, from, to, service, region, approver, created_us } = row;
            let at = |minute: i64| self.world.instant(day * DAY_US + minute * MINUTE_US);
            let (direction, account, reason) = if *is_to_uptime {
                ("to_uptime", "", "caller-misuse")
            } else {
                ("to_downtime", "user:*", "authorization-fault")
            };
            writeln!(
                text,
                "{id},{direction},{},{},{service},{region},,{},{account},{reason},OPS-1,ann,{approver},{},",
                at(*from),
                at(*to),
                row.code(),
                self.world.instant(*created_us)
            )
            .unwrap();
        }
        text
    }

    fn config(&self) -> String {
        let [min_run, min_events, max_gap] = self.definition;
        let [review_days, grace_hours] = self.review;
        let World { slot_minutes, retry_days, .. } = self.world;
        let vantage = if self.is_from_callers { "caller_egress" } else { "edge_ingress" };
        format!(
            r#"
            salt = "a pinch of salt for tests"
            slot = "{slot_minutes}m"
            policy = "policy.toml"
            regions = ["eu", "us"]

            [[source]]
            name = "requests"
            paths = ["logs/requests-{{date}}.ndjson"]
            vantage = "{vantage}"

            [[source]]
            name = "webhooks"
            log = "webhooks"
            paths = ["logs/webhooks-{{date}}.ndjson"]

            [[service]]
            name = "messages"

            [[service]]
            name = "media"

            [[component]]
            name = "Cloud API"
            services = ["messages", "media", "webhooks"]
            target_percent = 99.9

            [definition]
            min_run_minutes = {min_run}
            min_events = {min_events}
            max_gap_minutes = {max_gap}

            [webhooks]
            retry_days = {retry_days}

            [limits]
            coverage_percent = 0

            [overrides]
            path = "overrides.csv"
            review_days = {review_days}
            grace_hours = {grace_hours}

            # Nothing here looks at pages.
            [outputs]
            formats = []
            "#
        )
    }

    /// Runs the job in this process, by the clock of an instant.
    pub fn run(&self, us: i64) -> anyhow::Result<RunSummary> {
        let document = |name: &str| {
            let path = self.path(name);
            Document::new(path.display().to_string(), fs::read_to_string(&path).unwrap())
        };
        let mut config = config::config(&document("uptime-ledger.toml"), self.dir.path())?;
        config.reports = self.reports();
        let policy = Policy::read(&document("policy.toml"), &Policy::built_in_documents().1)?;
        let override_file = Some(Ok(document("overrides.csv")));
        let job = Job {
            engine: None,
            config,
            policy,
            override_file,
            workers: 1,
            clock_source: ClockSource::Given,
            cancellation: Cancellation::default(),
        };
        pipeline::run(&job, &Asked::Due, Clock::given(self.world.time(us)), &|_, _| Box::new(()))
    }
}
