//! Puts trees together from the events of the parser.

use super::tag::resolve;
use super::{DuplicateKeys, LoadOptions};
use crate::scalar::{self, Scalar};
use crate::{Content, Document, Duplicate, Entry, Node, YamlError};
use granit_parser::{ErrorKind, Event, Marker, Parser, ScanError, Span, StrInput};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// Maps up to this size are searched for duplicate keys without a table.
const SMALL_MAP: usize = 16;

/// A value as composed: keys of maps can still be anything.
#[derive(Clone, Debug)]
struct Raw {
    at: Place,
    content: RawContent,
}

#[derive(Clone, Debug)]
pub(super) enum RawContent {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// `<<` without quotes, which merges where it is a key.
    Merge,
}

/// Line and column, counted from 1.
#[derive(Clone, Copy, Debug)]
struct Place {
    line: u32,
    column: u32,
}

impl Place {
    fn of(marker: &Marker) -> Self {
        let number = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        Self {
            line: number(marker.line()).max(1),
            column: number(marker.col()).saturating_add(1),
        }
    }

    fn error(self, message: impl Into<String>) -> YamlError {
        YamlError {
            message: message.into(),
            line: self.line,
            column: self.column,
        }
    }
}

struct Anchor {
    value: Raw,
    nodes: usize,
}

struct Composer<'a> {
    parser: Parser<'a, StrInput<'a>>,
    options: &'a LoadOptions,
    /// `None` while the anchored value is still being read.
    anchors: HashMap<usize, Option<Anchor>>,
    nodes: usize,
    aliased_nodes: usize,
    /// Values remembered for aliases; nested anchors remember theirs each.
    kept_nodes: usize,
    duplicates: Vec<Duplicate>,
}

pub(super) fn documents(text: &str, options: &LoadOptions) -> Result<Vec<Document>, YamlError> {
    let text = check_text(text, options)?;
    let mut composer = Composer::new(&text, options);
    let mut documents = Vec::new();
    while let Some(document) = composer.document()? {
        if documents.len() == options.max_documents {
            let at = Place {
                line: document.line,
                column: 1,
            };
            return Err(at.error(format!("more than {} documents", options.max_documents)));
        }
        documents.push(document);
    }
    Ok(documents)
}

pub(super) fn first(text: &str, options: &LoadOptions) -> Result<Option<Document>, YamlError> {
    let text = check_text(text, options)?;
    let mut composer = Composer::new(&text, options);
    let Some(document) = composer.document()? else {
        return Ok(None);
    };
    composer.refuse_broken_end()?;
    Ok(Some(document))
}

/// The text to parse. The line break of old mainframes counts as a line feed,
/// as in YAML 1.1.
fn check_text<'a>(text: &'a str, options: &LoadOptions) -> Result<Cow<'a, str>, YamlError> {
    if text.len() > options.max_bytes {
        let (found, limit) = (text.len(), options.max_bytes);
        let message = format!("the text is {found} bytes long, at most {limit} are read");
        return Err(Place { line: 1, column: 1 }.error(message));
    }
    refuse_control_characters(text)?;
    Ok(match text.contains('\u{85}') {
        true => text.replace('\u{85}', "\n").into(),
        false => text.into(),
    })
}

/// Go's reader takes no control characters but tab, line feed and carriage
/// return, not even in comments.
fn refuse_control_characters(text: &str) -> Result<(), YamlError> {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..);
    let Some(at) = text.find(|c| !allowed(c)) else {
        return Ok(());
    };
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    let found = text[at..].chars().next().unwrap_or_default();
    let number = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
    Err(Place {
        line: number(line),
        column: number(column),
    }
    .error(format!(
        "control characters are not allowed, found U+{:04X}",
        u32::from(found)
    )))
}

impl<'a> Composer<'a> {
    fn new(text: &'a str, options: &'a LoadOptions) -> Self {
        let mut parser_options = granit_parser::Options::default();
        parser_options.set_emit_comments(false);
        parser_options.emit_anchor_events = true;
        parser_options.bom_inside_document_as_content = true;
        parser_options.block_scalar_eof_without_line_feed = true;
        parser_options.flow_nesting_limit = options.max_depth;
        parser_options.block_nesting_limit = options.max_depth;
        let parser = Parser::new_from_str_with_options(text, parser_options);
        Self {
            parser,
            options,
            anchors: HashMap::new(),
            nodes: 0,
            aliased_nodes: 0,
            kept_nodes: 0,
            duplicates: Vec::new(),
        }
    }

    /// The next event that is more than the name of an anchor.
    fn next(&mut self) -> Result<(Event<'a>, Span), YamlError> {
        loop {
            let (event, span) = match self.parser.next_event() {
                Some(event) => event.map_err(|error| self.syntax_error(&error))?,
                None => {
                    return Err(Place { line: 1, column: 1 }.error("unexpected end of the text"));
                }
            };
            match event {
                Event::Anchor(_, name) => check_anchor(&name, Place::of(&span.start))?,
                _ => return Ok((event, span)),
            }
        }
    }

