//! The beginning of a URL of a repository: scheme, user and host.

use super::RemoteError;

pub(super) const FILE: &str = "file://";
const SSH: &str = "ssh://";
const SCHEMES: [&str; 4] = [SSH, "https://", "http://", FILE];
/// A prefix of another program's URLs that says nothing here.
const FORCED_GIT: &str = "git::";

/// Scheme, user and host, made uniform for GitHub, and what follows them.
pub(super) fn split(address: &str) -> Result<(String, &str), RemoteError> {
    let address = after(address, FORCED_GIT).unwrap_or(address);
    let (scheme, address) = scheme(address);
    let (user, rest) = user(address);
    let is_github = is_github(rest);
    let may_be_scp = scheme.is_empty() && (!user.is_empty() || is_github);
    if scheme.is_empty() && !may_be_scp {
        return Err(RemoteError::Scheme);
    }
    if scheme == FILE {
        return Ok((scheme.to_owned(), address));
    }
    let (host, rest) = match separator(rest, may_be_scp) {
        Some(at) => rest.split_at(at + 1),
        None => (rest, ""),
    };
    if is_github {
        return Ok((github(scheme, user), rest));
    }
    if host.is_empty() {
        return Err(RemoteError::Host);
    }
    Ok((format!("{scheme}{user}{host}"), rest))
}

/// The text after a prefix in any case.
fn after<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let start = text.get(..prefix.len())?;
    start
        .eq_ignore_ascii_case(prefix)
        .then(|| &text[prefix.len()..])
}

fn scheme(address: &str) -> (&'static str, &str) {
    let mut schemes = SCHEMES.into_iter();
    let found = schemes.find_map(|scheme| after(address, scheme).map(|rest| (scheme, rest)));
    found.unwrap_or(("", address))
}

/// `name@`, if the text begins with one.
fn user(address: &str) -> (&str, &str) {
    let Some((name, _)) = address.split_once('@') else {
        return ("", address);
    };
    let begins = name.starts_with(|one: char| one.is_ascii_alphabetic());
    let goes_on = name
        .bytes()
        .all(|one| one.is_ascii_alphanumeric() || one == b'-');
    match begins && goes_on {
        true => address.split_at(name.len() + 1),
        false => ("", address),
    }
}

fn is_github(address: &str) -> bool {
    ["github.com/", "github.com:"]
        .iter()
        .any(|host| after(address, host).is_some())
}

/// Where the host ends: at the first slash, or where there is no scheme at a
/// colon before it.
fn separator(address: &str, may_be_scp: bool) -> Option<usize> {
    let slash = address.find('/');
    if !may_be_scp {
        return slash;
    }
    match (address.find(':'), slash) {
        (Some(colon), Some(slash)) if colon > 0 && colon < slash => Some(colon),
        (colon, None) => colon,
        (_, slash) => slash,
    }
}

/// GitHub over HTTPS without a user, over SSH with one.
fn github(scheme: &str, user: &str) -> String {
    match scheme == SSH || !user.is_empty() {
        true => format!("{user}github.com:"),
        false => "https://github.com/".to_owned(),
    }
}
