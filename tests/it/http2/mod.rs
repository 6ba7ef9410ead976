//! HTTP/2 from clients, in clear text.

mod ending;
mod exchange;
mod grpc;
mod heads;
mod hostile;
mod lifetime;
mod proxies;
mod windows;
