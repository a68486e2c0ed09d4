//! Text, actions and control structures.

use super::parser::{Parsed, Parser};
use super::token::{Token, TokenKind};
use super::tree::{Arm, Branch, Call, Keyword, Node};
use crate::text::Text;
use trueup_gocompat::quote::unquote;

/// What stands at one place of a list.
enum Item {
    Node(Node),
    Stop(Stop),
}

/// What ends a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stop {
    Else,
    End,
}

impl Stop {
    fn shown(self) -> &'static str {
        match self {
            Self::Else => "{{else}}",
            Self::End => "{{end}}",
        }
    }
}

impl Keyword {
    fn word(self) -> &'static str {
        match self {
            Self::If => "if",
            Self::Range => "range",
            Self::With => "with",
        }
    }

    /// The token that continues an `else` as another arm.
    fn continues(self) -> Option<TokenKind> {
        match self {
            Self::If => Some(TokenKind::If),
            Self::With => Some(TokenKind::With),
            Self::Range => None,
        }
    }
}

impl Parser<'_, '_> {
    /// All of a text; only here a `define` is possible.
    pub(super) fn root(&mut self) -> Parsed<Vec<Node>> {
        let mut nodes = Vec::new();
        while self.peek().kind != TokenKind::End {
            if self.peek().kind == TokenKind::LeftDelimiter {
                let delimiter = self.next();
                if self.next_after_space().kind == TokenKind::Define {
                    self.inner().definition()?;
                    continue;
                }
                self.give_back_two(delimiter);
            }
            match self.item()? {
                Item::Node(node) => nodes.push(node),
                Item::Stop(stop) => {
                    return Err(self.error(format!("unexpected {}", stop.shown())));
                }
            }
        }
        Ok(nodes)
    }

    /// What follows the word `define`.
    fn definition(&mut self) -> Parsed<()> {
        const CONTEXT: &str = "define clause";
        let name = self.expect(&[TokenKind::String, TokenKind::RawString], CONTEXT)?;
        let name = self.unquoted(&name)?;
        self.expect(&[TokenKind::RightDelimiter], CONTEXT)?;
        let (nodes, stop) = self.body()?;
        self.expect_end(stop, CONTEXT)?;
        self.add(name, nodes)
    }

    /// The list of a template in another.
    fn body(&mut self) -> Parsed<(Vec<Node>, Stop)> {
        self.open_block()?;
        let body = self.list()?;
        self.close_block();
        Ok(body)
    }

    fn expect_end(&self, stop: Stop, context: &str) -> Parsed<()> {
        match stop {
            Stop::End => Ok(()),
            Stop::Else => Err(self.error(format!("unexpected {} in {context}", stop.shown()))),
        }
    }

    pub(super) fn unquoted(&self, token: &Token<'_>) -> Parsed<Text> {
        match unquote(&token.text) {
            Some(text) => Ok(text.into()),
            None => Err(self.error("invalid syntax")),
        }
    }

    fn list(&mut self) -> Parsed<(Vec<Node>, Stop)> {
        let mut nodes = Vec::new();
        while self.peek_after_space().kind != TokenKind::End {
            match self.item()? {
                Item::Node(node) => nodes.push(node),
                Item::Stop(stop) => return Ok((nodes, stop)),
            }
        }
        Err(self.error("unexpected EOF"))
    }

    fn item(&mut self) -> Parsed<Item> {
        let token = self.next_after_space();
        match token.kind {
            TokenKind::Text => {
                self.count()?;
                Ok(Item::Node(Node::Text(Text::from(&*token.text))))
            }
            TokenKind::LeftDelimiter => {
                self.action_line = token.line;
                let item = self.action()?;
                self.action_line = 0;
                Ok(item)
            }
            _ => Err(self.unexpected(&token, "input")),
        }
    }

