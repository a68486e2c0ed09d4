//! Conditions of Gateway API objects.

use trueup_object::{Text, Value, value};

/// The longest message that the API takes.
const MAX_MESSAGE_BYTES: usize = 32_768;

/// Whether something holds, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub kind: &'static str,
    pub holds: bool,
    pub reason: &'static str,
    pub message: String,
}

impl Verdict {
    /// What holds as it should.
    pub(crate) fn good(kind: &'static str, reason: &'static str) -> Self {
        Self {
            kind,
            holds: true,
            reason,
            message: String::new(),
        }
    }

    /// What doesn't.
    pub(crate) fn bad(kind: &'static str, reason: &'static str, message: String) -> Self {
        Self {
            kind,
            holds: false,
            reason,
            message,
        }
    }
}

/// The conditions that stand for verdicts on `generation`. One of before whose
/// status is the same keeps its time; of kinds that are not judged it stays.
pub(crate) fn conditions(
    before: Option<&Value>,
    verdicts: &[Verdict],
    generation: i64,
    now: &Text,
) -> Value {
    let before = before.and_then(Value::as_list).unwrap_or_default();
    let known = |kind: &str| before.iter().find(|it| it.str_at(&["type"]) == Some(kind));
    let judged = verdicts.iter().map(|verdict| {
        let status = if verdict.holds { "True" } else { "False" };
        let same = known(verdict.kind).filter(|it| it.str_at(&["status"]) == Some(status));
        let since = same.and_then(|it| it.str_at(&["lastTransitionTime"]));
        value!({
            "type": (verdict.kind),
            "status": status,
            "observedGeneration": generation,
            "lastTransitionTime": (Text::from(since.unwrap_or(now))),
            "reason": (verdict.reason),
            "message": (Text::from(cut(&verdict.message))),
        })
    });
    let others = before.iter().filter(|it| {
        let kind = it.str_at(&["type"]);
        !verdicts.iter().any(|verdict| kind == Some(verdict.kind))
    });
    judged.chain(others.cloned()).collect()
}

fn cut(message: &str) -> &str {
    &message[..message.floor_char_boundary(MAX_MESSAGE_BYTES)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_change_with_the_status_only() {
        let at = |text: &str| Text::from(text);
        let accepted = [Verdict::good("Accepted", "Accepted")];
        let first = conditions(None, &accepted, 1, &at("2026-01-01T00:00:00Z"));
        let later = conditions(Some(&first), &accepted, 2, &at("2026-01-02T00:00:00Z"));
        let since = |list: &Value| -> String {
            let list = list.as_list().unwrap();
            list[0].str_at(&["lastTransitionTime"]).unwrap().to_owned()
        };
        assert_eq!(since(&later), "2026-01-01T00:00:00Z");
        assert_eq!(
            later.as_list().unwrap()[0].i64_at(&["observedGeneration"]),
            Some(2)
        );
        let refused = [Verdict::bad("Accepted", "UnsupportedValue", "x".into())];
        let refused = conditions(Some(&later), &refused, 2, &at("2026-01-03T00:00:00Z"));
        assert_eq!(since(&refused), "2026-01-03T00:00:00Z");
        let foreign = value!([{"type": "Theirs", "status": "True"}]);
        let both = conditions(Some(&foreign), &accepted, 1, &at("2026-01-01T00:00:00Z"));
        assert_eq!(both.as_list().unwrap().len(), 2);
    }
}
