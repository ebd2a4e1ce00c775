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

mod app;
mod asked;
mod body;
mod compute;
mod dialects;
mod events;
mod fields;
mod json;
mod keys;
mod listen;
mod metrics;
mod openapi;
mod origin;
mod problem;
mod ranking;
mod request;
mod routes;
mod shapes;
mod truncation;
mod warm;

pub mod mcp;
