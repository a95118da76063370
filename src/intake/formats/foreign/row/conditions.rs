//! Conditions: the bits of those that hold for a value.

use super::super::compile::{Mask, NameRef, NameTests};
use super::super::named_value::NamedValue;

/// Texts of a name whose bits are remembered, by their last bytes.
const REMEMBERED: usize = 16;
/// Limit on bytes of such a text; longer ones are hardly ever the same.
const LONGEST_REMEMBERED: usize = 48;

/// Bits of recent texts, by position of the test.
///
/// A name has few texts that conditions ask for (statuses, flags), and comparing is cheaper than
/// hashing. The default remembers nothing, for conditions that are looked at once.
#[derive(Debug, Default)]
pub struct KnownTexts(Vec<Recent>);

/// Recent texts of one name with their bits; none is empty.
type Recent = [(Vec<u8>, Mask); REMEMBERED];

impl KnownTexts {
    /// Returns a memory for so many tests.
    pub fn of(tests: usize) -> Self {
        Self(std::iter::repeat_with(Recent::default).take(tests).collect())
    }
}

/// Returns the bits of all conditions that hold for a cell.
#[inline]
pub fn bits_of(tests: &NameTests, cell: &NamedValue<'_>, at: usize, known: &mut KnownTexts) -> Mask {
    match cell {
        NamedValue::NotLogged => 0,
        NamedValue::Empty => tests.empty,
        NamedValue::Text(text) | NamedValue::Object(text) => {
            tests.present | text_bits(tests, text, at, known)
        }
        NamedValue::List(members) => {
            members.iter().fold(tests.present, |bits, member| bits | text_bits(tests, member, at, known))
        }
    }
}

/// Returns the bits of the conditions on a text that hold, in addition to those of every text.
#[inline]
pub fn text_bits(tests: &NameTests, text: &[u8], at: usize, known: &mut KnownTexts) -> Mask {
    if tests.by_text.is_empty() {
        return 0;
    }
    let wanted = |wants: &[crate::formats::Want]| wants.iter().any(|want| want.matches(text));
    let look =
        || tests.by_text.iter().filter(|(_, wants)| wanted(wants)).fold(0, |bits, (bit, _)| bits | bit);
    let is_short = (1..=LONGEST_REMEMBERED).contains(&text.len());
    let Some(known) = known.0.get_mut(at).filter(|_| is_short) else { return look() };
    let end = text.last_chunk::<2>().map_or(0, |end| end[0].wrapping_mul(3) ^ end[1]);
    let (recent, bits) = &mut known[usize::from(end) % REMEMBERED];
    if recent != text {
        *bits = look();
        recent.clear();
        recent.extend_from_slice(text);
    }
    *bits
}

/// Returns the bits of the conditions on cells alone, for envelopes.
pub fn plain_bits(tests: &[NameTests], cells: &[NamedValue<'_>], known: &mut KnownTexts) -> Mask {
    tests.iter().enumerate().fold(0, |bits, (at, test)| match test.name {
        NameRef::Name(name) => bits | bits_of(test, &cells[name], at, known),
        NameRef::Let(_) | NameRef::Line => bits,
    })
}
