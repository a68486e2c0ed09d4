//! What is wrong with a text that is no JSON, in the words of the genuine
//! server's reader.

/// How deep that reader goes.
const MAX_DEPTH: usize = 10_000;

/// The first mistake in a text; `None` for a text that is JSON.
#[must_use]
pub fn mistake(text: &[u8]) -> Option<String> {
    let mut reader = Reader { text, place: 0 };
    reader.document().err()
}

type Read<T = ()> = Result<T, String>;

struct Reader<'a> {
    text: &'a [u8],
    place: usize,
}

/// What is open around the place that is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Map,
    List,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.place).copied()
    }

    /// The next byte, which must be there.
    fn next(&mut self) -> Read<u8> {
        let byte = self.peek().ok_or("unexpected end of JSON input")?;
        self.place += 1;
        Ok(byte)
    }

    /// The next byte within a word or number: the end of the text counts as
    /// the space that the genuine reader puts there.
    fn next_or_space(&mut self) -> u8 {
        let byte = self.peek().unwrap_or(b' ');
        self.place += 1;
        byte
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.place += 1;
        }
    }

    fn document(&mut self) -> Read {
        let mut open = Vec::new();
        self.value(&mut open)?;
        while let Some(around) = open.last().copied() {
            self.after_value(around, &mut open)?;
        }
        self.skip_space();
        match self.peek() {
            None => Ok(()),
            Some(byte) => Err(invalid(byte, "after top-level value")),
        }
    }

    /// What may follow a value within a map or list.
    fn after_value(&mut self, around: Open, open: &mut Vec<Open>) -> Read {
        self.skip_space();
        let byte = self.next()?;
        match (around, byte) {
            (Open::Map, b'}') | (Open::List, b']') => {
                open.pop();
                Ok(())
            }
            (Open::Map, b',') => {
                self.skip_space();
                self.member(open)
            }
            (Open::List, b',') => self.value(open),
            (Open::Map, byte) => Err(invalid(byte, "after object key:value pair")),
            (Open::List, byte) => Err(invalid(byte, "after array element")),
        }
    }

    /// A key and the beginning of its value.
    fn member(&mut self, open: &mut Vec<Open>) -> Read {
        match self.next()? {
            b'"' => self.string()?,
            byte => return Err(invalid(byte, "looking for beginning of object key string")),
        }
        self.skip_space();
        match self.next()? {
            b':' => self.value(open),
            byte => Err(invalid(byte, "after object key")),
        }
    }

    /// A whole scalar, or the beginning of a map or list up to its first
    /// scalar.
    fn value(&mut self, open: &mut Vec<Open>) -> Read {
        loop {
            self.skip_space();
            let byte = self.next()?;
            if matches!(byte, b'{' | b'[') && open.len() >= MAX_DEPTH {
                return Err(invalid(byte, "exceeded max depth"));
            }
            match byte {
                b'{' => {
                    self.skip_space();
                    if self.peek() == Some(b'}') {
                        self.place += 1;
                        return Ok(());
                    }
                    open.push(Open::Map);
                    match self.next()? {
                        b'"' => self.string()?,
                        byte => {
                            return Err(invalid(
                                byte,
                                "looking for beginning of object key string",
                            ));
                        }
                    }
                    self.skip_space();
                    match self.next()? {
                        b':' => {}
                        byte => return Err(invalid(byte, "after object key")),
                    }
                }
                b'[' => {
                    self.skip_space();
                    if self.peek() == Some(b']') {
                        self.place += 1;
                        return Ok(());
                    }
                    open.push(Open::List);
                }
                byte => return self.scalar(byte),
            }
        }
    }

    fn scalar(&mut self, first: u8) -> Read {
        match first {
            b'"' => self.string(),
            b'-' => match self.next_or_space() {
                digit @ b'0'..=b'9' => self.number(digit),
                byte => Err(invalid(byte, "in numeric literal")),
            },
            b'0'..=b'9' => self.number(first),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            byte => Err(invalid(byte, "looking for beginning of value")),
        }
    }

    fn word(&mut self, word: &str) -> Read {
        for expected in word.bytes().skip(1) {
            let byte = self.next_or_space();
            if byte != expected {
                let expected = char::from(expected);
                let context = format!("in literal {word} (expecting '{expected}')");
                return Err(invalid(byte, &context));
            }
        }
        Ok(())
    }

    fn string(&mut self) -> Read {
        loop {
            match self.next()? {
                b'"' => return Ok(()),
                b'\\' => self.escape()?,
                byte if byte < 0x20 => return Err(invalid(byte, "in string literal")),
                _ => {}
            }
        }
    }

    fn escape(&mut self) -> Read {
        match self.next_or_space() {
            b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => Ok(()),
            b'u' => {
                for _ in 0..4 {
                    let byte = self.next_or_space();
                    if !byte.is_ascii_hexdigit() {
                        return Err(invalid(byte, "in \\u hexadecimal character escape"));
                    }
                }
                Ok(())
            }
            byte => Err(invalid(byte, "in string escape code")),
        }
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.place += 1;
        }
    }

    fn number(&mut self, first: u8) -> Read {
        if first != b'0' {
            self.digits();
        }
        if self.peek() == Some(b'.') {
            self.place += 1;
            match self.next_or_space() {
                b'0'..=b'9' => self.digits(),
                byte => return Err(invalid(byte, "after decimal point in numeric literal")),
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.place += 1;
            let mut byte = self.next_or_space();
            if matches!(byte, b'+' | b'-') {
                byte = self.next_or_space();
            }
            if !byte.is_ascii_digit() {
                return Err(invalid(byte, "in exponent of numeric literal"));
            }
            self.digits();
        }
        Ok(())
    }
}

