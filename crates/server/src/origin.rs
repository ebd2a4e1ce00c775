//! Web pages of other origins. A browser lets any page send a plain POST here, and only keeps the answer from it: the work
//! would be done all the same.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{HOST, HeaderMap, HeaderValue, ORIGIN};
use axum::http::{Method, Response, StatusCode};
use axum::middleware::Next;

use crate::app::App;
use crate::request::Told;

/// Refuses what pages of other origins send, unless theirs is named. What comes from no browser says nothing of origins.
pub(crate) async fn keep_out(State(app): State<Arc<App>>, told: Told, request: Request, next: Next) -> Response<Body> {
    if !is_foreign(request.method(), request.headers(), &app.cors_origins) {
        return next.run(request).await;
    }
    told.keeps_out("other-origin");
    // In no dialect: browsers show it to nobody but those who look for why.
    let why = "web pages of other origins are kept out; --cors-origin names those that may call this server\n";
    let mut response = Response::new(Body::from(why));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}

fn is_foreign(method: &Method, headers: &HeaderMap, named: &[String]) -> bool {
    if [Method::GET, Method::HEAD, Method::OPTIONS].contains(method) {
        return false;
    }
    let origin = headers.get(ORIGIN).map(HeaderValue::as_bytes);
    if named.iter().any(|named| named == "*" || origin == Some(named.as_bytes())) {
        return false;
    }
    // Browsers know best, also behind a proxy that has another name; they say nothing where the connection is plain.
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "cross-site" || site == "same-site";
    }
    origin.is_some_and(|origin| !is_own(origin, headers))
}

/// Whether an origin is the host that was asked, by its own name or by that of the proxy in front, which no page can set.
fn is_own(origin: &[u8], headers: &HeaderMap) -> bool {
    let authority = std::str::from_utf8(origin).ok().and_then(|origin| origin.split_once("://"));
    let Some((_, authority)) = authority else { return false };
    let name = authority.rsplit_once(':').map_or(authority, |(name, _)| name);
    let hosts = [headers.get(HOST), headers.get("x-forwarded-host")];
    let hosts = hosts.into_iter().flatten().filter_map(|hosts| hosts.to_str().ok()).flat_map(|hosts| hosts.split(','));
    // Proxies often leave the port out.
    hosts.map(str::trim).any(|host| host.eq_ignore_ascii_case(authority) || host.eq_ignore_ascii_case(name))
}
