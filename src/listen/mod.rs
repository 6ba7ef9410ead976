//! Where clients come in: sockets, connections and their limits, and the door each request takes to the pipeline.

pub mod admin;
mod carrier;
mod connection;
mod http1;
mod date;
mod http2;
mod io;
pub mod inherited;
pub mod limits;
mod linger;
mod link;
pub mod listener;
mod opening;
pub mod proxy_protocol;
mod preface;
mod record;
mod service;
pub mod sockets;
mod tunnel;
mod unix;
pub mod worker;

pub use link::Stage;
