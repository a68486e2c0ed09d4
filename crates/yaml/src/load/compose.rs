//! Puts trees together from the events of the parser.

use super::refusal;
use super::tag::resolve;
use super::{DuplicateKeys, LoadOptions};
use crate::scalar::{self, Scalar};
use crate::syntax::{Dialect, Event, Mark, Parser, SyntaxLimits};
use crate::{Content, Document, Duplicate, Entry, Node, YamlError};
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
    fn of(mark: Mark) -> Self {
        Self {
            line: mark.line_number(),
            column: mark.column_number(),
        }
    }

    fn error(self, message: impl Into<String>) -> YamlError {
        YamlError::new(message, self.line, self.column)
    }
}

struct Anchor {
    value: Raw,
    nodes: usize,
}

struct Composer<'a> {
    text: &'a str,
    parser: Parser<'a>,
    options: &'a LoadOptions,
    /// How many documents were read.
    documents: usize,
    /// `None` while the anchored value is still being read.
    anchors: HashMap<&'a str, Option<Anchor>>,
    nodes: usize,
    aliased_nodes: usize,
    /// Values remembered for aliases; nested anchors remember theirs each.
    kept_nodes: usize,
    duplicates: Vec<Duplicate>,
}

pub(super) fn documents(text: &str, options: &LoadOptions) -> Result<Vec<Document>, YamlError> {
    let mut composer = Composer::new(text, options)?;
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
    let mut composer = Composer::new(text, options)?;
    composer.document()
}

fn check_length(text: &str, options: &LoadOptions) -> Result<(), YamlError> {
    if text.len() > options.max_bytes {
        let (found, limit) = (text.len(), options.max_bytes);
        let message = format!("the text is {found} bytes long, at most {limit} are read");
        return Err(YamlError::new(message, 1, 1));
    }
    Ok(())
}

impl<'a> Composer<'a> {
    fn new(text: &'a str, options: &'a LoadOptions) -> Result<Self, YamlError> {
        check_length(text, options)?;
        let limits = SyntaxLimits {
            max_depth: options.max_depth,
        };
        let parser = Parser::new(text, Dialect::Version2, limits)?;
        Ok(Self {
            text,
            documents: 0,
            parser,
            options,
            anchors: HashMap::new(),
            nodes: 0,
            aliased_nodes: 0,
            kept_nodes: 0,
            duplicates: Vec::new(),
        })
    }

    fn next(&mut self) -> Result<(Event<'a>, Place), YamlError> {
        let (event, mark) = self.parser.next()?;
        Ok((event, Place::of(mark)))
    }

    /// The next document, if there is one.
    fn document(&mut self) -> Result<Option<Document>, YamlError> {
        if self.next()?.0 == Event::StreamEnd {
            return Ok(None);
        }
        self.anchors.clear();
        let (event, at) = self.next()?;
        let root = match self.value(event, at, 0).and_then(finish) {
            Ok(root) => root,
            Err(error) => return Err(self.first_of_syntax(error)),
        };
        self.next()?;
        self.documents += 1;
        Ok(Some(Document {
            line: root.line,
            root,
            duplicates: std::mem::take(&mut self.duplicates),
        }))
    }

    /// Go reads a document to its end before it looks at what values mean:
    /// a mistake of syntax further down comes before `found`.
    fn first_of_syntax(&mut self, found: YamlError) -> YamlError {
        if self.parser.has_failed() {
            return found;
        }
        loop {
            match self.next() {
                Err(error) => return error,
                Ok((Event::DocumentEnd | Event::StreamEnd, _)) => break,
                Ok((Event::Alias(name), at)) if !self.anchors.contains_key(name) => {
                    return unknown_anchor(name, at);
                }
                Ok((
                    Event::Scalar(_, _, properties)
                    | Event::SequenceStart(properties)
                    | Event::MappingStart(properties),
                    _,
                )) => {
                    self.anchors
                        .extend(properties.anchor.map(|name| (name, None)));
                }
                Ok(_) => {}
            }
        }
        YamlError {
            go_words: refusal::words(self.text, self.documents, self.options),
            ..found
        }
    }

