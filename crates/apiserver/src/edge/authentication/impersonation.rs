//! Acting as somebody else, by headers: who is wanted, and by which right
//! (Kubernetes' constrained impersonation, KEP 5284, then the old way).

use super::{
    ANONYMOUS, AUTHENTICATED, NODE_NAME, SERVICE_ACCOUNTS, UNAUTHENTICATED, split_service_account,
};
use crate::core::{ApiError, Identity};
use crate::edge::authorization::{Attributes, MASTERS, Target};
use http::HeaderMap;
use std::collections::BTreeMap;
use trueup_object::Text;

const USER: &str = "impersonate-user";
const GROUP: &str = "impersonate-group";
const UID: &str = "impersonate-uid";
const EXTRA_PREFIX: &str = "impersonate-extra-";
const AUTHENTICATION_GROUP: &str = "authentication.k8s.io";
const NODES: &str = "system:nodes";
const NODE_USER: &str = "system:node:";
const LONGEST_NODE_NAME: usize = 253;
/// From so many groups or values on, the right to all is asked for first.
const MANY: usize = 4;

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

    /// The identity that the request goes on with, if one of the ways of acting
    /// as somebody else is open to the asker; else the refusal of the first
    /// way that could have been.
    pub fn resolve(
        self,
        asker: &Identity,
        request: &Attributes,
        authorize: &dyn Fn(&Attributes) -> Result<(), ApiError>,
    ) -> Result<Identity, ApiError> {
        let mut refusal = None;
        for mode in Mode::ALL {
            if !mode.is_for(&self, asker) {
                continue;
            }
            let attempt = Attempt {
                mode,
                wanted: &self,
                asker,
                authorize,
            };
            match attempt.run(request) {
                Ok(()) => return Ok(self.identity(mode)),
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        Err(refusal.unwrap_or_else(|| ApiError::internal("all impersonation modes failed")))
    }

    fn is_name_only(&self) -> bool {
        self.uid.is_empty() && self.groups.is_empty() && self.extra.is_empty()
    }

    fn identity(self, mode: Mode) -> Identity {
        let Self {
            user,
            uid,
            mut groups,
            extra,
        } = self;
        if groups.is_empty() {
            groups = implied_groups(&user, mode);
        }
        let implied = if user == ANONYMOUS {
            UNAUTHENTICATED
        } else {
            AUTHENTICATED
        };
        if !groups
            .iter()
            .any(|group| group == implied || group == UNAUTHENTICATED)
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

/// The groups of those whose groups follow from their name.
fn implied_groups(user: &str, mode: Mode) -> Vec<Text> {
    if let Some((namespace, _)) = split_service_account(user) {
        return vec![
            SERVICE_ACCOUNTS.into(),
            ecow::eco_format!("{SERVICE_ACCOUNTS}:{namespace}"),
        ];
    }
    match split_node(user) {
        Some(_) if mode != Mode::Legacy => vec![NODES.into()],
        _ => Vec::new(),
    }
}

/// The ways of acting as somebody else. All but the last are constrained:
/// they need the right to act so for this request, beside the right to act as
/// this user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// A service account acts as the node that its Pod runs on.
    AssociatedNode,
    ArbitraryNode,
    ServiceAccount,
    UserInfo,
    /// The verb `impersonate`, for all requests.
    Legacy,
}

impl Mode {
    const ALL: [Self; 5] = [
        Self::AssociatedNode,
        Self::ArbitraryNode,
        Self::ServiceAccount,
        Self::UserInfo,
        Self::Legacy,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::AssociatedNode => "associated-node",
            Self::ArbitraryNode => "arbitrary-node",
            Self::ServiceAccount => "serviceaccount",
            Self::UserInfo => "user-info",
            Self::Legacy => "",
        }
    }

    fn is_for(self, wanted: &Impersonation, asker: &Identity) -> bool {
        let node = split_node(&wanted.user);
        let account = split_service_account(&wanted.user);
        match self {
            Self::AssociatedNode => {
                let own = asker.extra.get(NODE_NAME).map_or(&[][..], Vec::as_slice);
                wanted.is_name_only()
                    && split_service_account(&asker.user).is_some()
                    && node.is_some_and(|node| matches!(own, [only] if only == node))
            }
            Self::ArbitraryNode => wanted.is_name_only() && node.is_some(),
            Self::ServiceAccount => wanted.is_name_only() && account.is_some(),
            Self::UserInfo => node.is_none() && account.is_none(),
            Self::Legacy => true,
        }
    }
}

/// One way, tried.
struct Attempt<'a> {
    mode: Mode,
    wanted: &'a Impersonation,
    asker: &'a Identity,
    authorize: &'a dyn Fn(&Attributes) -> Result<(), ApiError>,
}

