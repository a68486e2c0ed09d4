//! Pipelines, commands and operands.

use super::number::Number;
use super::parser::{Parsed, Parser};
use super::token::{Token, TokenKind, quoted};
use super::tree::{Command, Operand, OperandKind, Pipe};
use crate::text::Text;
use std::sync::Arc;

impl Parser<'_, '_> {
    /// `$x := command | command` up to a token of this kind.
    pub(super) fn pipeline(&mut self, context: &str, end: TokenKind) -> Parsed<Pipe> {
        let mut pipe = Pipe {
            position: self.peek_after_space().position,
            assigns: false,
            variables: Vec::new(),
            commands: Vec::new(),
        };
        while self.declaration(&mut pipe, context)? {}
        loop {
            let token = self.next_after_space();
            if token.kind == end {
                self.check(&pipe, context)?;
                return Ok(pipe);
            }
            if !begins_operand(token.kind) {
                return Err(self.unexpected(&token, context));
            }
            self.give_back();
            pipe.commands.push(self.command()?);
        }
    }

    /// A variable and what assigns to it, where there is one; tells whether
    /// another may follow. A variable that is an operand is given back.
    fn declaration(&mut self, pipe: &mut Pipe, context: &str) -> Parsed<bool> {
        let variable = self.peek_after_space();
        if variable.kind != TokenKind::Variable {
            return Ok(false);
        }
        self.next();
        let adjacent = self.peek();
        let next = self.peek_after_space();
        match next.kind {
            TokenKind::Assign | TokenKind::Declare => {
                pipe.assigns = next.kind == TokenKind::Assign;
                self.next_after_space();
                self.declare(pipe, &variable);
                Ok(false)
            }
            TokenKind::Character if &*next.text == b"," => {
                self.next_after_space();
                self.declare(pipe, &variable);
                self.another_declaration(pipe, context)
            }
            _ if adjacent.kind == TokenKind::Space => {
                self.give_back_three(variable, adjacent);
                Ok(false)
            }
            _ => {
                self.give_back_two(variable);
                Ok(false)
            }
        }
    }

    fn declare(&mut self, pipe: &mut Pipe, variable: &Token<'_>) {
        let name: Arc<str> = variable.word().into();
        pipe.variables.push(name.clone());
        self.variables.push(name);
    }

    /// After a comma: only a loop has a second variable.
    fn another_declaration(&mut self, pipe: &Pipe, context: &str) -> Parsed<bool> {
        if context != "range" || pipe.variables.len() >= 2 {
            return Err(self.error(format!("too many declarations in {context}")));
        }
        match self.peek_after_space().kind {
            TokenKind::Variable | TokenKind::RightDelimiter | TokenKind::RightParenthesis => {
                Ok(true)
            }
            _ => Err(self.error("range can only initialize variables")),
        }
    }

    /// A pipeline has commands, and all but the first can take an argument.
    fn check(&self, pipe: &Pipe, context: &str) -> Parsed<()> {
        if pipe.commands.is_empty() {
            return Err(self.error(format!("missing value for {context}")));
        }
        let constant = pipe.commands.iter().skip(1).position(|command| {
            let kind = command.operands.first().map(|operand| &operand.kind);
            kind.is_some_and(OperandKind::is_constant)
        });
        match constant {
            Some(index) => Err(self.error(format!(
                "non executable command in pipeline stage {}",
                index + 2
            ))),
            None => Ok(()),
        }
    }

    /// Operands up to a pipe, which is taken, or the end of the pipeline.
    fn command(&mut self) -> Parsed<Command> {
        self.count()?;
        let mut command = Command {
            position: self.peek_after_space().position,
            operands: Vec::new(),
        };
        loop {
            self.peek_after_space();
            command.operands.extend(self.operand()?);
            let token = self.next();
            match token.kind {
                TokenKind::Space => continue,
                TokenKind::RightDelimiter | TokenKind::RightParenthesis => self.give_back(),
                TokenKind::Pipe => {}
                _ => return Err(self.unexpected(&token, "operand")),
            }
            break;
        }
        if command.operands.is_empty() {
            return Err(self.error("empty command"));
        }
        Ok(command)
    }

