//! The machine that decides the next step of a run.
