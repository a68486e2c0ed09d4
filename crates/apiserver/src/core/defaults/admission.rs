//! Defaults of webhooks and of admission policies.

use super::{default, default_missing, each};
use trueup_object::Value;

pub(super) fn match_resources(object: &mut Value, key: &str) {
    if object.at(&["spec", key]).is_none() {
        return;
    }
    default_missing(object, &["spec", key, "matchPolicy"], "Equivalent");
    default(object, &["spec", key, "namespaceSelector"], Value::map());
    default(object, &["spec", key, "objectSelector"], Value::map());
    for rules in ["resourceRules", "excludeResourceRules"] {
        each(object, &["spec", key, rules], |rule| {
            default_missing(rule, &["scope"], "*");
        });
    }
}

pub(super) fn default_webhook(webhook: &mut Value, kind: &str) {
    default_missing(webhook, &["failurePolicy"], "Fail");
    default_missing(webhook, &["matchPolicy"], "Equivalent");
    default(webhook, &["namespaceSelector"], Value::map());
    default(webhook, &["objectSelector"], Value::map());
    default(webhook, &["timeoutSeconds"], 10);
    if kind == "MutatingWebhookConfiguration" {
        default_missing(webhook, &["reinvocationPolicy"], "Never");
    }
    if webhook.at(&["clientConfig", "service"]).is_some() {
        default(webhook, &["clientConfig", "service", "port"], 443);
    }
    each(webhook, &["rules"], |rule| {
        default_missing(rule, &["scope"], "*")
    });
}
