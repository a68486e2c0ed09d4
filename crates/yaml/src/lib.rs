//! YAML as Go's libraries read and write it, with positions and limits.
