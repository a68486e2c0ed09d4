//! Texts and bytes as an expression writes them: between single, double or
//! triple quotes, raw (`r'…'`) or with escapes.
//!
//! The parser takes some of these for others (quotes within triple ones, a
//! backslash at the end of a raw text, an escaped quote of the other kind),
//! so each is read here and, where it is not simple, written again plainly.

/// The literal at the start of a text, as the parser reads it right, and how
/// many bytes it takes there; `None` if something else stands there.
pub(crate) fn read(text: &str) -> Result<Option<(String, usize)>, String> {
    let body = text.strip_prefix(['b', 'B']);
    let (is_bytes, rest) = (body.is_some(), body.unwrap_or(text));
    let body = rest.strip_prefix(['r', 'R']);
    let (is_raw, quoted) = (body.is_some(), body.unwrap_or(rest));
    let Some(quote) = quote_of(quoted) else {
        return Ok(None);
    };
    let body = &quoted[quote.len()..];
    let length = length_of(body, quote, is_raw)
        .ok_or_else(|| format!("a literal that begins with {quote} has no end"))?;
    let before = text.len() - body.len();
    let end = before + length + quote.len();
    let is_plain = before == 1 && quote.len() == 1;
    if is_plain && is_simple(&body[..length]) {
        return Ok(Some((text[..end].to_owned(), end)));
    }
    let pieces = pieces(&body[..length], is_raw)?;
    let plain = match is_bytes {
        true => plain_bytes(&pieces)?,
        false => plain_text(&pieces),
    };
    Ok(Some((plain, end)))
}

/// Whether the parser reads a text between quotes right as it stands.
fn is_simple(body: &str) -> bool {
    !body.contains(['\\', '\'', '"', '\n', '\r'])
}

fn quote_of(text: &str) -> Option<&str> {
    ["'''", "\"\"\"", "'", "\""]
        .into_iter()
        .find(|quote| text.starts_with(quote))
        .map(|quote| &text[..quote.len()])
}

/// How many bytes stand before the closing quote. Only triple quotes go over
/// lines.
fn length_of(body: &str, quote: &str, is_raw: bool) -> Option<usize> {
    let mut is_escaped = false;
    for (at, sign) in body.char_indices() {
        if is_escaped {
            is_escaped = false;
        } else if sign == '\\' && !is_raw {
            is_escaped = true;
        } else if body[at..].starts_with(quote) {
            return Some(at);
        } else if quote.len() == 1 && matches!(sign, '\n' | '\r') {
            return None;
        }
    }
    None
}

/// A character of a literal.
#[derive(Clone, Copy)]
enum Piece {
    Sign(char),
    /// By its number: in bytes a byte, in a text a character.
    Code(u8),
    /// By its number in Unicode, which bytes can't have.
    Unicode(char),
}

fn pieces(body: &str, is_raw: bool) -> Result<Vec<Piece>, String> {
    let (mut pieces, mut rest) = (Vec::new(), body);
    while let Some(sign) = rest.chars().next() {
        rest = &rest[sign.len_utf8()..];
        match sign {
            '\\' if !is_raw => {
                let (piece, length) = escape(rest).ok_or("a literal has an unknown escape")?;
                pieces.push(piece);
                rest = &rest[length..];
            }
            // As in cel-go all ends of lines are one character.
            '\r' => {
                rest = rest.strip_prefix('\n').unwrap_or(rest);
                pieces.push(Piece::Sign('\n'));
            }
            sign => pieces.push(Piece::Sign(sign)),
        }
    }
    Ok(pieces)
}

/// What stands behind a backslash, and how many bytes it takes.
fn escape(text: &str) -> Option<(Piece, usize)> {
    let letter = text.chars().next()?;
    let meant = match letter {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '"' | '\'' | '\\' | '?' | '`' => letter,
        _ => return by_number(letter, text),
    };
    Some((Piece::Sign(meant), 1))
}

fn by_number(letter: char, text: &str) -> Option<(Piece, usize)> {
    let (from, to, radix) = match letter {
        'x' | 'X' => (1, 3, 16),
        'u' => (1, 5, 16),
        'U' => (1, 9, 16),
        '0'..='3' => (0, 3, 8),
        _ => return None,
    };
    let digits = text.get(from..to)?;
    if !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let number = u32::from_str_radix(digits, radix).ok()?;
    let piece = match letter {
        'u' | 'U' => Piece::Unicode(char::from_u32(number)?),
        _ => Piece::Code(u8::try_from(number).ok()?),
    };
    Some((piece, to))
}

fn plain_text(pieces: &[Piece]) -> String {
    let mut text = String::from("'");
    for piece in pieces {
        let sign = match *piece {
            Piece::Sign(sign) | Piece::Unicode(sign) => sign,
            Piece::Code(code) => char::from(code),
        };
        match sign {
            '\\' => text.push_str("\\\\"),
            '\'' => text.push_str("\\'"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            sign => text.push(sign),
        }
    }
    text.push('\'');
    text
}

fn plain_bytes(pieces: &[Piece]) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match *piece {
            Piece::Sign(sign) => {
                bytes.extend_from_slice(sign.encode_utf8(&mut [0; 4]).as_bytes());
            }
            Piece::Code(code) => bytes.push(code),
            Piece::Unicode(_) => return Err("bytes can't have an escape of Unicode".into()),
        }
    }
    let mut text = String::from("b'");
    for byte in bytes {
        match byte {
            b'\\' | b'\'' => text.push_str(&format!("\\x{byte:02x}")),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text.push('\'');
    Ok(text)
}
