//! Runs: `qid Q0 docid rank score tag`, one retrieved document a line.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::Write;
use std::path::Path;

use crate::formats::error::FormatError;
use crate::formats::input::{Input, Line};
use crate::formats::trec::columns::{check_name, columns, is_gap, separator};
use crate::formats::trec::distinct::distinct_scores;
use crate::id::{DocId, QueryId};
use crate::run::Run;

const SHAPE: &str = "write six columns: query, Q0, document, rank, score, tag (a name with spaces needs tabs between)";

/// Reads a run. As for `trec_eval`, rank column and line order mean nothing beside the score,
/// lines that begin with `#` are comments, and a document may stand once for a query.
pub fn read_run(path: &Path) -> Result<Run, FormatError> {
    run_of_input(Input::open(path)?)
}

/// Reads a run from a text; `file` names it in messages.
pub fn run_of_text(file: &str, text: &str) -> Result<Run, FormatError> {
    run_of_input(Input::of_text(file, text)?)
}

/// Reads a run from an input.
pub fn run_of_input(mut input: Input) -> Result<Run, FormatError> {
    let mut topics: HashMap<QueryId, Topic> = HashMap::new();
    let mut name = None;
    while let Some(line) = input.next_filled_line()? {
        if line.text.starts_with('#') {
            continue;
        }
        let [query, _, doc, _, score, tag] = columns(line.text)
            .map_err(|n| line.malformed(format!("a line of a run has six columns, this one has {n}"), SHAPE))?;
        let score = finite_score(line, score)?;
        if name.is_none() {
            name = Some(tag.to_owned());
        }
        let topic = match topics.get_mut(query) {
            Some(topic) => topic,
            None => topics.entry(query.into()).or_default(),
        };
        topic.add(line, query, doc, score)?;
    }
    let Some(name) = name else {
        return Err(FormatError::Empty { file: input.file().to_owned(), expected: "a TREC run" });
    };
    let mut run = Run::new(&name);
    for (query, topic) in topics {
        run.insert(query, topic.documents).expect("scores are finite and documents distinct: checked line by line");
    }
    Ok(run)
}

#[derive(Default)]
struct Topic {
    documents: Vec<(DocId, f64)>,
    lines: HashMap<DocId, usize>,
}

impl Topic {
    fn add(&mut self, line: Line<'_>, query: &str, doc: &str, score: f64) -> Result<(), FormatError> {
        let doc = DocId::from(doc);
        match self.lines.entry(doc.clone()) {
            Entry::Occupied(first) => Err(line.duplicate(*first.get(), format!("document {doc} of query {query}"))),
            Entry::Vacant(place) => {
                place.insert(line.number);
                self.documents.push((doc, score));
                Ok(())
            }
        }
    }
}

fn finite_score(line: Line<'_>, text: &str) -> Result<f64, FormatError> {
    text.parse::<f64>()
        .ok()
        .filter(|score| score.is_finite())
        .ok_or_else(|| line.malformed(format!("the score {text:?} is not a finite number"), SHAPE))
}

/// Writes a run, each query's documents by score, ties in the order in which they stand.
///
/// Scores strictly decrease and stay distinct as 32-bit floats (see [`distinct_scores`]). White space in
/// the run's name becomes `-`. A line whose names hold spaces is parted by tabs; such a line this library
/// reads back, `trec_eval` cannot.
pub fn write_run(out: &mut impl Write, run: &Run) -> Result<(), FormatError> {
    for (query, documents) in run.iter() {
        write_topic(out, &run.name, query, documents)?;
    }
    Ok(())
}

