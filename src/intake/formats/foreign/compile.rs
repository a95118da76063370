//! Compile: a format as numbers and bit masks, made once for a source.
//!
//! Conditions are numbered. What is wanted of a name becomes a few bits for each of its values, so
//! that a mark holds if its bits are among those of the row; the values themselves are looked at
//! once, however many marks ask for them.

use std::collections::BTreeMap;

use super::json::KeyTree;
use super::named_value::MissingTexts;
use super::template::Template;
use crate::config::{Cast, Field, FormatChoice, Log, Source, TimeBasis, Vantage};
use crate::formats::{
    Delimited, Expression, FormatFile, LayoutShape, LineLayout, NameCondition, Origin, RequestPart, Take,
    Want, is_json, json_keys,
};
use crate::formats::{Glob, Unit};

/// Bits of the distinct conditions of a format.
pub type Mask = u128;

/// What a condition or an expression refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameRef {
    Name(usize),
    Let(usize),
    /// The whole line, before any layout.
    Line,
}

/// Conditions on one name, as bits.
#[derive(Debug)]
pub struct NameTests {
    pub name: NameRef,
    /// Bits if the name is logged without a value.
    pub empty: Mask,
    /// Bits of every value.
    pub present: Mask,
    /// Bits of some values.
    pub by_text: Vec<(Mask, Vec<Want>)>,
}

/// An expression with its names as numbers.
#[derive(Debug)]
pub struct CompiledExpression {
    pub origin: CompiledOrigin,
    pub split: Vec<Vec<u8>>,
    /// First bytes of the separators: a text without any of them is one piece.
    pub split_at: Vec<u8>,
    pub take: Option<Take>,
    pub after: Option<Vec<u8>>,
    pub before: Option<Vec<u8>>,
    pub part: Option<RequestPart>,
    pub words: Vec<(Glob, Vec<u8>)>,
    pub is_lowered: bool,
    pub missing: MissingTexts,
    pub unit: Option<Unit>,
    pub format: Option<Cast>,
    pub basis: TimeBasis,
    pub when: Mask,
    /// True if the value is a part of the text of a name.
    pub is_sliced: bool,
}

#[derive(Debug)]
pub enum CompiledOrigin {
    Names(Vec<usize>),
    Constant(Vec<u8>),
    Join { names: Vec<NameRef>, with: Vec<u8> },
    Sum(Vec<NameRef>),
    Minus([NameRef; 2]),
}

/// How the names of a layout are found.
#[derive(Debug)]
pub enum CompiledShape {
    Template(Template),
    Json {
        tree: KeyTree,
        /// Trees for the objects further out, by distance.
        outer: Vec<KeyTree>,
        /// Keys of a template, of which half must be there; none for keys that are names.
        keys: usize,
    },
    Delimited(Delimited, DelimitedNames),
}

/// Numbers of the names of a delimited layout.
#[derive(Debug)]
pub struct DelimitedNames {
    /// By column of the layout; `None` if nothing looks at it.
    pub columns: Vec<Option<usize>>,
    pub by_name: BTreeMap<String, usize>,
}

#[derive(Debug)]
pub struct CompiledLayout {
    pub name: String,
    pub shape: CompiledShape,
    pub when: Mask,
    pub not_a_call: Option<String>,
}

/// A mark: its bits, and the fields that it sets.
#[derive(Debug)]
pub struct CompiledMark {
    pub when: Mask,
    pub sets: Vec<(Field, Vec<u8>)>,
}

/// A compiled format.
#[derive(Debug)]
pub struct CompiledFormat {
    pub names: Vec<String>,
    pub missing: MissingTexts,
    pub omits_empty: bool,
    pub lets: Vec<Vec<CompiledExpression>>,
    pub tests: Vec<NameTests>,
    pub layouts: Vec<CompiledLayout>,
    /// The names as columns of a table, for rows of Parquet that fit no layout of objects.
    pub columns: CompiledLayout,
    pub only: Option<(Mask, String)>,
    /// Conditions on the line alone, which are looked at before any layout.
    pub lines_not_calls: Vec<(Mask, String)>,
    pub not_a_call: Vec<(Mask, String)>,
    pub marks: Vec<CompiledMark>,
    pub fields: Vec<(Field, Vec<CompiledExpression>)>,
    /// Names of `ts`, one of which a JSON object must have.
    pub clock: Vec<usize>,
    /// True if `reached` follows from the marks alone.
    pub judges_arrival: bool,
}

impl CompiledFormat {
    /// Compiles the format of a source: its file, a pasted layout and columns of the config.
    pub fn of(source: &Source, choice: &FormatChoice) -> Self {
        let layouts: Vec<LineLayout> = match &choice.log_format {
            // Lines that are no calls look alike whatever the log format is.
            Some(template) => std::iter::once(pasted(template))
                .chain(choice.file.layouts.iter().filter(|layout| layout.not_a_call.is_some()).cloned())
                .collect(),
            None => choice.file.layouts.clone(),
        };
        let mut compiled = Compiler::new(&choice.file).format(&choice.file, &layouts, &choice.fields());
        compiled.judges_arrival = source.log == Log::Requests && source.vantage != Vantage::FirstLayer;
        compiled
    }

