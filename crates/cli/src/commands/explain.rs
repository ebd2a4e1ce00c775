//! `r2r explain`: why one document stands above another.

use anyhow::{Result, bail};
use reason_to_rank::reranking::explained::Placed;
use reason_to_rank::results::{DocumentResult, QueryResults};
use reason_to_rank::types::formats::documents::read_documents;
use reason_to_rank::types::id::DocId;
use reason_to_rank::types::reasoning::Stands;
use reason_to_rank::types::stage::{Reasons, Reranker};

use crate::args::Explain;
use crate::commands::rerank::{candidates_of, open_student};
use crate::commands::{print, print_json};
use crate::terminal;

/// Explains both documents against each other, in the order of the student's scores.
pub(crate) fn run(options: &Explain) -> Result<()> {
    let documents = read_documents(&options.documents)?;
    let candidates = candidates_of(&options.query, &documents)?;
    let place = |id: &str| match documents.iter().position(|document| document.id.as_str() == id) {
        Some(place) => Ok(place),
        None => bail!("no document is named {id}; the ids are {}", some_ids(documents.iter().map(|d| &d.id))),
    };
    let (above, below) = (&documents[place(&options.above)?], &documents[place(&options.below)?]);
    if above.id == below.id {
        bail!("--above and --below name the same document");
    }
    let student = open_student(&options.student)?;
    if !student.writes_reasons() {
        bail!("this student has not learned to write reasons");
    }
    let ranking = student.reranker().rerank(&candidates, Reasons::None)?;
    let mut results = QueryResults::of(&student, &candidates, &ranking, usize::MAX)?;
    let found = |id: &DocId| results.results.iter().find(|result| &result.id == id);
    let (Some(first), Some(second)) = (found(&above.id), found(&below.id)) else {
        bail!("a ranking lost a document, which is a bug of r2r");
    };
    if first.rank > second.rank {
        bail!(
            "{} does not stand above {}: it ranks {} with {:.3}, and {} ranks {} with {:.3}; swap --above and --below",
            above.id,
            below.id,
            first.rank,
            first.score,
            below.id,
            second.rank,
            second.score
        );
    }
    let (Some(first_logit), Some(second_logit)) = (first.logit, second.logit) else {
        bail!("a student's document has no score, which is a bug of r2r");
    };
    let placed = [
        Placed { document: above, logit: first_logit, neighbor: Some((below, Stands::Above)) },
        Placed { document: below, logit: second_logit, neighbor: Some((above, Stands::Below)) },
    ];
    let explained = student.reranker().explain(&options.query, &placed)?;
    let mut both: Vec<DocumentResult> = vec![first.clone(), second.clone()];
    for (result, reasoning) in both.iter_mut().zip(explained) {
        result.reasoning = Some(reasoning);
    }
    results.results = both;
    if options.json { print_json(&results) } else { print(&terminal::comparison(&results, &documents)) }
}

fn some_ids<'a>(ids: impl Iterator<Item = &'a DocId>) -> String {
    let mut ids: Vec<&str> = ids.map(DocId::as_str).take(9).collect();
    if ids.len() > 8 {
        ids[8] = "...";
    }
    ids.join(", ")
}
