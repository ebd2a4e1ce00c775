//! Requests made of real documents, and the answers they must get: those they get when nothing else is asked.

use std::path::Path;

use hyper::body::Bytes;
use reason_to_rank::types::formats::documents::read_documents;
use serde_json::{Value, json};

use crate::Failure;
use crate::client::{Connection, Reply};

/// Different requests of one size.
const VARIANTS: usize = 12;

/// Words of a query.
const QUERY_WORDS: usize = 8;

/// Documents to make requests of.
pub(crate) struct Workload {
    texts: Vec<String>,
}

/// Requests of one size, each with the results it must get.
pub(crate) struct Requests {
    /// The bodies of the requests.
    pub bodies: Vec<Bytes>,
    results: Vec<Value>,
}

impl Workload {
    /// Takes the texts of a file of documents.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let documents = read_documents(path)?;
        Ok(Self { texts: documents.iter().map(|document| document.title_and_text().into_owned()).collect() })
    }

    /// A request of `n_documents`; another variant has another query and other documents.
    pub(crate) fn request(&self, n_documents: usize, variant: usize) -> Value {
        let text = |i: usize| &self.texts[i % self.texts.len()];
        let first = variant * n_documents;
        let query: Vec<&str> = text(first).split_whitespace().take(QUERY_WORDS).collect();
        let documents: Vec<&String> = (1..=n_documents).map(|i| text(first + i)).collect();
        json!({"model": "r2r", "query": query.join(" "), "documents": documents})
    }

    /// Requests of one size, asked once each while nothing else is.
    pub(crate) async fn requests(&self, address: &str, n_documents: usize) -> Result<Requests, Failure> {
        let mut connection = Connection::open(address).await?;
        let mut requests = Requests { bodies: Vec::new(), results: Vec::new() };
        for variant in 0..VARIANTS {
            let body = Bytes::from(serde_json::to_vec(&self.request(n_documents, variant))?);
            let reply = connection.post("/v1/rerank", body.clone()).await?;
            let results = results_of(&reply)?;
            if results.as_array().map(Vec::len) != Some(n_documents) {
                return Err(
                    format!("{n_documents} documents got {} results", results.as_array().map_or(0, Vec::len)).into()
                );
            }
            requests.bodies.push(body);
            requests.results.push(results);
        }
        Ok(requests)
    }
}

impl Requests {
    /// Whether an answer to the `i`-th request is what it is when nothing else is asked.
    pub(crate) fn is_right(&self, i: usize, reply: &Reply) -> bool {
        results_of(reply).is_ok_and(|results| results == self.results[i])
    }

    /// The same by indices, scores and order alone: whether texts come back depends on the dialect.
    pub(crate) fn is_right_without_documents(&self, i: usize, reply: &Reply) -> bool {
        results_of(reply).is_ok_and(|results| scores_of(&results) == scores_of(&self.results[i]))
    }

    /// Whether scores by index, in any order, are those of the `i`-th request.
    pub(crate) fn has_scores(&self, i: usize, scores: &[(u64, f64)]) -> bool {
        let mut expected = scores_of(&self.results[i]);
        let mut scores = scores.to_vec();
        expected.sort_by_key(|(index, _)| *index);
        scores.sort_by_key(|(index, _)| *index);
        scores == expected
    }

    /// The `i`-th request, to be changed.
    pub(crate) fn request(&self, i: usize) -> Result<Value, Failure> {
        Ok(serde_json::from_slice(&self.bodies[i])?)
    }
}

/// The results of an answer: the rest, ids and times, differs each time.
fn results_of(reply: &Reply) -> Result<Value, Failure> {
    if reply.status != 200 {
        return Err(format!("status {}: {}", reply.status, String::from_utf8_lossy(&reply.body)).into());
    }
    let mut answer: Value = serde_json::from_slice(&reply.body)?;
    Ok(answer["results"].take())
}

fn scores_of(results: &Value) -> Vec<(u64, f64)> {
    let results = results.as_array().map_or(&[][..], Vec::as_slice);
    results.iter().filter_map(|result| Some((result["index"].as_u64()?, result["relevance_score"].as_f64()?))).collect()
}
