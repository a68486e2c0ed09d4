//! Reading text into documents.

use super::{SourceContent, SourceDocument, SourceNode};
use crate::syntax::{Dialect, Event, Parser, SyntaxLimits};
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
    check_length(text.len(), options)?;
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

/// A part of a text of which the first document counts and no other.
#[derive(Clone, Copy, Debug)]
pub struct SourcePart<'a> {
    /// The part.
    pub text: &'a str,
    /// How many lines of the text stand before it.
    pub lines_before: u32,
}

/// Reads the first document of each part of a text and nothing behind it, as
/// kustomize does; parts without any bring none. Limits and lines are those of
/// the whole text.
pub fn read_source_parts<'a>(
    parts: &[SourcePart<'a>],
    options: &'a SourceOptions,
) -> Result<Vec<SourceDocument<'a>>, YamlError> {
    check_length(parts.iter().map(|part| part.text.len()).sum(), options)?;
    if parts.len() > options.max_documents {
        let limit = options.max_documents;
        return Err(at(1, format!("more than {limit} documents")));
    }
    let mut reader = Reader::new("", options)?;
    let mut documents = Vec::with_capacity(parts.len());
    for part in parts {
        documents.extend(reader.first_document(*part)?);
    }
    Ok(documents)
}

fn check_length(found: usize, options: &SourceOptions) -> Result<(), YamlError> {
    let limit = options.max_bytes;
    if found > limit {
        let message = format!("the text is {found} bytes long, at most {limit} are read");
        return Err(at(1, message));
    }
    Ok(())
}

fn parser<'a>(text: &'a str, options: &LoadOptions) -> Result<Parser<'a>, YamlError> {
    let limits = SyntaxLimits {
        max_depth: options.max_depth,
    };
    Parser::new(text, Dialect::Version3, limits)
}

struct Reader<'a> {
    parser: Parser<'a>,
    /// Lines before the text of the parser.
    lines_before: u32,
    options: &'a LoadOptions,
    /// The value of an anchor and how many values it holds; `None` while it
    /// is still being read.
    anchors: HashMap<&'a str, Option<(SourceNode<'a>, usize)>>,
    nodes: usize,
    aliased_nodes: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, options: &'a LoadOptions) -> Result<Self, YamlError> {
        Ok(Self {
            parser: parser(text, options)?,
            lines_before: 0,
            options,
            anchors: HashMap::new(),
            nodes: 0,
            aliased_nodes: 0,
        })
    }

    fn first_document(
        &mut self,
        part: SourcePart<'a>,
    ) -> Result<Option<SourceDocument<'a>>, YamlError> {
        let further = |mut error: YamlError| {
            error.line += part.lines_before;
            error
        };
        self.parser = parser(part.text, self.options).map_err(further)?;
        self.lines_before = part.lines_before;
        self.document()
    }

    /// The next event and its line.
    fn next(&mut self) -> Result<(Event<'a>, u32), YamlError> {
        match self.parser.next() {
            Ok((event, mark)) => Ok((event, self.lines_before + mark.line_number())),
            Err(error) => Err(YamlError {
                line: self.lines_before + error.line,
                ..error
            }),
        }
    }

    fn document(&mut self) -> Result<Option<SourceDocument<'a>>, YamlError> {
        if self.next()?.0 == Event::StreamEnd {
            return Ok(None);
        }
        self.anchors.clear();
        let (event, line) = self.next()?;
        let root = self.value(event, line, 0)?;
        self.next()?;
        Ok(Some(SourceDocument {
            line: root.line,
            root,
        }))
    }

    fn value(
        &mut self,
        event: Event<'a>,
        line: u32,
        depth: usize,
    ) -> Result<SourceNode<'a>, YamlError> {
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
            is_flow: properties.is_flow,
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
            let (event, line) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(SourceContent::List(items));
            }
            items.push(self.value(event, line, depth + 1)?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<SourceContent<'a>, YamlError> {
        let mut entries = Vec::new();
        let mut merges = Vec::new();
        loop {
            let (event, line) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let key = self.value(event, line, depth + 1)?;
            let (event, line) = self.next()?;
            let value = self.value(event, line, depth + 1)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_holds() {
        let tight = |change: fn(&mut SourceOptions)| {
            let mut options = SourceOptions::default();
            change(&mut options);
            options
        };
        for (text, options, words) in [
            ("a: 12345\n", tight(|it| it.max_bytes = 8), "bytes long"),
            ("[[[1]]]\n", tight(|it| it.max_depth = 2), "levels deep"),
            (
                "a:\n  b:\n    c: 1\n",
                tight(|it| it.max_depth = 2),
                "levels deep",
            ),
            (
                "1\n---\n2\n---\n3\n",
                tight(|it| it.max_documents = 2),
                "more than 2 documents",
            ),
            (
                "[1, 2, 3]\n",
                tight(|it| it.max_nodes = 3),
                "more than 3 values",
            ),
            (
                "a: &a [1, 2]\nb: *a\n",
                tight(|it| it.max_aliased_nodes = 2),
                "excessive aliasing",
            ),
            (
                "a: &a [1, 2]\nb: *a\n",
                tight(|it| it.max_nodes = 7),
                "excessive aliasing",
            ),
        ] {
            assert!(
                read_source(text, &SourceOptions::default()).is_ok(),
                "{text:?}"
            );
            let found = read_source(text, &options).unwrap_err();
            assert!(found.message.contains(words), "{text:?}: {found:?}");
        }
    }
}
