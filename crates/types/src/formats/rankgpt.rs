//! RankGPT's files: a JSON array of queries with their hits, and permutations `[2] > [3] > [1]`
//! (Sun et al., 2023).

use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::candidates::Candidates;
use crate::document::{Document, Query};
use crate::formats::error::FormatError;
use crate::formats::hit_list::{Hit, candidates};
use crate::formats::id_field::IdField;
use crate::formats::input::{Input, Line};
use crate::formats::jsonl::read_array_or_lines;

#[derive(Deserialize)]
struct Topic {
    query: String,
    /// Some files name the query here too; the hits name it in all.
    #[serde(default)]
    qid: Option<IdField>,
    hits: Vec<TopicHit>,
}

#[derive(Deserialize)]
struct TopicHit {
    content: String,
    #[serde(default)]
    qid: Option<IdField>,
    docid: IdField,
    score: f64,
}

/// Reads a file of retrieved hits (an array, or JSONL), each query's hits in file order.
pub fn read_topics(path: &Path) -> Result<Vec<Candidates>, FormatError> {
    topics_of_input(Input::open(path)?)
}

/// Reads retrieved hits from an input.
pub fn topics_of_input(input: Input) -> Result<Vec<Candidates>, FormatError> {
    let file = input.file().to_owned();
    let mut topics = Vec::new();
    for (number, topic) in read_array_or_lines::<Topic>(input)? {
        let candidates = topic.candidates().map_err(|problem| {
            let advice = "give each query one qid and distinct docids with finite scores";
            Line { file: &file, number, text: "" }.malformed(problem, advice)
        })?;
        topics.push(candidates);
    }
    Ok(topics)
}

impl Topic {
    fn candidates(self) -> Result<Candidates, String> {
        let Self { query, qid, hits } = self;
        let mut names = qid.iter().chain(hits.iter().filter_map(|hit| hit.qid.as_ref()));
        let id = names.next().cloned().ok_or_else(|| format!("the query {query:.60?} has no qid"))?;
        if let Some(other) = names.find(|&name| *name != id) {
            return Err(format!("the hits of one query name two: {} and {}", id.0, other.0));
        }
        let hits = hits.into_iter().map(|hit| Hit {
            document: Document { id: hit.docid.into(), title: String::new(), text: hit.content },
            score: hit.score,
        });
        candidates(Query { id: id.into(), text: query }, hits.collect())
    }
}

/// Writes candidates as RankGPT reads them: title and text in `content`, ranks from 1.
pub fn write_topics(out: &mut impl Write, topics: &[Candidates]) -> Result<(), FormatError> {
    #[derive(Serialize)]
    struct TopicOut<'a> {
        query: &'a str,
        qid: &'a str,
        hits: Vec<HitOut<'a>>,
    }
    #[derive(Serialize)]
    struct HitOut<'a> {
        content: String,
        qid: &'a str,
        docid: &'a str,
        rank: usize,
        score: f32,
    }
    let mut rows = Vec::with_capacity(topics.len());
    for Candidates { query, list } in topics {
        let qid = query.id.as_str();
        let hits = list.iter().enumerate().map(|(place, candidate)| {
            let document = &candidate.document;
            // Anserini's form for a passage with a title, which RankGPT's prompts were made from.
            let content = if document.title.is_empty() {
                document.text.clone()
            } else {
                format!("Title: {} Content: {}", document.title, document.text)
            };
            HitOut { content, qid, docid: document.id.as_str(), rank: place + 1, score: candidate.score }
        });
        rows.push(TopicOut { query: &query.text, qid, hits: hits.collect() });
    }
    serde_json::to_writer(&mut *out, &rows).map_err(std::io::Error::from)?;
    Ok(out.write_all(b"\n")?)
}

