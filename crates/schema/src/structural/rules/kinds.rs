//! What can be said of an expression before it is run: fields that the schema
//! does not have, names that nobody declares, comparisons of unlike kinds.
//!
//! Only what is certain is told; of anything else the kind is unknown and
//! fits everywhere.

use super::present::escaped;
use crate::structural::node::{Additional, Node};
use kube_cel::cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, SelectExpr};
use trueup_cel::{Tree, report};

/// How deep an expression may nest; deeper parts are not looked at.
const MAX_DEPTH: usize = 64;

/// Names that every expression may use without declaring them.
const KNOWN_NAMES: [&str; 20] = [
    "bool",
    "bytes",
    "cel",
    "cidr",
    "double",
    "duration",
    "dyn",
    "format",
    "google",
    "int",
    "ip",
    "list",
    "map",
    "math",
    "null_type",
    "optional",
    "string",
    "timestamp",
    "type",
    "uint",
];

/// Functions that are called by name; those of macros are gone by then.
const KNOWN_FUNCTIONS: [&str; 27] = [
    "bool",
    "bytes",
    "cidr",
    "double",
    "duration",
    "dyn",
    "getDate",
    "has",
    "int",
    "ip",
    "isCIDR",
    "isIP",
    "isQuantity",
    "isSemver",
    "isSorted",
    "isURL",
    "list",
    "map",
    "quantity",
    "semver",
    "size",
    "string",
    "timestamp",
    "type",
    "uint",
    "url",
    "matches",
];

/// Methods that answer with a truth value.
const TRUTHS: [&str; 11] = [
    "contains",
    "containsCIDR",
    "containsIP",
    "endsWith",
    "hasValue",
    "isGreaterThan",
    "isInteger",
    "isLessThan",
    "isSorted",
    "matches",
    "startsWith",
];

/// Methods that answer with a text.
const TEXTS: [&str; 8] = [
    "find",
    "join",
    "lowerAscii",
    "replace",
    "substring",
    "trim",
    "upperAscii",
    "charAt",
];

/// The kind of a value.
#[derive(Clone, Debug)]
enum Kind<'a> {
    Bool,
    Int,
    Double,
    Text,
    List(Box<Kind<'a>>),
    Map(Box<Kind<'a>>),
    /// A struct of the schema; `true` where it is a whole object.
    Struct(&'a Node, bool),
    /// The metadata of an object.
    Metadata,
    Unknown,
}

impl<'a> Kind<'a> {
    fn of(node: &'a Node, is_resource: bool) -> Self {
        if node.int_or_string {
            return Self::Unknown;
        }
        let inner = |node: &'a Node| Box::new(Self::of(node, node.embedded));
        match (node.typ.as_str(), node.format.as_str()) {
            ("boolean", _) => Self::Bool,
            ("integer", _) => Self::Int,
            ("number", _) => Self::Double,
            ("string", "byte" | "date" | "date-time" | "duration") => Self::Unknown,
            ("string", _) => Self::Text,
            ("array", _) => match &node.items {
                Some(items) => Self::List(inner(items)),
                None => Self::Unknown,
            },
            ("object", _) => match &node.additional {
                Some(Additional::Schema(additional)) => Self::Map(inner(additional)),
                Some(_) => Self::Unknown,
                None => Self::Struct(node, is_resource || node.embedded),
            },
            _ => Self::Unknown,
        }
    }

    /// The name that messages use; `None` where it is not certain.
    fn name(&self) -> Option<String> {
        Some(match self {
            Self::Bool => "bool".into(),
            Self::Int => "int".into(),
            Self::Double => "double".into(),
            Self::Text => "string".into(),
            Self::List(item) => format!("list({})", item.name()?),
            Self::Map(value) => format!("map(string, {})", value.name()?),
            Self::Struct(..) | Self::Metadata | Self::Unknown => return None,
        })
    }
}

/// What an expression is to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::structural) enum Wanted {
    /// A truth value.
    Truth,
    /// A text.
    Text,
}

/// What is wrong with an expression whose `self` is of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::structural) enum Mistake {
    /// It can't be compiled; the places and words of the compiler.
    Compile(String),
    /// It gives something else.
    Kind,
}

