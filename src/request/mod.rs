//! (in work)

pub mod client;
pub mod framing;
pub mod headers;
pub mod host;
pub mod path;
pub mod readings;
pub mod target;
