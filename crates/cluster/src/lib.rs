//! The only client of Kubernetes APIs: sessions, discovery, watches, applies.
