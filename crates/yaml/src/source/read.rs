//! Reading text into documents.

use super::{SourceContent, SourceDocument, SourceNode};
use crate::syntax::{Dialect, Event, Mark, Parser, SyntaxLimits};
use crate::{LoadOptions, YamlError};
use std::collections::HashMap;

/// How much is read.
pub type SourceOptions = LoadOptions;

/// Reads every document of a text, aliases expanded and merge keys applied,
/// within the limits of `options`. Keys given twice are kept: what they mean
/// is the reader's business.
pub fn read_source<'a>(
    text: &'a str,
    options: &'a SourceOptions,
) -> Result<Vec<SourceDocument<'a>>, YamlError> {
    if text.len() > options.max_bytes {
        let (found, limit) = (text.len(), options.max_bytes);
        let message = format!("the text is {found} bytes long, at most {limit} are read");
        return Err(at(1, message));
    }
    let mut reader = Reader::new(text, options)?;
    let mut documents = Vec::new();
    while let Some(document) = reader.document()? {
        if documents.len() == options.max_documents {
            return Err(document
                .root
                .error(format!("more than {} documents", options.max_documents)));
        }
        documents.push(document);
    }
    Ok(documents)
}

struct Reader<'a> {
    parser: Parser<'a>,
    options: &'a LoadOptions,
    /// The value of an anchor and how many values it holds; `None` while it
    /// is still being read.
    anchors: HashMap<&'a str, Option<(SourceNode<'a>, usize)>>,
    nodes: usize,
    aliased_nodes: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, options: &'a LoadOptions) -> Result<Self, YamlError> {
        let limits = SyntaxLimits {
            max_depth: options.max_depth,
        };
        Ok(Self {
            parser: Parser::new(text, Dialect::Version3, limits)?,
            options,
            anchors: HashMap::new(),
            nodes: 0,
            aliased_nodes: 0,
        })
    }

    fn document(&mut self) -> Result<Option<SourceDocument<'a>>, YamlError> {
        if self.parser.next()?.0 == Event::StreamEnd {
            return Ok(None);
        }
        self.anchors.clear();
        let (event, mark) = self.parser.next()?;
        let root = self.value(event, mark, 0)?;
        self.parser.next()?;
        Ok(Some(SourceDocument {
            line: root.line,
            root,
        }))
    }

    fn value(
        &mut self,
        event: Event<'a>,
        mark: Mark,
        depth: usize,
    ) -> Result<SourceNode<'a>, YamlError> {
        let line = mark.line_number();
        self.nodes += 1;
        if self.nodes > self.options.max_nodes {
            let limit = self.options.max_nodes;
            return Err(at(line, format!("more than {limit} values")));
        }
        if depth >= self.options.max_depth {
            let limit = self.options.max_depth;
            return Err(at(line, format!("nested more than {limit} levels deep")));
        }
        let before = self.nodes;
        let (properties, content) = match event {
            Event::Alias(name) => return self.alias(name, line),
            Event::Scalar(text, style, properties) => {
                (properties, SourceContent::Scalar { text, style })
            }
            Event::SequenceStart(properties) => {
                self.open(properties.anchor);
                (properties, self.list(depth)?)
            }
            Event::MappingStart(properties) => {
                self.open(properties.anchor);
                (properties, self.map(depth)?)
            }
            _ => return Err(at(line, "expected a value")),
        };
        let node = SourceNode {
            line,
            tag: properties.tag,
            content,
        };
        if let Some(anchor) = properties.anchor {
            let held = self.nodes - before + 1;
            self.anchors.insert(anchor, Some((node.clone(), held)));
        }
        Ok(node)
    }

    fn open(&mut self, anchor: Option<&'a str>) {
        self.anchors.extend(anchor.map(|name| (name, None)));
    }

    fn alias(&mut self, name: &str, line: u32) -> Result<SourceNode<'a>, YamlError> {
        let (node, held) = match self.anchors.get(name) {
            Some(Some(anchor)) => anchor,
            Some(None) => {
                return Err(at(line, format!("anchor '{name}' value contains itself")));
            }
            None => return Err(at(line, format!("unknown anchor '{name}' referenced"))),
        };
        self.aliased_nodes += held;
        self.nodes += held;
        if self.aliased_nodes > self.options.max_aliased_nodes
            || self.nodes > self.options.max_nodes
        {
            return Err(at(line, "document contains excessive aliasing"));
        }
        Ok(node.clone())
    }

    fn list(&mut self, depth: usize) -> Result<SourceContent<'a>, YamlError> {
        let mut items = Vec::new();
        loop {
            let (event, mark) = self.parser.next()?;
            if event == Event::SequenceEnd {
                return Ok(SourceContent::List(items));
            }
            items.push(self.value(event, mark, depth + 1)?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<SourceContent<'a>, YamlError> {
        let mut entries = Vec::new();
        let mut merges = Vec::new();
        loop {
            let (event, mark) = self.parser.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let key = self.value(event, mark, depth + 1)?;
            let (event, mark) = self.parser.next()?;
            let value = self.value(event, mark, depth + 1)?;
            if key.is_merge() {
                merges.push(value);
            } else {
                entries.push((key, value));
            }
        }
        for merge in merges {
            merge_into(&mut entries, merge)?;
        }
        Ok(SourceContent::Map(entries))
    }
}

/// Adds what a merge key brings and the map does not have; of several maps the
/// earlier ones win.
fn merge_into<'a>(
    entries: &mut Vec<(SourceNode<'a>, SourceNode<'a>)>,
    merge: SourceNode<'a>,
) -> Result<(), YamlError> {
    match merge.content {
        SourceContent::Map(more) => {
            for (key, value) in more {
                if !entries.iter().any(|(known, _)| known.text() == key.text()) {
                    entries.push((key, value));
                }
            }
            Ok(())
        }
        SourceContent::List(maps) => maps
            .into_iter()
            .try_for_each(|map| merge_into(entries, map)),
        SourceContent::Scalar { .. } => {
            Err(merge.error("map merge requires map or sequence of maps as the value"))
        }
    }
}

fn at(line: u32, message: impl Into<String>) -> YamlError {
    YamlError::new(message, line, 1)
}
