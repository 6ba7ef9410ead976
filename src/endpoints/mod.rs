//! Answers the gateway gives itself; each file one operation.

pub mod health;
pub mod metrics;
