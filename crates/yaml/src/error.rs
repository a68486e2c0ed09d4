/// Why a text is no YAML that we take, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct YamlError {
    /// What was found and what was expected; for mistakes of syntax in the
    /// words of Go's libraries.
    pub message: String,
    /// The line, counted from 1.
    pub line: u32,
    /// The column in characters, counted from 1.
    pub column: u32,
    /// The line that Go's libraries tell for a mistake of syntax, which is
    /// not always the one where it stands; `None` where they tell none.
    pub go_line: Option<u32>,
    /// All that Go's libraries tell, where it is not `message`.
    pub go_words: Option<String>,
}

impl YamlError {
    /// A mistake for which Go's libraries tell no line.
    #[must_use]
    pub fn new(message: impl Into<String>, line: u32, column: u32) -> Self {
        Self {
            message: message.into(),
            line,
            column,
            go_line: None,
            go_words: None,
        }
    }

    /// The mistake as Go's libraries tell it: `yaml: line 3: …`.
    #[must_use]
    pub fn go_text(&self) -> String {
        match (&self.go_words, self.go_line) {
            (Some(words), _) => words.clone(),
            (None, Some(line)) => format!("yaml: line {line}: {}", self.message),
            (None, None) => format!("yaml: {}", self.message),
        }
    }
}
