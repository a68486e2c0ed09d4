//! Desired, observed and inventory compared: what to do, in which order, and why.
