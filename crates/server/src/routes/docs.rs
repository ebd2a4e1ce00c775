//! `GET /docs` and `/openapi.json`: the interface for people and for machines.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::Value;

use crate::dialects::json_response;
use crate::openapi::document;
use crate::routes::page::html_or_asset;
use crate::routes::{Access, Endpoint, endpoints};

/// Both forms, made once.
static DOCS: LazyLock<Docs> = LazyLock::new(|| {
    let endpoints = endpoints();
    let document = document(&endpoints);
    Docs { page: write_page(&endpoints, &document), json: format!("{document:#}") }
});

struct Docs {
    json: String,
    page: String,
}

/// `GET /openapi.json`.
pub(crate) async fn openapi() -> Response<Body> {
    json_response(StatusCode::OK, DOCS.json.clone())
}

/// `GET /docs`.
pub(crate) async fn page() -> Response<Body> {
    html_or_asset(DOCS.page.as_str(), "text/html; charset=utf-8")
}

/// `GET /docs/style.css`.
pub(crate) async fn style() -> Response<Body> {
    html_or_asset(include_str!("docs.css"), "text/css; charset=utf-8")
}

fn write_page(endpoints: &[Endpoint], document: &Value) -> String {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Reason-to-Rank: interface</title>\n<link rel=\"stylesheet\" href=\"/docs/style.css\">\n<main>\n\
         <h1>Interface</h1>\n",
    );
    let about = document["info"]["description"].as_str().unwrap_or_default();
    let _ = writeln!(
        page,
        "<p>{}</p>\n<p><a href=\"/\">The page that shows why</a> · <a href=\"/openapi.json\">OpenAPI 3.1</a></p>",
        escaped(about)
    );
    let mut group = "";
    for endpoint in endpoints {
        let Some(operation) = &endpoint.operation else { continue };
        if operation.group != group {
            group = operation.group;
            let _ = writeln!(page, "<h2>{group}</h2>");
        }
        let key = if endpoint.access == Access::Keyed { " <small>needs a key, where keys are set</small>" } else { "" };
        let _ = writeln!(
            page,
            "<section>\n<h3><code><b>{}</b> {}</code>{key}</h3>\n<p>{}.</p>",
            endpoint.method.to_uppercase(),
            escaped(endpoint.path),
            escaped(operation.summary)
        );
        if !operation.description.is_empty() {
            let _ = writeln!(page, "<p>{}</p>", escaped(operation.description));
        }
        let described = &document["paths"][endpoint.path.replace("{*", "{")][endpoint.method];
        let request = &described["requestBody"]["content"]["application/json"]["schema"];
        shapes(&mut page, "Request", request);
        if let Some(example) = &operation.example {
            let _ = writeln!(page, "<pre>{}</pre>", escaped(&format!("{example:#}")));
        }
        let reply = &described["responses"]["200"]["content"]["application/json"]["schema"];
        shapes(&mut page, "Answer", reply);
        page.push_str("</section>\n");
    }
    fields(&mut page, document);
    page.push_str("</main>\n</html>\n");
    page
}

/// Names of the shapes that a schema allows, each a way to its fields below.
fn shapes(page: &mut String, title: &str, schema: &Value) {
    let said = kind(schema);
    if !said.is_empty() {
        let _ = writeln!(page, "<p>{title}: {said}</p>");
    }
}

/// All shapes with their fields.
fn fields(page: &mut String, document: &Value) {
    let Some(schemas) = document["components"]["schemas"].as_object() else { return };
    page.push_str("<h2>Shapes</h2>\n");
    for (name, schema) in schemas {
        let _ = writeln!(page, "<section id=\"{0}\">\n<h3><code><b>{0}</b></code></h3>", escaped(name));
        if let Some(about) = schema["description"].as_str() {
            let _ = writeln!(page, "<p>{}</p>", marked(about));
        }
        let Some(properties) = schema["properties"].as_object() else {
            let _ = writeln!(page, "<p>{}</p>\n</section>", kind(schema));
            continue;
        };
        page.push_str("<dl>\n");
        for (field, about) in properties {
            let said = about["description"].as_str().unwrap_or_default();
            let _ = writeln!(
                page,
                "<dt><code>{}</code></dt><dd>{} <small>{}</small></dd>",
                escaped(field),
                marked(said),
                kind(about)
            );
        }
        page.push_str("</dl>\n</section>\n");
    }
}

/// What values a schema allows, in words, with links to named shapes.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = escaped(reference.rsplit('/').next().unwrap_or_default());
        return format!("<a href=\"#{name}\">{name}</a>");
    }
    for alternatives in ["anyOf", "oneOf"] {
        if let Some(alternatives) = schema[alternatives].as_array() {
            let said: Vec<String> = alternatives.iter().map(kind).filter(|said| !said.is_empty()).collect();
            return said.join(" or ");
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> = values.iter().map(|value| escaped(&value.to_string())).collect();
        return values.join(", ");
    }
    match &schema["type"] {
        Value::String(list) if list == "array" => format!("list of {}", kind(&schema["items"])),
        Value::String(kind) => escaped(kind),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).map(escaped).collect::<Vec<_>>().join(" or "),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}

/// Text for HTML, with what stands between back ticks as code.
fn marked(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(index, part)| {
        let part = escaped(part);
        if index % 2 == 1 { format!("<code>{part}</code>") } else { part }
    });
    parts.collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_tells_every_path_and_nothing_of_it_comes_from_elsewhere() {
        let page = &DOCS.page;
        for endpoint in endpoints().iter().filter(|endpoint| endpoint.operation.is_some()) {
            assert!(page.contains(&escaped(endpoint.path)), "{} is missing", endpoint.path);
        }
        assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"));
        assert!(page.contains("<dt><code>relevance_score</code></dt>"), "the fields of answers are told");
    }

    #[test]
    fn texts_become_html() {
        assert_eq!(marked("a <b> & `c<d`"), "a &lt;b&gt; &amp; <code>c&lt;d</code>");
    }
}
