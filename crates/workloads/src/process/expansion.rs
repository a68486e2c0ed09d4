//! `$(NAME)` in commands, arguments and values of variables, as the
//! [API reference](https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/)
//! defines it: what names no variable stays as it is, and `$$` is `$`.

use std::collections::BTreeMap;

/// A text with its references replaced by what `variables` has.
pub(super) fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        rest = if let Some(after) = after.strip_prefix('$') {
            expanded.push('$');
            after
        } else {
            reference(after, variables, &mut expanded)
        };
    }
    expanded.push_str(rest);
    expanded
}

/// Writes what follows a `$`, and returns what is left.
fn reference<'a>(
    after: &'a str,
    variables: &BTreeMap<String, String>,
    expanded: &mut String,
) -> &'a str {
    let closed = after
        .strip_prefix('(')
        .and_then(|open| open.split_once(')'));
    let Some((name, rest)) = closed else {
        expanded.push('$');
        return after;
    };
    match variables.get(name) {
        Some(value) => expanded.push_str(value),
        None => {
            expanded.push_str("$(");
            expanded.push_str(name);
            expanded.push(')');
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_replaced_and_everything_else_stays() {
        let variables = [("A", "one"), ("B", "$(A)"), ("a.b-c", "dots")];
        let variables = variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        for (text, expected) in [
            ("", ""),
            ("$(A)", "one"),
            ("x$(A)y$(A)z", "xoneyonez"),
            ("$(B)", "$(A)"),
            ("$(a.b-c)", "dots"),
            ("$(missing)", "$(missing)"),
            ("$$(A)", "$(A)"),
            ("$$$(A)", "$one"),
            ("$$$$(A)", "$$(A)"),
            ("$", "$"),
            ("$$", "$"),
            ("$A ${A}", "$A ${A}"),
            ("$(A", "$(A"),
            ("$()", "$()"),
            ("$($(A))", "$($(A))"),
            ("\u{1f600}$(A)\u{1f600}", "\u{1f600}one\u{1f600}"),
        ] {
            assert_eq!(expand(text, &variables), expected, "{text}");
        }
    }
}
