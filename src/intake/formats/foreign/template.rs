//! Template: splits a line by the literal texts between the names of a format string.
//!
//! A field ends at the next literal text and may hold no blank, unless it is enclosed in quotes or
//! brackets or its type says otherwise. So a line of another layout does not fit by chance.

use memchr::memmem;

use super::named_value::NamedValue;
use crate::formats::{Glob, NameTypes, Program, pieces};

/// How the text of a field is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FieldKind {
    /// No blank in it.
    Word,
    /// Enclosed, or of a type that may hold blanks.
    Open,
    /// `a, b` and `a : b` are one value.
    List,
    /// Vanishes with its braces.
    Braced,
    /// Vanishes with its quotes.
    Quoted,
}

#[derive(Debug)]
struct TemplateField {
    /// Number of the name; `None` if nothing looks at it.
    name: Option<usize>,
    kind: FieldKind,
    /// Literal text behind the field; empty at the end of the line.
    after: Vec<u8>,
}

/// A compiled format string.
#[derive(Debug)]
pub struct Template {
    before: Vec<u8>,
    fields: Vec<TemplateField>,
    /// Position of the field that a client writes unescaped.
    free: Option<usize>,
    /// True if quotes inside of values are escaped with a backslash.
    is_escaped: bool,
}

impl Template {
    /// Compiles a format string; `number` gives the number of a name that is looked at.
    pub fn new(
        text: &str,
        program: Program,
        types: &NameTypes,
        mut number: impl FnMut(&str) -> Option<usize>,
    ) -> Self {
        let (pieces, rest) = pieces(text, program);
        let is_of = |globs: &[Glob], name: &str| globs.iter().any(|glob| glob.matches(name.as_bytes()));
        let mut fields = Vec::new();
        for (at, piece) in pieces.iter().enumerate() {
            let is_enclosed = piece.before.ends_with(['"', '[', '{', '(']);
            let name = piece.name.as_str();
            let kind = match () {
                () if is_of(&types.list, name) && !is_enclosed => FieldKind::List,
                () if is_of(&types.braced, name) => FieldKind::Braced,
                () if is_of(&types.quoted, name) => FieldKind::Quoted,
                () if is_enclosed || is_of(&types.blanks, name) => FieldKind::Open,
                () => FieldKind::Word,
            };
            let after = pieces.get(at + 1).map_or(rest.as_str(), |next| next.before.as_str());
            fields.push(TemplateField { name: number(name), kind, after: after.as_bytes().to_vec() });
        }
        // Of several free names the first of the list counts.
        let free = types
            .free
            .iter()
            .find_map(|glob| pieces.iter().position(|piece| glob.matches(piece.name.as_bytes())));
        let before = pieces.first().map(|piece| piece.before.clone().into_bytes()).unwrap_or_default();
        Self { before, fields, free, is_escaped: !matches!(program, Program::Envoy | Program::Haproxy) }
    }

    /// Returns the numbers of the names that a row of this template logs.
    pub fn names(&self) -> impl Iterator<Item = usize> {
        self.fields.iter().filter_map(|field| field.name)
    }

    /// Returns whether a line begins as those of this template do.
    #[inline]
    pub fn may_fit(&self, line: &[u8]) -> bool {
        // A comparison with an empty vector, which has no address, is slow.
        self.before.is_empty() || line.starts_with(&self.before)
    }

    /// Reads a line into cells; `None` if it does not fit.
    pub fn read<'b>(&self, line: &'b [u8], cells: &mut [NamedValue<'b>]) -> Option<()> {
        if !self.may_fit(line) {
            return None;
        }
        let mut end = line.len();
        if let Some(free) = self.free {
            // What stands behind the free field is read from the end of the line.
            let after = self.fields.last()?.after.as_slice();
            if !after.is_empty() {
                end = line.strip_suffix(after)?.len();
            }
            for at in (free + 1..self.fields.len()).rev() {
                let before = self.fields[at - 1].after.as_slice();
                let found = memmem::rfind(&line[..end], before)?;
                put(cells, self.fields[at].name, &line[found + before.len()..end]);
                end = found;
            }
        }
        let mut at = self.before.len();
        for (number, field) in self.fields.iter().enumerate() {
            if self.free == Some(number) {
                put(cells, field.name, line.get(at..end)?);
                return Some(());
            }
            match self.field(number, line, at, cells)? {
                Next::Field(next) => at = next,
                Next::End => return Some(()),
            }
        }
        line[at..].trim_ascii().is_empty().then_some(())
    }

