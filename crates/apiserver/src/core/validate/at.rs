//! A value under validation: what it is, where it stands, what is wrong with
//! it.

use super::text_rules;
use crate::core::status::Cause;
use trueup_object::{Quantity, Value, names, to_json};

/// What was found wrong so far, in the order of the API server.
pub(in crate::core) type Causes = Vec<Cause>;

/// A value and its path.
#[derive(Clone, Debug)]
pub(in crate::core) struct At<'a> {
    value: Option<&'a Value>,
    path: String,
}

impl<'a> At<'a> {
    /// A whole object: its path is empty.
    pub(in crate::core) fn root(object: &'a Value) -> Self {
        Self {
            value: Some(object),
            path: String::new(),
        }
    }

    /// The field of a map.
    pub(in crate::core) fn get(&self, key: &str) -> At<'a> {
        At {
            value: self.value.and_then(|value| value.get(key)),
            path: self.child(key),
        }
    }

    /// The field at a chain of keys.
    pub(in crate::core) fn at(&self, keys: &[&str]) -> At<'a> {
        keys.iter().fold(self.clone(), |at, key| at.get(key))
    }

    /// The same value under another path: messages do not always name the
    /// place where a value stands.
    pub(in crate::core) fn called(&self, path: String) -> At<'a> {
        At {
            value: self.value,
            path,
        }
    }

    /// The path of a field of this one.
    pub(in crate::core) fn child(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// The items of a list; none if it is not one.
    pub(in crate::core) fn items(&self) -> impl Iterator<Item = At<'a>> + use<'a> {
        let path = self.path.clone();
        self.list().iter().enumerate().map(move |(index, item)| At {
            value: Some(item),
            path: format!("{path}[{index}]"),
        })
    }

    /// The entries of a map, each called `path[key]`.
    pub(in crate::core) fn entries(&self) -> impl Iterator<Item = (&'a str, At<'a>)> + use<'a> {
        let path = self.path.clone();
        let map = self.value.and_then(Value::as_map);
        map.into_iter().flatten().map(move |(key, value)| {
            let at = At {
                value: Some(value),
                path: format!("{path}[{key}]"),
            };
            (key.as_str(), at)
        })
    }

    pub(in crate::core) fn path(&self) -> &str {
        &self.path
    }

    pub(in crate::core) fn value(&self) -> Option<&'a Value> {
        self.value
    }

    /// Whether there is anything but null.
    pub(in crate::core) fn is_set(&self) -> bool {
        self.value.is_some_and(|value| !value.is_null())
    }

    pub(in crate::core) fn list(&self) -> &'a [Value] {
        self.value.and_then(Value::as_list).unwrap_or_default()
    }

    /// Whether there is neither an item nor an entry.
    pub(in crate::core) fn is_empty(&self) -> bool {
        self.list().is_empty()
            && self
                .value
                .and_then(Value::as_map)
                .is_none_or(trueup_object::Map::is_empty)
    }

    pub(in crate::core) fn text(&self) -> &'a str {
        self.value.and_then(Value::as_str).unwrap_or("")
    }

    pub(in crate::core) fn number(&self) -> Option<i64> {
        self.value.and_then(Value::as_i64)
    }

    pub(in crate::core) fn is_true(&self) -> bool {
        self.value.and_then(Value::as_bool) == Some(true)
    }

    pub(in crate::core) fn is_false(&self) -> bool {
        self.value.and_then(Value::as_bool) == Some(false)
    }

    pub(in crate::core) fn quantity(&self) -> Option<Quantity> {
        match self.value? {
            Value::Integer(number) => Quantity::parse(&number.to_string()).ok(),
            value => Quantity::parse(value.as_str()?).ok(),
        }
    }

    /// The value as messages show it: compact JSON, an empty text if missing.
    pub(in crate::core) fn shown(&self) -> String {
        self.value.map_or_else(
            || "\"\"".to_owned(),
            |value| String::from_utf8_lossy(&to_json(value)).into_owned(),
        )
    }

    pub(in crate::core) fn required(&self, causes: &mut Causes, detail: &str) {
        causes.push(Cause::required(&self.path, detail));
    }

    pub(in crate::core) fn invalid(&self, causes: &mut Causes, detail: &str) {
        causes.push(Cause::invalid(&self.path, self.shown(), detail));
    }

    pub(in crate::core) fn forbidden(&self, causes: &mut Causes, detail: &str) {
        causes.push(Cause::forbidden(&self.path, detail));
    }

    pub(in crate::core) fn unsupported(&self, causes: &mut Causes, supported: &[&str]) {
        causes.push(Cause::unsupported(&self.path, self.shown(), supported));
    }

    pub(in crate::core) fn duplicate(&self, causes: &mut Causes) {
        causes.push(Cause::duplicate(&self.path, self.shown()));
    }

    pub(in crate::core) fn not_found(&self, causes: &mut Causes, detail: &str) {
        let message = if detail.is_empty() {
            format!("Not found: {}", self.shown())
        } else {
            format!("Not found: {}: {detail}", self.shown())
        };
        causes.push(Cause::new("FieldValueNotFound", &self.path, message));
    }

    pub(in crate::core) fn too_long(&self, causes: &mut Causes, max_bytes: usize) {
        let message = format!("Too long: may not be more than {max_bytes} bytes");
        causes.push(Cause::new("FieldValueTooLong", &self.path, message));
    }

    pub(in crate::core) fn too_many(&self, causes: &mut Causes, max_items: usize) {
        let count = self.list().len();
        let message = format!("Too many: {count}: must have at most {max_items} items");
        causes.push(Cause::new("FieldValueTooMany", &self.path, message));
    }

    /// One cause for each rule that a text breaks.
    pub(in crate::core) fn rules<S: AsRef<str>>(
        &self,
        causes: &mut Causes,
        errors: impl IntoIterator<Item = S>,
    ) {
        for error in errors {
            self.invalid(causes, error.as_ref());
        }
    }

    pub(in crate::core) fn dns_label(&self, causes: &mut Causes) {
        self.rules(causes, names::dns_label_errors(self.text()));
    }

    pub(in crate::core) fn dns_subdomain(&self, causes: &mut Causes) {
        self.rules(causes, names::dns_subdomain_errors(self.text()));
    }

    pub(in crate::core) fn qualified_name(&self, causes: &mut Causes) {
        self.rules(causes, names::qualified_name_errors(self.text()));
    }

    pub(in crate::core) fn path_segment(&self, causes: &mut Causes) {
        self.rules(causes, names::path_segment_errors(self.text()));
    }

    /// A DNS subdomain, if there is a text.
    pub(in crate::core) fn optional_subdomain(&self, causes: &mut Causes) {
        if !self.text().is_empty() {
            self.dns_subdomain(causes);
        }
    }

    /// Required, and a DNS label.
    pub(in crate::core) fn required_label(&self, causes: &mut Causes) {
        if self.text().is_empty() {
            self.required(causes, "");
        } else {
            self.dns_label(causes);
        }
    }

    /// Required, whatever it says.
    pub(in crate::core) fn required_text(&self, causes: &mut Causes) {
        if self.text().is_empty() {
            self.required(causes, "");
        }
    }

    /// Required, and one of a few.
    pub(in crate::core) fn required_one_of(&self, causes: &mut Causes, supported: &[&str]) {
        if self.text().is_empty() {
            self.required(causes, "");
        } else {
            self.one_of(causes, supported);
        }
    }

    /// One of a few; an empty text is none of them.
    pub(in crate::core) fn one_of(&self, causes: &mut Causes, supported: &[&str]) {
        if !supported.contains(&self.text()) {
            self.unsupported(causes, supported);
        }
    }

    /// One of a few, if it is set.
    pub(in crate::core) fn optional_one_of(&self, causes: &mut Causes, supported: &[&str]) {
        if self.is_set() {
            self.one_of(causes, supported);
        }
    }

    pub(in crate::core) fn not_negative(&self, causes: &mut Causes) {
        if self.number().is_some_and(|number| number < 0) {
            self.invalid(causes, "must be greater than or equal to 0");
        }
    }

    /// A number within bounds, if it is set.
    pub(in crate::core) fn within(&self, causes: &mut Causes, least: i64, most: i64) {
        if self
            .number()
            .is_some_and(|number| !(least..=most).contains(&number))
        {
            let detail = format!("must be between {least} and {most}, inclusive");
            self.invalid(causes, &detail);
        }
    }

    /// The number of a port; zero if it is missing.
    pub(in crate::core) fn port_number(&self, causes: &mut Causes) {
        let number = self.number().unwrap_or(0);
        if !(1..=65535).contains(&number) {
            let detail = "must be between 1 and 65535, inclusive";
            causes.push(Cause::invalid(&self.path, number, detail));
        }
    }

    /// The number or the name of a port.
    pub(in crate::core) fn port(&self, causes: &mut Causes) {
        match self.value {
            Some(Value::String(name)) => self.rules(causes, text_rules::port_name_errors(name)),
            _ => self.port_number(causes),
        }
    }

    /// Labels: qualified keys, short values.
    pub(in crate::core) fn labels(&self, causes: &mut Causes) {
        super::metadata::labels(causes, self.value, &self.path);
    }

    pub(in crate::core) fn annotations(&self, causes: &mut Causes) {
        super::metadata::annotations(causes, self.value, &self.path);
    }
}
