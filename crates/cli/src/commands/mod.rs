//! One file a command: words in, words out.

pub(crate) mod convert;
pub(crate) mod distill;
pub(crate) mod doctor;
pub(crate) mod early;
pub(crate) mod evaluate;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod index;
pub(crate) mod inspect;
mod inspect_journal;
pub(crate) mod judge;
pub(crate) mod mcp;
pub(crate) mod precision;
pub(crate) mod reproduce;
pub(crate) mod rerank;
pub(crate) mod retrieve;
pub(crate) mod serve;
pub(crate) mod teacher;
pub(crate) mod train;
pub(crate) mod weigh;

use std::io::Write;
use std::path::{Path, PathBuf};

use r2r_server::run::ServeError;
use reason_to_rank::error::PipelineError;
use reason_to_rank::types::stage::StageError;

/// Whether an error is a failure of this program rather than a mistake in what was asked.
pub(crate) fn is_ours(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        matches!(cause.downcast_ref::<StageError>(), Some(StageError::Failed(_)))
            || matches!(cause.downcast_ref::<PipelineError>(), Some(PipelineError::Stage(StageError::Failed(_))))
            || matches!(
                cause.downcast_ref::<ServeError>(),
                Some(ServeError::Warm(_) | ServeError::Panicked | ServeError::System(_))
            )
    })
}

/// Refuses outputs that would mix with one another or overwrite an input. Each comes with the word that named it.
fn refuse_clashes(outputs: &[(&str, &Path)], inputs: &[(&str, &Path)]) -> anyhow::Result<()> {
    let stdout = Path::new("-");
    for (i, (name, path)) in outputs.iter().enumerate() {
        for (other_name, other) in &outputs[..i] {
            if (*path == stdout && *other == stdout) || is_same_file(path, other) {
                anyhow::bail!("{other_name} and {name} both write to {}; give each a file of its own", path.display());
            }
        }
        for (other_name, other) in inputs {
            if is_same_file(path, other) {
                anyhow::bail!("{name} {} would overwrite what {other_name} reads; name another file", path.display());
            }
        }
    }
    Ok(())
}

/// Whether two paths name one file, be it there or still to be made. Standard input and output and devices are no files.
fn is_same_file(a: &Path, b: &Path) -> bool {
    let place = |path: &Path| -> Option<PathBuf> {
        if path == Path::new("-") || std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return None;
        }
        path.canonicalize().ok().or_else(|| {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            Some(folder.canonicalize().ok()?.join(path.file_name()?))
        })
    };
    place(a).is_some_and(|a| place(b) == Some(a))
}

/// Prints data to standard output; colors are dropped where it is not a terminal.
fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(())
}

/// Prints a value as JSON, one line.
fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    // Not through the color filter, which would take control characters out of quotes.
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{}", serde_json::to_string(value)?)?;
    Ok(())
}
