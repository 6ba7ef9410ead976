//! Portcullis: the gate in front of your APIs.

pub mod admission;
pub mod app;
pub mod authn;
pub mod authz;
pub mod base;
pub mod cli;
pub mod config;
pub mod endpoints;
pub mod forward;
pub mod listen;
pub mod pipeline;
pub mod problem;
pub mod request;
pub mod route;
pub mod telemetry;
pub mod upstream;
