//! The writer: libyaml's emitter, reduced to block style.

use super::analysis::{Analysis, analyse, is_break, is_printable, reads_as_text};
use super::{Emit, View, sort_members};
use std::borrow::Cow;
use trueup_gocompat::{format_float, format_json_float};

/// The column after which a space becomes a line break.
const BEST_WIDTH: usize = 80;

/// Spaces per level.
const INDENT: usize = 2;

/// The longest key that is written without a question mark, in bytes.
const MAX_SIMPLE_KEY_BYTES: usize = 128;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
}

/// Where a value stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Root,
    Item,
    Value,
    SimpleKey,
    LongKey,
}

struct Writer {
    out: String,
    column: usize,
    /// The indentation of the collection being written; `None` at the root.
    indent: Option<usize>,
    /// Whether the last thing written was a space or nothing on this line.
    whitespace: bool,
    /// Whether only indentation stands on this line.
    indention: bool,
}

/// Writes a tree behind a text that ends with a line.
pub(super) fn document<T: Emit>(tree: &T, text: String) -> String {
    let mut writer = Writer {
        out: text,
        column: 0,
        indent: None,
        whitespace: true,
        indention: true,
    };
    writer.node(tree, Context::Root);
    writer.indent = None;
    writer.write_indent();
    writer.out
}

impl Writer {
    fn node<T: Emit>(&mut self, tree: &T, context: Context) {
        match tree.view() {
            View::Null => self.plain("null"),
            View::Bool(truth) => self.plain(if truth { "true" } else { "false" }),
            View::Integer(number) => self.plain(&number.to_string()),
            View::Unsigned(number) => self.plain(&number.to_string()),
            View::Float(number) => self.plain(&float_text(number)),
            View::Text(text) => self.text(text, context),
            View::List(items) if items.is_empty() => self.indicator("[]", true),
            View::List(items) => self.list(&items, context),
            View::Map(members) if members.is_empty() => self.indicator("{}", true),
            View::Map(members) => self.map(members),
        }
    }

    fn list<T: Emit>(&mut self, items: &[&T], context: Context) {
        let outer = self.indent;
        let in_map = matches!(context, Context::Value | Context::LongKey);
        // A list as the value of a key starts under the key itself.
        if !in_map || self.indention || outer.is_none() {
            self.indent = Some(outer.map_or(0, |indent| indent + INDENT));
        }
        for item in items {
            self.write_indent();
            self.mark("-");
            self.node(*item, Context::Item);
        }
        self.indent = outer;
    }

    fn map<T: Emit>(&mut self, mut members: Vec<(&str, &T)>) {
        sort_members(&mut members);
        let outer = self.indent;
        self.indent = Some(outer.map_or(0, |indent| indent + INDENT));
        for (key, value) in members {
            self.write_indent();
            let simple = key.len() <= MAX_SIMPLE_KEY_BYTES && !key.contains(is_break);
            if simple {
                self.text(key, Context::SimpleKey);
                self.indicator(":", false);
            } else {
                self.mark("?");
                self.text(key, Context::LongKey);
                self.write_indent();
                self.mark(":");
            }
            self.node(value, Context::Value);
        }
        self.indent = outer;
    }

    fn text(&mut self, text: &str, context: Context) {
        let is_key = matches!(context, Context::SimpleKey | Context::LongKey);
        let folded = (!is_key).then(|| fold_next_lines(text));
        let text = folded.as_deref().unwrap_or(text);
        let analysis = analyse(text);
        let style = choose_style(text, analysis, context);
        let may_fold = context != Context::SimpleKey;
        let outer = self.indent;
        self.indent = Some(outer.map_or(INDENT, |indent| indent + INDENT));
        match style {
            Style::Plain => self.folded(text, may_fold),
            Style::SingleQuoted => self.single_quoted(text, may_fold),
            Style::DoubleQuoted => self.double_quoted(text, may_fold),
            Style::Literal => self.literal(text),
        }
        self.indent = outer;
    }

