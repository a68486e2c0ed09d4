//! A place in a text that moves on.

use super::Mark;

/// How many bytes Go's libraries read at a time.
const GO_BUFFER_BYTES: usize = 512;

/// Reads a text by character; behind its end stand zeros, which the text
/// itself can't hold.
pub(super) struct Cursor<'a> {
    text: &'a str,
    position: usize,
    mark: Mark,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            position: 0,
            mark: Mark::default(),
        }
    }

    pub(super) fn mark(&self) -> Mark {
        self.mark
    }

    /// The byte offset, for [`Cursor::since`].
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// The text from an offset up to here.
    pub(super) fn since(&self, position: usize) -> &'a str {
        &self.text[position..self.position]
    }

    pub(super) fn between(&self, from: usize, to: usize) -> &'a str {
        &self.text[from..to]
    }

    /// The byte `ahead` bytes behind this place.
    pub(super) fn peek_at(&self, ahead: usize) -> u8 {
        let bytes = self.text.as_bytes();
        bytes.get(self.position + ahead).copied().unwrap_or(0)
    }

    pub(super) fn peek(&self) -> u8 {
        self.peek_at(0)
    }

    pub(super) fn at_end(&self) -> bool {
        self.position >= self.text.len()
    }

    /// How many bytes the line break has that starts `ahead` bytes behind
    /// this place; 0 if none does.
    fn break_length(&self, ahead: usize) -> usize {
        match self.peek_at(ahead) {
            b'\n' => 1,
            b'\r' if self.peek_at(ahead + 1) == b'\n' => 2,
            b'\r' => 1,
            0xc2 if self.peek_at(ahead + 1) == 0x85 => 2,
            0xe2 if self.peek_at(ahead + 1) == 0x80
                && matches!(self.peek_at(ahead + 2), 0xa8 | 0xa9) =>
            {
                3
            }
            _ => 0,
        }
    }

    pub(super) fn is_break_at(&self, ahead: usize) -> bool {
        self.break_length(ahead) > 0
    }

    pub(super) fn is_break(&self) -> bool {
        self.is_break_at(0)
    }

    pub(super) fn is_blank(&self) -> bool {
        matches!(self.peek(), b' ' | b'\t')
    }

    pub(super) fn is_break_or_end(&self) -> bool {
        self.peek() == 0 || self.is_break()
    }

    /// Whether a blank, a line break or the end stands `ahead` bytes behind
    /// this place.
    pub(super) fn is_space_at(&self, ahead: usize) -> bool {
        matches!(self.peek_at(ahead), 0 | b' ' | b'\t') || self.is_break_at(ahead)
    }

    /// Whether the text starts with a byte order mark, and is still in the
    /// first buffer of Go's reader.
    pub(super) fn starts_with_byte_order_mark(&self) -> bool {
        self.position < GO_BUFFER_BYTES && self.text.starts_with('\u{feff}')
    }

    /// Whether a line starts here with `---` or `...` and nothing glued to it.
    pub(super) fn at_document_marker(&self) -> bool {
        self.is_marker(b'-') || self.is_marker(b'.')
    }

    pub(super) fn is_marker(&self, sign: u8) -> bool {
        self.mark.column == 0
            && self.peek() == sign
            && self.peek_at(1) == sign
            && self.peek_at(2) == sign
            && self.is_space_at(3)
    }

    /// Moves on by one character that is no line break.
    pub(super) fn advance(&mut self) {
        let width = match self.peek() {
            _ if self.at_end() => 0,
            0..=0x7f => 1,
            0x80..=0xdf => 2,
            0xe0..=0xef => 3,
            _ => 4,
        };
        self.position += width;
        self.mark.index += 1;
        self.mark.column += 1;
    }

    /// Moves on by ASCII characters that are no line breaks.
    pub(super) fn advance_by(&mut self, count: usize) {
        self.position += count;
        self.mark.index += count;
        self.mark.column += count;
    }

    /// Moves on while bytes fit, never into a line break.
    pub(super) fn advance_while(&mut self, fits: impl Fn(u8) -> bool) {
        let bytes = &self.text.as_bytes()[self.position..];
        let mut end = 0;
        let mut continuations = 0;
        while let Some(&byte) = bytes.get(end) {
            let breaks = match byte {
                b'\n' | b'\r' => true,
                0xc2 | 0xe2 => self.is_break_at(end),
                _ => false,
            };
            if breaks || !fits(byte) {
                break;
            }
            continuations += usize::from(byte & 0xc0 == 0x80);
            end += 1;
        }
        self.advance_by(end);
        self.mark.index -= continuations;
        self.mark.column -= continuations;
    }

    pub(super) fn skip_blanks(&mut self) {
        self.advance_while(|byte| matches!(byte, b' ' | b'\t'));
    }

    /// Moves to the end of the line.
    pub(super) fn skip_line_content(&mut self) {
        self.advance_while(|_| true);
    }

    /// Moves over the line break that stands here, if one does; tells what it
    /// means: a line feed, or itself for the separators of Unicode.
    pub(super) fn take_break(&mut self) -> Option<char> {
        let length = self.break_length(0);
        let meaning = match (length, self.peek_at(2)) {
            (0, _) => return None,
            (3, 0xa8) => '\u{2028}',
            (3, _) => '\u{2029}',
            _ => '\n',
        };
        let is_pair = length == 2 && self.peek() == b'\r';
        self.position += length;
        self.mark.index += if is_pair { 2 } else { 1 };
        self.mark.column = 0;
        self.mark.line += 1;
        Some(meaning)
    }

    /// Places the end of the text at the start of a line.
    pub(super) fn close_last_line(&mut self) {
        if self.mark.column != 0 {
            self.mark.column = 0;
            self.mark.line += 1;
        }
    }
}

/// Line breaks between two pieces of a scalar that lines are folded of.
#[derive(Default)]
pub(super) struct Breaks {
    first: Option<char>,
    more: String,
}

impl Breaks {
    pub(super) fn set_first(&mut self, found: Option<char>) {
        self.first = found;
    }

    pub(super) fn add(&mut self, found: Option<char>) {
        self.more.extend(found);
    }

    /// One line feed becomes a space, more become one less.
    pub(super) fn fold_into(&mut self, text: &mut String) {
        match self.first.take() {
            Some('\n') if self.more.is_empty() => text.push(' '),
            Some('\n') => {}
            other => text.extend(other),
        }
        text.push_str(&self.more);
        self.more.clear();
    }
}
