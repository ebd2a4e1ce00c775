//! From scores to an answer: the order, the spans, the reasons, and what is to be said about them.

use std::time::Instant;

use reason_to_rank::inference::Scored;
use reason_to_rank::reranking::explained::neighbor_of;
use reason_to_rank::types::id::DocId;
use reason_to_rank::types::reasoning::Reasoning;
use tokio::time::{Instant as Deadline, timeout_at};
use tracing::error;

use crate::app::{Service, unix_seconds};
use crate::asked::{Answer, Answered, Asked, ExplainWish, Overlong, SpanWish};
use crate::compute::task::{Place, Reasons, Scores, Span, Timing};
use crate::compute::{Admitted, Compute, Wishes};
use crate::metrics::Metrics;
use crate::problem::Problem;

/// Documents that a warning names at most.
const NAMED: usize = 10;
/// Characters of a name that a warning repeats.
const NAME_LENGTH: usize = 80;

/// A list in order, before its reasons are written.
pub(crate) struct Ranked {
    /// The answer so far, with the best documents.
    pub(crate) answer: Answer,
    /// The best documents with their neighbors, for the reasons that are still to be written.
    pub(crate) places: Vec<Place>,
    /// Where the time went.
    pub(crate) timing: Timing,
}

/// Lets a request in, or says why not.
pub(crate) fn admit(service: &Service, asked: &Asked) -> Result<Admitted, Problem> {
    let compute = &service.compute;
    if !compute.student().writes_reasons() {
        let message = |field: &str| format!("this student has not learned to write reasons: leave out `{field}`");
        if asked.explain.is_some() {
            return Err(Problem::invalid("explain", message("explain")));
        }
        if asked.spans.is_some() {
            return Err(Problem::invalid("relevant_spans", message("relevant_spans")));
        }
    }
    let pointed = if asked.spans.is_some() { asked.shown() } else { 0 };
    let wishes = Wishes { explained: asked.explained(), pointed, truncation: asked.truncation };
    compute.admit(std::slice::from_ref(&asked.list), wishes).map_err(Problem::Full)
}

/// Puts a list in order.
pub(crate) async fn rank(
    admitted: &Admitted,
    asked: &Asked,
    request_id: &str,
    deadline: Until,
    metrics: &Metrics,
) -> Result<Ranked, Problem> {
    let Scores { scored, tokens, query_truncated, timing } =
        deadline.of(admitted.score(std::slice::from_ref(&asked.list))).await??;
    metrics.scored(timing);
    let warnings = warnings_of(admitted.compute(), asked, &scored, query_truncated)?;

    let mut order: Vec<usize> = (0..scored.len()).collect();
    // A stable sort: equal scores keep the client's order.
    order.sort_by(|&a, &b| scored[b].logit.total_cmp(&scored[a].logit));
    let shown = &order[..asked.shown()];
    let mut spans = match asked.spans {
        Some(wish) => {
            let found = deadline.of(admitted.point(&asked.list, shown)).await??;
            found.into_iter().map(|spans| Some(best_spans(spans, wish))).collect()
        }
        None => vec![None; shown.len()],
    };
    let results = shown.iter().zip(&mut spans).map(|(&index, spans)| Answered {
        index,
        scored: scored[index],
        spans: spans.take(),
        reasoning: None,
    });
    let answer = Answer {
        id: request_id.to_owned(),
        created: unix_seconds(),
        model: admitted.compute().student().name().to_owned(),
        results: results.collect(),
        tokens,
        warnings,
    };
    let places = asked.explain.map_or_else(Vec::new, |wish| places(shown, &scored, wish));
    Ok(Ranked { answer, places, timing })
}

/// Writes the reasons of a ranking, as far as the deadline allows.
pub(crate) async fn explain(admitted: &Admitted, asked: &Asked, ranked: &mut Ranked, deadline: Until) {
    let mut reasons = admitted.explain(&asked.list, ranked.places.clone());
    let n = ranked.places.len();
    for written in 0..n {
        match next_reason(&mut reasons, deadline).await {
            Ok(reasoning) => ranked.answer.results[written].reasoning = Some(reasoning),
            // The order is right whatever becomes of the reasons: it is told, with what it lacks.
            Err(why) => {
                ranked.answer.warnings.push(missing_reasons(&ranked.answer.id, written, n, &why));
                return;
            }
        }
    }
}

/// The next reason that is written, or why there is none.
pub(crate) async fn next_reason(reasons: &mut Reasons, deadline: Until) -> Result<Reasoning, Problem> {
    Ok(deadline.of(reasons.recv()).await?.ok_or(Problem::Stopping)??)
}

