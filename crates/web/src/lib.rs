//! Metrics, health checks and artifact files over HTTP.