impl Attempt<'_> {
    fn run(&self, request: &Attributes) -> Result<(), ApiError> {
        if self.mode != Mode::Legacy {
            let verb = ecow::eco_format!("impersonate-on:{}:{}", self.mode.name(), request.verb);
            (self.authorize)(&Attributes {
                verb,
                target: request.target.clone(),
            })?;
        }
        (self.authorize)(&self.user())?;
        if !self.wanted.uid.is_empty() {
            (self.authorize)(&self.needs(AUTHENTICATION_GROUP, "uids", "", &self.wanted.uid))?;
        }
        self.groups()?;
        self.extra()
    }

    fn needs(&self, group: &str, resource: &str, subresource: &str, name: &str) -> Attributes {
        let verb = match self.mode {
            Mode::Legacy => "impersonate".into(),
            mode => ecow::eco_format!("impersonate:{}", mode.name()),
        };
        let target = Target::Resource {
            group: group.into(),
            version: "v1".into(),
            namespace: Text::new(),
            resource: resource.into(),
            subresource: subresource.into(),
            name: name.into(),
        };
        Attributes { verb, target }
    }

    /// The API group in which users, groups and accounts are asked for.
    fn subjects(&self) -> &'static str {
        if self.mode == Mode::Legacy {
            ""
        } else {
            AUTHENTICATION_GROUP
        }
    }

    fn user(&self) -> Attributes {
        let user = &self.wanted.user;
        if let Some((namespace, name)) = split_service_account(user) {
            let mut needed = self.needs(self.subjects(), "serviceaccounts", "", name);
            if let Target::Resource {
                namespace: place, ..
            } = &mut needed.target
            {
                *place = namespace.into();
            }
            return needed;
        }
        match split_node(user) {
            Some(_) if self.mode == Mode::AssociatedNode => {
                self.needs(self.subjects(), "nodes", "", "*")
            }
            Some(node) if self.mode != Mode::Legacy => {
                self.needs(self.subjects(), "nodes", "", node)
            }
            _ => self.needs(self.subjects(), "users", "", user),
        }
    }

    fn groups(&self) -> Result<(), ApiError> {
        let groups = &self.wanted.groups;
        let needed = |name: &str| self.needs(self.subjects(), "groups", "", name);
        if self.mode != Mode::Legacy && !groups.is_empty() {
            if groups.iter().any(Text::is_empty) {
                return self.refuse(
                    &needed(""),
                    "impersonating the empty string group is not allowed",
                );
            }
            if groups.iter().any(|group| group == MASTERS) {
                return self.refuse(
                    &needed(MASTERS),
                    "impersonating the system:masters group is not allowed",
                );
            }
            if groups.len() >= MANY && (self.authorize)(&needed("*")).is_ok() {
                return Ok(());
            }
        }
        groups
            .iter()
            .try_for_each(|group| (self.authorize)(&needed(group)))
    }

    fn extra(&self) -> Result<(), ApiError> {
        let extra = &self.wanted.extra;
        let needed =
            |key: &str, value: &str| self.needs(AUTHENTICATION_GROUP, "userextras", key, value);
        if self.mode != Mode::Legacy && !extra.is_empty() {
            if let Some(why) = extra
                .iter()
                .find_map(|(key, values)| faulty_extra(key, values))
            {
                return self.refuse(&needed("", ""), &why);
            }
            let values: usize = extra.values().map(Vec::len).sum();
            if values.max(extra.len()) >= MANY && (self.authorize)(&needed("*", "*")).is_ok() {
                return Ok(());
            }
        }
        let pairs = extra
            .iter()
            .flat_map(|(key, values)| values.iter().map(move |value| (key, value)));
        pairs
            .into_iter()
            .try_for_each(|(key, value)| (self.authorize)(&needed(key, value)))
    }

    fn refuse(&self, needed: &Attributes, why: &str) -> Result<(), ApiError> {
        Err(needed.forbidden(self.asker, why))
    }
}

/// What is wrong with a key of extra that is to be impersonated.
fn faulty_extra(key: &str, values: &[Text]) -> Option<String> {
    if key.is_empty() {
        return Some("impersonating the empty string key in extra is not allowed".to_owned());
    }
    let is_prefixed = key
        .split_once('/')
        .is_some_and(|(domain, path)| !domain.is_empty() && !path.is_empty());
    if !is_prefixed {
        return Some(format!(
            "impersonating an invalid key in extra is not allowed: extra.key: Invalid value: {key:?}: must be a domain-prefixed path (such as \"acme.io/foo\")"
        ));
    }
    values
        .iter()
        .any(Text::is_empty)
        .then(|| "impersonating the empty string value in extra is not allowed".to_owned())
}

/// The name of a node in its user name.
fn split_node(user: &str) -> Option<&str> {
    let node = user.strip_prefix(NODE_USER)?;
    let is_label = |label: &str| {
        let ends = |character: Option<char>| {
            character.is_some_and(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
        };
        ends(label.chars().next())
            && ends(label.chars().next_back())
            && label
                .chars()
                .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-')
    };
    (node.len() <= LONGEST_NODE_NAME && node.split('.').all(is_label)).then_some(node)
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
