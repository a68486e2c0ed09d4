//! The whole loop in virtual time: controllers against the embedded API and a
//! Git in memory.

mod bad_input;
mod drift;
mod simulation;
mod whole_loop;
mod world;
