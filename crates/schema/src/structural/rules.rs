//! Rules in CEL (`x-kubernetes-validations`): compiled once, when first
//! needed, and judged for every object that is written. Order, words and what
//! is let pass follow the API server's behaviour.

mod compile;
mod cost;
pub(super) mod kinds;
mod present;

use super::limits::{at, printed};
use super::node::{Additional, Node};
use super::validate::same_item;
use crate::field_error::{FieldError, FieldReason};
use compile::Expression;
pub(super) use compile::compile;
use cost::Budget;
use kube_cel::KubeCelExt;
use kube_cel::cel::{Context, ExecutionError, Value as Cel};
use std::cell::LazyCell;
use std::sync::{Arc, OnceLock};
use trueup_object::{Text, Value};

/// How deep a value is looked into.
const MAX_DEPTH: usize = 128;

/// One rule of a schema.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub raw: Value,
    compiled: Arc<OnceLock<Result<Compiled, String>>>,
}

#[derive(Debug)]
struct Compiled {
    rule: Expression,
    message: Option<Expression>,
    /// The rule compares with what was there before.
    transition: bool,
}

impl Rule {
    pub(super) fn new(raw: Value) -> Self {
        Self {
            raw,
            compiled: Arc::default(),
        }
    }

    fn text(&self, key: &str) -> &str {
        self.raw.str_at(&[key]).unwrap_or("").trim()
    }

    fn compiled(&self) -> Result<&Compiled, &str> {
        self.compiled
            .get_or_init(|| {
                let rule = compile(self.text("rule"))?;
                let expression = self.text("messageExpression");
                let message = if expression.is_empty() {
                    None
                } else {
                    compile(expression).ok()
                };
                let transition = rule.is_transition();
                Ok(Compiled {
                    rule,
                    message,
                    transition,
                })
            })
            .as_ref()
            .map_err(String::as_str)
    }

    /// The message of the rule, else the rule itself.
    fn named(&self) -> &str {
        let message = self.text("message");
        if message.is_empty() {
            self.text("rule")
        } else {
            message
        }
    }
}

/// Whether a schema has a rule anywhere.
pub(super) fn any(node: &Node) -> bool {
    let additional = match &node.additional {
        Some(Additional::Schema(schema)) => any(schema),
        _ => false,
    };
    !node.rules.is_empty()
        || additional
        || node.items.as_deref().is_some_and(any)
        || node.properties.iter().any(|(_, property)| any(property))
}

/// What rules have against an object.
#[derive(Default)]
pub(super) struct Verdict {
    /// What is wrong.
    pub errors: Vec<FieldError>,
    /// What is wrong but was so before, and so is let pass.
    pub ratcheted: Vec<FieldError>,
}

/// Judges an object by the rules of its schema.
pub(super) fn judge(object: &Value, before: Option<&Value>, root: &Node) -> Verdict {
    thread_local! {
        static FUNCTIONS: LazyCell<Context<'static>> =
            LazyCell::new(|| Context::default().with_all());
    }
    FUNCTIONS.with(|functions| {
        let mut judge = Judge {
            functions,
            verdict: Verdict::default(),
            budget: Budget::default(),
        };
        let place = Place {
            path: String::new(),
            before,
            unchanged: before == Some(object),
            resource: true,
            depth: 0,
        };
        judge.visit(object, root, &place);
        judge.verdict
    })
}

struct Place<'a> {
    path: String,
    /// What stood at this place before, where that can be told.
    before: Option<&'a Value>,
    /// Nothing has changed here, or in the nearest place around it of which
    /// that can be told.
    unchanged: bool,
    /// The value is a whole object.
    resource: bool,
    depth: usize,
}

impl<'a> Place<'a> {
    fn below(&self, path: String, value: &Value, before: Option<&'a Value>, node: &Node) -> Self {
        Self {
            path,
            before,
            unchanged: before.map_or(self.unchanged, |before| before == value),
            resource: node.embedded,
            depth: self.depth + 1,
        }
    }
}

struct Judge<'a> {
    functions: &'a Context<'static>,
    verdict: Verdict,
    budget: Budget,
}

