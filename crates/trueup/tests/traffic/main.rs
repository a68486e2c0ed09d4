//! Canaries under real traffic: real NGINX that follows the Ingresses of an
//! embedded cluster, real Prometheus that measures it, and requests that are
//! counted where they are answered. See docs/traffic-tests.md.
//!
//! Three scenarios, and one that needs neither, run with all other tests;
//! `cargo xtask e2e` plays them all.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that can't go on fails there"
)]

mod backends;
mod choosing;
mod cluster;
mod controllers;
mod exporter;
mod failing;
mod gateway;
mod ingress;
mod load;
mod measuring;
mod nginx_config;
mod objects;
mod patience;
mod programs;
mod prometheus;
mod promoting;
mod stage;
mod sticky;
mod tally;
mod tiny_http;