/// Writes one query of a run, as [`write_run`] does. `tag` is the run's name.
pub fn write_topic(
    out: &mut impl Write,
    tag: &str,
    query: &QueryId,
    documents: &[(DocId, f64)],
) -> Result<(), FormatError> {
    let mut ranked: Vec<&(DocId, f64)> = documents.iter().collect();
    if let Some((doc, _)) = ranked.iter().find(|(_, score)| score.is_nan()) {
        let what = format!("document {doc} of query {query}");
        return Err(FormatError::Unwritable { what, problem: "its score is NaN".into(), advice: "give it a number" });
    }
    ranked.sort_by(|(_, a), (_, b)| b.partial_cmp(a).expect("no score is NaN: checked above"));
    check_name("query id", query.as_str())?;
    let tag = if tag.is_empty() { "run".to_owned() } else { tag.replace(is_gap, "-") };
    let scores: Vec<f64> = ranked.iter().map(|(_, score)| *score).collect();
    for (place, ((doc, _), score)) in ranked.into_iter().zip(distinct_scores(&scores)).enumerate() {
        check_name("document id", doc.as_str())?;
        let gap = separator(query.as_str(), doc.as_str());
        writeln!(out, "{query}{gap}Q0{gap}{doc}{gap}{}{gap}{score}{gap}{tag}", place + 1)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(text: &str) -> String {
        run_of_text("run", text).unwrap_err().to_string()
    }

    #[test]
    fn lines_are_parted_by_tabs_and_spaces() {
        let run =
            run_of_text("run", "\u{feff}# comment\n2 Q0 b 7 .5 tag\n\n1\tQ0\t#a b\t1\t  -1e2\tmore words\n").unwrap();
        assert_eq!(run.name, "tag");
        assert_eq!(run.documents(&"1".into()).unwrap(), [("#a b".into(), -100.0)]);
        assert_eq!(run.documents(&"2".into()).unwrap(), [("b".into(), 0.5)]);
    }

    #[test]
    fn mistakes_name_their_lines() {
        assert_eq!(
            error("1 Q0 a 1 0.5 t\n1 Q0 b 1 0.5\n"),
            format!("run:2: a line of a run has six columns, this one has 5; {SHAPE}")
        );
        assert!(error("1 Q0 a 1 0.5 t more\n").starts_with("run:1: a line of a run has six columns, this one has 7"));
        for score in ["nan", "inf", "-inf", "1e999", "high"] {
            let line = format!("1 Q0 a 1 {score} t\n");
            assert!(error(&line).starts_with(&format!("run:1: the score {score:?} is not a finite number")));
        }
        assert_eq!(
            error("1 Q0 a 1 3 t\n2 Q0 a 1 3 t\n\n1 Q0 a 2 2 t\n"),
            "run:4: document a of query 1 is there already, at line 1; remove one of the two"
        );
        assert_eq!(error("# nothing\n"), "run is empty; expected a TREC run");
    }

    #[test]
    fn names_that_would_not_be_read_back_are_not_written() {
        let check = |query: &str, doc: &str, expected: &str| {
            let error = write_topic(&mut Vec::new(), "t", &query.into(), &[(doc.into(), 1.0)]).unwrap_err();
            assert_eq!(error.to_string(), expected);
        };
        check("q", "", "cannot write document id \"\": it is empty; rename it in the collection");
        check(
            "q",
            "a\tb",
            "cannot write document id \"a\\tb\": it holds a tab or a line end; rename it in the collection",
        );
        check(
            "#1",
            "a",
            "cannot write query id \"#1\": it would be read as a comment or a byte order mark; \
                          rename it in the collection",
        );
    }

    fn name() -> impl Strategy<Value = String> {
        "[^\\p{Cc} #\u{feff}]([^\\p{Cc}]{0,6}[^\\p{Cc} ])?"
    }

    proptest! {
        #[test]
        fn every_tool_reads_the_order_that_was_written(
            docs in prop::collection::btree_map(
                name(),
                prop_oneof![any::<f32>().prop_map(f64::from), any::<f64>(), (-3i32..3).prop_map(f64::from), 0.0..1e-7f64],
                1..30,
            ),
            query in name(),
        ) {
            let documents: Vec<(DocId, f64)> =
                docs.into_iter().filter(|(_, score)| !score.is_nan()).map(|(doc, score)| (doc.into(), score)).collect();
            prop_assume!(!documents.is_empty());
            let mut run = Run::new("tag");
            let query = QueryId::from(query);
            run.insert(query.clone(), documents.clone()).unwrap();
            let mut expected = documents;
            expected.sort_by(|a, b| b.1.partial_cmp(&a.1).unwrap());
            let expected: Vec<DocId> = expected.into_iter().map(|(doc, _)| doc).collect();

            let mut written = Vec::new();
            write_run(&mut written, &run).unwrap();
            let read = run_of_text("written", std::str::from_utf8(&written).unwrap()).unwrap();
            let order = |score: fn(f64) -> f64| {
                let mut documents = read.documents(&query).unwrap().to_vec();
                documents.sort_by(|a, b| score(b.1).total_cmp(&score(a.1)).then_with(|| b.0.cmp(&a.0)));
                documents.into_iter().map(|(doc, _)| doc).collect::<Vec<DocId>>()
            };
            prop_assert_eq!(&order(|score| score), &expected);
            prop_assert_eq!(&order(|score| f64::from(score as f32)), &expected);

            let mut again = Vec::new();
            write_run(&mut again, &read).unwrap();
            prop_assert_eq!(again, written);
        }
    }
}
