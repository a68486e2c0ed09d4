//! The words of a command line, as a POSIX shell splits them, where nothing
//! in it needs a shell.

/// The most bytes of a command.
pub const MAX_COMMAND_BYTES: usize = 64 << 10;
/// The most words of a command.
pub const MAX_COMMAND_WORDS: usize = 1024;

/// Why a text is no plain command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// Nothing but blanks.
    #[error("the command is empty")]
    Empty,
    /// Over [`MAX_COMMAND_BYTES`].
    #[error("the command is longer than {MAX_COMMAND_BYTES} bytes")]
    TooLong,
    /// Over [`MAX_COMMAND_WORDS`].
    #[error("the command has more than {MAX_COMMAND_WORDS} words")]
    TooManyWords,
    /// A quote or backslash without what belongs to it.
    #[error("the command ends within a quotation")]
    OpenQuotation,
    /// An unquoted character that only a shell gives a meaning: a pipe, a
    /// variable, another command.
    #[error("the command needs a shell for {0:?}; in an address it has to be quoted")]
    NeedsShell(char),
}

/// The words of a command: quotes and backslashes are taken away as POSIX
/// says (Shell Command Language, 2.2). File patterns and braces stay as they
/// are written, which is also what a shell makes of those that match nothing.
///
/// # Errors
/// What is no plain command.
pub fn split_words(command: &str) -> Result<Vec<String>, WordsError> {
    if command.len() > MAX_COMMAND_BYTES {
        return Err(WordsError::TooLong);
    }
    let mut words = Vec::new();
    let mut rest = command.trim().chars();
    while let Some(word) = next_word(&mut rest)? {
        if words.len() == MAX_COMMAND_WORDS {
            return Err(WordsError::TooManyWords);
        }
        words.push(word);
    }
    if words.is_empty() {
        return Err(WordsError::Empty);
    }
    Ok(words)
}

/// The next word and the blank after it; `None` at the end.
fn next_word(rest: &mut std::str::Chars<'_>) -> Result<Option<String>, WordsError> {
    let mut word = None::<String>;
    while let Some(character) = rest.next() {
        match character {
            ' ' | '\t' if word.is_none() => {}
            ' ' | '\t' => return Ok(word),
            '#' | '~' if word.is_none() => return Err(WordsError::NeedsShell(character)),
            '\n' | '\r' | '|' | '&' | ';' | '<' | '>' | '(' | ')' | '$' | '`' => {
                return Err(WordsError::NeedsShell(character));
            }
            '\\' => escaped(rest, &mut word)?,
            '\'' => single_quoted(rest, word.get_or_insert_default())?,
            '"' => double_quoted(rest, word.get_or_insert_default())?,
            other => word.get_or_insert_default().push(other),
        }
    }
    Ok(word)
}

/// Behind a backslash: the character itself, and of a line's end nothing.
fn escaped(rest: &mut std::str::Chars<'_>, word: &mut Option<String>) -> Result<(), WordsError> {
    match rest.next() {
        Some('\n') => {}
        Some(other) => word.get_or_insert_default().push(other),
        None => return Err(WordsError::OpenQuotation),
    }
    Ok(())
}

fn single_quoted(rest: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), WordsError> {
    for character in rest {
        if character == '\'' {
            return Ok(());
        }
        word.push(character);
    }
    Err(WordsError::OpenQuotation)
}

/// Between double quotes a backslash keeps its meaning only in front of four
/// characters and a line's end.
fn double_quoted(rest: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), WordsError> {
    while let Some(character) = rest.next() {
        match character {
            '"' => return Ok(()),
            '$' | '`' => return Err(WordsError::NeedsShell(character)),
            '\\' => match rest.next() {
                Some('\n') => {}
                Some(other @ ('$' | '`' | '"' | '\\')) => word.push(other),
                Some(other) => word.extend(['\\', other]),
                None => return Err(WordsError::OpenQuotation),
            },
            other => word.push(other),
        }
    }
    Err(WordsError::OpenQuotation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_does() {
        for (command, words) in [
            ("hey http://a", vec!["hey", "http://a"]),
            ("  a\t b \n", vec!["a", "b"]),
            (
                "hey -d '{test: 2}' http://a",
                vec!["hey", "-d", "{test: 2}", "http://a"],
            ),
            (
                r#"hey -H "X: a \"b\" \n" u"#,
                vec!["hey", "-H", r#"X: a "b" \n"#, "u"],
            ),
            (r"a\ b c\\d", vec!["a b", r"c\d"]),
            ("a''b '' c", vec!["ab", "", "c"]),
            (
                "a 'http://h/?x=1&y=$z;`'",
                vec!["a", "http://h/?x=1&y=$z;`"],
            ),
            ("a \\\n  b", vec!["a", "b"]),
            (r#""\$x \` \\" b"#, vec![r"$x ` \", "b"]),
            (
                "a http://h/?x=*[0]{y}#z~",
                vec!["a", "http://h/?x=*[0]{y}#z~"],
            ),
        ] {
            assert_eq!(split_words(command).unwrap(), words, "{command}");
        }
    }

    #[test]
    fn what_needs_a_shell_is_told_by_its_character() {
        for (command, character) in [
            ("hey http://a; rm -rf /", ';'),
            ("hey http://a && curl x", '&'),
            ("hey http://a?x=1&y=2", '&'),
            ("curl x | grep y", '|'),
            ("hey $URL", '$'),
            ("hey \"$URL\"", '$'),
            ("hey \"`id`\"", '`'),
            ("hey $(id)", '$'),
            ("(hey)", '('),
            ("hey > /etc/passwd", '>'),
            ("hey < /etc/passwd", '<'),
            ("a\nb", '\n'),
            ("a #b", '#'),
            ("~/bin/x", '~'),
        ] {
            let expected = Err(WordsError::NeedsShell(character));
            assert_eq!(split_words(command), expected, "{command}");
        }
    }

    #[test]
    fn what_is_no_command_is_refused() {
        for command in ["'a", "\"a", "a\\", "\"a\\"] {
            assert_eq!(split_words(command), Err(WordsError::OpenQuotation));
        }
        for command in ["", " \n\t "] {
            assert_eq!(split_words(command), Err(WordsError::Empty));
        }
        let long = "a".repeat(MAX_COMMAND_BYTES + 1);
        assert_eq!(split_words(&long), Err(WordsError::TooLong));
        let many = "a ".repeat(MAX_COMMAND_WORDS + 1);
        assert_eq!(split_words(&many), Err(WordsError::TooManyWords));
    }
}
