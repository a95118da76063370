//! Accepted: the receipts of a stage that count, one for each task.

use std::collections::{BTreeMap, BTreeSet};

use super::attempts::{OBJECT, RECEIPT, name, task_of};
use crate::error::Trouble;
use crate::intake::wire::exchange::Exchange;
use crate::intake::wire::object::{JobHash, ObjectOrigin, ObjectReader, Stage};
use crate::intake::wire::receipt::{ObjectRef, TaskReceipt};

/// Reads the receipts in a folder; of several attempts at a task, the smallest name counts.
///
/// An attempt whose object is `named`, because a later stage has read it, goes before all others.
///
/// # Errors
/// A receipt is of another job, or cannot be read.
pub fn receipts(
    exchange: &Exchange,
    folder: &str,
    stage: Stage,
    job: JobHash,
    named: &BTreeSet<String>,
) -> Result<Vec<TaskReceipt>, Trouble> {
    let mut first: BTreeMap<u32, String> = BTreeMap::new();
    for name in exchange.list(folder)? {
        if let Some(task) = task_of(&name, RECEIPT) {
            let object = name.strip_suffix(RECEIPT).map(|attempt| format!("{folder}/{attempt}{OBJECT}"));
            if object.is_some_and(|object| named.contains(&object)) {
                first.insert(task, name);
            } else {
                first.entry(task).or_insert(name);
            }
        }
    }
    let read = |(task, found): (u32, String)| {
        let found = format!("{folder}/{found}");
        let origin = ObjectOrigin { job, stage, task };
        let receipt = TaskReceipt::parse(&exchange.read(&found)?, &exchange.shown(&found), &origin)?;
        let of_attempt = |ending| format!("{folder}/{}", name(task, &receipt.attempt, ending));
        if found != of_attempt(RECEIPT) || receipt.object.name != of_attempt(OBJECT) {
            let why = format!("it is of {}, and names {}", receipt.attempt, receipt.object.name);
            return Err(Trouble::BrokenExchange { name: exchange.shown(&found), why });
        }
        Ok(receipt)
    };
    first.into_iter().map(read).collect()
}

/// Opens an object that a receipt names.
///
/// # Errors
/// It is not the one that the receipt names.
pub fn open(exchange: &Exchange, object: &ObjectRef, job: JobHash) -> Result<ObjectReader, Trouble> {
    let origin = object.origin(job);
    ObjectReader::open(exchange.file(&object.name)?, &origin, &object.seal)
}
