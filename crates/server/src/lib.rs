//! Reason-to-Rank as a server: the rerank dialects that clients speak on one port, explanations, search, and a page
//! that shows why. Requests share one student: its compute loop takes turns among them.
//!
//! ```no_run
//! use r2r_server::config::ServerConfig;
//! use r2r_server::run::{Serving, serve};
//! use reason_to_rank::student::StudentOptions;
//!
//! let serving = Serving { student: "models/r2r-mini".into(), options: StudentOptions::default(), index: None };
//! let address = ([127, 0, 0, 1], 8080).into();
//! serve(address, ServerConfig::default(), serving, |address| eprintln!("http://{address}/"))?;
//! # Ok::<(), r2r_server::run::ServeError>(())
//! ```

pub mod config;
pub mod run;

mod listen;
mod routes;
mod request;
mod body;
mod json;
mod fields;
mod dialects;
mod asked;
mod shapes;
mod problem;
mod ranking;
mod events;
mod compute;
mod warm;
mod app;
mod keys;
mod metrics;
mod openapi;

pub mod mcp;
