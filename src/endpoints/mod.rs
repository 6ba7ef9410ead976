//! Answers the gateway gives itself; each file one operation. Those that a route leads to take a permit, like the
//! forwarder; health, figures and what administers the gateway stand outside the pipeline, on a listener of their own.

pub mod admin;
pub mod echo;
pub mod health;
pub mod metrics;
pub mod redirect;
pub mod well_known;
