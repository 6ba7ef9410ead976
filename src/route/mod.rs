//! (in work)

mod matcher;
pub mod table;
