//! Acting as somebody else, by headers.

use super::{ANONYMOUS, AUTHENTICATED, SERVICE_ACCOUNTS, UNAUTHENTICATED, split_service_account};
use crate::core::{ApiError, Identity};
use crate::edge::authorization::{Attributes, Target};
use http::HeaderMap;
use std::collections::BTreeMap;
use trueup_object::Text;

const USER: &str = "impersonate-user";
const GROUP: &str = "impersonate-group";
const UID: &str = "impersonate-uid";
const EXTRA_PREFIX: &str = "impersonate-extra-";

/// Who a request wants to act as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Impersonation {
    user: Text,
    uid: Text,
    groups: Vec<Text>,
    extra: BTreeMap<Text, Vec<Text>>,
}

impl Impersonation {
    /// Reads the headers; `None` where none of them is there. Fails with 400
    /// where groups, uid or extra come without a user.
    pub fn read(headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        let text = |value: &http::HeaderValue| Text::from(value.to_str().unwrap_or_default());
        let mut asked = Self {
            user: headers.get(USER).map(text).unwrap_or_default(),
            uid: headers.get(UID).map(text).unwrap_or_default(),
            groups: headers.get_all(GROUP).iter().map(text).collect(),
            extra: BTreeMap::new(),
        };
        for (name, value) in headers {
            if let Some(key) = name.as_str().strip_prefix(EXTRA_PREFIX) {
                asked
                    .extra
                    .entry(percent_decode(key))
                    .or_default()
                    .push(text(value));
            }
        }
        if asked == Self::default() {
            return Ok(None);
        }
        if asked.user.is_empty() {
            let message = format!(
                "requested {} without impersonating a user name",
                asked.as_go()
            );
            return Err(ApiError::bad_request(message));
        }
        Ok(Some(asked))
    }

    /// The rights that acting so needs, in the order in which they are asked.
    #[must_use]
    pub fn needs(&self) -> Vec<Attributes> {
        let needs =
            |group: &str, namespace: &str, resource: &str, subresource: &str, name: &Text| {
                Attributes {
                    verb: "impersonate".into(),
                    target: Target::Resource {
                        group: group.into(),
                        version: "v1".into(),
                        namespace: namespace.into(),
                        resource: resource.into(),
                        subresource: subresource.into(),
                        name: name.clone(),
                    },
                }
            };
        let mut all = vec![match split_service_account(&self.user) {
            Some((namespace, name)) => needs("", namespace, "serviceaccounts", "", &name.into()),
            None => needs("", "", "users", "", &self.user),
        }];
        all.extend(
            self.groups
                .iter()
                .map(|group| needs("", "", "groups", "", group)),
        );
        for (key, values) in &self.extra {
            all.extend(
                values
                    .iter()
                    .map(|value| needs("authentication.k8s.io", "", "userextras", key, value)),
            );
        }
        if !self.uid.is_empty() {
            all.push(needs("authentication.k8s.io", "", "uids", "", &self.uid));
        }
        all
    }

    /// The identity that the request goes on with.
    #[must_use]
    pub fn identity(self) -> Identity {
        let Self {
            user,
            uid,
            mut groups,
            extra,
        } = self;
        if groups.is_empty()
            && let Some((namespace, _)) = split_service_account(&user)
        {
            groups = vec![
                SERVICE_ACCOUNTS.into(),
                ecow::eco_format!("{SERVICE_ACCOUNTS}:{namespace}"),
            ];
        }
        let implied = if user == ANONYMOUS {
            UNAUTHENTICATED
        } else {
            AUTHENTICATED
        };
        if !groups
            .iter()
            .any(|group| group == AUTHENTICATED || group == UNAUTHENTICATED)
        {
            groups.push(implied.into());
        }
        Identity {
            user,
            uid,
            groups,
            extra,
        }
    }

    /// As Go prints it in the text of a refusal.
    fn as_go(&self) -> String {
        let list = |texts: &[Text]| match texts {
            [] => "[]string(nil)".to_owned(),
            _ => format!(
                "[]string{{{}}}",
                texts
                    .iter()
                    .map(|it| format!("{:?}", it.as_str()))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        };
        let extra = match self.extra.len() {
            0 => "map[string][]string(nil)".to_owned(),
            _ => {
                let entries: Vec<String> = self
                    .extra
                    .iter()
                    .map(|(key, values)| format!("{:?}:{}", key.as_str(), list(values)))
                    .collect();
                format!("map[string][]string{{{}}}", entries.join(", "))
            }
        };
        format!(
            "&user.DefaultInfo{{Name:{:?}, UID:{:?}, Groups:{}, Extra:{extra}}}",
            self.user.as_str(),
            self.uid.as_str(),
            list(&self.groups)
        )
    }
}

fn percent_decode(text: &str) -> Text {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = text
            .get(at + 1..at + 3)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (bytes[at], code) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).as_ref().into()
}
