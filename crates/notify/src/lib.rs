//! Alerts as the payloads of their providers.
