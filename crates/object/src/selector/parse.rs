//! The text form of label selectors, with the error texts of the API.

use super::{Operator, Requirement, SelectorError, check_key};
use crate::Text;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Word,
    Sign,
    End,
}

#[derive(Clone, Copy, Debug)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
}

impl Token<'_> {
    fn is(&self, sign: &str) -> bool {
        self.kind == Kind::Sign && self.text == sign
    }

    fn is_word(&self) -> bool {
        self.kind == Kind::Word
    }
}

const END: Token<'static> = Token {
    kind: Kind::End,
    text: "",
};

struct Parser<'a> {
    rest: &'a str,
}

pub(super) fn parse(text: &str) -> Result<Vec<Requirement>, SelectorError> {
    let mut parser = Parser { rest: text };
    let mut requirements = Vec::new();
    loop {
        let token = parser.peek();
        if token.kind == Kind::End {
            return Ok(requirements);
        }
        if !token.is_word() && !token.is("!") {
            return Err(found(
                token,
                ", expected: !, identifier, or 'end of string'",
            ));
        }
        let requirement = parser.requirement();
        requirements.push(requirement.map_err(|error| {
            SelectorError::new(format!("unable to parse requirement: {}", error.message))
        })?);
        let token = parser.take();
        if token.kind == Kind::End {
            return Ok(requirements);
        }
        if !token.is(",") {
            return Err(found(token, ", expected: ',' or 'end of string'"));
        }
        let next = parser.peek();
        if !next.is_word() && !next.is("!") {
            return Err(found(next, ", expected: identifier after ','"));
        }
    }
}

fn found(token: Token<'_>, expected: &str) -> SelectorError {
    SelectorError::new(format!("found '{}'{expected}", token.text))
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Token<'a> {
        self.scan().0
    }

    fn take(&mut self) -> Token<'a> {
        let (token, rest) = self.scan();
        self.rest = rest;
        token
    }

    fn scan(&self) -> (Token<'a>, &'a str) {
        let text = self.rest.trim_start_matches(is_space);
        let Some(first) = text.chars().next() else {
            return (END, text);
        };
        if is_sign(first) {
            let longest = ["==", "!="].into_iter().find(|sign| text.starts_with(sign));
            let (sign, rest) = text.split_at(longest.map_or(1, str::len));
            return (
                Token {
                    kind: Kind::Sign,
                    text: sign,
                },
                rest,
            );
        }
        let end = text
            .find(|c| is_space(c) || is_sign(c))
            .unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        (
            Token {
                kind: Kind::Word,
                text: word,
            },
            rest,
        )
    }

    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        let mut token = self.take();
        let negated = token.is("!");
        if negated {
            token = self.take();
        }
        if !token.is_word() {
            return Err(found(token, ", expected: identifier"));
        }
        let key = token.text;
        check_key(key)?;
        if negated {
            return Requirement::new(key, Operator::DoesNotExist, []);
        }
        let next = self.peek();
        if next.kind == Kind::End || next.is(",") {
            return Requirement::new(key, Operator::Exists, []);
        }
        let operator = self.operator()?;
        let values = match operator {
            Operator::In | Operator::NotIn => self.values()?,
            _ => vec![self.exact_value()?],
        };
        Requirement::new(key, operator, values)
    }

    fn operator(&mut self) -> Result<Operator, SelectorError> {
        let token = self.take();
        Ok(match (token.kind, token.text) {
            (Kind::Sign, "=" | "==") => Operator::Equals,
            (Kind::Sign, "!=") => Operator::NotEquals,
            (Kind::Sign, ">") => Operator::GreaterThan,
            (Kind::Sign, "<") => Operator::LessThan,
            (Kind::Word, "in") => Operator::In,
            (Kind::Word, "notin") => Operator::NotIn,
            _ => return Err(found(token, ", expected: in, notin, =, ==, !=, gt, lt")),
        })
    }

    fn exact_value(&mut self) -> Result<Text, SelectorError> {
        let next = self.peek();
        if next.kind == Kind::End || next.is(",") {
            return Ok(Text::new());
        }
        let token = self.take();
        if !token.is_word() {
            return Err(found(token, ", expected: identifier"));
        }
        Ok(token.text.into())
    }

    fn values(&mut self) -> Result<Vec<Text>, SelectorError> {
        let open = self.take();
        if !open.is("(") {
            return Err(found(open, " expected: '('"));
        }
        let next = self.peek();
        if next.is(")") {
            // Nothing between the brackets is the empty word.
            self.take();
            return Ok(vec![Text::new()]);
        }
        if !next.is_word() && !next.is(",") {
            return Err(found(next, ", expected: ',', ')' or identifier"));
        }
        self.list()
    }

    /// Words parted by commas up to the closing bracket; nothing between two
    /// commas is the empty word.
    fn list(&mut self) -> Result<Vec<Text>, SelectorError> {
        let mut values = Vec::new();
        loop {
            let next = self.peek();
            if next.is_word() {
                values.push(self.take().text.into());
            } else if next.is(",") || next.is(")") {
                values.push(Text::new());
            } else {
                return Err(found(next, ", expected: ',', or identifier"));
            }
            let after = self.take();
            if after.is(")") {
                return Ok(values);
            }
            if !after.is(",") {
                return Err(found(after, ", expected: ',' or ')'"));
            }
        }
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_sign(c: char) -> bool {
    matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}
