//! The language as a whole.

mod functions;
mod go_values;
mod limits;
mod properties;
mod recorded;
mod samples;
mod tables;

use crate::{ExecuteError, Options, Template, Value};

/// What a template named `t` writes.
fn execute(text: &str, data: &Value) -> Result<String, ExecuteError> {
    execute_with(text, data, Options::default())
}

fn execute_with(text: &str, data: &Value, options: Options) -> Result<String, ExecuteError> {
    let template = Template::parse("t", text, options).unwrap();
    let written = template.execute(data)?;
    Ok(String::from_utf8(written).unwrap())
}

/// What a template writes, or the error.
fn outcome(text: &str, data: &Value) -> String {
    match Template::parse("t", text, Options::default()) {
        Err(error) => error.to_string(),
        Ok(template) => match template.execute(data) {
            Ok(written) => String::from_utf8_lossy(&written).into_owned(),
            Err(error) => error.to_string(),
        },
    }
}

/// Data of JSON as Go decodes it: all numbers are floats.
fn of_json(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => Value::Float(number.as_f64().unwrap()),
        serde_json::Value::String(text) => text.as_str().into(),
        serde_json::Value::Array(items) => Value::list(items.iter().map(of_json)),
        serde_json::Value::Object(entries) => Value::map(
            entries
                .iter()
                .map(|(key, value)| (key.as_str(), of_json(value))),
        ),
    }
}