    /// Reads one field from `at`.
    fn field<'b>(
        &self,
        number: usize,
        line: &'b [u8],
        at: usize,
        cells: &mut [NamedValue<'b>],
    ) -> Option<Next> {
        let field = &self.fields[number];
        let (rest, after) = (line.get(at..)?, field.after.as_slice());
        if let (FieldKind::Braced, b'{') | (FieldKind::Quoted, b'"') =
            (field.kind, rest.first().copied().unwrap_or_default())
        {
            let close = if field.kind == FieldKind::Braced { b'}' } else { b'"' };
            let mut from = 1;
            loop {
                let found = from + memchr::memchr(close, rest.get(from..)?)?;
                if rest[found + 1..].starts_with(after) {
                    put(cells, field.name, &rest[1..found]);
                    return Some(Next::Field(at + found + 1 + after.len()));
                }
                if rest[found + 1..].trim_ascii().is_empty() {
                    put(cells, field.name, &rest[1..found]);
                    return Some(Next::End);
                }
                from = found + 1;
            }
        }
        if matches!(field.kind, FieldKind::Braced | FieldKind::Quoted) {
            // Vanished with its braces and one blank.
            put_empty(cells, field.name);
            let after = after.trim_ascii_start();
            return rest.starts_with(after).then_some(Next::Field(at + after.len()));
        }
        if let (FieldKind::Word, [b' ', behind @ ..]) = (field.kind, after)
            && let Some(length) = memchr::memchr(b' ', rest)
            && (behind.is_empty() || rest[length + 1..].starts_with(behind))
        {
            // Most fields: the first blank ends the word.
            put(cells, field.name, &rest[..length]);
            return Some(Next::Field(at + length + after.len()));
        }
        if after.is_empty() {
            let is_whole = field.kind != FieldKind::Word || !rest.trim_ascii_end().contains(&b' ');
            put(cells, field.name, rest);
            return is_whole.then_some(Next::End);
        }
        match self.end(field, rest) {
            Some(length) => {
                let value = &rest[..length];
                if field.kind == FieldKind::Word && value.contains(&b' ') {
                    return None;
                }
                put(cells, field.name, value);
                Some(Next::Field(at + length + after.len()))
            }
            None => {
                // A line that was cut: its closing quote is missing. Or the fields behind vanished.
                let is_last = number + 1 == self.fields.len();
                let is_cut = is_last && after == b"\"" && field.kind == FieldKind::Open;
                let behind = &self.fields[number + 1..];
                let may_vanish =
                    |field: &TemplateField| matches!(field.kind, FieldKind::Braced | FieldKind::Quoted);
                let has_vanished = field.kind == FieldKind::Word
                    && after.trim_ascii().is_empty()
                    && !behind.is_empty()
                    && behind.iter().all(may_vanish)
                    && !rest.trim_ascii_end().contains(&b' ');
                if has_vanished {
                    for field in behind {
                        put_empty(cells, field.name);
                    }
                }
                put(cells, field.name, rest);
                (is_cut || has_vanished).then_some(Next::End)
            }
        }
    }

    /// Returns the length of a field: up to the literal text behind it that ends it.
    fn end(&self, field: &TemplateField, rest: &[u8]) -> Option<usize> {
        let after = field.after.as_slice();
        let mut from = 0;
        loop {
            let at = from + find(after, rest.get(from..)?)?;
            let is_inside_quotes = self.is_escaped
                && after[0] == b'"'
                && rest[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1;
            let goes_on = field.kind == FieldKind::List
                && (rest[..at].ends_with(b",")
                    || rest[at..].starts_with(b" : ")
                    || rest[..=at].ends_with(b" : ")
                    || (rest[..at].ends_with(b" :") && rest[at] == b' '));
            if !is_inside_quotes && !goes_on {
                return Some(at);
            }
            from = at + 1;
        }
    }
}

/// Returns the position of a literal text.
///
/// Its first byte is searched, which is rare in a field: the general search takes longer to begin
/// than a field is long.
fn find(literal: &[u8], text: &[u8]) -> Option<usize> {
    let (first, behind) = literal.split_first()?;
    memchr::memchr_iter(*first, text).find(|at| behind.is_empty() || text[at + 1..].starts_with(behind))
}

/// What stands behind a field.
enum Next {
    /// The next field, from this position.
    Field(usize),
    /// The end of the line.
    End,
}

fn put<'b>(cells: &mut [NamedValue<'b>], name: Option<usize>, text: &'b [u8]) {
    if let Some(cell) = name.and_then(|name| cells.get_mut(name)) {
        cell.put(text);
    }
}