    fn value(&mut self, event: Event<'a>, at: Place, depth: usize) -> Result<Raw, YamlError> {
        self.count(at)?;
        match event {
            Event::Alias(name) => self.alias(name, at),
            Event::Scalar(text, style, properties) => {
                let tag = properties.tag.as_deref();
                let content = resolve(text, style, tag, self.options.booleans)
                    .map_err(|message| at.error(message))?;
                let raw = Raw { at, content };
                if let Some(anchor) = properties.anchor {
                    self.remember(anchor, &raw, 1)?;
                }
                Ok(raw)
            }
            Event::SequenceStart(properties) => {
                self.anchored(properties.anchor, |composer| composer.list(at, depth))
            }
            Event::MappingStart(properties) => {
                self.anchored(properties.anchor, |composer| composer.map(at, depth))
            }
            _ => Err(at.error("expected a value")),
        }
    }

    /// Reads a list or map and remembers it under its anchor.
    fn anchored(
        &mut self,
        anchor: Option<&'a str>,
        read: impl FnOnce(&mut Self) -> Result<Raw, YamlError>,
    ) -> Result<Raw, YamlError> {
        let Some(anchor) = anchor else {
            return read(self);
        };
        self.anchors.insert(anchor, None);
        let before = self.nodes;
        let value = read(self)?;
        let nodes = self.nodes - before + 1;
        self.remember(anchor, &value, nodes)?;
        Ok(value)
    }

    fn remember(&mut self, anchor: &'a str, value: &Raw, nodes: usize) -> Result<(), YamlError> {
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

    fn alias(&mut self, name: &str, at: Place) -> Result<Raw, YamlError> {
        let anchor = match self.anchors.get(name) {
            Some(Some(anchor)) => anchor,
            Some(None) => {
                return Err(at.error(format!("anchor '{name}' value contains itself")));
            }
            None => {
                self.parser.stop();
                return Err(unknown_anchor(name, at));
            }
        };
        self.aliased_nodes += anchor.nodes;
        self.nodes += anchor.nodes;
        let too_many = self.aliased_nodes > self.options.max_aliased_nodes;
        if too_many || self.nodes > self.options.max_nodes {
            return Err(at.error("document contains excessive aliasing"));
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
            let (event, place) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Raw {
                    at,
                    content: RawContent::List(items),
                });
            }
            items.push(finish(self.value(event, place, depth + 1)?)?);
        }
    }

    fn map(&mut self, at: Place, depth: usize) -> Result<Raw, YamlError> {
        self.check_depth(at, depth)?;
        let mut map = MapBuilder::new(self.options.duplicate_keys);
        loop {
            let (event, place) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Raw {
                    at,
                    content: RawContent::Map(map.finish()),
                });
            }
            let key = self.value(event, place, depth + 1)?;
            let (event, place) = self.next()?;
            let value = finish(self.value(event, place, depth + 1)?)?;
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

fn unknown_anchor(name: &str, at: Place) -> YamlError {
    at.error(format!("unknown anchor '{name}' referenced"))
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
    /// precedence. As in Go, they replace members written before the merge
    /// key, and members written behind it replace them.
    fn merge(&mut self, value: Node) -> Result<(), YamlError> {
        let refuse = |node: &Node| {
            let at = Place {
                line: node.line,
                column: node.column,
            };
            at.error("map merge requires map or sequence of maps as the value")
        };
        match value.content {
            Content::Map(entries) => entries.into_iter().for_each(|entry| self.put(entry)),
            Content::List(items) => {
                for item in items.into_iter().rev() {
                    let Content::Map(entries) = item.content else {
                        return Err(refuse(&item));
                    };
                    entries.into_iter().for_each(|entry| self.put(entry));
                }
            }
            _ => return Err(refuse(&value)),
        }
        Ok(())
    }

    fn put(&mut self, entry: Entry) {
        match self.find(&entry.key) {
            Some(place) => self.entries[place] = entry,
            None => {
                self.merged.insert(entry.key.clone());
                self.push(entry);
            }
        }
    }

    fn finish(self) -> Vec<Entry> {
        self.entries
    }
}
