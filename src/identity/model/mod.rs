//! Stored things as plain state machines: what they are and what may happen to them. Nothing here knows a database, a
//! clock or a request.

pub mod api_key;
pub mod revocation;
