//! MS MARCO's tab-separated files: `collection.tsv`, `queries.*.tsv`, `qrels.*.tsv`, `top1000.*`.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::candidates::{Candidate, Candidates};
use crate::document::{Document, Query};
use crate::formats::error::FormatError;
use crate::formats::input::{Input, Line};
use crate::formats::trec;
use crate::id::{DocId, QueryId};
use crate::qrels::Qrels;

/// The passages of a `collection.tsv` (`pid`, text), one by one; see [`read_passages`].
pub struct Passages {
    input: Input,
    lines: HashMap<DocId, usize>,
    ended: bool,
}

/// Opens a `collection.tsv`. A name that occurs twice is an error.
pub fn read_passages(path: &Path) -> Result<Passages, FormatError> {
    Ok(Passages { input: Input::open(path)?, lines: HashMap::new(), ended: false })
}

impl Passages {
    fn next_passage(&mut self) -> Result<Option<Document>, FormatError> {
        let Some(line) = self.input.next_filled_line()? else { return Ok(None) };
        let [id, text] = cells(line, "a line of a collection is: pid, tab, text")?;
        let id = DocId::from(id);
        if let Some(first_line) = self.lines.insert(id.clone(), line.number) {
            return Err(line.duplicate(first_line, format!("passage {id}")));
        }
        Ok(Some(Document { id, title: String::new(), text: text.to_owned() }))
    }
}

impl Iterator for Passages {
    type Item = Result<Document, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.next_passage().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

/// Reads a `queries.*.tsv` (`qid`, text), in file order. A name that occurs twice is an error.
pub fn read_queries(path: &Path) -> Result<Vec<Query>, FormatError> {
    let mut input = Input::open(path)?;
    let mut lines: HashMap<QueryId, usize> = HashMap::new();
    let mut queries = Vec::new();
    while let Some(line) = input.next_filled_line()? {
        let [id, text] = cells(line, "a line of queries is: qid, tab, text")?;
        let id = QueryId::from(id);
        if let Some(first_line) = lines.insert(id.clone(), line.number) {
            return Err(line.duplicate(first_line, format!("query {id}")));
        }
        queries.push(Query { id, text: text.to_owned() });
    }
    Ok(queries)
}

/// Reads a `qrels.*.tsv`: TREC's four columns with tabs between.
pub fn read_qrels(path: &Path) -> Result<Qrels, FormatError> {
    trec::read_qrels(path)
}

/// Reads a `top1000.*` file (`qid`, `pid`, query, passage): candidates of each query, in file order.
///
/// The file knows no scores, and its order means nothing: every score is 0.
pub fn read_top1000(path: &Path) -> Result<Vec<Candidates>, FormatError> {
    let mut input = Input::open(path)?;
    let mut passages: HashMap<DocId, Arc<Document>> = HashMap::new();
    let mut topics: IndexMap<QueryId, Topic> = IndexMap::new();
    while let Some(line) = input.next_filled_line()? {
        let [qid, pid, query, passage] = cells(line, "a line of a top1000 file is: qid, pid, query, passage")?;
        let id = DocId::from(pid);
        let document = passages
            .entry(id.clone())
            .or_insert_with(|| Arc::new(Document { id: id.clone(), title: String::new(), text: passage.to_owned() }));
        if document.text != passage {
            return Err(
                line.malformed(format!("passage {pid} had another text above"), "give each passage its own pid")
            );
        }
        let topic = topics.entry(qid.into()).or_insert_with(|| Topic {
            candidates: Candidates { query: Arc::new(Query { id: qid.into(), text: query.to_owned() }), list: vec![] },
            lines: HashMap::new(),
        });
        if topic.candidates.query.text != query {
            return Err(line.malformed(format!("query {qid} had another text above"), "give each query its own qid"));
        }
        if let Some(first_line) = topic.lines.insert(id, line.number) {
            return Err(line.duplicate(first_line, format!("passage {pid} of query {qid}")));
        }
        topic.candidates.list.push(Candidate { document: Arc::clone(document), score: 0.0 });
    }
    Ok(topics.into_values().map(|topic| topic.candidates).collect())
}

struct Topic {
    candidates: Candidates,
    lines: HashMap<DocId, usize>,
}

/// Writes passages as `collection.tsv` holds them.
pub fn write_passages<'a>(
    out: &mut impl Write,
    passages: impl IntoIterator<Item = &'a Document>,
) -> Result<(), FormatError> {
    for passage in passages {
        write_row(out, &[passage.id.as_str(), &passage.title_and_text()])?;
    }
    Ok(())
}

/// Writes queries as `queries.*.tsv` holds them. Judgments: [`trec::write_qrels`].
pub fn write_queries<'a>(
    out: &mut impl Write,
    queries: impl IntoIterator<Item = &'a Query>,
) -> Result<(), FormatError> {
    for query in queries {
        write_row(out, &[query.id.as_str(), &query.text])?;
    }
    Ok(())
}

/// Writes candidates as `top1000.*` holds them: without their scores.
pub fn write_top1000(out: &mut impl Write, topics: &[Candidates]) -> Result<(), FormatError> {
    for Candidates { query, list } in topics {
        for Candidate { document, .. } in list {
            write_row(out, &[query.id.as_str(), document.id.as_str(), &query.text, &document.title_and_text()])?;
        }
    }
    Ok(())
}

fn cells<'a, const N: usize>(line: Line<'a>, shape: &'static str) -> Result<[&'a str; N], FormatError> {
    let cells: Vec<&str> = line.text.split('\t').collect();
    let wrong = |cells: &[&str]| {
        line.malformed(format!("the line has {} columns between tabs instead of {N}", cells.len()), shape)
    };
    let cells: [&str; N] = cells.try_into().map_err(|cells: Vec<&str>| wrong(&cells))?;
    // All columns but texts are names: the first, and in a file of four columns the second.
    if cells.iter().take(N / 2).any(|name| name.is_empty()) {
        return Err(line.malformed("a query or passage has no name", shape));
    }
    Ok(cells)
}

fn write_row(out: &mut impl Write, cells: &[&str]) -> Result<(), FormatError> {
    if let Some(bad) = cells.iter().find(|cell| cell.contains(['\t', '\n', '\r'])) {
        let problem = "it holds a tab or a line end, which part the columns and lines of this format".to_owned();
        let advice = "put spaces there, or write the collection in BEIR's form";
        return Err(FormatError::Unwritable { what: format!("{bad:.60?}"), problem, advice });
    }
    Ok(writeln!(out, "{}", cells.join("\t"))?)
}