impl Judge<'_> {
    fn visit(&mut self, value: &Value, node: &Node, place: &Place<'_>) {
        if place.depth > MAX_DEPTH || value.is_null() || self.budget.is_spent() {
            return;
        }
        if !node.rules.is_empty() {
            self.rules(value, node, place);
        }
        match value {
            Value::Map(map) => {
                for (name, member) in map {
                    let Some(schema) = node.member(name) else {
                        continue;
                    };
                    let path = match (node.property(name), place.path.is_empty()) {
                        (Some(_), true) => name.to_string(),
                        (Some(_), false) => format!("{}.{name}", place.path),
                        (None, _) => format!("{}[{name}]", place.path),
                    };
                    let before = place.before.and_then(|before| before.get(name));
                    self.visit(member, schema, &place.below(path, member, before, schema));
                }
            }
            Value::List(items) => {
                let Some(schema) = &node.items else { return };
                let known = place.before.and_then(Value::as_list).unwrap_or_default();
                for (index, item) in items.iter().enumerate() {
                    let before = same_item(known, item, &node.list_keys);
                    let path = format!("{}[{index}]", place.path);
                    self.visit(item, schema, &place.below(path, item, before, schema));
                }
            }
            _ => {}
        }
    }

    fn rules(&mut self, value: &Value, node: &Node, place: &Place<'_>) {
        let shown = present::present(value, node, place.resource);
        let before = place
            .before
            .filter(|before| !before.is_null())
            .map(|before| present::present(before, node, place.resource));
        let longest = cost::longest(value);
        for rule in &node.rules {
            let path = path_of(&place.path, rule.text("fieldPath"));
            let compiled = match rule.compiled() {
                Ok(compiled) => compiled,
                Err(error) => {
                    let message = format!("rule compile error: {error}");
                    self.verdict
                        .errors
                        .push(mistake(&place.path, node, &message));
                    continue;
                }
            };
            let optional = rule.raw.at(&["optionalOldSelf"]).and_then(Value::as_bool) == Some(true);
            if compiled.transition && before.is_none() && !optional {
                continue;
            }
            if !self.budget.spend(rule.text("rule"), longest) {
                let message = "validation failed due to running out of cost budget, no further validation rules will be run";
                self.verdict
                    .errors
                    .push(mistake(&place.path, node, message));
                return;
            }
            let scope = self.scope(&shown, before.as_ref(), optional);
            match compiled.rule.evaluate(&scope) {
                Ok(Cel::Bool(true)) => {}
                Ok(_) => {
                    let error = broken(rule, &message(rule, compiled, &scope), &path, value, node);
                    // What was wrong before and has not changed is let pass.
                    if place.unchanged && !compiled.transition {
                        self.verdict.ratcheted.push(error);
                    } else {
                        self.verdict.errors.push(error);
                    }
                }
                Err(error) => {
                    let message = failure(rule, &error);
                    self.verdict
                        .errors
                        .push(mistake(&place.path, node, &message));
                }
            }
        }
    }

    fn scope(&self, shown: &Cel, before: Option<&Cel>, optional: bool) -> Context<'_> {
        let mut scope = self.functions.new_inner_scope();
        scope.add_variable_from_value("self", shown.clone());
        match (before, optional) {
            (Some(before), false) => scope.add_variable_from_value("oldSelf", before.clone()),
            (before, true) => scope.add_variable_from_value("oldSelf", present::optional(before)),
            (None, false) => {}
        }
        scope
    }
}

/// A rule that does not hold.
fn broken(rule: &Rule, message: &str, path: &str, value: &Value, node: &Node) -> FieldError {
    let is_container = matches!(node.typ.as_str(), "object" | "array");
    let shown = (!is_container).then(|| printed(value));
    match rule.text("reason") {
        "FieldValueForbidden" => FieldError::forbidden(path, message),
        "FieldValueRequired" => FieldError::required(path, message),
        "FieldValueDuplicate" => {
            let message = shown.map_or_else(
                || "Duplicate value".to_owned(),
                |shown| format!("Duplicate value: {shown}"),
            );
            FieldError::new(at(path), FieldReason::Duplicate, message)
        }
        _ => match shown {
            Some(shown) => FieldError::invalid(at(path), &shown, message),
            None => FieldError::new(
                at(path),
                FieldReason::Invalid,
                format!("Invalid value: {message}"),
            ),
        },
    }
}

/// A rule that could not be judged, told with the type of what stands there.
fn mistake(path: &str, node: &Node, message: &str) -> FieldError {
    FieldError::invalid(at(path), &crate::go::quoted(&node.typ), message)
}

fn failure(rule: &Rule, error: &ExecutionError) -> String {
    if matches!(
        error,
        ExecutionError::NoSuchOverload | ExecutionError::UnexpectedType { .. }
    ) {
        return format!(
            "'no such overload': call arguments did not match a supported operator, function or macro signature for rule: {}",
            rule.named()
        );
    }
    format!("{} evaluating rule: {}", in_words(error), rule.named())
}

/// The mistake in the words of the API server's evaluator.
fn in_words(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => format!("no such key: {key}"),
        ExecutionError::DivisionByZero(_) => "division by zero".to_owned(),
        ExecutionError::RemainderByZero(_) => "modulus by zero".to_owned(),
        ExecutionError::Overflow(..) => "integer overflow".to_owned(),
        ExecutionError::IndexOutOfBounds(Cel::Int(index)) => {
            format!("index out of bounds: {index}")
        }
        other => other.to_string(),
    }
}

/// The message of a broken rule: of its expression, if that gives one line of
/// text.
fn message(rule: &Rule, compiled: &Compiled, scope: &Context<'_>) -> String {
    if let Some(Ok(Cel::String(text))) = compiled
        .message
        .as_ref()
        .map(|expression| expression.evaluate(scope))
    {
        let text = text.trim();
        if !text.is_empty() && !text.contains('\n') {
            return text.to_owned();
        }
    }
    let message = rule.text("message");
    if message.is_empty() {
        format!("failed rule: {}", rule.text("rule"))
    } else {
        message.to_owned()
    }
}

/// The place that a rule names below the one that it stands at: `.a`,
/// `['b.c']`.
fn path_of(at: &str, field_path: &str) -> String {
    let mut path = at.to_owned();
    let mut rest = field_path;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("['") {
            let (name, tail) = after.split_once("']").unwrap_or((after, ""));
            path.push_str(&format!("[{name}]"));
            rest = tail;
        } else {
            let after = rest.strip_prefix('.').unwrap_or(rest);
            let end = after.find(['.', '[']).unwrap_or(after.len());
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&after[..end]);
            rest = &after[end..];
            if end == 0 && rest.starts_with('[') && !rest.starts_with("['") {
                break;
            }
        }
    }
    path
}

/// What is told when mistakes of the schema keep rules from being judged.
pub(super) fn not_judged() -> FieldError {
    FieldError::new(
        Text::from("<nil>"),
        FieldReason::Invalid,
        "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
    )
}

#[cfg(test)]
mod tests;
