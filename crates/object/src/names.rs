//! What Kubernetes accepts as a name, a label key or a label value.
//!
//! The `…_errors` functions return what the API server says, one text per
//! rule broken, so that a message of ours reads like one of its own.

/// The longest DNS label, and the longest label value.
pub const MAX_LABEL_BYTES: usize = 63;

/// The longest DNS subdomain.
pub const MAX_SUBDOMAIN_BYTES: usize = 253;

/// Whether `text` is a DNS label of RFC 1123: `a-z`, `0-9`, `-` inside.
#[must_use]
pub fn is_dns_label(text: &str) -> bool {
    text.len() <= MAX_LABEL_BYTES && is_label_shape(text)
}

/// Whether `text` is a DNS subdomain of RFC 1123: labels parted by dots.
#[must_use]
pub fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= MAX_SUBDOMAIN_BYTES && text.split('.').all(is_label_shape)
}

/// Whether `text` is a DNS label of RFC 1035, which starts with a letter.
#[must_use]
pub fn is_dns_1035_label(text: &str) -> bool {
    is_dns_label(text) && text.as_bytes()[0].is_ascii_lowercase()
}

/// Whether `text` can stand between two slashes of a URL; what RBAC asks of
/// the names of its kinds.
#[must_use]
pub fn is_path_segment_name(text: &str) -> bool {
    !text.is_empty() && path_segment_errors(text).is_empty()
}

/// Whether `text` can be the key of a label or annotation: a name of up to 63
/// characters, optionally behind a DNS subdomain and a slash.
#[must_use]
pub fn is_qualified_name(text: &str) -> bool {
    qualified_name_errors(text).is_empty()
}

/// Whether `text` can be the value of a label; empty is one.
#[must_use]
pub fn is_label_value(text: &str) -> bool {
    text.len() <= MAX_LABEL_BYTES && (text.is_empty() || is_name_shape(text))
}

fn is_label_shape(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    is_shape(text, inner, |b| inner(b) || b == b'-')
}

fn is_name_shape(text: &str) -> bool {
    is_shape(
        text,
        |b| b.is_ascii_alphanumeric(),
        |b| b.is_ascii_alphanumeric() || b"-_.".contains(&b),
    )
}

/// Whether the first and last byte pass `edge` and all bytes pass `inside`.
fn is_shape(text: &str, edge: impl Fn(u8) -> bool, inside: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    edge(*first) && edge(*last) && bytes.iter().all(|b| inside(*b))
}

fn too_long(limit: usize) -> String {
    format!("must be no more than {limit} characters")
}

fn label_too_long() -> String {
    format!("must be no more than {MAX_LABEL_BYTES} bytes")
}