/// Looks for the mistakes of an expression.
pub(in crate::structural) fn check(
    text: &str,
    expression: &Tree,
    node: &Node,
    is_resource: bool,
    wanted: Wanted,
) -> Option<Mistake> {
    let mut walk = Walk {
        text,
        names: vec![
            ("self".into(), Kind::of(node, is_resource)),
            ("oldSelf".into(), Kind::Unknown),
        ],
        found: Vec::new(),
        depth: 0,
    };
    let kind = walk.kind(expression);
    if !walk.found.is_empty() {
        return Some(Mistake::Compile(walk.found.join("\n")));
    }
    let fits = matches!(
        (wanted, &kind),
        (_, Kind::Unknown) | (Wanted::Truth, Kind::Bool) | (Wanted::Text, Kind::Text)
    );
    (!fits).then_some(Mistake::Kind)
}

struct Walk<'a, 'b> {
    text: &'b str,
    names: Vec<(String, Kind<'a>)>,
    found: Vec<String>,
    depth: usize,
}

impl<'a> Walk<'a, '_> {
    fn kind(&mut self, expression: &Tree) -> Kind<'a> {
        if self.depth > MAX_DEPTH {
            return Kind::Unknown;
        }
        self.depth += 1;
        let kind = self.kind_of(&expression.expr);
        self.depth -= 1;
        kind
    }

    fn kind_of(&mut self, expression: &Expr) -> Kind<'a> {
        match expression {
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::List(list) => {
                for element in &list.elements {
                    self.kind(element);
                }
                Kind::List(Box::new(Kind::Unknown))
            }
            Expr::Literal(literal) => match literal {
                LiteralValue::Boolean(_) => Kind::Bool,
                LiteralValue::Int(_) => Kind::Int,
                LiteralValue::Double(_) => Kind::Double,
                LiteralValue::String(_) => Kind::Text,
                _ => Kind::Unknown,
            },
            _ => Kind::Unknown,
        }
    }

    fn name(&mut self, name: &str) -> Kind<'a> {
        if let Some((_, kind)) = self.names.iter().rev().find(|(known, _)| known == name) {
            return kind.clone();
        }
        if !KNOWN_NAMES.contains(&name) && !name.starts_with('@') {
            let message = format!("undeclared reference to '{name}' (in container '')");
            self.complain(name, 0, &message);
        }
        Kind::Unknown
    }

    fn select(&mut self, select: &SelectExpr) -> Kind<'a> {
        let operand = self.kind(&select.operand);
        let found = match &operand {
            Kind::Struct(node, is_resource) => field(node, *is_resource, &select.field),
            Kind::Metadata => ["name", "generateName"]
                .contains(&select.field.as_str())
                .then_some(Kind::Text),
            Kind::Map(value) => Some((**value).clone()),
            _ => Some(Kind::Unknown),
        };
        if found.is_none() {
            let message = format!("undefined field '{}'", select.field);
            self.complain(&format!(".{}", select.field), 0, &message);
        }
        if select.test {
            Kind::Bool
        } else {
            found.unwrap_or(Kind::Unknown)
        }
    }

    fn call(&mut self, call: &CallExpr) -> Kind<'a> {
        let target = call.target.as_ref().map(|target| self.kind(target));
        let arguments: Vec<Kind<'a>> = call
            .args
            .iter()
            .map(|argument| self.kind(argument))
            .collect();
        match (call.func_name.as_str(), arguments.as_slice()) {
            ("_&&_" | "_||_" | "!_" | "@in" | "@not_strictly_false", _) => Kind::Bool,
            ("_==_" | "_!=_" | "_<_" | "_<=_" | "_>_" | "_>=_", [left, right]) => {
                self.compare(&call.func_name, left, right);
                Kind::Bool
            }
            ("_?_:_", [_, then, _]) => then.clone(),
            ("-_", [of]) => of.clone(),
            ("_[_]", [Kind::List(item) | Kind::Map(item), _]) => (**item).clone(),
            ("_+_" | "_-_" | "_*_" | "_/_" | "_%_", [left, right]) => match (left, right) {
                (Kind::Int, Kind::Int) => Kind::Int,
                (Kind::Double, Kind::Double) => Kind::Double,
                (Kind::Text, Kind::Text) => Kind::Text,
                _ => Kind::Unknown,
            },
            ("size" | "indexOf" | "lastIndexOf", _) => Kind::Int,
            ("int", _) if target.is_none() => Kind::Int,
            ("string", _) if target.is_none() => Kind::Text,
            ("bool" | "isIP" | "isCIDR" | "isQuantity" | "isSemver" | "isURL", _) => Kind::Bool,
            (name, _) if TRUTHS.contains(&name) => Kind::Bool,
            (name, _) if TEXTS.contains(&name) && target.is_some() => Kind::Text,
            (name, _) => {
                let is_plain = name.chars().all(|c| c.is_alphanumeric() || c == '_');
                let is_name = name.starts_with(|c: char| c.is_alphabetic());
                if target.is_none() && is_plain && is_name && !KNOWN_FUNCTIONS.contains(&name) {
                    let message = format!("undeclared reference to '{name}' (in container '')");
                    self.complain(&format!("{name}("), name.len(), &message);
                }
                Kind::Unknown
            }
        }
    }

    /// Unlike scalars can't be compared.
    fn compare(&mut self, operator: &str, left: &Kind<'a>, right: &Kind<'a>) {
        let (Some(left), Some(right)) = (left.name(), right.name()) else {
            return;
        };
        let is_ordered = !matches!(operator, "_==_" | "_!=_");
        let are_numbers = |name: &str| matches!(name, "int" | "double");
        if left == right || (is_ordered && are_numbers(&left) && are_numbers(&right)) {
            return;
        }
        let sign = operator.trim_matches('_');
        if self.text.matches(sign).count() == 1 {
            let message = format!(
                "found no matching overload for '{operator}' applied to '({left}, {right})'"
            );
            self.complain(sign, 0, &message);
        }
    }

    fn comprehension(&mut self, comprehension: &ComprehensionExpr) -> Kind<'a> {
        let range = self.kind(&comprehension.iter_range);
        let variable = match range {
            Kind::List(item) => *item,
            Kind::Map(_) => Kind::Text,
            _ => Kind::Unknown,
        };
        let result = match &comprehension.accu_init.expr {
            Expr::Literal(LiteralValue::Boolean(_)) => Kind::Bool,
            // `exists_one` counts.
            Expr::Literal(LiteralValue::Int(_)) => Kind::Bool,
            Expr::List(_) => Kind::List(Box::new(Kind::Unknown)),
            _ => Kind::Unknown,
        };
        let outer = self.names.len();
        self.names
            .push((comprehension.accu_var.clone(), Kind::Unknown));
        self.names.push((comprehension.iter_var.clone(), variable));
        if let Some(second) = &comprehension.iter_var2 {
            self.names.push((second.clone(), Kind::Unknown));
        }
        self.kind(&comprehension.loop_step);
        self.names.truncate(outer);
        result
    }

    /// Notes a mistake at `offset` bytes into the next place of a part of the
    /// text.
    fn complain(&mut self, part: &str, offset: usize, message: &str) {
        let again = self
            .found
            .iter()
            .filter(|found| found.contains(message))
            .count();
        let place = places(self.text, part).nth(again).unwrap_or(0) + offset;
        self.found.push(report(self.text, place, message));
    }
}

