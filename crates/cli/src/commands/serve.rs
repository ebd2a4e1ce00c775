//! `r2r serve`: answers over HTTP until it is told to stop.

use anyhow::{Result, bail};

use crate::args::serve::Serve;

/// Serves until SIGTERM or Ctrl-C.
pub(crate) fn run(options: &Serve) -> Result<()> {
    bail!("{}:{} cannot be served yet", options.host, options.port)
}