    /// The next document, if there is one.
    fn document(&mut self) -> Result<Option<Document>, YamlError> {
        loop {
            let (event, _) = self.next()?;
            match event {
                Event::DocumentStart(..) => break,
                Event::StreamEnd => return Ok(None),
                _ => {}
            }
        }
        self.anchors.clear();
        let (event, span) = self.next()?;
        let root = finish(self.value(event, span, 0)?)?;
        Ok(Some(Document {
            line: root.line,
            root,
            duplicates: std::mem::take(&mut self.duplicates),
        }))
    }

    /// What follows a document can still belong to it, such as the colon that
    /// would make a key of its last line.
    fn refuse_broken_end(&mut self) -> Result<(), YamlError> {
        match self.parser.next_event() {
            Some(Err(error))
                if !matches!(
                    error.kind(),
                    ErrorKind::ExpectedDocumentStart | ErrorKind::CommentInterceptedScalar
                ) =>
            {
                Err(self.syntax_error(&error))
            }
            Some(Ok((Event::Anchor(_, name), span))) => check_anchor(&name, Place::of(&span.start)),
            _ => Ok(()),
        }
    }

    fn syntax_error(&self, error: &ScanError) -> YamlError {
        let place = Place::of(error.marker());
        match error.kind() {
            ErrorKind::RecursionLimitExceeded => place.error(too_deep(self.options.max_depth)),
            _ => place.error(error.info()),
        }
    }

    fn value(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Raw, YamlError> {
        let at = Place::of(&span.start);
        self.count(at)?;
        match event {
            Event::Alias(id) => self.alias(id, at),
            Event::Scalar(text, style, anchor, tag) => {
                let content = resolve(&text, style, tag.as_deref(), self.options.booleans)
                    .map_err(|message| at.error(message))?;
                let raw = Raw { at, content };
                if anchor > 0 {
                    self.remember(anchor, &raw, 1)?;
                }
                Ok(raw)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.anchored(anchor, |composer| composer.list(at, depth))
            }
            Event::MappingStart(_, anchor, _) => {
                self.anchored(anchor, |composer| composer.map(at, depth))
            }
            _ => Err(at.error("expected a value")),
        }
    }

    /// Reads a list or map and remembers it under its anchor.
    fn anchored(
        &mut self,
        anchor: usize,
        read: impl FnOnce(&mut Self) -> Result<Raw, YamlError>,
    ) -> Result<Raw, YamlError> {
        if anchor == 0 {
            return read(self);
        }
        self.anchors.insert(anchor, None);
        let before = self.nodes;
        let value = read(self)?;
        let nodes = self.nodes - before + 1;
        self.remember(anchor, &value, nodes)?;
        Ok(value)
    }

    fn remember(&mut self, anchor: usize, value: &Raw, nodes: usize) -> Result<(), YamlError> {
        self.kept_nodes += nodes;
        if self.kept_nodes > self.options.max_nodes {
            let limit = self.options.max_nodes;
            return Err(value
                .at
                .error(format!("anchors hold more than {limit} values")));
        }
        let value = value.clone();
        self.anchors.insert(anchor, Some(Anchor { value, nodes }));
        Ok(())
    }

    fn count(&mut self, at: Place) -> Result<(), YamlError> {
        self.nodes += 1;
        if self.nodes > self.options.max_nodes {
            return Err(at.error(format!("more than {} values", self.options.max_nodes)));
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, at: Place) -> Result<Raw, YamlError> {
        let anchor = match self.anchors.get(&id) {
            Some(Some(anchor)) => anchor,
            Some(None) => return Err(at.error("the value of an anchor contains itself")),
            None => return Err(at.error("unknown anchor")),
        };
        self.aliased_nodes += anchor.nodes;
        self.nodes += anchor.nodes;
        let limit = self.options.max_aliased_nodes;
        if self.aliased_nodes > limit || self.nodes > self.options.max_nodes {
            return Err(at.error(format!(
                "excessive aliasing: aliases stand for more than {limit} values"
            )));
        }
        Ok(Raw {
            at,
            content: anchor.value.content.clone(),
        })
    }

    fn list(&mut self, at: Place, depth: usize) -> Result<Raw, YamlError> {
        self.check_depth(at, depth)?;
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Raw {
                    at,
                    content: RawContent::List(items),
                });
            }
            items.push(finish(self.value(event, span, depth + 1)?)?);
        }
    }

    fn map(&mut self, at: Place, depth: usize) -> Result<Raw, YamlError> {
        self.check_depth(at, depth)?;
        let mut map = MapBuilder::new(self.options.duplicate_keys);
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Raw {
                    at,
                    content: RawContent::Map(map.finish()),
                });
            }
            let key = self.value(event, span, depth + 1)?;
            let (event, span) = self.next()?;
            let value = finish(self.value(event, span, depth + 1)?)?;
            if matches!(key.content, RawContent::Merge) {
                map.merge(value)?;
            } else {
                self.duplicates.extend(map.add(key_of(key)?, value)?);
            }
        }
    }

    fn check_depth(&self, at: Place, depth: usize) -> Result<(), YamlError> {
        if depth >= self.options.max_depth {
            return Err(at.error(too_deep(self.options.max_depth)));
        }
        Ok(())
    }
}

