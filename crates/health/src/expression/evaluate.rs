//! Evaluation: one function per shape of an expression.

use super::datum::Datum;
use super::{Fault, cut, functions, operators};
use kube_cel::cel::common::ast::operators as names;
use kube_cel::cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, SelectExpr,
};
use std::cell::Cell;
use std::sync::Arc;
use trueup_cel::Tree as Node;

/// Counts the steps of an evaluation.
pub(super) struct Meter {
    left: Cell<u64>,
}

/// How many bytes of text are one step.
const BYTES_OF_A_STEP: usize = 16;

impl Meter {
    pub(super) fn new(steps: u64) -> Self {
        Self {
            left: Cell::new(steps),
        }
    }

    /// Takes steps, or says that there are no more.
    pub(super) fn spend(&self, steps: usize) -> Result<(), Fault> {
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        match self.left.get().checked_sub(steps) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => {
                self.left.set(0);
                Err(Fault::TooManySteps)
            }
        }
    }

    /// Takes the steps of reading or making a text.
    pub(super) fn spend_bytes(&self, bytes: usize) -> Result<(), Fault> {
        self.spend(bytes.div_ceil(BYTES_OF_A_STEP))
    }
}

type Outcome<'a> = Result<Datum<'a>, Fault>;

/// An evaluation under way.
pub(super) struct Machine<'a, 'v> {
    variables: &'v dyn Fn(&str) -> Option<Datum<'a>>,
    pub(super) meter: &'v Meter,
    /// Variables of loops, the innermost last. What a loop has gathered may
    /// be a fault that a later element makes up for.
    scope: Vec<(&'a str, Outcome<'a>)>,
}

impl<'a, 'v> Machine<'a, 'v> {
    pub(super) fn new(variables: &'v dyn Fn(&str) -> Option<Datum<'a>>, meter: &'v Meter) -> Self {
        Self {
            variables,
            meter,
            scope: Vec::new(),
        }
    }

    pub(super) fn evaluate(&mut self, node: &'a Node) -> Outcome<'a> {
        self.meter.spend(1)?;
        self.meter.spend_bytes(bytes_of(&node.expr))?;
        match &node.expr {
            Expr::Literal(literal) => Ok(of_literal(literal)),
            Expr::Ident(name) => self.variable(name),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => self.list(&list.elements, &list.optional_indices),
            Expr::Map(map) => self.map(map.entries.iter().map(|entry| &entry.expr)),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Struct(_) | Expr::Unspecified => {
                Err(Fault::NoSuchOverload("messages can't be made".into()))
            }
        }
    }

    fn variable(&self, name: &str) -> Outcome<'a> {
        if let Some((_, found)) = self.scope.iter().rev().find(|(known, _)| *known == name) {
            return found.clone();
        }
        let name = name.strip_prefix('.').unwrap_or(name);
        (self.variables)(name)
            .or_else(|| functions::type_of_name(name).map(Datum::Type))
            .ok_or_else(|| Fault::NoSuchAttribute(cut(name)))
    }

    fn is_bound(&self, name: &str) -> bool {
        self.scope.iter().any(|(known, _)| *known == name) || (self.variables)(name).is_some()
    }

