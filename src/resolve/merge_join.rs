//! Merge join: items of several days, walked in the order of ids, with one batch of each in memory.

use crate::error::Trouble;
use crate::facts::ids::Id;

/// All items of one id, each with the index of its stream.
pub type ItemGroup<T> = (Id, Vec<(usize, T)>);

/// Several streams that ascend by id, merged.
pub struct Merge<T, I, F> {
    streams: Vec<I>,
    heads: Vec<Option<T>>,
    id: F,
}

impl<T, I: Iterator<Item = Result<T, Trouble>>, F: Fn(&T) -> Id> Merge<T, I, F> {
    pub fn new(mut streams: Vec<I>, id: F) -> Result<Self, Trouble> {
        let heads = streams.iter_mut().map(|s| s.next().transpose()).collect::<Result<_, _>>()?;
        Ok(Self { streams, heads, id })
    }

    /// Returns the items of the smallest id that is left.
    pub fn next(&mut self) -> Result<Option<ItemGroup<T>>, Trouble> {
        let Some(id) = self.heads.iter().flatten().map(&self.id).min() else { return Ok(None) };
        let mut group = Vec::new();
        for (at, head) in self.heads.iter_mut().enumerate() {
            while let Some(item) = head.take_if(|item| (self.id)(item) == id) {
                group.push((at, item));
                *head = self.streams[at].next().transpose()?;
            }
        }
        Ok(Some((id, group)))
    }
}

/// Membership test for ascending short ids: the queries must ascend too.
pub struct Shorts<I> {
    rest: I,
    head: Option<u64>,
}

impl<I: Iterator<Item = Result<u64, Trouble>>> Shorts<I> {
    pub fn new(mut rest: I) -> Result<Self, Trouble> {
        let head = rest.next().transpose()?;
        Ok(Self { rest, head })
    }

    /// True if the id is among them; each query must be at least as large as the one before.
    pub fn has(&mut self, short: u64) -> Result<bool, Trouble> {
        while self.head.is_some_and(|head| head < short) {
            self.head = self.rest.next().transpose()?;
        }
        Ok(self.head == Some(short))
    }
}
