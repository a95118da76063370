//! Text of a document that knows where its lines begin: a place is found without a search.

use std::sync::Arc;

use memchr::{memchr_iter, memchr2_iter};
use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

/// A text that knows where its lines begin.
#[derive(Debug)]
pub(super) struct LinedText {
    name: String,
    text: String,
    /// Offsets of the first bytes of lines, from 0 on.
    starts: Vec<usize>,
    /// The same of lines as miette counts them, which a lone `\r` ends as well.
    shown_starts: Vec<usize>,
}

impl LinedText {
    pub fn new(name: &str, text: String) -> Arc<Self> {
        let ends = memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1);
        let starts = std::iter::once(0).chain(ends).collect();
        let bytes = text.as_bytes();
        let is_end = |at: &usize| bytes[*at] == b'\n' || bytes.get(at + 1) != Some(&b'\n');
        let shown_ends = memchr2_iter(b'\r', b'\n', bytes).filter(is_end).map(|at| at + 1);
        let shown_starts = std::iter::once(0).chain(shown_ends).collect();
        Arc::new(Self { name: name.to_owned(), text, starts, shown_starts })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the line of a byte, from 0.
    pub fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset) - 1
    }

    /// Returns where a line begins; lines behind the last begin at the end.
    pub fn start(&self, line: usize) -> usize {
        self.starts.get(line).copied().unwrap_or(self.text.len())
    }
}

/// Excerpts as miette makes them, from the lines around the span alone.
///
/// miette reads a text from its beginning for each excerpt, which is slow for a file with thousands
/// of mistakes.
impl SourceCode for LinedText {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let end = span.offset().checked_add(span.len()).filter(|end| *end <= self.text.len() + 1);
        let end = end.ok_or(MietteError::OutOfBounds)?;
        // One line more on either side, so that the window decides nothing.
        let line = |offset: usize| self.shown_starts.partition_point(|start| *start <= offset) - 1;
        let start = |line: usize| self.shown_starts.get(line).copied().unwrap_or(self.text.len());
        let first = line(span.offset()).saturating_sub(lines_before + 1);
        let last = line(end.min(self.text.len())) + lines_after + 1;
        let from = start(first);
        let window = &self.text[from..start(last + 1)];
        let inner = SourceSpan::from((span.offset() - from, span.len()));
        let found = window.read_span(&inner, lines_before, lines_after)?;
        let shown = SourceSpan::from((found.span().offset() + from, found.span().len()));
        let at = found.span().offset();
        let data = &window.as_bytes()[at..at + found.data().len()];
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            data,
            shown,
            found.line() + first,
            found.column(),
            found.line_count(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use miette::NamedSource;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_excerpt_is_the_one_of_the_whole_text(
            text in "([a-cé]{0,4}\r?\n?){0,12}",
            at in 0_usize..60,
            length in 0_usize..6,
            // Without a line before, miette itself panics behind the last line.
            before in 1_usize..3,
            after in 0_usize..3,
        ) {
            let (ours, theirs) = (LinedText::new("a", text.clone()), NamedSource::new("a", text));
            let span = SourceSpan::from((at, length));
            let (found, want) = (ours.read_span(&span, before, after), theirs.read_span(&span, before, after));
            match (found, want) {
                (Ok(found), Ok(want)) => {
                    prop_assert_eq!(found.data(), want.data());
                    prop_assert_eq!(found.span(), want.span());
                    prop_assert_eq!((found.line(), found.column(), found.name()), (want.line(), want.column(), want.name()));
                }
                (found, want) => prop_assert_eq!(found.is_err(), want.is_err()),
            }
        }
    }
}
