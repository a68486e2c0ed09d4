//! Templates of queries, executed.

use super::{MAX_QUERY_BYTES, TemplateModel};
use trueup_gotemplate::{
    Function, Functions, Limits, Map, MissingKey, Options, Signature, Template, Type, Value,
};

/// The most steps of one execution: a query is some lines of text.
const MAX_QUERY_STEPS: u64 = 1_000_000;

/// Executes the template of a query with the functions that
/// [`TemplateModel`] names, on no data; a variable that is not there is an
/// error.
///
/// # Errors
/// In Go's words, behind Flagger's own.
pub fn render_query(query: &str, model: &TemplateModel) -> Result<String, String> {
    let options = Options {
        functions: functions(model),
        missing_key: MissingKey::Error,
        limits: limits(),
        ..Options::default()
    };
    let template = Template::parse("tmpl", query, options)
        .map_err(|error| format!("template parsing failed: {error}"))?;
    let written = template
        .execute(&Value::Nil)
        .map_err(|error| format!("template excution failed: {error}"))?;
    Ok(String::from_utf8_lossy(&written).into_owned())
}

fn limits() -> Limits {
    Limits {
        template_bytes: MAX_QUERY_BYTES,
        output_bytes: MAX_QUERY_BYTES,
        steps: MAX_QUERY_STEPS,
        ..Limits::default()
    }
}

fn functions(model: &TemplateModel) -> Functions {
    let mut functions = Functions::new();
    let texts = [
        ("name", &model.name),
        ("namespace", &model.namespace),
        ("target", &model.target),
        ("service", &model.service),
        ("ingress", &model.ingress),
        ("route", &model.route),
        ("interval", &model.interval),
    ];
    for (name, text) in texts {
        add(
            &mut functions,
            name,
            Type::String,
            Value::from(text.as_str()),
        );
    }
    let variables = model
        .variables
        .iter()
        .map(|(name, value)| (name.as_str(), Value::from(value.as_str())));
    let variables = Value::Map(Map::new(Type::String, variables));
    let kind = Type::Map(Type::String.into());
    add(&mut functions, "variables", kind, variables);
    functions
}

/// A function without arguments that is always the same value.
fn add(functions: &mut Functions, name: &str, kind: Type, value: Value) {
    let function = Function::new(Signature::new([], kind), move |_, _| Ok(value.clone()));
    functions
        .insert(name, function)
        .expect("the names are letters only");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> TemplateModel {
        TemplateModel {
            name: "podinfo".into(),
            namespace: "test".into(),
            target: "app".into(),
            service: "svc".into(),
            ingress: "front".into(),
            route: "way".into(),
            interval: "1m".into(),
            variables: [
                ("cluster".into(), "dev".into()),
                ("a-b".into(), "dashed".into()),
            ]
            .into(),
        }
    }

    #[test]
    fn queries_speak_of_the_canary_and_its_variables() {
        for (query, expected) in [
            (
                "{{ name }} {{ namespace }} {{ target }} {{ service }} {{ ingress }} {{ route }}",
                "podinfo test app svc front way",
            ),
            (
                r#"sum(rate(x{ns="{{ namespace }}"}[{{ interval }}]))"#,
                r#"sum(rate(x{ns="test"}[1m]))"#,
            ),
            (r#"{{ variables.cluster }}"#, "dev"),
            (r#"{{ index variables "a-b" }}"#, "dashed"),
            (
                r#"{{- $r := printf "%s_%s" namespace target }}{{ if eq interval "1m" }}{{ $r }}{{ end }}"#,
                "test_app",
            ),
            (
                "{{ range $k, $v := variables }}{{ $k }}={{ $v }};{{ end }}",
                "a-b=dashed;cluster=dev;",
            ),
        ] {
            assert_eq!(
                render_query(query, &model()).as_deref(),
                Ok(expected),
                "{query}"
            );
        }
    }

    #[test]
    fn what_is_no_query_is_told_in_gos_words() {
        for (query, words) in [
            (
                "{{ variables.missing }}",
                "template excution failed: template: tmpl:1:3: executing \"tmpl\" at \
                 <variables>: map has no entry for key \"missing\"",
            ),
            (
                "{{ nothing }}",
                "template parsing failed: template: tmpl:1: function \"nothing\" not defined",
            ),
            (
                "{{ name",
                "template parsing failed: template: tmpl:1: unclosed action",
            ),
        ] {
            let found = render_query(query, &model());
            assert_eq!(found, Err(words.to_owned()), "{query}");
        }
    }

    #[test]
    fn a_query_that_grows_without_end_is_stopped() {
        let loops = r#"{{ define "x" }}{{ name }}{{ template "x" }}{{ end }}{{ template "x" }}"#;
        assert!(render_query(loops, &model()).is_err());
        let wide = r#"{{ printf "%1000000s" name }}"#;
        assert!(render_query(wide, &model()).is_err());
    }
}
