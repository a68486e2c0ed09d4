//! Go's `text/template` as a language: templates are parsed once and executed on values.
