//! Placeholders: what they look like, and the values that this server gave.

use regex::{Captures, Regex};
use std::collections::BTreeMap;
use std::sync::LazyLock;

static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| {
    let numbered = r"<(?<kind>uid|rv|lrv|gen|hash|ip|nodePort|continue|sched):\d+>";
    let free = r"<(?<free>time|microtime|age|token|hash|server|lrv|rv|gitVersion|gitCommit|gitTreeState|buildDate|goVersion|platform)>";
    constant(&format!("{numbered}|{free}"))
});

static QUOTED_NODE_PORT: LazyLock<Regex> = LazyLock::new(|| constant(r#""(<nodePort:\d+>)""#));

fn constant(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is constant")
}

/// What the values of each kind look like.
fn shape(kind: &str) -> &'static str {
    match kind {
        "uid" => r"[0-9a-f-]{36}",
        "rv" | "lrv" | "nodePort" | "sched" => r"\d+",
        "gen" => r"[a-z0-9]{5}",
        "hash" => r"[A-Za-z0-9]+",
        "ip" => r"[0-9a-f.:]+",
        "continue" => r"[A-Za-z0-9_-]+",
        "time" => r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
        "microtime" => r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z",
        "age" => r"(?:\d+[smhdy])+",
        "token" | "server" => r"\S+",
        _ => ".*",
    }
}

/// Whether a text holds a placeholder.
pub(crate) fn in_text(text: &str) -> bool {
    PLACEHOLDER.is_match(text)
}

/// Whether a text is nothing but the placeholder of a node port, which is a
/// number on the wire.
pub(crate) fn is_node_port(text: &str) -> bool {
    text.starts_with("<nodePort:")
        && PLACEHOLDER
            .find(text)
            .is_some_and(|it| it.end() == text.len())
}

fn kind_of(placeholder: &str) -> &str {
    placeholder
        .trim_start_matches('<')
        .split([':', '>'])
        .next()
        .unwrap_or_default()
}

/// The values that numbered placeholders have got so far.
#[derive(Debug, Default)]
pub(crate) struct Bindings {
    bound: BTreeMap<String, String>,
}

impl Bindings {
    /// The value of a placeholder.
    pub fn get(&self, placeholder: &str) -> Option<&str> {
        self.bound.get(placeholder).map(String::as_str)
    }

    /// A recorded text with the values that this server gave.
    pub fn fill(&self, text: &str) -> String {
        let value = |found: &Captures<'_>| self.get(&found[0]).unwrap_or(&found[0]).to_owned();
        PLACEHOLDER.replace_all(text, value).into_owned()
    }

    /// A recorded path; what no answer has shown is sent as it stands.
    pub fn fill_path(&self, path: &str) -> String {
        let value = |found: &Captures<'_>| match (self.get(&found[0]), found.name("kind")) {
            (Some(token), Some(kind)) if kind.as_str() == "continue" => encode_in_query(token),
            (Some(value), _) => value.to_owned(),
            (None, _) => found[0].to_owned(),
        };
        let filled = PLACEHOLDER.replace_all(path, value);
        filled.replace('<', "%3C").replace('>', "%3E")
    }

    /// A recorded JSON text.
    pub fn fill_json(&self, json: &str) -> String {
        let number = |found: &Captures<'_>| self.get(&found[1]).unwrap_or(&found[0]).to_owned();
        self.fill(&QUOTED_NODE_PORT.replace_all(json, number))
    }

    /// Compares a text with a recorded one, and binds the placeholders seen
    /// for the first time. Fails with what is wrong.
    pub fn compare(&mut self, want: &str, got: &str) -> Result<(), String> {
        let wanted = self.pattern(want);
        let Some(found) = wanted.pattern.captures(got) else {
            return Err(format!("want {want:?}, got {got:?}"));
        };
        for (name, value) in wanted.open.iter().zip(found.iter().skip(1)) {
            self.bind(name, value.map_or("", |value| value.as_str()))?;
        }
        Ok(())
    }

    fn pattern(&self, want: &str) -> Wanted {
        let (mut pattern, mut end) = ("(?s)^".to_owned(), 0);
        let mut open = Vec::new();
        for found in PLACEHOLDER.find_iter(want) {
            pattern.push_str(&regex::escape(&want[end..found.start()]));
            end = found.end();
            let (name, kind) = (found.as_str(), kind_of(found.as_str()));
            match self.get(name) {
                Some(value) if kind != "lrv" => pattern.push_str(&regex::escape(value)),
                _ if name.contains(':') => {
                    pattern.push_str(&format!("({})", shape(kind)));
                    open.push(name.to_owned());
                }
                _ => pattern.push_str(shape(kind)),
            }
        }
        pattern.push_str(&format!("{}$", regex::escape(&want[end..])));
        let pattern = Regex::new(&pattern).expect("shapes and escaped texts are patterns");
        Wanted { pattern, open }
    }

    /// Same placeholder, same value; different ones, different values. A
    /// list's version is bound anew and compared with nothing.
    fn bind(&mut self, name: &str, value: &str) -> Result<(), String> {
        let kind = kind_of(name);
        if kind != "lrv" {
            if let Some(other) = self.get(name).filter(|other| *other != value) {
                return Err(format!("{name} is {value}, and was {other}"));
            }
            let same = |(other, bound): (&String, &String)| {
                other != name && kind_of(other) == kind && bound == value
            };
            if self.bound.iter().any(same) {
                return Err(format!(
                    "{name} is {value}, which another placeholder is already"
                ));
            }
        }
        self.bound.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// Checks that versions of objects grew in the given order, or in that of
    /// their numbers if none is given.
    pub fn check_versions(&self, order: &[String]) -> Result<(), String> {
        let mut names: Vec<String> = order.to_vec();
        if order.is_empty() {
            names = self
                .bound
                .keys()
                .filter(|name| kind_of(name) == "rv")
                .cloned()
                .collect();
            names.sort_by_key(|name| number_of(name));
        }
        let versions: Vec<(&String, u64)> = names
            .iter()
            .filter_map(|name| Some((name, self.get(name)?.parse().ok()?)))
            .collect();
        for pair in versions.windows(2) {
            let [(older, before), (newer, after)] = pair else {
                continue;
            };
            if before >= after {
                return Err(format!(
                    "{older} is {before}, and the later {newer} is {after}"
                ));
            }
        }
        Ok(())
    }
}

struct Wanted {
    pattern: Regex,
    /// The placeholders of its groups.
    open: Vec<String>,
}

fn number_of(placeholder: &str) -> usize {
    let digits = placeholder.trim_matches(|letter: char| !letter.is_ascii_digit());
    digits.parse().unwrap_or(usize::MAX)
}

/// A token must not be read as something else.
fn encode_in_query(token: &str) -> String {
    let mut encoded = String::with_capacity(token.len());
    for letter in token.chars() {
        match letter {
            '%' => encoded.push_str("%25"),
            '+' => encoded.push_str("%2B"),
            '=' => encoded.push_str("%3D"),
            '/' => encoded.push_str("%2F"),
            '&' => encoded.push_str("%26"),
            _ => encoded.push(letter),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_placeholder_is_the_same_value_and_others_are_others() {
        let mut bindings = Bindings::default();
        bindings.compare("version <rv:1>", "version 12").unwrap();
        bindings.compare("<rv:1>", "12").unwrap();
        assert!(bindings.compare("<rv:1>", "13").is_err());
        assert!(bindings.compare("<rv:2>", "12").is_err());
        bindings.compare("<lrv:1>", "12").unwrap();
        bindings.compare("<lrv:1>", "14").unwrap();
        assert_eq!(bindings.fill("a=<rv:1>&b=<lrv:1>"), "a=12&b=14");
        assert!(bindings.compare("<gen:1> <gen:1>", "abcde abcdf").is_err());
    }

    #[test]
    fn versions_grow_in_the_order_that_is_told() {
        let mut bindings = Bindings::default();
        for (name, value) in [("<rv:1>", "9"), ("<rv:2>", "3"), ("<rv:10>", "11")] {
            bindings.compare(name, value).unwrap();
        }
        assert!(bindings.check_versions(&[]).is_err());
        let order = ["<rv:2>", "<rv:1>", "<rv:10>"].map(str::to_owned);
        bindings.check_versions(&order).unwrap();
    }

    #[test]
    fn a_node_port_is_a_number_and_a_token_is_encoded() {
        let mut bindings = Bindings::default();
        bindings.compare("<nodePort:1>", "30001").unwrap();
        bindings.compare("<continue:1>", "ab_c-").unwrap();
        assert_eq!(
            bindings.fill_json(r#"{"nodePort":"<nodePort:1>","note":"at <nodePort:1>"}"#),
            r#"{"nodePort":30001,"note":"at 30001"}"#
        );
        assert_eq!(encode_in_query("a=b/c"), "a%3Db%2Fc");
        assert_eq!(bindings.fill_path("/x?v=<rv:7>"), "/x?v=%3Crv:7%3E");
    }
}
