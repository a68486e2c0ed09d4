//! Volumes and claims are held by a finalizer while somebody may use them.

use super::Context;
use crate::core::status::ApiError;
use trueup_object::Value;

pub(super) fn admit(context: &Context<'_>, object: &mut Value) -> Result<(), ApiError> {
    let name = match context.resource.plural.as_str() {
        "persistentvolumeclaims" => "kubernetes.io/pvc-protection",
        "persistentvolumes" => "kubernetes.io/pv-protection",
        _ => return Ok(()),
    };
    if !context.creates("", &context.resource.plural) {
        return Ok(());
    }
    let listed = object
        .at(&["metadata", "finalizers"])
        .and_then(Value::as_list);
    let mut finalizers = listed.unwrap_or_default().to_vec();
    if !finalizers.iter().any(|it| it.as_str() == Some(name)) {
        finalizers.push(name.into());
        object.set_at(&["metadata", "finalizers"], finalizers.into());
    }
    Ok(())
}