    /// Returns the mark of a row with these bits.
    pub fn mark(&self, bits: Mask) -> Option<&CompiledMark> {
        self.marks.iter().find(|mark| bits & mark.when == mark.when)
    }

    /// Returns whether a line can change how the lines behind it are read.
    pub fn has_headers(&self) -> bool {
        self.layouts.iter().any(|layout| {
            matches!(&layout.shape, CompiledShape::Delimited(delimited, _) if delimited.header.is_some())
        })
    }
}

fn pasted(template: &str) -> LineLayout {
    LineLayout {
        name: "log_format".to_owned(),
        shape: LayoutShape::Template(template.to_owned()),
        when: NameCondition::default(),
        hint: None,
        not_a_call: None,
    }
}

/// Numbers of names and conditions that were given out so far.
struct Compiler {
    names: Vec<String>,
    lets: Vec<String>,
    bits: u32,
    tests: BTreeMap<NameRef, NameTests>,
    known: Vec<(NameRef, Vec<Want>, Mask)>,
}

impl Compiler {
    fn new(file: &FormatFile) -> Self {
        let lets = file.lets.iter().map(|(name, _)| name.clone()).collect();
        Self { names: Vec::new(), lets, bits: 0, tests: BTreeMap::new(), known: Vec::new() }
    }

    fn name(&mut self, name: &str) -> usize {
        self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        })
    }

    fn format(
        mut self,
        file: &FormatFile,
        layouts: &[LineLayout],
        fields: &[(Field, Vec<Expression>)],
    ) -> CompiledFormat {
        let lets: Vec<_> = file.lets.iter().map(|(_, read)| self.alternatives(read)).collect();
        let fields: Vec<_> = fields.iter().map(|(field, read)| (*field, self.alternatives(read))).collect();
        let only = file.only.as_ref().map(|only| (self.mask(&only.when), only.why.clone()));
        let is_of_line = |when: &NameCondition| when.names().all(|name| name == "line");
        let (of_line, of_row): (Vec<_>, Vec<_>) =
            file.not_a_call.iter().partition(|one| is_of_line(&one.when));
        let lines_not_calls = of_line.iter().map(|one| (self.mask(&one.when), one.why.clone())).collect();
        let not_a_call = of_row.iter().map(|one| (self.mask(&one.when), one.why.clone())).collect();
        let marks = file.marks.iter().map(|mark| CompiledMark {
            when: self.mask(&mark.when),
            sets: mark.sets.iter().map(|(field, word)| (*field, word.clone().into_bytes())).collect(),
        });
        let marks = marks.collect();
        let conditions: Vec<_> = layouts.iter().map(|layout| self.mask(&layout.when)).collect();
        let clock = fields.iter().filter(|(field, _)| *field == Field::Ts).flat_map(|(_, read)| read);
        let clock: Vec<usize> = clock.flat_map(|read| read.origin.names()).collect();
        let layouts = layouts
            .iter()
            .zip(conditions)
            .map(|(layout, when)| CompiledLayout {
                name: layout.name.clone(),
                shape: self.shape(&layout.shape, file),
                when,
                not_a_call: layout.not_a_call.clone(),
            })
            .collect();
        let columns = CompiledLayout {
            name: String::new(),
            shape: self.shape(&LayoutShape::Json, file),
            when: 0,
            not_a_call: None,
        };
        CompiledFormat {
            columns,
            missing: MissingTexts::new(&file.missing),
            omits_empty: file.omits_empty,
            names: self.names,
            lets,
            tests: self.tests.into_values().collect(),
            layouts,
            only,
            lines_not_calls,
            not_a_call,
            marks,
            fields,
            clock,
            judges_arrival: true,
        }
    }

    /// Compiles a condition alone, for an envelope: the mask of each, over one set of names.
    fn mask(&mut self, condition: &NameCondition) -> Mask {
        let mut mask = 0;
        for (name, wants) in &condition.0 {
            let of = self.reference(name);
            mask |= self.bit(of, wants);
        }
        mask
    }

    /// Returns a helper value by its name, else a name of the log.
    fn reference(&mut self, name: &str) -> NameRef {
        match self.lets.iter().position(|known| known == name) {
            Some(number) => NameRef::Let(number),
            None if name == "line" => NameRef::Line,
            None => NameRef::Name(self.name(name)),
        }
    }

    fn bit(&mut self, name: NameRef, wants: &[Want]) -> Mask {
        if let Some((_, _, bit)) = self.known.iter().find(|(known, all, _)| *known == name && all == wants) {
            return *bit;
        }
        let bit = Mask::checked_shl(1, self.bits).unwrap_or(0);
        self.bits += 1;
        let tests = self.tests.entry(name).or_insert_with(|| NameTests {
            name,
            empty: 0,
            present: 0,
            by_text: Vec::new(),
        });
        if wants.contains(&Want::Empty) {
            tests.empty |= bit;
        }
        if wants.contains(&Want::Present) {
            tests.present |= bit;
        } else {
            let texts: Vec<Want> = wants.iter().filter(|want| **want != Want::Empty).cloned().collect();
            if !texts.is_empty() {
                tests.by_text.push((bit, texts));
            }
        }
        self.known.push((name, wants.to_vec(), bit));
        bit
    }

    fn alternatives(&mut self, read: &[Expression]) -> Vec<CompiledExpression> {
        read.iter().map(|one| self.expression(one)).collect()
    }

    fn expression(&mut self, read: &Expression) -> CompiledExpression {
        let bytes = |texts: &[String]| texts.iter().map(|text| text.clone().into_bytes()).collect::<Vec<_>>();
        let origin = match &read.origin {
            Origin::Names(names) => CompiledOrigin::Names(names.iter().map(|name| self.name(name)).collect()),
            Origin::Constant(text) => CompiledOrigin::Constant(text.clone().into_bytes()),
            Origin::Join { names, with } => CompiledOrigin::Join {
                names: names.iter().map(|name| self.reference(name)).collect(),
                with: with.clone().into_bytes(),
            },
            Origin::Sum(names) => {
                CompiledOrigin::Sum(names.iter().map(|name| self.reference(name)).collect())
            }
            Origin::Minus(names) => CompiledOrigin::Minus(names.each_ref().map(|name| self.reference(name))),
        };
        CompiledExpression {
            origin,
            split: bytes(&read.split),
            split_at: read.split.iter().filter_map(|text| text.bytes().next()).collect(),
            take: read.take,
            after: read.after.clone().map(String::into_bytes),
            before: read.before.clone().map(String::into_bytes),
            part: read.part,
            words: read.words.iter().map(|(word, by)| (word.clone(), by.clone().into_bytes())).collect(),
            is_lowered: read.lower,
            missing: MissingTexts::new(&read.missing),
            unit: read.unit,
            format: read.format.clone().map(Cast::Format),
            basis: read.basis,
            when: self.mask(&read.when),
            is_sliced: matches!(read.origin, Origin::Names(_)) && read.words.is_empty() && !read.lower,
        }
    }

    fn shape(&mut self, shape: &LayoutShape, file: &FormatFile) -> CompiledShape {
        let names = self.names.clone();
        let number = |name: &str| names.iter().position(|known| known == name);
        match shape {
            LayoutShape::Template(text) if is_json(text, file.program) => {
                let mut tree = KeyTree::default();
                let keys = json_keys(text, file.program).unwrap_or_default();
                for (path, name) in &keys {
                    // Names that nothing looks at still tell whether the object is of the template.
                    let at = number(name).unwrap_or(usize::MAX);
                    tree.insert(&path.iter().map(String::as_str).collect::<Vec<_>>(), at, 0);
                }
                CompiledShape::Json { tree, outer: Vec::new(), keys: keys.len() }
            }
            LayoutShape::Template(text) => {
                CompiledShape::Template(Template::new(text, file.program, &file.types, number))
            }
            LayoutShape::Json => {
                let (mut tree, mut outer) = (KeyTree::default(), Vec::new());
                for (at, name) in names.iter().enumerate() {
                    let own = name.trim_start_matches('^');
                    match name.len() - own.len() {
                        0 => tree.insert_name(name, at),
                        distance => {
                            if outer.len() < distance {
                                outer.resize_with(distance, KeyTree::default);
                            }
                            outer[distance - 1].insert_name(own, at);
                        }
                    }
                }
                CompiledShape::Json { tree, outer, keys: 0 }
            }
            LayoutShape::Delimited(delimited) => {
                let by_name = names.iter().enumerate().map(|(at, name)| (name.clone(), at)).collect();
                let columns = delimited.columns.iter().map(|name| number(name)).collect();
                CompiledShape::Delimited(delimited.clone(), DelimitedNames { columns, by_name })
            }
        }
    }
}

