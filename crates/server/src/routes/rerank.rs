//! `POST /rerank`, `/v1/rerank`, `/v2/rerank`, `/reranking`, `/v1/reranking`: a list in order.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, StatusCode};

use crate::app::App;
use crate::asked::{Asked, Delivery};
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
    let mut asked = read?;
    asked.check(&app.limits, found.documents_field())?;
    told.asks(&asked);

    let admitted = admit(service, &asked)?;
    let cutting = asked.truncation.cut_aside(vec![Arc::clone(&asked.list)], admitted);
    let (admitted, cut) = deadline.of(cutting).await??;
    if let Some(list) = cut.into_iter().flatten().next() {
        asked.read_instead(list);
    }
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
