//! Reading text into documents.

use super::{ScalarStyle, SourceContent, SourceDocument, SourceNode};
use crate::{LoadOptions, YamlError};
use granit_parser::{Event, Parser, Span, StrInput};
use std::collections::HashMap;

/// How much is read.
pub type SourceOptions = LoadOptions;

/// Reads every document of a text, aliases expanded and merge keys applied,
/// within the limits of `options`. Keys given twice are kept: what they mean
/// is the reader's business.
pub fn read_source(text: &str, options: &SourceOptions) -> Result<Vec<SourceDocument>, YamlError> {
    if text.len() > options.max_bytes {
        let (found, limit) = (text.len(), options.max_bytes);
        return Err(YamlError {
            message: format!("the text is {found} bytes long, at most {limit} are read"),
            line: 1,
            column: 1,
        });
    }
    let mut reader = Reader::new(text, options);
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
    parser: Parser<'a, StrInput<'a>>,
    options: &'a LoadOptions,
    /// The value of an anchor and how many values it holds; `None` while it
    /// is still being read.
    anchors: HashMap<usize, Option<(SourceNode, usize)>>,
    nodes: usize,
    aliased_nodes: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, options: &'a LoadOptions) -> Self {
        let mut parser_options = granit_parser::Options::default();
        parser_options.set_emit_comments(false);
        parser_options.bom_inside_document_as_content = true;
        parser_options.block_scalar_eof_without_line_feed = true;
        parser_options.flow_nesting_limit = options.max_depth;
        parser_options.block_nesting_limit = options.max_depth;
        Self {
            parser: Parser::new_from_str_with_options(text, parser_options),
            options,
            anchors: HashMap::new(),
            nodes: 0,
            aliased_nodes: 0,
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), YamlError> {
        let Some(event) = self.parser.next_event() else {
            return Err(at(1, "unexpected end of the text"));
        };
        event.map_err(|error| at(line(error.marker().line()), error.info()))
    }

    fn document(&mut self) -> Result<Option<SourceDocument>, YamlError> {
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
        let root = self.value(event, &span, 0)?;
        Ok(Some(SourceDocument {
            line: root.line,
            root,
        }))
    }

    fn value(
        &mut self,
        event: Event<'a>,
        span: &Span,
        depth: usize,
    ) -> Result<SourceNode, YamlError> {
        let line = line(span.start.line());
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
        let (anchor, tag, content) = match event {
            Event::Alias(id) => return self.alias(id, line),
            Event::Scalar(text, style, anchor, tag) => {
                let content = SourceContent::Scalar {
                    text: text.into_owned(),
                    style: style_of(style),
                };
                (anchor, tag, content)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.open(anchor);
                (anchor, tag, self.list(depth)?)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.open(anchor);
                (anchor, tag, self.map(depth)?)
            }
            _ => return Err(at(line, "expected a value")),
        };
        let node = SourceNode {
            line,
            tag: tag.map(|tag| format!("{}{}", tag.handle(), tag.suffix())),
            content,
        };
        if anchor > 0 {
            let held = self.nodes - before + 1;
            self.anchors.insert(anchor, Some((node.clone(), held)));
        }
        Ok(node)
    }

    fn open(&mut self, anchor: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, None);
        }
    }

    fn alias(&mut self, id: usize, line: u32) -> Result<SourceNode, YamlError> {
        let Some(Some((node, held))) = self.anchors.get(&id) else {
            return Err(at(line, "an anchor contains itself"));
        };
        self.aliased_nodes += held;
        self.nodes += held;
        let limit = self.options.max_aliased_nodes;
        if self.aliased_nodes > limit || self.nodes > self.options.max_nodes {
            let message = format!("excessive aliasing: aliases stand for more than {limit} values");
            return Err(at(line, message));
        }
        Ok(node.clone())
    }

    fn list(&mut self, depth: usize) -> Result<SourceContent, YamlError> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(SourceContent::List(items));
            }
            items.push(self.value(event, &span, depth + 1)?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<SourceContent, YamlError> {
        let mut entries = Vec::new();
        let mut merges = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let key = self.value(event, &span, depth + 1)?;
            let (event, span) = self.next()?;
            let value = self.value(event, &span, depth + 1)?;
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
fn merge_into(
    entries: &mut Vec<(SourceNode, SourceNode)>,
    merge: SourceNode,
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

fn style_of(style: granit_parser::ScalarStyle) -> ScalarStyle {
    match style {
        granit_parser::ScalarStyle::Plain => ScalarStyle::Plain,
        granit_parser::ScalarStyle::SingleQuoted => ScalarStyle::SingleQuoted,
        granit_parser::ScalarStyle::DoubleQuoted => ScalarStyle::DoubleQuoted,
        granit_parser::ScalarStyle::Literal => ScalarStyle::Literal,
        granit_parser::ScalarStyle::Folded => ScalarStyle::Folded,
    }
}

fn line(line: usize) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX).max(1)
}

fn at(line: u32, message: impl Into<String>) -> YamlError {
    YamlError {
        message: message.into(),
        line,
        column: 1,
    }
}
