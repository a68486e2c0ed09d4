//! Options of command lines, in the two ways in which the generators read
//! them.

/// What is wrong with an option.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("option {option}: {problem}")]
pub struct OptionError {
    option: String,
    problem: &'static str,
}

impl OptionError {
    fn new(option: &str, problem: &'static str) -> Self {
        Self {
            option: option.chars().take(64).collect(),
            problem,
        }
    }

    /// A value that the option can't have; the value itself is not shown.
    pub(super) fn value(option: &str, problem: &'static str) -> Self {
        Self::new(option, problem)
    }

    /// An option that the program has and this generator has not.
    pub(super) fn unsupported(option: &str) -> Self {
        Self::new(
            option,
            "not supported by the load generator that is built in",
        )
    }

    /// An option that the program does not have.
    pub(super) fn unknown(option: &str) -> Self {
        Self::new(option, "unknown")
    }
}

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// A value.
    Value,
    /// None: being there says it all.
    Nothing,
}

/// Options in the order in which they come, and what is none.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parsed {
    /// Names without dashes, and values; `true` for those that take none.
    pub options: Vec<(&'static str, String)>,
    /// The rest.
    pub operands: Vec<String>,
}

/// Reads words as Go's package `flag` does: one dash or two, a value behind
/// `=` or in the next word, and nothing more from the first operand on.
pub(super) fn go_flags(
    words: &[String],
    known: &[(&'static str, Takes)],
) -> Result<Parsed, OptionError> {
    let mut parsed = Parsed::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix('-').filter(|flag| !flag.is_empty()) else {
            parsed.operands.push(word.clone());
            break;
        };
        let flag = flag.strip_prefix('-').unwrap_or(flag);
        if flag.is_empty() {
            break;
        }
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (flag, None),
        };
        let (name, takes) = *known
            .iter()
            .find(|(known, _)| *known == name)
            .ok_or_else(|| OptionError::unknown(word))?;
        let value = match (takes, value) {
            (_, Some(value)) => value,
            (Takes::Nothing, None) => "true".to_owned(),
            (Takes::Value, None) => next_value(name, words.next())?,
        };
        parsed.options.push((name, value));
    }
    parsed.operands.extend(words.cloned());
    Ok(parsed)
}

/// Reads words as `getopt_long` does: short options may stand together and
/// next to their value, long ones have two dashes, and operands may stand
/// anywhere. `long` gives the short name of each long option.
pub(super) fn getopt(
    words: &[String],
    known: &[(&'static str, Takes)],
    long: &[(&str, &str)],
) -> Result<Parsed, OptionError> {
    let takes = |name: &str| known.iter().copied().find(|(known, _)| *known == name);
    let mut parsed = Parsed::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            break;
        }
        if let Some(named) = word.strip_prefix("--") {
            let (name, value) = match named.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (named, None),
            };
            let short = long.iter().find(|(long, _)| *long == name);
            let (name, takes) = short
                .and_then(|(_, short)| takes(short))
                .ok_or_else(|| OptionError::unknown(word))?;
            let value = match (takes, value) {
                (Takes::Nothing, _) => "true".to_owned(),
                (Takes::Value, Some(value)) => value.to_owned(),
                (Takes::Value, None) => next_value(name, words.next())?,
            };
            parsed.options.push((name, value));
            continue;
        }
        let Some(mut cluster) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) else {
            parsed.operands.push(word.clone());
            continue;
        };
        while let Some(first) = cluster.chars().next() {
            let (letter, rest) = cluster.split_at(first.len_utf8());
            let (name, takes) = takes(letter).ok_or_else(|| OptionError::unknown(word))?;
            let value = match takes {
                Takes::Nothing => "true".to_owned(),
                Takes::Value if rest.is_empty() => next_value(name, words.next())?,
                Takes::Value => rest.to_owned(),
            };
            parsed.options.push((name, value));
            cluster = if takes == Takes::Nothing { rest } else { "" };
        }
    }
    parsed.operands.extend(words.cloned());
    Ok(parsed)
}

fn next_value(name: &str, next: Option<&String>) -> Result<String, OptionError> {
    next.cloned()
        .ok_or_else(|| OptionError::new(name, "its value is missing"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Takes::{Nothing, Value};

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn parsed(options: &[(&'static str, &str)], operands: &str) -> Parsed {
        Parsed {
            options: options
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect(),
            operands: words(operands),
        }
    }

    const GO: [(&str, Takes); 3] = [("z", Value), ("h2", Nothing), ("host", Value)];

    #[test]
    fn flags_are_read_as_go_does() {
        let read = |text| go_flags(&words(text), &GO);
        for (text, expected) in [
            ("-z 1m url", parsed(&[("z", "1m")], "url")),
            (
                "--z=1m --h2 url -z 2",
                parsed(&[("z", "1m"), ("h2", "true")], "url -z 2"),
            ),
            (
                "-h2=false -host -x u",
                parsed(&[("h2", "false"), ("host", "-x")], "u"),
            ),
            ("-z= -- -u", parsed(&[("z", "")], "-u")),
            ("- -z", parsed(&[], "- -z")),
        ] {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
        for text in ["-y", "-z", "-z1m", "---z", "-=1", "-H2"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    const SHORT: [(&str, Takes); 3] = [("c", Value), ("k", Nothing), ("q", Nothing)];
    const LONG: [(&str, &str); 2] = [("connections", "c"), ("keep", "k")];

    #[test]
    fn options_are_read_as_getopt_does() {
        let read = |text| getopt(&words(text), &SHORT, &LONG);
        for (text, expected) in [
            ("-c5 u", parsed(&[("c", "5")], "u")),
            (
                "u -kqc 5",
                parsed(&[("k", "true"), ("q", "true"), ("c", "5")], "u"),
            ),
            (
                "--connections=5 --keep u",
                parsed(&[("c", "5"), ("k", "true")], "u"),
            ),
            ("--connections 5 -- -k u", parsed(&[("c", "5")], "-k u")),
            ("-kc5q -", parsed(&[("k", "true"), ("c", "5q")], "-")),
        ] {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
        for text in ["-x", "-c", "--connections", "--other", "--c 5", "-kü"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
