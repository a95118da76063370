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

/// Returns a part of a text as it is held: borrowed stays borrowed.
pub fn part<'b>(text: &Cow<'b, [u8]>, range: std::ops::Range<usize>) -> Cow<'b, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[range]),
        Cow::Owned(text) => Cow::Owned(text[range].to_vec()),
    }
}
