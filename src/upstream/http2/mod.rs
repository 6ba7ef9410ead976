//! HTTP/2 to the servers of an upstream, without TLS and known beforehand.
//!
//! Comes in: a request and the target it goes to. Goes out: the head of the answer, and a [`Call`] that moves the rest of
//! the request. Connections are shared: each has a task of its own on the worker's thread, and requests of many clients
//! run on it side by side, as many as its server takes at a time. It refuses to know which request is whose.

mod call;
mod connection;
mod io;
mod lane;
mod pool;
mod upload;

pub use call::{Call, CallFailed};
pub use pool::{Http2Pools, Room};
pub use upload::Parcel;
