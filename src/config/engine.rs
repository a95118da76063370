//! `[engine]`: who reads the logs of a run; no setting of a day, because all give the same bytes.

use std::ops::RangeInclusive;

use crate::document::toml::TomlTable;
use crate::store::StoreAddress;

pub(super) const KEYS: [&str; 7] =
    ["kind", "exchange", "remote", "command", "tasks", "reducers", "partition_bits"];

/// Numbers of top bits of an id that may choose the partition of a record.
pub const PARTITION_BITS: RangeInclusive<u32> = 8..=14;

const KINDS: [(&str, EngineKind); 4] = [
    ("threads", EngineKind::Threads),
    ("processes", EngineKind::Processes),
    ("spark", EngineKind::Spark),
    ("command", EngineKind::Command),
];

/// A way to read logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EngineKind {
    /// Threads of the process.
    #[default]
    Threads,
    /// Processes of the machine.
    Processes,
    /// A Spark server.
    Spark,
    /// A command that starts workers anywhere.
    Command,
}

/// The table `[engine]`; options of the command line go before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineSettings {
    pub kind: EngineKind,
    /// Folder, relative to that of the config, or address by which tasks hand on their results.
    pub exchange: Option<String>,
    /// Address of a Spark server.
    pub remote: Option<String>,
    /// Words of a command line.
    pub command: Vec<String>,
    /// Map tasks.
    pub tasks: Option<u32>,
    /// Tasks of dedupe and join.
    pub reducers: Option<u32>,
    /// Top bits of an id that choose the partition of a record; by the bytes of the logs if unset.
    pub partition_bits: Option<u32>,
}

impl EngineSettings {
    /// Returns the exchange, with the folder of the config before a relative path.
    pub fn exchange_from(&self, base: &std::path::Path) -> Option<String> {
        let exchange = self.exchange.as_ref()?;
        let is_address = StoreAddress::is_one(exchange);
        Some(if is_address { exchange.clone() } else { base.join(exchange).to_string_lossy().into_owned() })
    }
}

/// Reads the table `[engine]`; threads where it is absent.
pub(super) fn read(top: &TomlTable<'_>) -> EngineSettings {
    let usual = EngineSettings::default();
    let Some(table) = top.get("engine").and_then(|value| value.table("[engine]", &KEYS)) else {
        return usual;
    };
    let text = |key| table.get(key).and_then(|value| value.text()).map(str::to_owned);
    let number = |key, range| {
        let number = table.get(key).and_then(|value| value.integer(&range))?;
        u32::try_from(number).ok()
    };
    let bits = i64::from(*PARTITION_BITS.start())..=i64::from(*PARTITION_BITS.end());
    EngineSettings {
        kind: table.get("kind").and_then(|value| value.choice(&KINDS)).unwrap_or(usual.kind),
        exchange: text("exchange"),
        remote: text("remote"),
        command: table
            .get("command")
            .map(|value| value.texts().into_iter().map(|(word, _)| word.to_owned()).collect())
            .unwrap_or_default(),
        tasks: number("tasks", 1..=100_000),
        reducers: number("reducers", 1..=1 << PARTITION_BITS.end()),
        partition_bits: number("partition_bits", bits),
    }
}