/// Go's scanner ends the name of an anchor at anything else, and then finds
/// the rest in its way.
fn check_anchor(name: &str, at: Place) -> Result<(), YamlError> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if name.bytes().all(fits) {
        return Ok(());
    }
    Err(at.error(format!(
        "expected letters, digits, '_' and '-' as the name of an anchor, found {name:?}"
    )))
}

fn too_deep(max_depth: usize) -> String {
    format!("nested more than {max_depth} levels deep")
}

fn finish(raw: Raw) -> Result<Node, YamlError> {
    let Raw { at, content } = raw;
    let content = match content {
        RawContent::Scalar(scalar) => {
            scalar::content(scalar).map_err(|expected| at.error(format!("expected {expected}")))?
        }
        RawContent::Merge => Content::String("<<".to_owned()),
        RawContent::List(items) => Content::List(items),
        RawContent::Map(entries) => Content::Map(entries),
    };
    Ok(Node {
        line: at.line,
        column: at.column,
        content,
    })
}

fn key_of(key: Raw) -> Result<(String, Place), YamlError> {
    let at = key.at;
    let found = match key.content {
        RawContent::Scalar(scalar) => match scalar::key_text(scalar) {
            Some(text) => return Ok((text, at)),
            None => "null",
        },
        RawContent::List(_) => "a list",
        RawContent::Map(_) => "a map",
        RawContent::Merge => return Ok(("<<".to_owned(), at)),
    };
    Err(at.error(format!(
        "expected a text, number or truth value as key, found {found}"
    )))
}

/// The members of a map while it is read.
struct MapBuilder {
    entries: Vec<Entry>,
    /// The keys written out, not those merged in; filled once the map is no
    /// longer small.
    places: HashMap<String, usize>,
    merged: HashSet<String>,
    duplicate_keys: DuplicateKeys,
}

impl MapBuilder {
    fn new(duplicate_keys: DuplicateKeys) -> Self {
        Self {
            entries: Vec::new(),
            places: HashMap::new(),
            merged: HashSet::new(),
            duplicate_keys,
        }
    }

    fn find(&self, key: &str) -> Option<usize> {
        if self.entries.len() <= SMALL_MAP {
            return self.entries.iter().position(|entry| entry.key == key);
        }
        self.places.get(key).copied()
    }

    fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
        if self.entries.len() > SMALL_MAP {
            let known = self.places.len();
            for (place, entry) in self.entries.iter().enumerate().skip(known) {
                self.places.insert(entry.key.clone(), place);
            }
        }
    }

    /// Adds a member; tells a key that was there already, if that is allowed.
    fn add(
        &mut self,
        (key, at): (String, Place),
        value: Node,
    ) -> Result<Option<Duplicate>, YamlError> {
        let Some(place) = self.find(&key) else {
            self.push(Entry {
                key,
                line: at.line,
                column: at.column,
                value,
            });
            return Ok(None);
        };
        let was_merged = self.merged.remove(&key);
        let entry = &mut self.entries[place];
        if self.duplicate_keys == DuplicateKeys::Refuse && !was_merged {
            return Err(at.error(format!(
                "key {key:?} is already set in this map, on line {}",
                entry.line
            )));
        }
        let duplicate = (!was_merged).then(|| Duplicate {
            key: key.clone(),
            line: value.line,
        });
        *entry = Entry {
            key,
            line: at.line,
            column: at.column,
            value,
        };
        Ok(duplicate)
    }

    /// Adds the members of a map, or of several where the first has
    /// precedence, except those that are there already.
    fn merge(&mut self, value: Node) -> Result<(), YamlError> {
        let refuse = |node: &Node| {
            Place {
                line: node.line,
                column: node.column,
            }
            .error("expected a map or a list of maps as the value of a merge key <<")
        };
        let maps = match value.content {
            Content::Map(entries) => vec![entries],
            Content::List(items) => {
                let maps = items.into_iter().map(|item| match item.content {
                    Content::Map(entries) => Ok(entries),
                    _ => Err(refuse(&item)),
                });
                maps.collect::<Result<_, _>>()?
            }
            _ => return Err(refuse(&value)),
        };
        for entry in maps.into_iter().flatten() {
            if self.find(&entry.key).is_none() {
                self.merged.insert(entry.key.clone());
                self.push(entry);
            }
        }
        Ok(())
    }

    fn finish(self) -> Vec<Entry> {
        self.entries
    }
}
