//! Where a request goes and under which name its mirror stands.

use std::io::{self, Write as _};
use std::path::Path;

use reqwest::Url;
use sha2::{Digest as _, Sha256};

use super::reference::Target;
use crate::error::{Failure, FetchErrorKind};
use crate::{Credentials, GitRequest, MirrorKey};

/// Length of the salt in the names of mirrors.
const SALT_BYTES: usize = 32;

/// The URL without credentials, and the credentials: the Secret's, or those of
/// the URL if the Secret has none.
pub(crate) fn address(request: &GitRequest) -> Result<(Url, Credentials), Failure> {
    let field = "spec.url";
    let mut url = Url::parse(&request.url).map_err(|error| {
        let cause = format!("the URL cannot be read: {error}");
        Failure::new(FetchErrorKind::Invalid { field }, cause)
    })?;
    match url.scheme() {
        "http" | "https" => {}
        "ssh" => {
            return Err(Failure::new(
                FetchErrorKind::Unsupported { field },
                "the scheme 'ssh' is not served yet, use https",
            ));
        }
        scheme => {
            let cause = format!("the scheme '{scheme}' is not served, use https or http");
            return Err(Failure::new(FetchErrorKind::Invalid { field }, cause));
        }
    }
    let mut credentials = request.credentials.clone();
    if !credentials.has_login() && !url.username().is_empty() {
        let login = (
            decoded(url.username()),
            decoded(url.password().unwrap_or("")),
        );
        credentials.login = Some(login);
    }
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    Ok((url, credentials))
}

/// Percent escapes undone.
pub(crate) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut output = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        output.push(escape.unwrap_or(bytes[at]));
        at += if escape.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&output).into_owned()
}

/// A reference goes into a line of the protocol, so it must be one line.
pub(crate) fn check_name(target: &Target) -> Result<(), Failure> {
    let mut prefixes = target.prefixes().into_iter();
    if prefixes.any(|prefix| prefix.chars().any(char::is_control)) {
        let cause = format!("{} holds a control character", target.describe());
        return Err(Failure::new(
            FetchErrorKind::Invalid { field: "spec.ref" },
            cause,
        ));
    }
    Ok(())
}

/// The URL as it may be shown: without user name, password and query.
pub(crate) fn redacted(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut url) => {
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.set_query(None);
            url.to_string()
        }
        Err(_) => "(malformed URL)".to_owned(),
    }
}

/// Random bytes, made once for a folder of mirrors, so that the name of a
/// mirror doesn't help to guess the password in it.
pub(crate) fn salt(root: &Path) -> io::Result<Vec<u8>> {
    let path = root.join("salt");
    match std::fs::read(&path) {
        Ok(salt) if salt.len() == SALT_BYTES => return Ok(salt),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut salt = vec![0; SALT_BYTES];
    rustls::crypto::aws_lc_rs::default_provider()
        .secure_random
        .fill(&mut salt)
        .map_err(|_| io::Error::other("the system gives no random bytes"))?;
    let mut file = tempfile::NamedTempFile::new_in(root)?;
    file.write_all(&salt)?;
    file.persist(path)?;
    Ok(salt)
}

/// A mirror is shared only by requests with the same URL, credentials and
/// proxy.
pub(crate) fn mirror_key(
    salt: &[u8],
    url: &Url,
    request: &GitRequest,
    credentials: &Credentials,
) -> MirrorKey {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(salt);
    part(url.as_str().as_bytes());
    let (username, password) = credentials.login.clone().unwrap_or_default();
    part(username.as_bytes());
    part(password.as_bytes());
    part(credentials.bearer_token.as_deref().unwrap_or("").as_bytes());
    part(credentials.ca_certificates.as_deref().unwrap_or_default());
    let (chain, key) = credentials.client_certificate.clone().unwrap_or_default();
    part(&chain);
    part(&key);
    let proxy = request.proxy.as_ref();
    part(proxy.map_or("", |proxy| &proxy.address).as_bytes());
    let (username, password) = proxy.and_then(|one| one.login.clone()).unwrap_or_default();
    part(username.as_bytes());
    part(password.as_bytes());
    let digest = hash.finalize();
    MirrorKey(
        digest[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
    )
}
