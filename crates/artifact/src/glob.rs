//! Shell patterns for one path segment, by the rules of Go's `filepath.Match`.

/// Whether the whole of `name` matches `pattern`. `*` and `?` stand for any
/// text and any character, `[a-z]` and `[^a-z]` for one of or none of these, a
/// backslash takes the next character as it is. A malformed pattern is `None`.
pub(crate) fn matches(pattern: &str, name: &str) -> Option<bool> {
    if let Some(answer) = matches_plain(pattern, name) {
        return Some(answer);
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let tokens = tokens(&pattern)?;
    Some(run(&tokens, &name))
}

/// The same for a pattern without anything special in it, or with one `*`
/// alone: what nearly all are. `None` for any other.
fn matches_plain(pattern: &str, name: &str) -> Option<bool> {
    let is_special = |character| matches!(character, '*' | '?' | '[' | '\\');
    let Some((before, after)) = pattern.split_once(is_special) else {
        return Some(pattern == name);
    };
    let one_star = pattern.as_bytes()[before.len()] == b'*' && !after.contains(is_special);
    one_star.then(|| {
        let rest = name.strip_prefix(before);
        rest.is_some_and(|rest| rest.ends_with(after))
    })
}

enum Token {
    Any,
    One,
    Literal(char),
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

fn tokens(mut rest: &[char]) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    while let [first, tail @ ..] = rest {
        rest = tail;
        tokens.push(match first {
            '*' => Token::Any,
            '?' => Token::One,
            '[' => class(&mut rest)?,
            '\\' => Token::Literal(take(&mut rest)?),
            literal => Token::Literal(*literal),
        });
    }
    Some(tokens)
}

fn take(rest: &mut &[char]) -> Option<char> {
    let (first, tail) = rest.split_first()?;
    *rest = tail;
    Some(*first)
}

fn class(rest: &mut &[char]) -> Option<Token> {
    let negated = rest.first() == Some(&'^');
    if negated {
        take(rest)?;
    }
    let mut ranges = Vec::new();
    loop {
        if rest.first() == Some(&']') && !ranges.is_empty() {
            take(rest)?;
            return Some(Token::Class { negated, ranges });
        }
        let low = class_character(rest)?;
        let high = if rest.first() == Some(&'-') {
            take(rest)?;
            class_character(rest)?
        } else {
            low
        };
        ranges.push((low, high));
    }
}

/// A bound of a class: never a bare `-` or `]`, and never the last character.
fn class_character(rest: &mut &[char]) -> Option<char> {
    let character = match take(rest)? {
        '-' | ']' => return None,
        '\\' => take(rest)?,
        plain => plain,
    };
    (!rest.is_empty()).then_some(character)
}

fn run(tokens: &[Token], name: &[char]) -> bool {
    let (mut token, mut at) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < name.len() || token < tokens.len() {
        match tokens.get(token) {
            Some(Token::Any) => {
                star = Some((token, at));
                token += 1;
                continue;
            }
            Some(single) if at < name.len() && matches_one(single, name[at]) => {
                token += 1;
                at += 1;
                continue;
            }
            _ => {}
        }
        match star {
            Some((star_token, star_at)) if star_at < name.len() => {
                star = Some((star_token, star_at + 1));
                token = star_token + 1;
                at = star_at + 1;
            }
            _ => return false,
        }
    }
    true
}

fn matches_one(token: &Token, character: char) -> bool {
    match token {
        Token::Any | Token::One => true,
        Token::Literal(literal) => *literal == character,
        Token::Class { negated, ranges } => {
            let inside = ranges
                .iter()
                .any(|(low, high)| *low <= character && character <= *high);
            inside != *negated
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_as_go_does() {
        for (pattern, name, expected) in [
            ("abc", "abc", Some(true)),
            ("*", "abc", Some(true)),
            ("*", "", Some(true)),
            ("*c", "abc", Some(true)),
            ("a*", "a", Some(true)),
            ("a*b*c*d*e*", "axbxcxdxexxx", Some(true)),
            ("a*b?c*x", "abxbbxdbxebxczzx", Some(true)),
            ("a*b?c*x", "abxbbxdbxebxczzy", Some(false)),
            ("ab[c]", "abc", Some(true)),
            ("ab[b-d]", "abc", Some(true)),
            ("ab[e-g]", "abc", Some(false)),
            ("ab[^c]", "abc", Some(false)),
            ("ab[^e-g]", "abc", Some(true)),
            ("a\\*b", "a*b", Some(true)),
            ("a\\*b", "ab", Some(false)),
            ("a?b", "a☺b", Some(true)),
            ("a[^a]b", "a☺b", Some(true)),
            ("[\\]a]", "]", Some(true)),
            ("[\\-x]", "-", Some(true)),
            ("[]a]", "]", None),
            ("[-]", "-", None),
            ("[x-]", "x", None),
            ("[a", "a", None),
            ("[^bc", "a", None),
            ("a\\", "a", None),
            ("*x", "xxx", Some(true)),
            ("*.tar.gz", ".tar.gz", Some(true)),
            ("*.tar.gz", "tar.gz", Some(false)),
            ("aba*aba", "aba", Some(false)),
            ("aba*aba", "ababa", Some(false)),
            ("aba*aba", "abaaba", Some(true)),
            ("a*", "ba", Some(false)),
            ("!x", "!x", Some(true)),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
