//! `uptime-ledger history`: lists the editions of a day or of all days, and their changes.

use std::io::Write;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::place::ReportsPlace;
use super::voice::{self, text};
use crate::day::{Day, rfc3339};
use crate::error::{ExitCode, Trouble};
use crate::ledger::{Cause, Entry, Ledger, Reported};
use crate::slots::ScopeKind;
use crate::table::decimal;

#[derive(Args)]
pub struct History {
    #[command(flatten)]
    place: ReportsPlace,
    /// The day [default: all days]
    #[arg(value_name = "YYYY-MM-DD")]
    day: Option<Day>,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

/// An edition with the figures that the reports showed of it.
struct Item {
    day: Day,
    edition: u32,
    published_at: String,
    state: &'static str,
    causes: Vec<&'static str>,
    is_adjusting: bool,
    sealed_at: Option<String>,
    figures: Vec<Reported>,
}

impl History {
    pub fn run(self) -> Result<ExitCode> {
        let ledger = self.place.ledger()?;
        let items = items(&ledger, self.day);
        if let (Some(day), true) = (self.day, items.is_empty()) {
            return Err(Trouble::Usage(format!("{day} has no edition")).into());
        }
        if self.json {
            let items: Vec<_> = items.iter().map(Item::json).collect();
            voice::json(&items, true)?;
            return Ok(ExitCode::Done);
        }
        let mut table = text::table(&[
            "Day",
            "Edition",
            "Published",
            "State",
            "Because of",
            "Component",
            "Counted",
            "Availability",
        ]);
        for item in &items {
            let components = item
                .figures
                .iter()
                .filter(|f| f.scope_kind == ScopeKind::Component && f.definition == "whatsapp");
            let mut head = [
                item.day.to_string(),
                item.edition.to_string(),
                item.published_at.clone(),
                if item.is_adjusting { "adjusting".to_owned() } else { item.state.to_owned() },
                item.causes.join(", "),
            ];
            let mut rows: Vec<[String; 3]> = components
                .map(|f| {
                    let percent =
                        f.availability_micro_percent.map_or("-".to_owned(), |p| format!("{} %", decimal(p)));
                    // An adjusted figure stands beside that of the edition.
                    let is_beside = f.is_adjusting && !item.is_adjusting;
                    let scope = if is_beside { format!("{} (adjusted)", f.scope) } else { f.scope.clone() };
                    [scope, f.slots[1].to_string(), percent]
                })
                .collect();
            if rows.is_empty() {
                rows.push(["as before".to_owned(), String::new(), String::new()]);
            }
            for row in rows {
                table.add_row(head.iter().cloned().chain(row).collect::<Vec<_>>());
                head = Default::default();
            }
            if let Some(at) = &item.sealed_at {
                table.add_row(vec!["", "", at, "sealed"]);
            }
        }
        text::align(&mut table, 6);
        writeln!(voice::stdout(), "{table}")?;
        Ok(ExitCode::Done)
    }
}

fn items(ledger: &Ledger, day: Option<Day>) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for line in ledger.lines() {
        let at = rfc3339(line.at.timestamp_micros());
        match &line.entry {
            Entry::Edition(p) if day.is_none_or(|day| day == p.day) => items.push(Item {
                day: p.day,
                edition: p.edition,
                published_at: at,
                state: p.state.name(),
                causes: p.causes.iter().map(Cause::name).collect(),
                is_adjusting: p.is_adjusting,
                sealed_at: None,
                figures: Vec::new(),
            }),
            Entry::Sealed { day, edition, .. } => {
                let sealed = items.iter_mut().find(|i| (i.day, i.edition) == (*day, *edition));
                if let Some(item) = sealed {
                    item.sealed_at = Some(at);
                }
            }
            Entry::Reported { figures } => {
                for figure in figures {
                    let of = items.iter_mut().find(|i| (i.day, i.edition) == (figure.day, figure.edition));
                    if let Some(item) = of {
                        // A newer figure of the same edition, changed by a neighbouring day,
                        // replaces the first.
                        item.figures.retain(|f| f.key() != figure.key());
                        item.figures.push(figure.clone());
                    }
                }
            }
            _ => {}
        }
    }
    items.sort_by_key(|item| (item.day, item.edition));
    items
}

impl Item {
    fn json(&self) -> serde_json::Value {
        json!({
            "day": self.day.to_string(),
            "edition": self.edition,
            "published_at": self.published_at,
            "state": self.state,
            "causes": self.causes,
            "is_adjusting": self.is_adjusting,
            "sealed_at": self.sealed_at,
            "figures": self.figures,
        })
    }
}
