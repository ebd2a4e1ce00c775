//! `r2r convert`: files of other tools become a BEIR folder.

use anyhow::Result;
use reason_to_rank::stages::convert::{Source, convert};
use serde_json::json;

use crate::args::{Convert, SourceFormat};
use crate::commands::print_json;
use crate::progress::Bars;

/// Writes the folder and says what it holds.
pub(crate) fn run(options: &Convert) -> Result<()> {
    let source = match options.from {
        SourceFormat::Msmarco => Source::MsMarco,
        SourceFormat::Rankgpt => Source::RankGpt,
        SourceFormat::RankLlm => Source::RankLlm,
        SourceFormat::Bright => Source::Bright,
    };
    let counts = convert(source, &options.inputs, &options.output, &mut Bars::new())?;
    if options.json {
        return print_json(&json!({"output": options.output, "counts": counts}));
    }
    anstream::eprintln!("written to {}", options.output.display());
    Ok(())
}
