//! What rules may cost. The evaluator can't be stopped, so a rule's cost is
//! estimated before it runs: the length of the longest list to the power of
//! how deep its loops are nested.

use trueup_object::Value;

/// What the rules of one object may cost together, in evaluations of the body
/// of a loop.
const BUDGET: u64 = 2_000_000;

/// The macros that go through a list or a map.
const LOOPS: &[&str] = &[
    ".all(",
    ".exists(",
    ".exists_one(",
    ".existsOne(",
    ".map(",
    ".filter(",
];

/// What is left for the rules of an object.
pub(super) struct Budget {
    left: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: BUDGET }
    }
}

impl Budget {
    /// Whether nothing is left.
    pub(super) fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// Takes the cost of a rule; false when there is not enough left.
    pub(super) fn spend(&mut self, rule: &str, longest: u64) -> bool {
        let cost = longest.max(1).saturating_pow(nesting(rule));
        if cost > self.left {
            self.left = 0;
            return false;
        }
        self.left -= cost;
        true
    }
}

/// How deep the loops of an expression are nested.
fn nesting(rule: &str) -> u32 {
    let (mut open, mut depth, mut deepest) = (Vec::new(), 0_u32, 0);
    let mut quote = None;
    for (at, byte) in rule.bytes().enumerate() {
        match (byte, quote) {
            (_, Some(mark)) if byte == mark => quote = None,
            (_, Some(_)) => {}
            (b'\'' | b'"', None) => quote = Some(byte),
            (b'(', None) => {
                let head = &rule[..=at];
                let is_loop = LOOPS.iter().any(|name| head.ends_with(name));
                open.push(is_loop);
                depth += u32::from(is_loop);
                deepest = deepest.max(depth);
            }
            (b')', None) => depth -= u32::from(open.pop().unwrap_or(false)),
            _ => {}
        }
    }
    deepest
}

/// The length of the longest list or map in a value.
pub(super) fn longest(value: &Value) -> u64 {
    let (own, below) = match value {
        Value::List(items) => (items.len(), items.iter().map(longest).max()),
        Value::Map(map) => (map.len(), map.values().map(longest).max()),
        _ => (0, None),
    };
    (own as u64).max(below.unwrap_or(0))
}
