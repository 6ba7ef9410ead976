//! Portcullis: the gate in front of your APIs.

pub mod cli;
pub mod app;
pub mod listen;
pub mod endpoints;
pub mod pipeline;
pub mod forward;
pub mod authz;
pub mod authn;
pub mod admission;
pub mod route;
pub mod request;
pub mod upstream;
pub mod telemetry;
pub mod problem;
pub mod config;
pub mod base;
