//! Users, keys and revocations, without HTTP: what they are (`model`), how they are kept (`store`), how they are made.

pub mod keys;
pub mod model;
pub mod store;
