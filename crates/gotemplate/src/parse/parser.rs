//! The parser's state: tokens looked ahead, names known, errors.
//!
//! A `define` or `block` is parsed by a parser of its own, which takes its
//! tokens from the same lexer: Go does so, and the lines in its errors are
//! those of the parser at hand.

use super::lexer::{Delimiters, Lexer, LoopWords};
use super::token::{Token, TokenKind, quoted};
use super::tree::{Node, SourceText, Tree};
use crate::error::{Cause, ParseError};
use crate::limits::Limits;
use crate::text::Text;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) type Parsed<T> = Result<T, ParseError>;

/// A text to parse, and what it may name.
pub(crate) struct Source<'t> {
    pub(crate) name: &'t Text,
    pub(crate) text: &'t Text,
    pub(crate) left_delimiter: &'t str,
    pub(crate) right_delimiter: &'t str,
    pub(crate) has_function: &'t dyn Fn(&str) -> bool,
    pub(crate) limits: &'t Limits,
}

/// The templates that the text defines, its own among them.
pub(crate) fn parse(source: &Source<'_>) -> Parsed<BTreeMap<Text, Tree>> {
    let limit = source.limits.template_bytes;
    if source.text.len() > limit {
        return Err(over_limit(source, &format!("{limit} bytes of text")));
    }
    let mut shared = Shared::new(source);
    let mut parser = Parser::new(&mut shared);
    let nodes = parser.root()?;
    parser.add(source.name.clone(), nodes)?;
    Ok(shared.trees)
}

fn over_limit(source: &Source<'_>, what: &str) -> ParseError {
    ParseError {
        message: format!("template: {}:1: exceeded the limit of {what}", source.name),
        line: 1,
        cause: Cause::Limit,
    }
}

/// What the parsers of one text share.
pub(super) struct Shared<'t> {
    lexer: Lexer<'t>,
    source: &'t Source<'t>,
    source_text: Arc<SourceText>,
    trees: BTreeMap<Text, Tree>,
    nodes: usize,
    open_blocks: usize,
}

impl<'t> Shared<'t> {
    fn new(source: &'t Source<'t>) -> Self {
        let delimiters = Delimiters {
            left: source.left_delimiter.as_bytes(),
            right: source.right_delimiter.as_bytes(),
        };
        let words = LoopWords {
            break_is_keyword: !(source.has_function)("break"),
            continue_is_keyword: !(source.has_function)("continue"),
        };
        Self {
            lexer: Lexer::new(source.text, delimiters, words),
            source,
            source_text: Arc::new(SourceText {
                name: source.name.clone(),
                text: source.text.clone(),
            }),
            trees: BTreeMap::new(),
            nodes: 0,
            open_blocks: 0,
        }
    }
}

pub(super) struct Parser<'s, 't> {
    shared: &'s mut Shared<'t>,
    /// The last token read, and before it those that were given back.
    tokens: [Token<'t>; 3],
    given_back: usize,
    /// The variables that can be named here.
    pub(super) variables: Vec<Arc<str>>,
    /// The line of the action at hand, 0 outside.
    pub(super) action_line: usize,
    /// How many loops are around.
    pub(super) loops: usize,
    pub(super) parentheses: usize,
}

impl<'s, 't> Parser<'s, 't> {
    pub(super) fn new(shared: &'s mut Shared<'t>) -> Self {
        Self {
            shared,
            tokens: [Token::none(), Token::none(), Token::none()],
            given_back: 0,
            variables: vec!["$".into()],
            action_line: 0,
            loops: 0,
            parentheses: 0,
        }
    }

    /// A parser of another template in the same text.
    pub(super) fn inner(&mut self) -> Parser<'_, 't> {
        Parser::new(self.shared)
    }

    pub(super) fn next(&mut self) -> Token<'t> {
        if self.given_back > 0 {
            self.given_back -= 1;
        } else {
            self.tokens[0] = self.shared.lexer.next();
        }
        self.tokens[self.given_back].clone()
    }

