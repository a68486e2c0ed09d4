//! The rules of a schema (`x-kubernetes-validations`): whether a definition
//! may have them.

use super::{Around, Keywords};
use crate::field_error::FieldError;
use crate::go;
use crate::structural::limits::printed;
use crate::structural::node::Node;
use crate::structural::rules;
use crate::structural::rules::kinds::{self, Mistake, Wanted};
use trueup_object::{Value, to_json};

/// Where a rule stands.
struct RulePlace<'a> {
    path: String,
    node: &'a Node,
    is_resource: bool,
    /// The outermost list around it whose items can't be told to be those of
    /// before.
    uncorrelated: Option<&'a str>,
}

/// Whether a path of fields (`.a.b`, `['c']`) leads to something in a schema.
fn leads_somewhere(node: &Node, path: &str) -> bool {
    let (name, rest) = if let Some(after) = path.strip_prefix("['") {
        let Some((name, rest)) = after.split_once("']") else {
            return false;
        };
        (name, rest)
    } else if let Some(after) = path.strip_prefix('.') {
        let end = after.find(['.', '[']).unwrap_or(after.len());
        after.split_at(end)
    } else {
        return false;
    };
    node.member(name)
        .is_some_and(|below| rest.is_empty() || leads_somewhere(below, rest))
}

/// The reasons that a rule may give.
const REASONS: [&str; 4] = [
    "FieldValueRequired",
    "FieldValueForbidden",
    "FieldValueInvalid",
    "FieldValueDuplicate",
];

/// A rule as the API server prints it.
fn dumped(rule: &Value) -> String {
    let text = |key: &str| rule.str_at(&[key]).unwrap_or("");
    let or_null = |key: &str| rule.get(key).cloned().unwrap_or_default();
    let fields = [
        ("Rule", Value::from(text("rule"))),
        ("Message", text("message").into()),
        ("MessageExpression", text("messageExpression").into()),
        ("Reason", or_null("reason")),
        ("FieldPath", text("fieldPath").into()),
        ("OptionalOldSelf", or_null("optionalOldSelf")),
    ];
    let printed = fields.map(|(name, value)| {
        let value = String::from_utf8_lossy(&to_json(&value)).into_owned();
        format!("\"{name}\":{value}")
    });
    format!("{{{}}}", printed.join(","))
}

impl Keywords {
    /// Whether the expressions of a rule are some, fit their schema, and may
    /// speak of the value before.
    fn expressions(&mut self, rule: &Value, place: &RulePlace<'_>) {
        let text = |key: &str| rule.str_at(&[key]).unwrap_or("");
        let path = place.path.as_str();
        match rules::compile(text("rule").trim()) {
            Err(error) => self.not_compiled(rule, &format!("{path}.rule"), "", &error),
            Ok(expression) => {
                let mistake = kinds::check(
                    text("rule").trim(),
                    &expression.tree,
                    place.node,
                    place.is_resource,
                    Wanted::Truth,
                );
                self.of_kind(rule, &format!("{path}.rule"), mistake, Wanted::Truth);
                self.transition(rule, place, expression.is_transition());
            }
        }
        self.message_expression(rule, place);
        let reason = text("reason");
        if !reason.is_empty() && !REASONS.contains(&reason) {
            let mut allowed: Vec<String> = REASONS.iter().map(|it| go::quoted(it)).collect();
            allowed.sort();
            self.errors.push(FieldError::not_supported(
                format!("{path}.reason"),
                &go::quoted(reason),
                &allowed,
            ));
        }
        let field_path = text("fieldPath");
        if !field_path.is_empty() && !leads_somewhere(place.node, field_path) {
            self.errors.push(FieldError::invalid(
                format!("{path}.fieldPath"),
                &go::quoted(field_path),
                "must be a valid path",
            ));
        }
    }

