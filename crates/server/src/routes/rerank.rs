//! `POST /rerank`, `/v1/rerank`, `/v2/rerank`, `/reranking`, `/v1/reranking`: a list in order.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, StatusCode};

use crate::app::App;
use crate::asked::{Asked, Delivery};
use crate::compute::Admitted;
use crate::compute::task::Failed;
use crate::config::Limits;
use crate::dialects::{Caller, Dialect, Route, json_response};
use crate::events::{Streamed, stream};
use crate::json::{self, Keys};
use crate::problem::Problem;
use crate::ranking::{admit, explain, rank};
use crate::request::{Opened, Told, open, timing_headers};

/// Answers in the client's own dialect.
pub(crate) async fn rerank(State(app): State<Arc<App>>, route: Route, told: Told, request: Request) -> Response<Body> {
    let caller = Caller::of(request.headers());
    let mut dialect = Dialect::of(route, caller, &Keys::default());
    match answer(&app, route, caller, &told, request, &mut dialect).await {
        Ok(response) => response,
        Err(problem) => told.refuse(dialect, &problem),
    }
}

/// The answer; `dialect` becomes the request's as soon as it is known.
async fn answer(
    app: &Arc<App>,
    route: Route,
    caller: Caller,
    told: &Told,
    request: Request,
    dialect: &mut Dialect,
) -> Result<Response<Body>, Problem> {
    let service = app.service()?;
    let Opened { read: (found, read), deadline, room } =
        open(app, request, move |bytes, limits| read(route, caller, bytes, limits)).await?;
    *dialect = found;
    told.speaks(found);
    let asked = read?;
    asked.check(&app.limits, found.documents_field())?;
    told.asks(&asked);

    let admitted = admit(service, &asked)?;
    let (admitted, asked) = deadline.of(cut(admitted, asked)).await??;
    let mut ranked = rank(&admitted, &asked, told.id(), deadline, &app.metrics).await?;
    let timing = ranked.timing;
    let tokens = ranked.answer.tokens;
    match asked.delivery {
        Delivery::Whole => {
            explain(&admitted, &asked, &mut ranked, deadline).await;
            let warnings = ranked.answer.warnings.join("; ");
            let json = found.reply(&asked, ranked.answer)?;
            let mut response = json_response(StatusCode::OK, room.keep(json));
            // A bare list has no place for them.
            if found == Dialect::Tei
                && !warnings.is_empty()
                && let Ok(warnings) = HeaderValue::from_str(&warnings)
            {
                response.headers_mut().insert("x-r2r-warnings", warnings);
            }
            timing_headers(response.headers_mut(), &asked.list, tokens, timing, told.since());
            Ok(response)
        }
        Delivery::Events => {
            let warnings = ranked.answer.warnings.clone();
            let ranking = found.reply(&asked, ranked.answer)?;
            let places = ranked.places;
            let reasons = admitted.explain(&asked.list, places.clone());
            let mut response = stream(Streamed {
                ranking,
                places,
                reasons,
                warnings,
                tokens,
                deadline,
                room,
                told: told.clone(),
                metrics: Arc::clone(&app.metrics),
            });
            timing_headers(response.headers_mut(), &asked.list, tokens, timing, told.since());
            Ok(response)
        }
    }
}

/// The dialect of a body, and what it asks for.
fn read(route: Route, caller: Caller, bytes: &[u8], limits: &Limits) -> (Dialect, Result<Asked, Problem>) {
    let fallback = Dialect::of(route, caller, &Keys::default());
    let text = match json::text_of(bytes, limits) {
        Ok(text) => text,
        Err(problem) => return (fallback, Err(problem)),
    };
    match Keys::of(text) {
        Ok(keys) => {
            let dialect = Dialect::of(route, caller, &keys);
            (dialect, dialect.read(text))
        }
        Err(problem) => (fallback, Err(problem)),
    }
}

/// Keeps so many word pieces of each document as the client wants, where the student would read more. The request keeps
/// its place in the queue for as long as that takes, also where its client goes away meanwhile.
async fn cut(admitted: Admitted, mut asked: Asked) -> Result<(Admitted, Asked), Problem> {
    let student = Arc::clone(admitted.compute().student());
    let most = asked.max_tokens_per_document.unwrap_or(usize::MAX);
    if most >= student.engine().config().max_length {
        return Ok((admitted, asked));
    }
    let cutting = tokio::task::spawn_blocking(move || {
        for document in &mut Arc::make_mut(&mut asked.list).documents {
            let pieces = student.engine().tokenizer().pieces(&document.text, most);
            let pieces = pieces.map_err(|error| Failed(error.to_string()))?;
            if pieces.truncated {
                document.text.truncate(pieces.offsets.last().map_or(0, |last| last.end));
            }
        }
        Ok((admitted, asked))
    });
    cutting.await.map_err(|_| Failed("cutting the documents failed; the log says where".to_owned()))?
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use reason_to_rank::types::document::Document;

    use super::*;
    use crate::compute::Wishes;
    use crate::compute::task::List;
    use crate::compute::tests::compute;

    #[tokio::test]
    async fn documents_are_cut_beside_other_requests_and_within_the_queue() {
        let compute = compute();
        let document = |index: usize| Document {
            id: index.to_string().into(),
            title: String::new(),
            text: "volcanic rock is dark ".repeat(10),
        };
        let list = Arc::new(List { query: "q".to_owned(), documents: (0..3000).map(document).collect() });
        let asked = || Asked { max_tokens_per_document: Some(2), ..Asked::of_list(Arc::clone(&list)) };
        let admit = || compute.admit(std::slice::from_ref(&list), Wishes::default()).unwrap();
        let at_once = cut(admit(), asked()).now_or_never();
        assert!(at_once.is_none(), "others would have waited for it");
        assert_eq!(compute.load().requests, 1, "nobody has its place before it is done");
        while compute.load().requests > 0 {
            tokio::task::yield_now().await;
        }
        let (_, asked) = cut(admit(), asked()).await.unwrap();
        assert!(asked.list.documents.iter().all(|document| document.text == "volcanic rock"));
    }
}
