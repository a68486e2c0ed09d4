//! GitOps for Kubernetes in one binary.

fn main() {}