fn put_empty(cells: &mut [NamedValue<'_>], name: Option<usize>) {
    if let Some(cell) = name.and_then(|name| cells.get_mut(name)) {
        cell.put_empty();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(template: &str, program: Program, types: &NameTypes, line: &str) -> Option<Vec<String>> {
        let mut count = 0;
        let template = Template::new(template, program, types, |_| {
            count += 1;
            Some(count - 1)
        });
        let mut cells = vec![NamedValue::NotLogged; count];
        template.read(line.as_bytes(), &mut cells)?;
        let shown = |cell: &NamedValue<'_>| match cell {
            NamedValue::Text(text) => String::from_utf8_lossy(text).into_owned(),
            NamedValue::Empty => "(empty)".to_owned(),
            other => format!("{other:?}"),
        };
        Some(cells.iter().map(shown).collect())
    }

    proptest! {
        #[test]
        fn a_literal_text_is_found_where_it_first_stands(literal in "[ab\" ]{1,3}", text in "[ab\" ]{0,20}") {
            let want = memmem::find(text.as_bytes(), literal.as_bytes());
            prop_assert_eq!(find(literal.as_bytes(), text.as_bytes()), want);
        }
    }

    #[test]
    fn fields_end_at_the_next_literal_text() {
        let nginx = |line| read(r#"$a - [$t] "$r" $s"#, Program::Nginx, &NameTypes::default(), line);
        assert_eq!(
            nginx(r#"1 - [x y] "GET / \"q\" H" 200"#).unwrap(),
            ["1", "x y", r#"GET / \"q\" H"#, "200"]
        );
        assert_eq!(nginx(r#"1 2 - [x y] "GET" 200"#), None);
        assert_eq!(nginx(r#"1 - [x y] "GET" 200 5"#), None);
        assert_eq!(nginx(r#"1 - [x y] "GET 200"#), None);
        let cut = read(r#"$a "$r""#, Program::Nginx, &NameTypes::default(), r#"1 "GET /x"#);
        assert_eq!(cut.unwrap(), ["1", "GET /x"]);
    }

    #[test]
    fn lists_hold_blanks_between_their_members() {
        let types = NameTypes { list: vec![Glob::new("up*")], ..NameTypes::default() };
        let nginx = |line| read("$up1 $up2 $id", Program::Nginx, &types, line).unwrap();
        assert_eq!(nginx("a, b 1, 2 x"), ["a, b", "1, 2", "x"]);
        assert_eq!(nginx("a : b - x"), ["a : b", "-", "x"]);
    }

    #[test]
    fn captures_vanish_with_their_braces() {
        let types = NameTypes {
            braced: vec![Glob::new("h?"), Glob::new("hr"), Glob::new("hs")],
            ..NameTypes::default()
        };
        let haproxy = |line| read("%q %hr %hs %{+Q}r", Program::Haproxy, &types, line);
        assert_eq!(haproxy(r#"0/0 {a b|c} {} "GET /""#).unwrap(), ["0/0", "a b|c", "", "GET /"]);
        assert_eq!(haproxy(r#"0/0 {a} "GET /""#).unwrap(), ["0/0", "a", "(empty)", "GET /"]);
        assert_eq!(haproxy(r#"0/0 "GET /""#).unwrap(), ["0/0", "(empty)", "(empty)", "GET /"]);
    }

    #[test]
    fn a_field_that_a_client_writes_unescaped_is_read_from_both_ends() {
        let types = NameTypes { free: vec![Glob::new("UA")], ..NameTypes::default() };
        let envoy = |line| read(r#"%CODE% "%UA%" "%ID%""#, Program::Envoy, &types, line);
        assert_eq!(envoy(r#"200 "a "b" "c" "id""#).unwrap(), ["200", r#"a "b" "c"#, "id"]);
        assert_eq!(envoy(r#"200 "a" "id"#), None);
    }
}
