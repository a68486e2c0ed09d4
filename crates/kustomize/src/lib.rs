//! A kustomization root built into manifests.