    /// A term and fields of it; `None` where no term begins.
    fn operand(&mut self) -> Parsed<Option<Operand>> {
        let Some(term) = self.term()? else {
            return Ok(None);
        };
        self.count()?;
        let next = self.peek();
        if next.kind != TokenKind::Field {
            return Ok(Some(term));
        }
        let mut fields = Vec::new();
        while self.peek().kind == TokenKind::Field {
            fields.push(field_name(&self.next()));
        }
        let kind = match term.kind {
            OperandKind::Field(mut first) => {
                first.append(&mut fields);
                OperandKind::Field(first)
            }
            OperandKind::Variable { name, .. } => OperandKind::Variable { name, fields },
            _ if term.kind.is_constant() => {
                let shown = quoted(term.to_string().as_bytes());
                return Err(self.error(format!("unexpected . after term {shown}")));
            }
            _ => OperandKind::Chain {
                base: Box::new(term),
                fields,
            },
        };
        let position = next.position;
        Ok(Some(Operand { position, kind }))
    }

    fn term(&mut self) -> Parsed<Option<Operand>> {
        let token = self.next_after_space();
        let kind = match token.kind {
            TokenKind::Identifier => self.function(&token)?,
            TokenKind::Dot => OperandKind::Dot,
            TokenKind::Nil => OperandKind::Nil,
            TokenKind::Variable => self.variable(&token)?,
            TokenKind::Field => OperandKind::Field(vec![field_name(&token)]),
            TokenKind::Bool => OperandKind::Bool(&*token.text == b"true"),
            TokenKind::CharacterConstant | TokenKind::Complex | TokenKind::Number => {
                let number = Number::read(token.kind, &token.word());
                OperandKind::Number(number.map_err(|message| self.error(message))?)
            }
            TokenKind::LeftParenthesis => OperandKind::Pipe(self.parenthesized()?),
            TokenKind::String | TokenKind::RawString => OperandKind::String {
                text: self.unquoted(&token)?,
                quoted: Text::from(&*token.text),
            },
            _ => {
                self.give_back();
                return Ok(None);
            }
        };
        // A parenthesised pipeline stands where its first command does.
        let position = match &kind {
            OperandKind::Pipe(pipe) => pipe.position,
            _ => token.position,
        };
        Ok(Some(Operand { position, kind }))
    }

    fn function(&self, token: &Token<'_>) -> Parsed<OperandKind> {
        let name = token.word();
        if !self.has_function(&name) {
            let name = quoted(name.as_bytes());
            return Err(self.error(format!("function {name} not defined")));
        }
        Ok(OperandKind::Function(name.into()))
    }

    fn variable(&self, token: &Token<'_>) -> Parsed<OperandKind> {
        let name = token.word();
        if !self.variables.iter().any(|known| **known == *name) {
            let name = quoted(name.as_bytes());
            return Err(self.error(format!("undefined variable {name}")));
        }
        Ok(OperandKind::Variable {
            name: name.into(),
            fields: Vec::new(),
        })
    }

    fn parenthesized(&mut self) -> Parsed<Pipe> {
        if self.parentheses >= self.limits().parentheses {
            return Err(self.error("max expression depth exceeded"));
        }
        self.parentheses += 1;
        let pipe = self.pipeline("parenthesized pipeline", TokenKind::RightParenthesis)?;
        self.parentheses -= 1;
        Ok(pipe)
    }
}

impl OperandKind {
    /// Whether it can be no command that takes an argument, and has no fields.
    fn is_constant(&self) -> bool {
        matches!(
            self,
            Self::Bool(_) | Self::Dot | Self::Nil | Self::Number(_) | Self::String { .. }
        )
    }
}

fn begins_operand(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Bool
            | TokenKind::CharacterConstant
            | TokenKind::Complex
            | TokenKind::Dot
            | TokenKind::Field
            | TokenKind::Identifier
            | TokenKind::Number
            | TokenKind::Nil
            | TokenKind::RawString
            | TokenKind::String
            | TokenKind::Variable
            | TokenKind::LeftParenthesis
    )
}

/// The name of a field without its dot.
fn field_name(token: &Token<'_>) -> Arc<str> {
    token.word().trim_start_matches('.').into()
}