/// What keeps `text` from being a DNS subdomain.
#[must_use]
pub fn dns_subdomain_errors(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if text.len() > MAX_SUBDOMAIN_BYTES {
        errors.push(too_long(MAX_SUBDOMAIN_BYTES));
    }
    if !text.split('.').all(is_label_shape) {
        errors.push(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
             and must start and end with an alphanumeric character (e.g. 'example.com', regex used for \
             validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
                .to_owned(),
        );
    }
    errors
}

/// What keeps `text` from being a DNS label of RFC 1123.
#[must_use]
pub fn dns_label_errors(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if text.len() > MAX_LABEL_BYTES {
        errors.push(too_long(MAX_LABEL_BYTES));
    }
    if !is_label_shape(text) && text.split('.').all(is_label_shape) {
        errors.push("must not contain dots".to_owned());
    } else if !is_label_shape(text) {
        errors.push(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
             start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for \
             validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
                .to_owned(),
        );
    }
    errors
}

/// What keeps `text` from being a DNS label of RFC 1035.
#[must_use]
pub fn dns_1035_label_errors(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if text.len() > MAX_LABEL_BYTES {
        errors.push(too_long(MAX_LABEL_BYTES));
    }
    if !is_label_shape(text) || !text.as_bytes()[0].is_ascii_lowercase() {
        errors.push(
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
             alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', \
             regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
                .to_owned(),
        );
    }
    errors
}

/// What keeps `text` from standing between two slashes of a URL.
#[must_use]
pub fn path_segment_errors(text: &str) -> Vec<String> {
    if text == "." || text == ".." {
        return vec![format!("may not be '{text}'")];
    }
    let forbidden = ["/", "%"].into_iter().filter(|part| text.contains(part));
    forbidden
        .map(|part| format!("may not contain '{part}'"))
        .collect()
}

/// What keeps `text` from being the value of a label.
#[must_use]
pub fn label_value_errors(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if text.len() > MAX_LABEL_BYTES {
        errors.push(label_too_long());
    }
    if !text.is_empty() && !is_name_shape(text) {
        errors.push(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and \
             must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', \
             regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
                .to_owned(),
        );
    }
    errors
}

const NAME_PART: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
     alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
     '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

/// What keeps `text` from being the key of a label.
#[must_use]
pub fn qualified_name_errors(text: &str) -> Vec<String> {
    let parts: Vec<&str> = text.split('/').collect();
    let (prefix, name) = match parts[..] {
        [name] => (None, name),
        [prefix, name] => (Some(prefix), name),
        _ => {
            return vec![format!(
                "a valid label key {NAME_PART} with an optional DNS subdomain prefix and '/' (e.g. \
                 'example.com/MyName')"
            )];
        }
    };
    let mut errors = prefix.map(prefix_errors).unwrap_or_default();
    if name.is_empty() {
        errors.push("name part must be non-empty".to_owned());
    } else if name.len() > MAX_LABEL_BYTES {
        errors.push(format!("name part {}", label_too_long()));
    }
    if !is_name_shape(name) {
        errors.push(format!("name part {NAME_PART}"));
    }
    errors
}

fn prefix_errors(prefix: &str) -> Vec<String> {
    if prefix.is_empty() {
        return vec!["prefix part must be non-empty".to_owned()];
    }
    dns_subdomain_errors(prefix)
        .into_iter()
        .map(|error| format!("prefix part {error}"))
        .collect()
}

/// What keeps `name` from being the name of an object of this group and kind.
///
/// Most names are DNS subdomains. Namespaces, Services and StatefulSets are DNS
/// labels; the names of RBAC kinds and API services need only fit into a URL.
#[must_use]
pub fn object_name_errors(group: &str, kind: &str, name: &str) -> Vec<String> {
    match (group, kind) {
        ("", "Namespace" | "Service") | ("apps", "StatefulSet") => dns_label_errors(name),
        ("apiregistration.k8s.io", "APIService") => path_segment_errors(name),
        ("rbac.authorization.k8s.io", _) => path_segment_errors(name),
        _ => dns_subdomain_errors(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_kubernetes_takes() {
        for (text, label, subdomain, path_segment) in [
            ("web", true, true, true),
            ("web.example.com", false, true, true),
            ("1web", true, true, true),
            ("system:node", false, false, true),
            ("Web", false, false, true),
            ("-web", false, false, true),
            ("web-", false, false, true),
            ("a..b", false, false, true),
            ("a/b", false, false, false),
            ("..", false, false, false),
            ("", false, false, false),
        ] {
            assert_eq!(is_dns_label(text), label, "{text}");
            assert_eq!(is_dns_subdomain(text), subdomain, "{text}");
            assert_eq!(is_path_segment_name(text), path_segment, "{text}");
        }
        assert!(!is_dns_1035_label("1web") && is_dns_1035_label("web1"));
    }

    #[test]
    fn lengths_are_limited() {
        assert!(is_dns_label(&"a".repeat(63)) && !is_dns_label(&"a".repeat(64)));
        assert!(is_dns_subdomain(&"a".repeat(253)) && !is_dns_subdomain(&"a".repeat(254)));
        assert_eq!(
            dns_label_errors(&"a".repeat(64)),
            ["must be no more than 63 characters"]
        );
    }

    #[test]
    fn label_keys_and_values_have_their_own_rules() {
        for key in ["a", "A_b.c", "example.com/x", "x".repeat(63).as_str()] {
            assert!(is_qualified_name(key), "{key}");
        }
        for key in [
            "",
            "/x",
            "a/",
            "a/b/c",
            "Exa/x",
            "-a",
            "x".repeat(64).as_str(),
        ] {
            assert!(!is_qualified_name(key), "{key}");
        }
        assert!(is_label_value("") && is_label_value("A_b.c") && !is_label_value("a b"));
    }
}
