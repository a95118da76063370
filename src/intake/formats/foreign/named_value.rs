//! Named value: what one name of a row is: a value, empty, or not logged.

use std::borrow::Cow;

/// State of a name in a row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum NamedValue<'b> {
    /// The layout or the object does not have the name; nothing follows from it.
    #[default]
    NotLogged,
    /// Logged without a value.
    Empty,
    Text(Cow<'b, [u8]>),
    /// An object, as its JSON text.
    Object(Cow<'b, [u8]>),
    /// Members with a value; at least one.
    List(Vec<Cow<'b, [u8]>>),
}

impl<'b> NamedValue<'b> {
    /// Replaces the value by a text.
    ///
    /// The value before mostly owns nothing. If it were dropped, the new one would be put together
    /// elsewhere and copied as a whole while its parts are still being written, which stalls: a
    /// twentieth of the time for ALB.
    #[inline]
    pub fn put(&mut self, text: &'b [u8]) {
        let value = Self::Text(Cow::Borrowed(text));
        if self.owns_nothing() {
            std::mem::forget(std::mem::replace(self, value));
        } else {
            *self = value;
        }
    }

    /// Makes the value empty, as [`NamedValue::put`] does.
    #[inline]
    pub fn put_empty(&mut self) {
        if self.owns_nothing() {
            std::mem::forget(std::mem::replace(self, Self::Empty));
        } else {
            *self = Self::Empty;
        }
    }

    /// Returns whether nothing is freed with the value, so that it need not be dropped.
    #[inline]
    const fn owns_nothing(&self) -> bool {
        match self {
            Self::NotLogged | Self::Empty => true,
            Self::Text(text) | Self::Object(text) => matches!(text, Cow::Borrowed(_)),
            Self::List(_) => false,
        }
    }

    pub const fn is_logged(&self) -> bool {
        !matches!(self, Self::NotLogged)
    }

    /// Returns the text, or the first member of a list.
    pub fn text(&self) -> Option<&Cow<'b, [u8]>> {
        match self {
            Self::Text(text) | Self::Object(text) => Some(text),
            Self::List(members) => members.first(),
            Self::NotLogged | Self::Empty => None,
        }
    }

    /// Returns the cell with text of its own.
    pub fn into_owned(self) -> NamedValue<'static> {
        let own = |text: Cow<'_, [u8]>| Cow::Owned(text.into_owned());
        match self {
            Self::NotLogged => NamedValue::NotLogged,
            Self::Empty => NamedValue::Empty,
            Self::Text(text) => NamedValue::Text(own(text)),
            Self::Object(text) => NamedValue::Object(own(text)),
            Self::List(members) => NamedValue::List(members.into_iter().map(own).collect()),
        }
    }
}

/// Texts that mean *empty*.
#[derive(Debug, Default)]
pub struct MissingTexts {
    texts: Vec<Vec<u8>>,
    /// Longest of them; almost every value is longer.
    longest: usize,
}

impl MissingTexts {
    pub fn new(texts: &[String]) -> Self {
        let texts: Vec<Vec<u8>> = texts.iter().map(|text| text.clone().into_bytes()).collect();
        Self { longest: texts.iter().map(Vec::len).max().unwrap_or(0), texts }
    }

    /// Returns whether a text is one of them.
    #[inline]
    pub fn has(&self, text: &[u8]) -> bool {
        text.len() <= self.longest
            && self.texts.iter().any(|missing| match (missing.as_slice(), text) {
                // A comparison of slices is a call.
                ([], []) => true,
                ([missing], [byte]) => missing == byte,
                ([] | [_], _) => false,
                (missing, text) => missing == text,
            })
    }
}

/// Memory for the cells of one row, used again for the next.
#[derive(Debug, Default)]
pub struct Scratch {
    cells: Vec<NamedValue<'static>>,
    pub ranks: Vec<u8>,
}

impl Scratch {
    /// Takes the memory for so many cells, of which none is logged.
    pub fn cells<'b>(&mut self, count: usize) -> Vec<NamedValue<'b>> {
        let mut cells: Vec<NamedValue<'b>> = std::mem::take(&mut self.cells);
        cells.resize_with(count, || NamedValue::NotLogged);
        cells
    }

    /// Keeps the memory of cells for the next row.
    pub fn keep(&mut self, mut cells: Vec<NamedValue<'_>>) {
        for cell in cells.drain(..) {
            if cell.owns_nothing() {
                // To drop a value is a call.
                std::mem::forget(cell);
            }
        }
        // A vector that is collected from another of such items keeps its memory.
        self.cells = cells.into_iter().map(|_| NamedValue::NotLogged).collect();
    }
}

/// Returns a part of a text as it is held: borrowed stays borrowed.
pub fn part<'b>(text: &Cow<'b, [u8]>, range: std::ops::Range<usize>) -> Cow<'b, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[range]),
        Cow::Owned(text) => Cow::Owned(text[range].to_vec()),
    }
}