    fn message_expression(&mut self, rule: &Value, place: &RulePlace<'_>) {
        let text = rule.str_at(&["messageExpression"]).unwrap_or("").trim();
        if text.is_empty() {
            return;
        }
        let field = format!("{}.messageExpression", place.path);
        match rules::compile(text) {
            Err(error) => self.not_compiled(rule, &field, "messageExpression ", &error),
            Ok(expression) => {
                let mistake = kinds::check(
                    text,
                    &expression.tree,
                    place.node,
                    place.is_resource,
                    Wanted::Text,
                );
                self.of_kind(rule, &field, mistake, Wanted::Text);
            }
        }
    }

    fn not_compiled(&mut self, rule: &Value, field: &str, which: &str, error: &str) {
        let detail = format!("{which}compilation failed: {error}");
        self.errors
            .push(FieldError::invalid(field, &dumped(rule), &detail));
    }

    fn of_kind(&mut self, rule: &Value, field: &str, mistake: Option<Mistake>, wanted: Wanted) {
        let which = match wanted {
            Wanted::Truth => "",
            Wanted::Text => "messageExpression ",
        };
        match mistake {
            None => {}
            Some(Mistake::Compile(error)) => self.not_compiled(rule, field, which, &error),
            Some(Mistake::Kind) => {
                let detail = match wanted {
                    Wanted::Truth => "cel expression must evaluate to a bool",
                    Wanted::Text => "messageExpression must evaluate to a string",
                };
                self.errors
                    .push(FieldError::invalid(field, &dumped(rule), detail));
            }
        }
    }

    /// Where a rule may speak of the value before.
    fn transition(&mut self, rule: &Value, place: &RulePlace<'_>, is_transition: bool) {
        let path = &place.path;
        let optional = rule.get("optionalOldSelf").filter(|it| !it.is_null());
        if let Some(given) = optional.filter(|_| !is_transition) {
            self.errors.push(FieldError::invalid(
                format!("{path}.optionalOldSelf"),
                &printed(given),
                "may not be set if oldSelf is not used in rule",
            ));
        }
        if let Some(list) = place.uncorrelated.filter(|_| is_transition) {
            let detail = format!(
                "oldSelf cannot be used on the uncorrelatable portion of the schema within {list}"
            );
            let rule = go::quoted(rule.str_at(&["rule"]).unwrap_or(""));
            self.errors
                .push(FieldError::invalid(format!("{path}.rule"), &rule, &detail));
        }
    }

    /// What a rule says of itself.
    fn message(&mut self, rule: &Value, path: &str) {
        let field = format!("{path}.message");
        let message = rule.str_at(&["message"]).unwrap_or("");
        let has_breaks = |text: &str| text.contains(['\n', '\r']);
        if !message.is_empty() && message.trim().is_empty() {
            let detail = "must be non-empty if specified";
            self.errors
                .push(FieldError::invalid(field, &go::quoted(message), detail));
        } else if has_breaks(message.trim()) {
            let detail = "must not contain line breaks";
            self.errors
                .push(FieldError::invalid(field, &go::quoted(message), detail));
        } else if message.is_empty() && has_breaks(rule.str_at(&["rule"]).unwrap_or("").trim()) {
            let detail = "message must be specified if rule contains line breaks";
            self.errors.push(FieldError::required(field, detail));
        }
    }

    pub(super) fn rules(
        &mut self,
        schema: &Value,
        path: &str,
        around: Around,
        uncorrelated: Option<&str>,
    ) {
        let rules = schema
            .get("x-kubernetes-validations")
            .and_then(Value::as_list)
            .unwrap_or_default();
        if rules.is_empty() {
            return;
        }
        let node = Node::read(schema, 0);
        for (index, rule) in rules.iter().enumerate() {
            let place = RulePlace {
                path: format!("{path}.x-kubernetes-validations[{index}]"),
                node: &node,
                is_resource: around.root,
                uncorrelated,
            };
            if rule.str_at(&["rule"]).unwrap_or("").trim().is_empty() {
                let field = format!("{}.rule", place.path);
                self.errors
                    .push(FieldError::required(field, "rule is not specified"));
            } else {
                self.expressions(rule, &place);
            }
            self.message(rule, &place.path);
        }
    }
}
