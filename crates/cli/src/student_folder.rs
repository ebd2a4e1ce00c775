//! Which student is meant when none is named.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// Where the shipped student lies below the project's root.
const SHIPPED: &str = "models/r2r-mini";

/// The named student, or the shipped one: below the current folder, or beside the binary and above it.
pub(crate) fn choose(named: Option<&Path>) -> Result<PathBuf> {
    if let Some(named) = named {
        if !named.is_dir() {
            bail!(
                "{}: no such folder; --student takes a folder with config.json and model.safetensors",
                named.display()
            );
        }
        return Ok(named.to_owned());
    }
    let executable = std::env::current_exe().ok();
    let above = executable.iter().flat_map(|path| path.ancestors().skip(1).map(Path::to_path_buf));
    for folder in std::iter::once(PathBuf::new()).chain(above) {
        let shipped = folder.join(SHIPPED);
        if shipped.join("model.safetensors").is_file() {
            return Ok(shipped);
        }
    }
    bail!(
        "no student found: name its folder with --student DIR or R2R_STUDENT, or run from the project's folder, where {SHIPPED} lies"
    )
}
