//! The embedded cluster, Git server, sample repository and walkthrough, wired for a laptop.
