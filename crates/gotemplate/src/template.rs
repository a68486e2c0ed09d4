//! Templates: parsed once, executed on many values.

use crate::builtin::Builtin;
use crate::error::{Cause, ExecuteError, ParseError};
use crate::execute::{Budget, execute};
use crate::function::Functions;
use crate::limits::Limits;
use crate::parse::{Source, Tree, parse};
use crate::text::Text;
use crate::value::Value;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use trueup_gocompat::quote::{Plain, quote};

/// What a field is that a map doesn't have: Go's option `missingkey`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum MissingKey {
    /// Nothing, which prints as `<no value>`.
    #[default]
    Default,
    /// The zero value of the map's elements. Of `interface {}` that is nil,
    /// which prints as `<no value>`, too.
    Zero,
    /// An error.
    Error,
}

/// How templates are parsed and executed.
#[derive(Clone, Debug)]
pub struct Options {
    /// Functions beside the builtins.
    pub functions: Functions,
    /// What a field is that a map doesn't have.
    pub missing_key: MissingKey,
    /// What begins an action: `{{`. Empty stands for that, too.
    pub left_delimiter: String,
    /// What ends an action: `}}`. Empty stands for that, too.
    pub right_delimiter: String,
    /// What parsing and executing may cost.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            functions: Functions::new(),
            missing_key: MissingKey::Default,
            left_delimiter: String::new(),
            right_delimiter: String::new(),
            limits: Limits::default(),
        }
    }
}

/// A template and those associated with it: what its text defines, and what
/// [`Template::add`] added. Copies are cheap and share what is parsed; one
/// can be executed by many threads at once.
#[derive(Clone, Debug)]
pub struct Template {
    name: Text,
    trees: BTreeMap<Text, Arc<Tree>>,
    options: Arc<Options>,
}

impl Template {
    /// Parses a text as the template with this name.
    ///
    /// # Errors
    ///
    /// In Go's words where the text is no template; also where it is over a
    /// limit, or names a function that isn't there.
    pub fn parse(
        name: impl Into<Text>,
        text: impl Into<Text>,
        options: impl Into<Arc<Options>>,
    ) -> Result<Self, ParseError> {
        let name = name.into();
        let mut template = Self {
            name: name.clone(),
            trees: BTreeMap::new(),
            options: options.into(),
        };
        template.add(name, text)?;
        Ok(template)
    }

    /// Parses another text as an associated template. What it defines takes
    /// the place of what had the name, unless its body is empty.
    ///
    /// # Errors
    ///
    /// As [`Template::parse`]; then nothing is added.
    pub fn add(&mut self, name: impl Into<Text>, text: impl Into<Text>) -> Result<(), ParseError> {
        let (name, text) = (name.into(), text.into());
        let functions = &self.options.functions;
        let source = Source {
            name: &name,
            text: &text,
            left_delimiter: or_default(&self.options.left_delimiter, "{{"),
            right_delimiter: or_default(&self.options.right_delimiter, "}}"),
            has_function: &|name| functions.get(name).is_some() || Builtin::named(name).is_some(),
            limits: &self.options.limits,
        };
        for (name, tree) in parse(&source)? {
            match self.trees.entry(name) {
                Entry::Vacant(place) => {
                    place.insert(Arc::new(tree));
                }
                Entry::Occupied(mut place) if !tree.is_empty() => {
                    place.insert(Arc::new(tree));
                }
                Entry::Occupied(_) => {}
            }
        }
        Ok(())
    }

    /// The same template with other functions, for functions that know
    /// something of one execution. Those that the text names must be there;
    /// where one isn't, executing says so.
    #[must_use]
    pub fn with_functions(&self, functions: Functions) -> Self {
        let options = Options {
            functions,
            ..Options::clone(&self.options)
        };
        Self {
            options: Arc::new(options),
            ..self.clone()
        }
    }

    /// Executes the template on the data and returns what it writes.
    ///
    /// # Errors
    ///
    /// In Go's words where Go fails; also where it is over a limit. What was
    /// written until then is dropped.
    pub fn execute(&self, data: &Value) -> Result<Vec<u8>, ExecuteError> {
        self.execute_tree(&self.name, data, &mut Budget::new(self.options.limits))
    }

    /// Executes an associated template.
    ///
    /// # Errors
    ///
    /// As [`Template::execute`]; also where no template has the name.
    pub fn execute_named(&self, name: &str, data: &Value) -> Result<Vec<u8>, ExecuteError> {
        self.execute_within(name, data, &mut Budget::new(self.options.limits))
    }

    pub(crate) fn execute_within(
        &self,
        name: &str,
        data: &Value,
        budget: &mut Budget,
    ) -> Result<Vec<u8>, ExecuteError> {
        self.execute_tree(&name.into(), data, budget)
    }

    fn execute_tree(
        &self,
        name: &Text,
        data: &Value,
        budget: &mut Budget,
    ) -> Result<Vec<u8>, ExecuteError> {
        match self.tree(name) {
            Some(tree) => execute(self, tree, data, budget),
            None => Err(self.unknown(name)),
        }
    }

    fn unknown(&self, name: &Text) -> ExecuteError {
        let quoted =
            |text: &Text| String::from_utf8_lossy(&quote(text, Plain::Printable)).into_owned();
        ExecuteError {
            message: format!(
                "template: no template {} associated with template {}",
                quoted(name),
                quoted(&self.name)
            ),
            template: name.to_string(),
            cause: Cause::Template,
        }
    }

    /// The names of all associated templates, in order.
    pub fn names(&self) -> impl Iterator<Item = &Text> {
        self.trees.keys()
    }

    /// How it is parsed and executed.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn tree(&self, name: &[u8]) -> Option<&Tree> {
        self.trees.get(name).map(|tree| &**tree)
    }
}

fn or_default<'a>(delimiter: &'a str, default: &'a str) -> &'a str {
    if delimiter.is_empty() {
        default
    } else {
        delimiter
    }
}
