//! Differences for people, in the manner of flux.

use super::compare::{Difference, Outcome, Shown};
use super::prune::Fate;
use super::text;
use crate::paint::{Paint, Tone, printable};
use trueup_object::{ObjectRef, Value, to_yaml};

/// Sets differences out, in colours where a person sees them.
pub struct Printer {
    paint: Paint,
}

impl Printer {
    /// With these colours.
    pub fn new(paint: Paint) -> Self {
        Self { paint }
    }

    /// What would happen to an object; empty for nothing.
    pub fn outcome(&self, object: &ObjectRef, outcome: &Outcome) -> String {
        match outcome {
            Outcome::Same => String::new(),
            Outcome::Skipped(reason) => {
                self.head(Tone::Skipped, &format!("► {object} skipped ({reason})"))
            }
            Outcome::Created => self.head(Tone::Added, &format!("► {object} created")),
            Outcome::Recreated => self.head(
                Tone::Changed,
                &format!("► {object} deleted and created anew (a field that can't change)"),
            ),
            Outcome::Drifted(differences) => {
                let head = self.head(Tone::Heading, &format!("► {object} drifted"));
                let fields: Vec<String> = differences.iter().map(|it| self.field(it)).collect();
                format!("{head}\n{}", fields.concat())
            }
        }
    }

    /// What would happen to an object that left the files.
    pub fn fate(&self, object: &ObjectRef, fate: Fate) -> String {
        match fate {
            Fate::Deleted => self.head(Tone::Removed, &format!("► {object} deleted")),
            Fate::Kept(reason) => self.head(Tone::Skipped, &format!("► {object} kept ({reason})")),
        }
    }

    /// That a Kustomization applies to another cluster.
    pub fn remote(&self, object: &ObjectRef) -> String {
        let text = format!("⚠️ {object} skipped: diff not supported for remote clusters");
        self.head(Tone::Skipped, &text)
    }

    fn head(&self, tone: Tone, text: &str) -> String {
        format!("{}\n", self.paint.on(tone, &printable(text)))
    }

    fn field(&self, difference: &Difference) -> String {
        let path = printable(&difference.field.dotted());
        let path = self.paint.on(Tone::Heading, &path);
        let (tone, what) = match (&difference.from, &difference.to) {
            (Some(_), Some(_)) => (Tone::Changed, "± value change"),
            (None, _) => (Tone::Added, "+ added"),
            (_, None) => (Tone::Removed, "- removed"),
        };
        let what = self.paint.on(tone, what);
        format!("{path}\n{what}\n{}\n", self.values(difference))
    }

    fn values(&self, difference: &Difference) -> String {
        let both = (&difference.from, &difference.to);
        if let (Some(Shown::Open(Value::String(from))), Some(Shown::Open(Value::String(to)))) = both
            && (from.contains('\n') || to.contains('\n'))
        {
            return text::changed_lines(from, to)
                .iter()
                .map(|line| self.line(line.sign(), line.text()))
                .collect();
        }
        let is_change = difference.from.is_some() && difference.to.is_some();
        let side = |sign: char, value: &Option<Shown>| {
            let lines = value.as_ref().map(|it| lines(it, sign, is_change));
            let lines = lines.unwrap_or_default();
            lines
                .iter()
                .map(|line| self.line(sign, line))
                .collect::<String>()
        };
        side('-', &difference.from) + &side('+', &difference.to)
    }

    fn line(&self, sign: char, text: &str) -> String {
        let line = format!("{sign} {}", printable(text));
        let line = match sign {
            '+' => self.paint.on(Tone::Added, &line),
            '-' => self.paint.on(Tone::Removed, &line),
            _ => line,
        };
        format!("{}\n", line.trim_end_matches(' '))
    }
}

/// A value as lines; of one that must not be shown only its side.
fn lines(value: &Shown, sign: char, is_change: bool) -> Vec<String> {
    match value {
        Shown::Masked if !is_change => vec!["***".to_owned()],
        Shown::Masked if sign == '-' => vec!["*** (before)".to_owned()],
        Shown::Masked => vec!["*** (after)".to_owned()],
        Shown::Open(Value::String(text)) => lines_of(text),
        Shown::Open(other) => lines_of(to_yaml(other).trim_end()),
    }
}

fn lines_of(text: &str) -> Vec<String> {
    if text.is_empty() {
        return vec!["\"\"".to_owned()];
    }
    text.lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::{FieldPath, GroupVersionKind};

    fn object() -> ObjectRef {
        ObjectRef {
            kind: GroupVersionKind::new("v1", "ConfigMap"),
            namespace: "apps".into(),
            name: "web".into(),
        }
    }

    fn printed(from: Option<Shown>, to: Option<Shown>) -> String {
        let field = FieldPath::of_keys(&["data", "colour"]);
        let outcome = Outcome::Drifted(vec![Difference { field, from, to }]);
        Printer::new(Paint::plain()).outcome(&object(), &outcome)
    }

    fn open(text: &str) -> Option<Shown> {
        Some(Shown::Open(Value::string(text)))
    }

    #[test]
    fn a_change_is_told_with_both_values() {
        let expected =
            "► ConfigMap/apps/web drifted\n\ndata.colour\n± value change\n- green\n+ blue\n\n";
        assert_eq!(printed(open("green"), open("blue")), expected);
        let expected = "► ConfigMap/apps/web drifted\n\ndata.colour\n+ added\n+ blue\n\n";
        assert_eq!(printed(None, open("blue")), expected);
    }

    #[test]
    fn a_masked_change_tells_only_that_there_is_one() {
        let expected = "► ConfigMap/apps/web drifted\n\ndata.colour\n± value change\n- *** (before)\n+ *** (after)\n\n";
        assert_eq!(printed(Some(Shown::Masked), Some(Shown::Masked)), expected);
    }

    #[test]
    fn long_texts_show_the_lines_that_change() {
        let from = "a\nb\nc\nd\ne\nf\ng\nh\n";
        let to = "a\nb\nc\nd\ne\nf\ng\ni\n";
        let text = printed(open(from), open(to));
        assert!(
            text.ends_with("± value change\n  …\n  e\n  f\n  g\n- h\n+ i\n\n"),
            "{text}"
        );
    }

    #[test]
    fn control_characters_reach_no_terminal() {
        for from in ["b", "b\n"] {
            let text = printed(open(from), open("a\u{1b}[2Jb"));
            assert!(text.contains("+ a\u{fffd}[2Jb\n"), "{text:?}");
        }
    }
}
