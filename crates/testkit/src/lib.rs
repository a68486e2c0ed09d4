//! Fault injection, virtual time and fixture servers for tests.
