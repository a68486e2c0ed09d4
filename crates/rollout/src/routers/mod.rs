//! Traffic providers as tables of manifests and weights.
