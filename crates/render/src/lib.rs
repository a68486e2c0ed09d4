//! An artifact and a specification rendered into ordered manifests.
