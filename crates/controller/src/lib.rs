//! Queue, machine and shells: what makes a cluster match its declaration.
