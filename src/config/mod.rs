//! From the text of a file to a finished [`Config`], or to the whole list of what is wrong with it.

pub mod pattern;
pub mod spec;

pub use spec::Config;
