//! (in work)

pub mod admin;
