//! `GET /` and `/page/...`: the page, plain files inside the binary.

use axum::body::Body;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY};
use axum::http::{Response, StatusCode};

use crate::dialects::Dialect;
use crate::problem::Problem;
use crate::request::Told;

/// Everything that the page needs comes from this server, and nothing is run that stands in the page itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/page/", $name)) as &[u8])),*]
    };
}

/// The files of the page: names and contents.
const FILES: &[(&str, &[u8])] = files![
    "api.js",
    "app.js",
    "ask.js",
    "chart.js",
    "clipboard.js",
    "compare.js",
    "counterfactual.js",
    "detail.js",
    "document.css",
    "documents.js",
    "dom.js",
    "examples.js",
    "failures.js",
    "format.js",
    "icon.svg",
    "index.html",
    "keys.js",
    "list.js",
    "notices.js",
    "pieces.js",
    "ranking.js",
    "receipt.js",
    "results.css",
    "results.js",
    "share.js",
    "style.css",
    "theme.js",
    "themes.js",
    "tokens.css",
];

/// `GET /`.
pub(crate) async fn index(told: Told) -> Response<Body> {
    file(&told, "index.html")
}

/// `GET /page/NAME`.
pub(crate) async fn named(told: Told, Path(name): Path<String>) -> Response<Body> {
    file(&told, &name)
}

fn file(told: &Told, name: &str) -> Response<Body> {
    match FILES.iter().find(|(known, _)| *known == name) {
        Some((_, content)) => html_or_asset(*content, type_of(name)),
        None => told.refuse(Dialect::Jina, &Problem::NotFound(format!("the page has no file {name}"))),
    }
}

/// A file with the headers that keep it to itself.
pub(crate) fn html_or_asset(content: impl Into<Body>, kind: &'static str) -> Response<Body> {
    let mut response = Response::new(content.into());
    *response.status_mut() = StatusCode::OK;
    for (name, value) in [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        // A new version of the binary is a new page.
        (CACHE_CONTROL, "no-cache"),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn type_of(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("json") => "application/json",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;

    #[test]
    fn all_files_of_the_page_are_in_the_binary() {
        let there: BTreeSet<String> = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/page"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let known: BTreeSet<String> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(known, there, "name new files of the page in FILES");
    }
}