    pub(super) fn give_back(&mut self) {
        self.given_back += 1;
    }

    /// Gives back the last token and one before it.
    pub(super) fn give_back_two(&mut self, first: Token<'t>) {
        self.tokens[1] = first;
        self.given_back = 2;
    }

    /// Gives back the last token and two before it.
    pub(super) fn give_back_three(&mut self, first: Token<'t>, second: Token<'t>) {
        self.tokens[1] = second;
        self.tokens[2] = first;
        self.given_back = 3;
    }

    pub(super) fn peek(&mut self) -> Token<'t> {
        let token = self.next();
        self.give_back();
        token
    }

    pub(super) fn next_after_space(&mut self) -> Token<'t> {
        loop {
            let token = self.next();
            if token.kind != TokenKind::Space {
                return token;
            }
        }
    }

    pub(super) fn peek_after_space(&mut self) -> Token<'t> {
        let token = self.next_after_space();
        self.give_back();
        token
    }

    pub(super) fn expect(&mut self, kinds: &[TokenKind], context: &str) -> Parsed<Token<'t>> {
        let token = self.next_after_space();
        if kinds.contains(&token.kind) {
            Ok(token)
        } else {
            Err(self.unexpected(&token, context))
        }
    }

    pub(super) fn has_function(&self, name: &str) -> bool {
        (self.shared.source.has_function)(name)
    }

    pub(super) fn limits(&self) -> &'t Limits {
        self.shared.source.limits
    }

    /// Counts a node against the limit.
    pub(super) fn count(&mut self) -> Parsed<()> {
        let limit = self.limits().template_nodes;
        self.shared.nodes += 1;
        if self.shared.nodes > limit {
            return Err(self.limit(&format!("{limit} nodes")));
        }
        Ok(())
    }

    /// Enters a control structure.
    pub(super) fn open_block(&mut self) -> Parsed<()> {
        let limit = self.limits().block_depth;
        self.shared.open_blocks += 1;
        if self.shared.open_blocks > limit {
            return Err(self.limit(&format!("{limit} control structures within each other")));
        }
        Ok(())
    }

    pub(super) fn close_block(&mut self) {
        self.shared.open_blocks -= 1;
    }

    fn limit(&self, what: &str) -> ParseError {
        ParseError {
            cause: Cause::Limit,
            ..self.error(format!("exceeded the limit of {what}"))
        }
    }

    pub(super) fn error(&self, message: impl std::fmt::Display) -> ParseError {
        let line = self.tokens[0].line;
        ParseError {
            message: format!("template: {}:{line}: {message}", self.shared.source.name),
            line,
            cause: Cause::Template,
        }
    }

    pub(super) fn unexpected(&self, token: &Token<'_>, context: &str) -> ParseError {
        if token.kind != TokenKind::Error {
            return self.error(format!("unexpected {} in {context}", token.shown()));
        }
        let reason = token.shown();
        if self.action_line == 0 || self.action_line == token.line {
            return self.error(reason);
        }
        let action = if reason.ends_with(" action") {
            ""
        } else {
            " in action"
        };
        let place = format!("{}:{}", self.shared.source.name, self.action_line);
        self.error(format!("{reason}{action} started at {place}"))
    }

    /// Adds a template. An empty one makes room for another and replaces none.
    pub(super) fn add(&mut self, name: Text, nodes: Vec<Node>) -> Parsed<()> {
        let tree = Tree {
            name: name.clone(),
            source: self.shared.source_text.clone(),
            nodes,
        };
        let replaces = self.shared.trees.get(&name).is_none_or(Tree::is_empty);
        if replaces {
            self.shared.trees.insert(name, tree);
        } else if !tree.is_empty() {
            let name = quoted(&name);
            return Err(self.error(format!("template: multiple definition of template {name}")));
        }
        Ok(())
    }
}
