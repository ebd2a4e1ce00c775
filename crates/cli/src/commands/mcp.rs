//! `r2r mcp`: the student as a tool of an agent.

use anyhow::{Result, bail};

use crate::args::serve::Mcp;
use crate::commands::rerank::open_student;

/// Serves until standard input ends.
pub(crate) fn run(options: &Mcp) -> Result<()> {
    let student = open_student(&options.student)?;
    bail!("{} cannot be asked over MCP yet", student.name())
}
