//! Documents: text files that people write, and the mistakes in them.

pub mod csv;
pub mod spelling;
mod text;
pub mod toml;

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, SourceCode};
use text::LinedText;

use crate::plain_file;
use crate::redact::harmless;

/// A text file that a person wrote, kept to show excerpts from.
#[derive(Debug, Clone)]
pub struct Document {
    source: Arc<LinedText>,
    /// The text as it is shown: of the same length, without characters that steer a terminal.
    shown: Arc<LinedText>,
}

impl Document {
    /// Creates a document; `name` is its path, or a name such as `built-in policy.toml`.
    pub fn new(name: impl AsRef<str>, text: impl Into<String>) -> Self {
        let text = text.into();
        let name = name.as_ref();
        Self { shown: LinedText::new(name, harmless(&text)), source: LinedText::new(name, text) }
    }

    /// Reads a file of at most so many bytes.
    ///
    /// # Errors
    /// The file cannot be read, is larger, or is not UTF-8.
    pub fn read(path: &Path, most_bytes: u64) -> io::Result<Self> {
        Ok(Self::new(path.to_string_lossy(), plain_file::read_text(path, most_bytes)?))
    }

    pub fn name(&self) -> &str {
        self.source.name()
    }

    pub fn text(&self) -> &str {
        self.source.text()
    }

    /// Returns line and column of a byte offset, both from 1; columns count characters.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let offset = offset.min(self.text().len());
        let line = self.source.line(offset);
        let before = &self.text().as_bytes()[self.source.start(line)..offset];
        (line + 1, String::from_utf8_lossy(before).chars().count() + 1)
    }

    /// Creates a mistake at `span` (bytes).
    ///
    /// `message` says what was found, `label` stands under the excerpt, `help` says what to do.
    pub fn mistake(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) -> Mistake {
        Mistake {
            document: self.clone(),
            span,
            message: harmless(&message.into()),
            label: harmless(&label.into()),
            help: harmless(&help.into()),
        }
    }
}

/// One mistake in a file that a person wrote.
#[derive(Debug, Clone)]
pub struct Mistake {
    document: Document,
    span: Range<usize>,
    message: String,
    label: String,
    help: String,
}

impl Mistake {
    /// Returns the place of the mistake as `file:line:column`.
    pub fn place(&self) -> String {
        let (line, column) = self.document.position(self.span.start);
        format!("{}:{line}:{column}", self.document.name())
    }

    /// Returns place, message and help, for output without an excerpt.
    pub fn told(&self) -> String {
        if self.help.is_empty() { self.to_string() } else { format!("{self}; {}", self.help) }
    }
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place(), self.message)
    }
}

impl std::error::Error for Mistake {}

impl Diagnostic for Mistake {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        (!self.help.is_empty()).then(|| Box::new(&self.help) as Box<dyn std::fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self.document.shown.as_ref())
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = (!self.label.is_empty()).then(|| self.label.clone());
        Some(Box::new(std::iter::once(LabeledSpan::new(label, self.span.start, self.span.len()))))
    }
}

/// Every mistake in the files of a run, in the order of files and lines.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{} mistake{} in the files that steer the run", .0.len(), if .0.len() == 1 { "" } else { "s" })]
pub struct Mistakes(pub Vec<Mistake>);

impl Mistakes {
    /// Returns `value` if there are no mistakes.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let doc = Document::new("a.toml", "x = 1\nñame = 2\n");
        assert_eq!(doc.position(0), (1, 1));
        let at = doc.text().find("= 2").unwrap();
        assert_eq!(doc.position(at), (2, 6));
        assert_eq!(doc.mistake(at..at + 1, "bad", "", "").to_string(), "a.toml:2:6: bad");
    }
}