    fn select(&mut self, select: &'a SelectExpr) -> Outcome<'a> {
        let operand = self.evaluate(&select.operand)?;
        let key = Datum::text(select.field.as_str());
        if let Datum::Optional(held) = &operand {
            let found = match held {
                Some(held) => held.entry(&key, self.meter)?,
                None => None,
            };
            return Ok(if select.test {
                Datum::Bool(found.is_some())
            } else {
                Datum::Optional(found.map(Arc::new))
            });
        }
        if !operand.is_map() {
            let what = format!(
                "{} has no field {}",
                operand.type_name(),
                cut(&select.field)
            );
            return Err(Fault::NoSuchOverload(what.into()));
        }
        let found = operand.entry(&key, self.meter)?;
        if select.test {
            return Ok(Datum::Bool(found.is_some()));
        }
        found.ok_or_else(|| Fault::no_such_key(&select.field))
    }

    fn list(&mut self, elements: &'a [Node], optional: &[usize]) -> Outcome<'a> {
        let mut items = Vec::with_capacity(elements.len());
        for (index, element) in elements.iter().enumerate() {
            let item = self.evaluate(element)?;
            match item {
                Datum::Optional(held) if optional.contains(&index) => {
                    items.extend(held.map(|held| held.as_ref().clone()));
                }
                item => items.push(item),
            }
        }
        Ok(Datum::list(items))
    }

    fn map(&mut self, parts: impl Iterator<Item = &'a EntryExpr>) -> Outcome<'a> {
        let mut entries: Vec<(Datum<'a>, Datum<'a>)> = Vec::new();
        for part in parts {
            let EntryExpr::MapEntry(entry) = part else {
                return Err(Fault::NoSuchOverload("messages can't be made".into()));
            };
            let key = self.evaluate(&entry.key)?;
            let value = self.evaluate(&entry.value)?;
            let value = match value {
                Datum::Optional(None) if entry.optional => continue,
                Datum::Optional(Some(held)) if entry.optional => held.as_ref().clone(),
                value => value,
            };
            for (known, _) in &entries {
                if known.equals(&key, self.meter)? {
                    return Err(Fault::of_function("map", "a key is there twice"));
                }
            }
            entries.push((key, value));
        }
        Ok(Datum::Map(Arc::new(entries)))
    }

    fn call(&mut self, call: &'a CallExpr) -> Outcome<'a> {
        match (call.func_name.as_str(), call.args.as_slice()) {
            (names::CONDITIONAL, [condition, yes, no]) => {
                let branch = match self.evaluate(condition)? {
                    Datum::Bool(true) => yes,
                    Datum::Bool(false) => no,
                    other => return Err(operators::no_overload("_?_:_", &[other])),
                };
                self.evaluate(branch)
            }
            (names::LOGICAL_AND, [left, right]) => self.logical(left, right, false),
            (names::LOGICAL_OR, [left, right]) => self.logical(left, right, true),
            (names::NOT_STRICTLY_FALSE, [arg]) => match self.evaluate(arg) {
                Ok(Datum::Bool(truth)) => Ok(Datum::Bool(truth)),
                Err(Fault::TooManySteps) => Err(Fault::TooManySteps),
                _ => Ok(Datum::Bool(true)),
            },
            (name @ ("optMap" | "optFlatMap"), [variable, body]) => {
                self.optional_map(name, call, variable, body)
            }
            (name, args) => {
                let (name, mut values) = self.target(name, call)?;
                for arg in args {
                    values.push(self.evaluate(arg)?);
                }
                self.apply(&name, &values)
            }
        }
    }

    /// What a function or operator makes of values. All the text that it may
    /// read is paid for here, and what it made; what it makes more of than it
    /// reads it pays for itself, before.
    fn apply(&self, name: &str, values: &[Datum<'a>]) -> Outcome<'a> {
        for value in values {
            self.meter.spend_bytes(value.bytes())?;
        }
        let made = operators::operate(name, values, self.meter)
            .unwrap_or_else(|| functions::call(name, values, self.meter))?;
        self.meter.spend_bytes(made.bytes())?;
        Ok(made)
    }

    /// The name of a function with its name space, or its receiver as the
    /// first argument.
    fn target(
        &mut self,
        name: &'a str,
        call: &'a CallExpr,
    ) -> Result<(std::borrow::Cow<'a, str>, Vec<Datum<'a>>), Fault> {
        let Some(target) = &call.target else {
            return Ok((name.into(), Vec::with_capacity(call.args.len())));
        };
        if let Expr::Ident(space) = &target.expr
            && functions::is_name_space(space)
            && !self.is_bound(space)
        {
            return Ok((format!("{space}.{name}").into(), Vec::new()));
        }
        Ok((name.into(), vec![self.evaluate(target)?]))
    }

    /// `&&` and `||`: what the one side decides makes up for a fault of the
    /// other, but not for too many steps.
    fn logical(&mut self, left: &'a Node, right: &'a Node, decisive: bool) -> Outcome<'a> {
        let truth = |outcome: Outcome<'a>| match outcome? {
            Datum::Bool(truth) => Ok(truth),
            other => Err(operators::no_overload("logic", &[other])),
        };
        let left = truth(self.evaluate(left));
        if matches!(left, Err(Fault::TooManySteps)) || left == Ok(decisive) {
            return left.map(Datum::Bool);
        }
        let right = truth(self.evaluate(right));
        if matches!(right, Err(Fault::TooManySteps)) || right == Ok(decisive) {
            return right.map(Datum::Bool);
        }
        left.and(right).map(Datum::Bool)
    }

    fn optional_map(
        &mut self,
        name: &str,
        call: &'a CallExpr,
        variable: &'a Node,
        body: &'a Node,
    ) -> Outcome<'a> {
        let receiver = match &call.target {
            Some(target) => self.evaluate(target)?,
            None => return Err(operators::no_overload("optMap", &[])),
        };
        let (Datum::Optional(held), Expr::Ident(variable)) = (receiver, &variable.expr) else {
            return Err(operators::no_overload("optMap", &[]));
        };
        let Some(held) = held else {
            return Ok(Datum::Optional(None));
        };
        self.scope.push((variable, Ok(held.as_ref().clone())));
        let made = self.evaluate(body);
        self.scope.pop();
        let made = made?;
        if name == "optMap" {
            return Ok(Datum::some(made));
        }
        match made {
            Datum::Optional(_) => Ok(made),
            other => Err(operators::no_overload("optFlatMap", &[other])),
        }
    }

    fn comprehension(&mut self, it: &'a ComprehensionExpr) -> Outcome<'a> {
        let range = self.evaluate(&it.iter_range)?;
        let elements = range
            .elements(self.meter)?
            .ok_or_else(|| operators::no_overload("loop", &[range]))?;
        if let Some(gathering) = Gathering::of(it) {
            return self.gather(&gathering, it, elements);
        }
        let start = self.evaluate(&it.accu_init);
        self.scope.push((&it.accu_var, start));
        let looped = self.go_through(it, elements);
        let result = looped.and_then(|()| self.evaluate(&it.result));
        self.scope.pop();
        result
    }

    fn go_through(
        &mut self,
        it: &'a ComprehensionExpr,
        elements: Vec<Datum<'a>>,
    ) -> Result<(), Fault> {
        for element in elements {
            if let Datum::Bool(false) = self.evaluate(&it.loop_cond)? {
                break;
            }
            self.scope.push((&it.iter_var, Ok(element)));
            let stepped = self.evaluate(&it.loop_step);
            self.scope.pop();
            if matches!(stepped, Err(Fault::TooManySteps)) {
                return stepped.map(|_| ());
            }
            if let Some(gathered) = self.scope.last_mut() {
                gathered.1 = stepped;
            }
        }
        Ok(())
    }

    /// `map` and `filter`, without copying the list for each element.
    fn gather(
        &mut self,
        gathering: &Gathering<'a>,
        it: &'a ComprehensionExpr,
        elements: Vec<Datum<'a>>,
    ) -> Outcome<'a> {
        let mut items = Vec::new();
        for element in elements {
            self.scope.push((&it.iter_var, Ok(element)));
            let item = self.gathered(gathering);
            self.scope.pop();
            items.extend(item?);
        }
        Ok(Datum::list(items))
    }

    fn gathered(&mut self, gathering: &Gathering<'a>) -> Result<Option<Datum<'a>>, Fault> {
        if let Some(condition) = gathering.condition {
            match self.evaluate(condition)? {
                Datum::Bool(true) => {}
                Datum::Bool(false) => return Ok(None),
                other => return Err(operators::no_overload("filter", &[other])),
            }
        }
        self.evaluate(gathering.item).map(Some)
    }
}

/// A loop that appends one element at a time to a list, as `map` and
/// `filter` are expanded by the parser.
struct Gathering<'a> {
    condition: Option<&'a Node>,
    item: &'a Node,
}

impl<'a> Gathering<'a> {
    fn of(it: &'a ComprehensionExpr) -> Option<Self> {
        let is_empty_list =
            matches!(&it.accu_init.expr, Expr::List(list) if list.elements.is_empty());
        if !is_empty_list {
            return None;
        }
        let (condition, step) = match &it.loop_step.expr {
            Expr::Call(call) if call.func_name == names::CONDITIONAL => {
                (call.args.first(), call.args.get(1)?)
            }
            _ => (None, &it.loop_step),
        };
        let Expr::Call(call) = &step.expr else {
            return None;
        };
        match call.args.as_slice() {
            [_, appended] if call.func_name == names::ADD => match &appended.expr {
                Expr::List(list) if list.elements.len() == 1 => Some(Self {
                    condition,
                    item: &list.elements[0],
                }),
                _ => None,
            },
            _ => None,
        }
    }
}

/// How much text of the expression itself it takes to evaluate a node.
fn bytes_of(node: &Expr) -> usize {
    match node {
        Expr::Literal(LiteralValue::String(text)) => text.inner().len(),
        Expr::Literal(LiteralValue::Bytes(bytes)) => bytes.inner().len(),
        Expr::Ident(name) => name.len(),
        Expr::Select(select) => select.field.len(),
        _ => 0,
    }
}

fn of_literal<'a>(literal: &LiteralValue) -> Datum<'a> {
    match literal {
        LiteralValue::Boolean(flag) => Datum::Bool(*flag.inner()),
        LiteralValue::Bytes(bytes) => Datum::Bytes(bytes.inner().into()),
        LiteralValue::Double(float) => Datum::Double(*float.inner()),
        LiteralValue::Int(whole) => Datum::Int(*whole.inner()),
        LiteralValue::Null => Datum::Null,
        LiteralValue::String(text) => Datum::text(text.inner()),
        LiteralValue::UInt(whole) => Datum::Uint(*whole.inner()),
    }
}