fn invalid(byte: u8, context: &str) -> String {
    format!("invalid character {} {context}", quoted(byte))
}

/// A byte as Go quotes a character of that number.
fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => "'\\''".to_owned(),
        b'\\' => "'\\\\'".to_owned(),
        b'\n' => "'\\n'".to_owned(),
        b'\r' => "'\\r'".to_owned(),
        b'\t' => "'\\t'".to_owned(),
        0x07 => "'\\a'".to_owned(),
        0x08 => "'\\b'".to_owned(),
        0x0b => "'\\v'".to_owned(),
        0x0c => "'\\f'".to_owned(),
        0x00..=0x1f | 0x7f => format!("'\\x{byte:02x}'"),
        0x80..=0xa0 | 0xad => format!("'\\u{byte:04x}'"),
        byte => format!("'{}'", char::from(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::mistake;

    #[test]
    fn mistakes_are_told_in_the_words_of_the_genuine_reader() {
        for (text, wanted) in [
            ("", "unexpected end of JSON input"),
            ("{\"kind\":", "unexpected end of JSON input"),
            ("{} x", "invalid character 'x' after top-level value"),
            (
                "{'a': 1}",
                "invalid character '\\'' looking for beginning of object key string",
            ),
            (
                "{\"a\":1,}",
                "invalid character '}' looking for beginning of object key string",
            ),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            (
                "{\"a\":1 \"b\"}",
                "invalid character '\"' after object key:value pair",
            ),
            ("[1 2]", "invalid character '2' after array element"),
            (
                "[1,]",
                "invalid character ']' looking for beginning of value",
            ),
            (
                "nope",
                "invalid character 'o' in literal null (expecting 'u')",
            ),
            ("[01]", "invalid character '1' after array element"),
            (
                "1.x",
                "invalid character 'x' after decimal point in numeric literal",
            ),
            ("-x", "invalid character 'x' in numeric literal"),
            ("1e", "invalid character ' ' in exponent of numeric literal"),
            (
                "nul",
                "invalid character ' ' in literal null (expecting 'l')",
            ),
            ("\"a\nb\"", "invalid character '\\n' in string literal"),
            ("\"\\x\"", "invalid character 'x' in string escape code"),
            (
                "\"\\u12g4\"",
                "invalid character 'g' in \\u hexadecimal character escape",
            ),
        ] {
            assert_eq!(mistake(text.as_bytes()).as_deref(), Some(wanted), "{text}");
        }
        for text in ["{}", " [1, {\"a\": [null, true, -0.5e+3]}, \"\\u00e9\"] "] {
            assert_eq!(mistake(text.as_bytes()), None, "{text}");
        }
    }
}
