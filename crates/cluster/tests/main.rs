//! Tests of the client against a scripted server, on a thread whose clock
//! jumps.

mod discovery;
mod errors;
mod faults;
mod lease;
mod list;
mod live;
mod pace;
mod requests;
mod script;
mod watch;
