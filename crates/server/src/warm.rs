//! The first computations: after them nothing is slower than it will stay, and the speed is known.

use std::time::{Duration, Instant};

use reason_to_rank::model::encoding::Limits;
use reason_to_rank::student::LoadedStudent;
use reason_to_rank::types::candidates::{Candidate, Candidates};
use reason_to_rank::types::document::{Document, Query};
use reason_to_rank::types::stage::{Reasons, Reranker, StageError};

use crate::compute::cost::Costs;

const QUERY: &str = "why do heat pumps lose efficiency in very cold weather";
const SENTENCE: &str = "The efficiency of a heat pump falls as the gap between the outdoor and the indoor temperature \
    grows, and defrosting its outdoor unit costs energy on damp and cold days. ";
/// Documents of the shortest length that are scored together; longer ones follow.
const DOCUMENTS: usize = 16;
/// How long the speed is measured.
const LONG_ENOUGH: Duration = Duration::from_millis(200);

/// Computes a little of everything, and says how many estimated tokens the student scores in a second.
pub(crate) fn warm_up(student: &LoadedStudent) -> Result<f64, StageError> {
    let costs = Costs::new(Limits::of(student.engine().config()));
    let documents: Vec<Document> = (0..DOCUMENTS).map(document).collect();
    let tokens: usize = documents.iter().map(|document| costs.of_document(QUERY, "", &document.text)).sum();
    let documents: Vec<&Document> = documents.iter().collect();
    // Once for the pages of the weights, then for the time.
    student.signals(QUERY, &documents)?;
    let (began, mut rounds) = (Instant::now(), 0);
    while rounds == 0 || began.elapsed() < LONG_ENOUGH {
        student.signals(QUERY, &documents)?;
        rounds += 1;
    }
    let speed = (tokens * rounds) as f64 / began.elapsed().as_secs_f64();
    if student.writes_reasons() {
        let list =
            documents.iter().take(2).map(|&document| Candidate { document: document.clone().into(), score: 0.0 });
        let query = Query { id: "warm".into(), text: QUERY.to_owned() };
        let candidates = Candidates { query: query.into(), list: list.collect() };
        student.reranker().rerank(&candidates, Reasons::Top(2))?;
    }
    Ok(speed)
}

/// Documents of one to eight sentences.
fn document(index: usize) -> Document {
    let text = SENTENCE.repeat(1 + index % 8);
    Document { id: format!("d{index}").into(), title: String::new(), text }
}