impl CompiledOrigin {
    /// Returns the numbers of the names of the log in it.
    pub fn names(&self) -> Vec<usize> {
        let references: &[NameRef] = match self {
            Self::Names(names) => return names.clone(),
            Self::Join { names, .. } | Self::Sum(names) => names,
            Self::Minus(names) => names,
            Self::Constant(_) => &[],
        };
        let number = |name: &NameRef| match name {
            NameRef::Name(number) => Some(*number),
            NameRef::Let(_) | NameRef::Line => None,
        };
        references.iter().filter_map(number).collect()
    }
}

/// Conditions of an envelope, over the names of one object or one line.
#[derive(Debug)]
pub struct CompiledConditions {
    pub names: Vec<String>,
    pub tests: Vec<NameTests>,
    pub masks: Vec<Mask>,
}

impl CompiledConditions {
    /// Compiles conditions, and numbers the names that are needed as well.
    pub fn of(conditions: &[&NameCondition], names: &[&str]) -> Self {
        let mut compiler = Compiler {
            names: Vec::new(),
            lets: Vec::new(),
            bits: 0,
            tests: BTreeMap::new(),
            known: Vec::new(),
        };
        for name in names {
            compiler.name(name);
        }
        let masks = conditions.iter().map(|condition| compiler.mask(condition)).collect();
        Self { names: compiler.names, tests: compiler.tests.into_values().collect(), masks }
    }
}