    /// A scalar that needs no thought.
    fn plain(&mut self, text: &str) {
        self.space_before();
        self.out.push_str(text);
        self.column += text.len();
        self.after_content();
    }

    fn folded(&mut self, text: &str, may_fold: bool) {
        self.space_before();
        if text.is_ascii() && (self.column + text.len() <= BEST_WIDTH || !text.contains(' ')) {
            self.out.push_str(text);
            self.column += text.len();
            self.after_content();
            return;
        }
        let mut spaces = false;
        let mut characters = text.chars().peekable();
        while let Some(c) = characters.next() {
            let fold = c == ' ' && may_fold && !spaces && self.column > BEST_WIDTH;
            if fold && characters.peek() != Some(&' ') {
                self.write_indent();
            } else {
                self.put(c);
            }
            spaces = c == ' ';
        }
        self.after_content();
    }

    fn single_quoted(&mut self, text: &str, may_fold: bool) {
        self.indicator("'", true);
        let (mut spaces, mut breaks) = (false, false);
        let mut characters = text.char_indices().peekable();
        while let Some((at, c)) = characters.next() {
            let next = characters.peek().map(|(_, next)| *next);
            if c == ' ' {
                let inside = at > 0 && next.is_some();
                let fold =
                    may_fold && !spaces && self.column > BEST_WIDTH && inside && next != Some(' ');
                if fold {
                    self.write_indent()
                } else {
                    self.put(c)
                }
                spaces = true;
            } else if is_break(c) {
                if !breaks && c == '\n' {
                    self.put_break();
                }
                self.write_break(c);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                if c == '\'' {
                    self.put(c);
                }
                self.put(c);
                self.indention = false;
                (spaces, breaks) = (false, false);
            }
        }
        self.put('\'');
        self.after_content();
    }

    fn double_quoted(&mut self, text: &str, may_fold: bool) {
        self.indicator("\"", true);
        // Go's emitter escapes everything in a text that starts with a byte
        // order mark.
        let escape_all = text.starts_with('\u{feff}');
        let mut spaces = false;
        let mut characters = text.char_indices().peekable();
        while let Some((at, c)) = characters.next() {
            let next = characters.peek().map(|(_, next)| *next);
            if escape_all || !is_printable(c) || is_break(c) || c == '"' || c == '\\' {
                self.escape(c);
                spaces = false;
                continue;
            }
            let inside = at > 0 && next.is_some();
            if c == ' ' && may_fold && !spaces && self.column > BEST_WIDTH && inside {
                self.write_indent();
                if next == Some(' ') {
                    self.put('\\');
                }
            } else {
                self.put(c);
            }
            spaces = c == ' ';
        }
        self.put('"');
        self.after_content();
    }

    fn escape(&mut self, c: char) {
        let code = u32::from(c);
        let text = match c {
            '\0' => "\\0".to_owned(),
            '\u{7}' => "\\a".to_owned(),
            '\u{8}' => "\\b".to_owned(),
            '\t' => "\\t".to_owned(),
            '\n' => "\\n".to_owned(),
            '\u{b}' => "\\v".to_owned(),
            '\u{c}' => "\\f".to_owned(),
            '\r' => "\\r".to_owned(),
            '\u{1b}' => "\\e".to_owned(),
            '"' => "\\\"".to_owned(),
            '\\' => "\\\\".to_owned(),
            '\u{85}' => "\\N".to_owned(),
            '\u{a0}' => "\\_".to_owned(),
            '\u{2028}' => "\\L".to_owned(),
            '\u{2029}' => "\\P".to_owned(),
            _ if code <= 0xff => format!("\\x{code:02X}"),
            _ if code <= 0xffff => format!("\\u{code:04X}"),
            _ => format!("\\U{code:08X}"),
        };
        self.column += text.len();
        self.out.push_str(&text);
    }

