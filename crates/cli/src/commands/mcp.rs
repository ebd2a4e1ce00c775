//! `r2r mcp`: the student as a tool of an agent.

use anyhow::Result;
use r2r_server::mcp::{McpFailure, serve_stdio};
use reason_to_rank::types::stage::StageError;

use crate::args::serve::Mcp;
use crate::commands::rerank::open_student;

/// Serves until the client closes standard input. Standard output carries the protocol and nothing else.
pub(crate) fn run(options: &Mcp) -> Result<()> {
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_writer(std::io::stderr)
        .init();
    let student = open_student(&options.student)?;
    anstream::eprintln!("{} answers over MCP on standard input and output: tools rerank and explain", student.name());
    match serve_stdio(student) {
        Ok(()) => Ok(()),
        Err(failure @ McpFailure::Handshake(_)) => Err(failure.into()),
        Err(failure) => Err(StageError::Failed(Box::new(failure)).into()),
    }
}
