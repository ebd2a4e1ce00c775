//! `r2r export`: a student as a plain cross-encoder of Hugging Face transformers.

use anyhow::Result;
use reason_to_rank::model::folder::StudentFolder;

use crate::args::Export;
use crate::student_folder;

/// Writes the encoder and rank head in float32. The similarity signal and the reasons stay behind.
pub(crate) fn run(options: &Export) -> Result<()> {
    let folder = StudentFolder::open(&student_folder::choose(options.student.as_deref())?)?;
    folder.export_cross_encoder(&options.output)?;
    let config = folder.config()?;
    anstream::eprintln!(
        "written to {}: load it with AutoModelForSequenceClassification.from_pretrained; one logit for a pair",
        options.output.display()
    );
    if config.similarity_weight != 0.0 {
        anstream::eprintln!(
            "note: r2r adds {:.2} x the cosine of the base encoder to that logit, which a plain cross-encoder cannot hold",
            config.similarity_weight
        );
    }
    if config.lexical_weight != 0.0 {
        anstream::eprintln!(
            "note: r2r adds {:.2} x the share of the query's words that the document has, which it cannot hold either",
            config.lexical_weight
        );
    }
    Ok(())
}