/// Where a part stands in a text as a word of its own.
fn places<'t>(text: &'t str, part: &'t str) -> impl Iterator<Item = usize> + 't {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(part)
        .map(|(place, _)| place)
        .filter(move |place| {
            let ends_word = part.ends_with(is_word);
            let begins_word = part.starts_with(is_word);
            let after = text[place + part.len()..].chars().next();
            let before = text[..*place].chars().next_back();
            let goes_on = ends_word && after.is_some_and(is_word);
            let belongs = begins_word && before.is_some_and(|c| is_word(c) || c == '.');
            !goes_on && !belongs
        })
}

/// A field of a struct.
fn field<'a>(node: &'a Node, is_resource: bool, name: &str) -> Option<Kind<'a>> {
    if is_resource {
        match name {
            "apiVersion" | "kind" => return Some(Kind::Text),
            "metadata" => return Some(Kind::Metadata),
            _ => {}
        }
    }
    node.properties
        .iter()
        .find(|(property, _)| escaped(property) == name)
        .map(|(_, property)| Kind::of(property, false))
}

#[cfg(test)]
mod tests {
    use super::{Mistake, Wanted, check};
    use crate::structural::node::Node;
    use trueup_object::value;

    fn mistake(text: &str, wanted: Wanted) -> Option<Mistake> {
        let schema = value!({"type": "object", "properties": {
            "a": {"type": "string"}, "n": {"type": "integer"},
            "l": {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "integer"}}}},
            "m": {"type": "object", "additionalProperties": {"type": "string"}},
            "any": {"x-kubernetes-int-or-string": true}
        }});
        let node = Node::read(&schema, 0);
        let expression = trueup_cel::read(text, trueup_cel::Syntax::Standard).unwrap();
        check(text, &expression, &node, false, wanted)
    }

    #[test]
    fn what_a_schema_does_not_have_is_told_with_its_place() {
        for (text, wanted) in [
            (
                "self.b == \"x\"",
                "ERROR: <input>:1:5: undefined field 'b'\n | self.b == \"x\"\n | ....^",
            ),
            (
                "self.a == 1",
                "ERROR: <input>:1:8: found no matching overload for '_==_' applied to '(string, int)'\n | self.a == 1\n | .......^",
            ),
            (
                "foo(self.a)",
                "ERROR: <input>:1:4: undeclared reference to 'foo' (in container '')\n | foo(self.a)\n | ...^",
            ),
            (
                "self.l.all(i, i.y > 1)",
                "ERROR: <input>:1:16: undefined field 'y'\n | self.l.all(i, i.y > 1)\n | ...............^",
            ),
        ] {
            let wanted = Some(Mistake::Compile(wanted.to_owned()));
            assert_eq!(mistake(text, Wanted::Truth), wanted, "{text}");
        }
        assert_eq!(mistake("self.a", Wanted::Truth), Some(Mistake::Kind));
        assert_eq!(mistake("1", Wanted::Text), Some(Mistake::Kind));
    }

    #[test]
    fn what_may_be_right_is_let_pass() {
        for text in [
            "has(self.a) && self.a.startsWith('x')",
            "self.l.all(i, i.x > 1) || self.m.exists(k, self.m[k] == 'x')",
            "self.any == 1 || self.any == 'x'",
            "self.l.map(i, i.x).sum() > self.n && size(self.l) < 3",
            "self.n > 1.5 && type(self.any) == int",
            "self == oldSelf",
            "self.l.exists_one(i, i.x == 1)",
            "self.a.matches('[a-z]') ? self.n > 1 : true",
            "quantity(self.a).isLessThan(quantity('1')) && isURL(self.a)",
            "!format.dns1123Label().validate(self.a).hasValue()",
        ] {
            assert_eq!(mistake(text, Wanted::Truth), None, "{text}");
        }
        assert_eq!(mistake("'a' + self.a", Wanted::Text), None);
    }
}