    fn literal(&mut self, text: &str) {
        self.indicator("|", true);
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.out.push_str(&INDENT.to_string());
        }
        let mut ends = text.chars().rev();
        match (
            ends.next().is_some_and(is_break),
            ends.next().is_none_or(is_break),
        ) {
            (false, _) => self.out.push('-'),
            (true, true) => self.out.push('+'),
            (true, false) => {}
        }
        self.put_break();
        self.indention = true;
        self.whitespace = true;
        let mut breaks = true;
        for c in text.chars() {
            if is_break(c) {
                self.write_break(c);
                self.indention = true;
                breaks = true;
                continue;
            }
            if breaks {
                self.write_indent();
            }
            self.put(c);
            self.indention = false;
            breaks = false;
        }
    }

    fn space_before(&mut self) {
        if !self.whitespace {
            self.put(' ');
        }
    }

    fn after_content(&mut self) {
        self.whitespace = false;
        self.indention = false;
    }

    /// A sign that content may follow directly.
    fn indicator(&mut self, sign: &str, needs_space: bool) {
        if needs_space {
            self.space_before();
        }
        self.out.push_str(sign);
        self.column += sign.len();
        self.after_content();
    }

    /// A sign after which the next collection may start on the same line.
    fn mark(&mut self, sign: &str) {
        self.space_before();
        self.out.push_str(sign);
        self.column += sign.len();
        self.whitespace = false;
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn put_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    fn write_break(&mut self, c: char) {
        self.out.push(c);
        self.column = 0;
    }

    fn write_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.put_break();
        }
        if self.column < indent {
            let spaces = indent - self.column;
            self.out.extend(std::iter::repeat_n(' ', spaces));
            self.column = indent;
        }
        self.whitespace = true;
        self.indention = true;
    }
}

fn choose_style(text: &str, analysis: Analysis, context: Context) -> Style {
    let simple_key = context == Context::SimpleKey;
    let wanted = if text.contains('\n') {
        Style::Literal
    } else if reads_as_text(text) {
        Style::Plain
    } else {
        Style::DoubleQuoted
    };
    let quoted = if analysis.single_quoted_allowed {
        Style::SingleQuoted
    } else {
        Style::DoubleQuoted
    };
    match wanted {
        _ if simple_key && analysis.multiline => Style::DoubleQuoted,
        Style::Plain if analysis.plain_allowed => Style::Plain,
        Style::Plain => quoted,
        Style::Literal if analysis.block_allowed && !simple_key => Style::Literal,
        _ => Style::DoubleQuoted,
    }
}

/// The text as it is after it went through JSON and was read again: there the
/// break of old mainframes stands bare in quotes, and folds as any line break.
fn fold_next_lines(text: &str) -> Cow<'_, str> {
    const NEXT_LINE: char = '\u{85}';
    if !text.contains(NEXT_LINE) {
        return text.into();
    }
    let mut lines = text.split(NEXT_LINE).peekable();
    let mut folded = String::new();
    let mut breaks = 0_usize;
    while let Some(line) = lines.next() {
        let is_first = folded.is_empty() && breaks == 0;
        let is_last = lines.peek().is_none();
        let line = if is_first {
            line
        } else {
            line.trim_start_matches(' ')
        };
        let line = if is_last {
            line
        } else {
            line.trim_end_matches(' ')
        };
        if !line.is_empty() || is_last {
            match breaks {
                0 => {}
                1 => folded.push(' '),
                _ => folded.extend(std::iter::repeat_n('\n', breaks - 1)),
            }
            breaks = 0;
        }
        folded.push_str(line);
        breaks += 1;
    }
    folded.into()
}

/// A float as it looks after it went through JSON and was read again.
fn float_text(number: f64) -> String {
    if !number.is_finite() {
        return match format_float(number).as_str() {
            "+Inf" => ".inf",
            "-Inf" => "-.inf",
            _ => ".nan",
        }
        .to_owned();
    }
    let json = format_json_float(number);
    match trueup_gocompat::parse_integer(&json) {
        Some(whole) => whole.to_string(),
        None => format_float(number),
    }
}
