//! Which requests a rule is for.

use super::RouterError;
use trueup_kinds::canary::HttpMatch;

/// The most conditions on requests that one route may come to.
pub const MAX_REQUEST_MATCHES: usize = 128;

/// The requests of `base` that also fit one of `narrow`: each of `narrow` with
/// each of `base`, and what both say about the same thing as `narrow` says it.
/// Where one side is empty, the other.
pub(super) fn narrowed(
    narrow: &[HttpMatch],
    base: &[HttpMatch],
) -> Result<Vec<HttpMatch>, RouterError> {
    let count = narrow.len().max(1).saturating_mul(base.len().max(1));
    if count > MAX_REQUEST_MATCHES {
        return Err(RouterError::invalid(format!(
            "spec.analysis.match and spec.service.match come to {count} conditions, more than {MAX_REQUEST_MATCHES}"
        )));
    }
    if base.is_empty() {
        return Ok(narrow.to_vec());
    }
    if narrow.is_empty() {
        return Ok(base.to_vec());
    }
    let pairs = narrow
        .iter()
        .flat_map(|narrow| base.iter().map(move |base| both(narrow, base)));
    Ok(pairs.collect())
}

fn both(narrow: &HttpMatch, base: &HttpMatch) -> HttpMatch {
    let mut both = base.clone();
    let pairs = [
        (&mut both.uri, &narrow.uri),
        (&mut both.scheme, &narrow.scheme),
        (&mut both.method, &narrow.method),
        (&mut both.authority, &narrow.authority),
    ];
    for (kept, given) in pairs {
        if given.is_some() {
            kept.clone_from(given);
        }
    }
    both.headers.extend(narrow.headers.clone());
    both.without_headers.extend(narrow.without_headers.clone());
    both.query_params.extend(narrow.query_params.clone());
    both.source_labels.extend(narrow.source_labels.clone());
    both.port = narrow.port.or(both.port);
    both.ignore_uri_case |= narrow.ignore_uri_case;
    if !narrow.gateways.is_empty() {
        both.gateways.clone_from(&narrow.gateways);
    }
    if !narrow.source_namespace.is_empty() {
        both.source_namespace.clone_from(&narrow.source_namespace);
    }
    both
}

/// The prefix of paths that providers without more than that are told: the
/// first of `service.match`, else all.
pub(super) fn path_prefix(matches: &[HttpMatch]) -> &str {
    let uri = matches.first().and_then(|first| first.uri.as_ref());
    uri.map(|uri| uri.prefix.as_str())
        .filter(|prefix| !prefix.is_empty())
        .unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_kinds::canary::StringMatch;

    fn header(name: &str) -> HttpMatch {
        HttpMatch {
            headers: [(name.into(), StringMatch::default())].into(),
            ..HttpMatch::default()
        }
    }

    #[test]
    fn every_narrow_condition_holds_together_with_every_base() {
        let pairs = narrowed(&[header("a"), header("b")], &[header("x"), header("y")]).unwrap();
        let keys: Vec<Vec<&str>> = pairs
            .iter()
            .map(|both| both.headers.keys().map(|key| key.as_str()).collect())
            .collect();
        assert_eq!(keys, [["a", "x"], ["a", "y"], ["b", "x"], ["b", "y"]]);
        assert_eq!(narrowed(&[], &[header("x")]).unwrap(), [header("x")]);
        assert_eq!(narrowed(&[header("x")], &[]).unwrap(), [header("x")]);
    }

    #[test]
    fn conditions_have_a_limit() {
        let many = vec![header("a"); 20];
        assert!(narrowed(&many, &many).unwrap_err().is_permanent());
        let most = vec![header("a"); MAX_REQUEST_MATCHES];
        assert!(narrowed(&most, &[]).is_ok());
    }
}