/// What a client is told where reasons are missing; of a failure of ours the log hears as well.
pub(crate) fn missing_reasons(request_id: &str, written: usize, asked_for: usize, why: &Problem) -> String {
    if let Problem::Failed(failed) = why {
        error!(request_id, %failed, "reasons failed");
    }
    format!("only {written} of {asked_for} documents are explained: {why}")
}

/// The time until which a request must be done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Until {
    at: Deadline,
    deadline: std::time::Duration,
}

impl Until {
    /// From now on.
    pub(crate) fn from_now(deadline: std::time::Duration) -> Self {
        Self { at: Deadline::from_std(Instant::now() + deadline), deadline }
    }

    /// The result of a future; `Late` where it takes too long, and then its work ends.
    pub(crate) async fn of<R>(self, future: impl Future<Output = R>) -> Result<R, Problem> {
        timeout_at(self.at, future).await.map_err(|_| Problem::Late { deadline: self.deadline })
    }
}

/// Where the best documents stand, each with the neighbor it is compared with.
fn places(shown: &[usize], scored: &[Scored], wish: ExplainWish) -> Vec<Place> {
    let place = |rank: usize| {
        let neighbor = if wish.comparison { neighbor_of(rank, shown.len()) } else { None };
        Place {
            document: shown[rank],
            logit: scored[shown[rank]].logit,
            neighbor: neighbor.map(|(other, stands)| (shown[other], stands)),
        }
    };
    (0..wish.top.min(shown.len())).map(place).collect()
}

/// The best spans above the threshold, in the order of the text.
fn best_spans(mut spans: Vec<Span>, wish: SpanWish) -> Vec<Span> {
    spans.retain(|span| span.score >= wish.threshold);
    spans.sort_by(|a, b| b.score.total_cmp(&a.score));
    spans.truncate(wish.max_spans);
    spans.sort_by_key(|span| span.start);
    spans
}

/// What is not as it was asked for.
fn warnings_of(
    compute: &Compute,
    asked: &Asked,
    scored: &[Scored],
    query_truncated: bool,
) -> Result<Vec<String>, Problem> {
    let config = compute.student().engine().config();
    let mut warnings = asked.warnings.clone();
    if let Some(model) = &asked.model
        && !model.is_empty()
        && *model != config.name
        && model != "default/not-specified"
    {
        let model: String = model.chars().take(NAME_LENGTH).collect();
        warnings.push(format!("the model {model} is not served here: {} answered", config.name));
    }
    if query_truncated {
        let most = config.max_query_length;
        warnings.push(format!("the query is longer than {most} tokens: only its beginning was read"));
    }
    let documents = asked.list.documents.iter().zip(scored);
    let cut: Vec<&DocId> = documents.filter(|(_, one)| one.truncated).map(|(document, _)| &document.id).collect();
    if cut.is_empty() {
        return Ok(warnings);
    }
    let which = named(&cut);
    let most = config.max_length;
    match asked.overlong {
        Overlong::Refuse => Err(Problem::TooLong {
            message: format!("longer than {most} tokens together with the query: {which}; allow them to be cut"),
        }),
        Overlong::Cut => {
            warnings.push(format!(
                "longer than {most} tokens together with the query, only the beginning was scored: {which}"
            ));
            Ok(warnings)
        }
    }
}

/// Documents by name, not too many of them.
fn named(ids: &[&DocId]) -> String {
    let shown: Vec<String> = ids.iter().take(NAMED).map(|id| id.as_str().chars().take(NAME_LENGTH).collect()).collect();
    let documents = if ids.len() == 1 { "document" } else { "documents" };
    let more = ids.len() - shown.len();
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{documents} {}{rest}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_spans_stand_in_the_order_of_the_text() {
        let span = |start: usize, score: f32| Span { start, end: start + 5, score };
        let spans = vec![span(0, 0.05), span(6, 0.5), span(12, 0.2), span(18, 0.3)];
        let best = best_spans(spans, SpanWish { threshold: 0.1, max_spans: 2 });
        assert_eq!(best.iter().map(|span| span.start).collect::<Vec<_>>(), [6, 18]);
    }

    #[test]
    fn a_warning_names_some_documents_and_counts_the_others() {
        let ids: Vec<DocId> = (0..25).map(|index| index.to_string().into()).collect();
        let ids: Vec<&DocId> = ids.iter().collect();
        assert_eq!(named(&ids[3..4]), "document 3");
        assert_eq!(named(&ids[3..5]), "documents 3, 4");
        assert_eq!(named(&ids), "documents 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 15 more");
    }
}
