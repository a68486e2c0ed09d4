//! The controllers and simulated nodes that a laptop's cluster needs.
