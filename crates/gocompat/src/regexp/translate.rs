//! From Go's syntax to that of the crate `regex`.

use super::class;
use super::error::{RegexpError, RegexpMistake as Mistake};
use super::escape::{self, Escape};
use super::{MAX_REGEXP_DEPTH, group, repeat};

/// An expression for the crate `regex` and the names of its groups.
#[derive(Debug)]
pub(super) struct Translated {
    pub expression: String,
    pub names: Vec<Option<String>>,
}

pub(super) fn translate(text: &str) -> Result<Translated, RegexpError> {
    let mut translator = Translator::new(text);
    while let Some(character) = translator.rest.chars().next() {
        translator.step(character)?;
    }
    if translator.groups.len() > 1 {
        return Err(RegexpError::new(Mistake::MissingParenthesis, text));
    }
    Ok(Translated {
        expression: translator.out,
        names: translator.names,
    })
}

/// A group that is open, the whole expression being the outermost.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// The largest weight of what it holds.
    pub weight: usize,
    /// What a repetition would apply to.
    pub last: Option<Atom>,
}

/// The last thing that can be repeated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Atom {
    /// How often the counted repetitions within multiply.
    pub weight: usize,
    /// Where it ends in the output.
    pub end: usize,
}

pub(super) struct Translator<'a> {
    pub text: &'a str,
    pub rest: &'a str,
    pub out: String,
    pub groups: Vec<Group>,
    pub names: Vec<Option<String>>,
    /// From the repetition that was just read to the end of the expression.
    pub last_repeat: Option<&'a str>,
}

impl<'a> Translator<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            rest: text,
            out: String::with_capacity(text.len() * 2),
            groups: vec![Group::default()],
            names: vec![None],
            last_repeat: None,
        }
    }

    fn step(&mut self, character: char) -> Result<(), RegexpError> {
        let before = self.last_repeat.take();
        match character {
            '(' if self.rest.starts_with("(?") => group::perl(self),
            '(' => {
                self.advance(1);
                self.names.push(None);
                self.open("(")
            }
            ')' => self.close(),
            '|' => {
                self.advance(1);
                self.out.push('|');
                self.group().last = None;
                Ok(())
            }
            '^' | '$' | '.' => {
                self.advance(1);
                self.atom(|out| out.push(character));
                Ok(())
            }
            '*' | '+' | '?' => repeat::simple(self, before),
            '{' => repeat::counted(self, before),
            '[' => {
                let (class, rest) = class::translate(self.rest)?;
                self.rest = rest;
                self.atom(|out| out.push_str(&class));
                Ok(())
            }
            '\\' => self.escaped(),
            _ => {
                self.advance(character.len_utf8());
                self.atom(|out| escape::push_character(out, character));
                Ok(())
            }
        }
    }

    pub fn advance(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    /// The innermost open group; the whole expression is never closed.
    pub fn group(&mut self) -> &mut Group {
        self.groups
            .last_mut()
            .expect("the outermost group stays open")
    }

    pub fn open(&mut self, written: &str) -> Result<(), RegexpError> {
        if self.groups.len() > MAX_REGEXP_DEPTH {
            return Err(RegexpError::new(Mistake::TooDeep, self.text));
        }
        self.out.push_str(written);
        self.groups.push(Group::default());
        Ok(())
    }

    fn close(&mut self) -> Result<(), RegexpError> {
        self.advance(1);
        if self.groups.len() == 1 {
            let mistake = Mistake::UnexpectedParenthesis;
            return Err(RegexpError::new(mistake, self.text));
        }
        let weight = self.groups.pop().map_or(0, |group| group.weight);
        self.out.push(')');
        self.remember(weight);
        Ok(())
    }

    /// Writes something that can be repeated.
    pub fn atom(&mut self, write: impl FnOnce(&mut String)) {
        write(&mut self.out);
        self.remember(1);
    }

    fn remember(&mut self, weight: usize) {
        let end = self.out.len();
        let group = self.group();
        group.weight = group.weight.max(weight);
        group.last = Some(Atom { weight, end });
    }

    fn escaped(&mut self) -> Result<(), RegexpError> {
        if let Some(quoted) = self.rest.strip_prefix(r"\Q") {
            let (literal, rest) = quoted.split_once(r"\E").unwrap_or((quoted, ""));
            self.rest = rest;
            for character in literal.chars() {
                self.atom(|out| escape::push_character(out, character));
            }
            return Ok(());
        }
        for (assertion, written) in ASSERTIONS {
            if let Some(rest) = self.rest.strip_prefix(assertion) {
                self.rest = rest;
                self.atom(|out| out.push_str(written));
                return Ok(());
            }
        }
        let (escape, rest) = escape::read(self.rest)?;
        self.rest = rest;
        self.atom(|out| match escape {
            Escape::Class(class) => out.push_str(&class),
            Escape::Code(code) => escape::push_code(out, code),
        });
        Ok(())
    }
}

/// Words are made of ASCII in Go.
const ASSERTIONS: [(&str, &str); 4] = [
    (r"\A", r"\A"),
    (r"\z", r"\z"),
    (r"\b", r"(?-u:\b)"),
    (r"\B", r"(?-u:\B)"),
];
