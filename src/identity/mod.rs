//! Users, keys and revocations, without HTTP: what they are (`model`), how they are kept (`store`), how keys and
//! passwords are made and checked. No request, route or answer is known here.

pub mod keys;
pub mod model;
pub mod passwords;
pub mod store;
