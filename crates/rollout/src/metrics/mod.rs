//! Checks: queries, what providers answer, and what is made of it.