    fn action(&mut self) -> Parsed<Item> {
        self.count()?;
        let token = self.next_after_space();
        let node = match token.kind {
            TokenKind::Block => Node::Template(self.block()?),
            TokenKind::Template => Node::Template(self.call()?),
            TokenKind::Break => self.leave(Node::Break, "{{break}}")?,
            TokenKind::Continue => self.leave(Node::Continue, "{{continue}}")?,
            TokenKind::If => Node::Branch(self.branch(Keyword::If)?),
            TokenKind::Range => Node::Branch(self.branch(Keyword::Range)?),
            TokenKind::With => Node::Branch(self.branch(Keyword::With)?),
            TokenKind::Else => return self.otherwise(),
            TokenKind::EndKeyword => {
                self.expect(&[TokenKind::RightDelimiter], "end")?;
                return Ok(Item::Stop(Stop::End));
            }
            _ => {
                self.give_back();
                let position = self.peek().position;
                let pipe = self.pipeline("command", TokenKind::RightDelimiter)?;
                Node::Action { position, pipe }
            }
        };
        Ok(Item::Node(node))
    }

    /// `break` or `continue`.
    fn leave(&mut self, node: Node, shown: &str) -> Parsed<Node> {
        let token = self.next_after_space();
        if token.kind != TokenKind::RightDelimiter {
            return Err(self.unexpected(&token, shown));
        }
        if self.loops == 0 {
            return Err(self.error(format!("{shown} outside {{{{range}}}}")));
        }
        Ok(node)
    }

    /// What follows the word `else`; another keyword stays for the caller.
    fn otherwise(&mut self) -> Parsed<Item> {
        let next = self.peek_after_space().kind;
        if !matches!(next, TokenKind::If | TokenKind::With) {
            self.expect(&[TokenKind::RightDelimiter], "else")?;
        }
        Ok(Item::Stop(Stop::Else))
    }

    /// What follows the word `if`, `range` or `with`.
    fn branch(&mut self, keyword: Keyword) -> Parsed<Branch> {
        let known_variables = self.variables.len();
        self.open_block()?;
        let mut branch = Branch {
            keyword,
            arms: Vec::new(),
            otherwise: None,
        };
        while self.arm(&mut branch)? {}
        self.close_block();
        self.variables.truncate(known_variables);
        Ok(branch)
    }

    /// One arm, and `else` after it; tells whether another arm follows.
    fn arm(&mut self, branch: &mut Branch) -> Parsed<bool> {
        let keyword = branch.keyword;
        let in_loop = usize::from(keyword == Keyword::Range);
        let pipe = self.pipeline(keyword.word(), TokenKind::RightDelimiter)?;
        self.loops += in_loop;
        let (nodes, stop) = self.list()?;
        self.loops -= in_loop;
        branch.arms.push(Arm { pipe, nodes });
        if stop == Stop::End {
            return Ok(false);
        }
        if keyword.continues() == Some(self.peek().kind) {
            self.next();
            self.count()?;
            return Ok(true);
        }
        let (nodes, stop) = self.list()?;
        if stop != Stop::End {
            return Err(self.error(format!("expected end; found {}", stop.shown())));
        }
        branch.otherwise = Some(nodes);
        Ok(false)
    }

    /// What follows the word `block`: a definition and a call of it.
    fn block(&mut self) -> Parsed<Call> {
        const CONTEXT: &str = "block clause";
        let token = self.next_after_space();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, TokenKind::RightDelimiter)?;
        let mut inner = self.inner();
        let (nodes, stop) = inner.body()?;
        match stop {
            Stop::End => inner.add(name.clone(), nodes)?,
            // The line is that of the block, not of its end: so it is in Go.
            Stop::Else => self.expect_end(stop, CONTEXT)?,
        }
        Ok(Call {
            position: token.position,
            name,
            pipe: Some(pipe),
        })
    }

    /// What follows the word `template`.
    fn call(&mut self) -> Parsed<Call> {
        const CONTEXT: &str = "template clause";
        let token = self.next_after_space();
        let name = self.template_name(&token, CONTEXT)?;
        let mut pipe = None;
        if self.next_after_space().kind != TokenKind::RightDelimiter {
            self.give_back();
            pipe = Some(self.pipeline(CONTEXT, TokenKind::RightDelimiter)?);
        }
        Ok(Call {
            position: token.position,
            name,
            pipe,
        })
    }

    fn template_name(&self, token: &Token<'_>, context: &str) -> Parsed<Text> {
        match token.kind {
            TokenKind::String | TokenKind::RawString => self.unquoted(token),
            _ => Err(self.unexpected(token, context)),
        }
    }
}
