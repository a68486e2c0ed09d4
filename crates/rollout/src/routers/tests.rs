//! Providers held to recorded cases, to what must hold for all of them, and to
//! live objects that hold anything anywhere.

mod cluster;
mod hostile;
mod metadata;
mod properties;
mod recorded;
mod rights;
mod samples;