/// Why a text is not a permutation.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PermutationError {
    /// A piece between two `>` is not a number in brackets.
    #[error("{0:?} is not a number in brackets, as in [2] > [3] > [1]")]
    NotANumber(String),
    /// A number is below 1 or above the number of passages.
    #[error("[{number}] is none of the {passages} passages, which are numbered from 1")]
    OutOfRange {
        /// The number.
        number: usize,
        /// How many passages there are.
        passages: usize,
    },
    /// A number occurs twice.
    #[error("[{0}] occurs twice")]
    Twice(usize),
}

/// Reads `[2] > [3] > [1]` as places in the list, from 0, best first: `[1, 2, 0]`.
///
/// As many passages as there are numbers: each must occur once. Answers of models need repair first.
pub fn parse_permutation(text: &str) -> Result<Vec<usize>, PermutationError> {
    let pieces: Vec<&str> = text.split('>').map(str::trim).collect();
    let passages = pieces.len();
    let mut seen = vec![false; passages];
    let mut places = Vec::with_capacity(passages);
    for piece in pieces {
        let inner = piece.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let number = inner.and_then(|inner| inner.parse::<usize>().ok());
        let number = number.ok_or_else(|| PermutationError::NotANumber(piece.to_owned()))?;
        let place = number.wrapping_sub(1);
        match seen.get_mut(place) {
            None => return Err(PermutationError::OutOfRange { number, passages }),
            Some(true) => return Err(PermutationError::Twice(number)),
            Some(unseen) => *unseen = true,
        }
        places.push(place);
    }
    Ok(places)
}

/// Writes places in a list, from 0, best first, as `[2] > [3] > [1]`.
pub fn permutation_text(places: &[usize]) -> String {
    let numbers: Vec<String> = places.iter().map(|place| format!("[{}]", place + 1)).collect();
    numbers.join(" > ")
}

/// Reads a JSON array of permutation texts, as RankGPT publishes its teacher's answers.
pub fn read_permutations(path: &Path) -> Result<Vec<Vec<usize>>, FormatError> {
    let input = Input::open(path)?;
    let file = input.file().to_owned();
    let mut permutations = Vec::new();
    for (number, text) in read_array_or_lines::<String>(input)? {
        let places = parse_permutation(&text).map_err(|error| {
            let problem = format!("record {}: {error}", permutations.len() + 1);
            Line { file: &file, number, text: "" }.malformed(problem, "write each number of 1..n once")
        })?;
        permutations.push(places);
    }
    Ok(permutations)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_permutation_is_refused() {
        assert_eq!(parse_permutation("[2] > [3]>[1]"), Ok(vec![1, 2, 0]));
        assert_eq!(parse_permutation(""), Err(PermutationError::NotANumber(String::new())));
        assert_eq!(parse_permutation("[1] > 2"), Err(PermutationError::NotANumber("2".into())));
        assert_eq!(parse_permutation("[1] > [1]"), Err(PermutationError::Twice(1)));
        assert_eq!(parse_permutation("[0]"), Err(PermutationError::OutOfRange { number: 0, passages: 1 }));
        assert_eq!(parse_permutation("[1] > [3]"), Err(PermutationError::OutOfRange { number: 3, passages: 2 }));
    }

    #[test]
    fn topics_need_one_name_and_distinct_hits() {
        let error = |text: &str| topics_of_input(Input::of_text("f", text).unwrap()).unwrap_err().to_string();
        assert!(error("[{\"query\":\"q\",\"hits\":[]}]").starts_with("f:1: the query \"q\" has no qid"));
        let hit = "{\"content\":\"c\",\"qid\":1,\"docid\":\"d\",\"score\":1}";
        assert!(
            error(&format!("[\n{{\"query\":\"q\",\"hits\":[{hit},{hit}]}}]"))
                .starts_with("f:2: document d occurs twice for query 1")
        );
    }

    proptest! {
        #[test]
        fn permutations_are_read_back(places in Just((0..20).collect::<Vec<usize>>()).prop_shuffle()) {
            prop_assert_eq!(parse_permutation(&permutation_text(&places)), Ok(places));
        }

        #[test]
        fn no_text_panics(text in "[\\[\\] >0-9]{0,30}|\\PC{0,20}") {
            let _ = parse_permutation(&text);
        }
    }
}
