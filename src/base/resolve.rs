//! Host names to addresses, asked of whoever knows. Nothing here remembers an answer.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use super::net::canonical;

pub type Lookup = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Turns a name into addresses.
pub trait Resolve: Send + Sync {
    fn resolve(&self, name: Arc<str>) -> Lookup;
}

/// The operating system's resolver, on the blocking pool of the runtime that asks: the background one.
#[derive(Debug)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Arc<str>) -> Lookup {
        Box::pin(async move {
            let found = tokio::net::lookup_host((&*name, 0)).await?;
            Ok(found.map(|address| canonical(address.ip())).collect())
        })
    }
}
