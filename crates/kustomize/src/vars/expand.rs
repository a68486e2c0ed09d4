//! `$(NAME)` in texts.

use crate::growth::Growth;
use crate::node::Scalar;
use std::collections::HashMap;
use trueup_object::Text;

/// What a text becomes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Expanded {
    Text(String),
    /// The text was one variable and nothing else, so the type stays.
    Value(Scalar),
}

/// Puts values in the place of `$(NAME)`. `$$` is a dollar; names that are not
/// known stay as they are. Fails where the build makes too much.
pub(crate) fn expand(
    text: &str,
    values: &HashMap<Text, Scalar>,
    growth: &Growth,
) -> Result<Expanded, String> {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let after = &rest[at + 1..];
        made.push_str(&rest[..at]);
        let Some(next) = after.chars().next() else {
            made.push('$');
            return Ok(Expanded::Text(made));
        };
        let closed = after.strip_prefix('(').and_then(|it| it.split_once(')'));
        match (next, closed) {
            ('$', _) => {
                made.push('$');
                rest = &after[1..];
            }
            ('(', Some((name, behind))) => {
                match values.get(name) {
                    Some(value) if text.len() == name.len() + 3 => {
                        return Ok(Expanded::Value(value.clone()));
                    }
                    Some(value) => {
                        growth.add(value.text.len())?;
                        made.push_str(&value.text);
                    }
                    None => made.push_str(&format!("$({name})")),
                }
                rest = behind;
            }
            (next, _) => {
                made.push('$');
                made.push(next);
                rest = &after[next.len_utf8()..];
            }
        }
    }
    made.push_str(rest);
    Ok(Expanded::Text(made))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_dollars_escaped_and_the_rest_stays() {
        let values = HashMap::from([
            (Text::from("A"), Scalar::string("x")),
            (Text::from("N"), Scalar::plain("5")),
        ]);
        let growth = Growth::new(&crate::Limits::default());
        for (text, wanted) in [
            ("$(A)-$(N)", "x-5"),
            ("$$(A)", "$(A)"),
            ("$(B)$", "$(B)$"),
            ("$(A", "$(A"),
            ("a$b", "a$b"),
        ] {
            let made = expand(text, &values, &growth);
            assert_eq!(made, Ok(Expanded::Text(wanted.to_owned())));
        }
        let made = expand("$(N)", &values, &growth);
        assert_eq!(made, Ok(Expanded::Value(Scalar::plain("5"))));
    }
}
