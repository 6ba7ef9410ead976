//! What once went wrong, each named by the fact that holds now.
