//! Relevance judgments: TREC's four columns, or BEIR's three with a header.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use crate::formats::error::FormatError;
use crate::formats::input::{Input, Line};
use crate::formats::trec::columns::{check_name, columns, is_gap, separator};
use crate::id::{DocId, QueryId};
use crate::qrels::Qrels;

const SHAPE: &str = "write four columns: query, 0, document, grade; or BEIR's three with tabs: query, document, grade";

/// What the first column of a heading is called, in small letters; any other first line is a judgment.
const HEADINGS: [&str; 9] =
    ["query-id", "query_id", "queryid", "query", "qid", "topic", "topic-id", "topic_id", "topicid"];

/// How the lines of a file are to be read; its first line decides.
#[derive(Clone, Copy)]
enum Shape {
    /// `qid iter docid grade`.
    Trec,
    /// `qid docid grade` with tabs between, quoted as CSV quotes.
    Tabbed,
    /// `qid docid grade` with white space between.
    Spaced,
}

/// Reads judgments in either shape, plain or packed. A pair that is judged twice is an error,
/// as for `trec_eval`, and lines that begin with `#` are comments.
pub fn read_qrels(path: &Path) -> Result<Qrels, FormatError> {
    qrels_of_input(Input::open(path)?)
}

/// Reads judgments from a text; `file` names it in messages.
pub fn qrels_of_text(file: &str, text: &str) -> Result<Qrels, FormatError> {
    qrels_of_input(Input::of_text(file, text)?)
}

/// Reads judgments from an input.
pub fn qrels_of_input(mut input: Input) -> Result<Qrels, FormatError> {
    let mut qrels = Qrels::default();
    let mut lines: HashMap<QueryId, HashMap<DocId, usize>> = HashMap::new();
    let mut shape = None;
    while let Some(line) = input.next_filled_line()? {
        if is_comment(line.text, shape) {
            continue;
        }
        let known = if let Some(known) = shape {
            known
        } else {
            let (found, is_header) = first_line(line)?;
            shape = Some(found);
            if is_header {
                continue;
            }
            found
        };
        let (query, doc, grade) = judgment(line, known)?;
        let (query, doc) = (QueryId::from(query), DocId::from(doc));
        let first_line = *lines.entry(query.clone()).or_default().entry(doc.clone()).or_insert(line.number);
        if !qrels.insert(query.clone(), doc.clone(), grade) {
            return Err(line.duplicate(first_line, format!("the judgment of document {doc} for query {query}")));
        }
    }
    if qrels.is_empty() {
        return Err(FormatError::Empty { file: input.file().to_owned(), expected: "relevance judgments (qrels)" });
    }
    Ok(qrels)
}

fn is_comment(text: &str, shape: Option<Shape>) -> bool {
    // BEIR knows no comments: there a query may be named "#1".
    let is_row = matches!(shape, Some(Shape::Tabbed)) && text.matches('\t').count() == 2;
    text.starts_with('#') && !is_row
}

/// The shape that the first line shows, and whether that line is a header.
fn first_line(line: Line<'_>) -> Result<(Shape, bool), FormatError> {
    let shape = if line.text.matches('\t').count() == 2 {
        Shape::Tabbed
    } else if columns::<4>(line.text).is_ok() {
        Shape::Trec
    } else {
        match columns::<3>(line.text) {
            Ok(_) => Shape::Spaced,
            Err(n) => {
                return Err(line.malformed(format!("judgments have four or three columns, this line has {n}"), SHAPE));
            }
        }
    };
    let mut columns = line.text.split(is_gap).filter(|column| !column.is_empty());
    let begins_as_heading = columns.next().is_some_and(|first| {
        let first = unquoted(first).to_ascii_lowercase();
        HEADINGS.contains(&first.as_str())
    });
    // A query may be named "topic": then a grade stands at the end of the line.
    let is_header = begins_as_heading && columns.next_back().is_some_and(|last| last.parse::<f64>().is_err());
    Ok((shape, is_header))
}

fn judgment(line: Line<'_>, shape: Shape) -> Result<(String, String, i32), FormatError> {
    let wrong = |wanted: usize, n: usize| {
        line.malformed(format!("this line has {n} columns where the first line has {wanted}"), SHAPE)
    };
    let (query, doc, grade) = match shape {
        Shape::Trec => {
            let [query, _, doc, grade] = columns(line.text).map_err(|n| wrong(4, n))?;
            (query.to_owned(), doc.to_owned(), grade)
        }
        Shape::Spaced => {
            let [query, doc, grade] = columns(line.text).map_err(|n| wrong(3, n))?;
            (query.to_owned(), doc.to_owned(), grade)
        }
        Shape::Tabbed => {
            let cells: Vec<&str> = line.text.split('\t').collect();
            let [query, doc, grade] = cells[..] else { return Err(wrong(3, cells.len())) };
            (unquoted(query), unquoted(doc), grade.trim_matches(is_gap))
        }
    };
    if query.is_empty() || doc.is_empty() {
        return Err(line.malformed("a query or document has no name", SHAPE));
    }
    let grade = grade
        .parse::<i32>()
        .map_err(|_| line.malformed(format!("the grade {grade:?} is not a whole number of 32 bits"), SHAPE))?;
    Ok((query, doc, grade))
}

/// A cell as Python's `csv` reads it: BEIR's loader does.
fn unquoted(cell: &str) -> String {
    match cell.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => cell.to_owned(),
    }
}

/// Writes judgments in TREC's form: `qid 0 docid grade`.
pub fn write_qrels(out: &mut impl Write, qrels: &Qrels) -> Result<(), FormatError> {
    for (query, judged) in qrels.iter() {
        check_name("query id", query.as_str())?;
        for (doc, grade) in judged {
            check_name("document id", doc.as_str())?;
            let gap = separator(query.as_str(), doc.as_str());
            writeln!(out, "{query}{gap}0{gap}{doc}{gap}{grade}")?;
        }
    }
    Ok(())
}

/// Writes judgments in BEIR's form: a header, then `qid docid grade` with tabs between.
pub fn write_beir_qrels(out: &mut impl Write, qrels: &Qrels) -> Result<(), FormatError> {
    writeln!(out, "query-id\tcorpus-id\tscore")?;
    for (query, judged) in qrels.iter() {
        check_name("query id", query.as_str())?;
        for (doc, grade) in judged {
            check_name("document id", doc.as_str())?;
            writeln!(out, "{}\t{}\t{grade}", quoted(query.as_str()), quoted(doc.as_str()))?;
        }
    }
    Ok(())
}

fn quoted(cell: &str) -> String {
    if cell.contains('"') { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &[(&str, &str, i32)]) {
        let mut qrels = Qrels::default();
        for &(query, doc, grade) in expected {
            assert!(qrels.insert(query.into(), doc.into(), grade));
        }
        assert_eq!(qrels_of_text("qrels", text).unwrap(), qrels, "{text}");
    }

    fn error(text: &str) -> String {
        qrels_of_text("qrels", text).unwrap_err().to_string()
    }

    #[test]
    fn either_shape_is_read() {
        check("1 0 a 2\n1 Q0 b -1\n", &[("1", "a", 2), ("1", "b", -1)]);
        check("# comment\n1\t0\t a#1 \t2\r\n# comment\n", &[("1", "a#1", 2)]);
        check(
            "query-id\tcorpus-id\tscore\n1\tCarbon tax:6\t0\n#2\t\"say \"\"a\"\"\"\t1\n",
            &[("1", "Carbon tax:6", 0), ("#2", "say \"a\"", 1)],
        );
        check("1\ta\t2\n", &[("1", "a", 2)]);
        check("query doc grade\n1 a 2\n", &[("1", "a", 2)]);
        check("\"query-id\"\t\"corpus-id\"\t\"score\"\n1\ta\t2\n", &[("1", "a", 2)]);
        check("Topic iteration document judgment\n1 0 a 2\n", &[("1", "a", 2)]);
        check("topic 0 a 2\n", &[("topic", "a", 2)]);
    }

    #[test]
    fn mistakes_name_their_lines() {
        assert_eq!(
            error("1 0 a 1\n1 0 b 1\n1 0 a 1\n"),
            "qrels:3: the judgment of document a for query 1 is there already, at line 1; remove one of the two"
        );
        assert!(error("1 0 a 1\n1 0 a\n").starts_with("qrels:2: this line has 3 columns where the first line has 4"));
        assert!(error("1\ta\t1.0\n").starts_with("qrels:1: the grade \"1.0\" is not a whole number"));
        assert!(error("1\ta\thigh\n2\tb\t1\n").starts_with("qrels:1: the grade \"high\" is not a whole number"));
        assert!(error("1 0 a x\n").starts_with("qrels:1: the grade \"x\" is not a whole number"));
        assert!(error("one\n").starts_with("qrels:1: judgments have four or three columns, this line has 1"));
        assert!(error("query-id\tcorpus-id\tscore\n\ta\t1\n").starts_with("qrels:2: a query or document has no name"));
        assert_eq!(error("query-id\tcorpus-id\tscore\n"), "qrels is empty; expected relevance judgments (qrels)");
    }

    fn name() -> impl Strategy<Value = String> {
        "[^\\p{Cc} #\u{feff}]([^\\p{Cc}]{0,6}[^\\p{Cc} ])?"
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            judged in prop::collection::btree_map((name(), name()), any::<i32>(), 1..30)
        ) {
            let mut qrels = Qrels::default();
            for ((query, doc), grade) in judged {
                qrels.insert(query.into(), doc.into(), grade);
            }
            let (mut trec, mut beir) = (Vec::new(), Vec::new());
            write_qrels(&mut trec, &qrels).unwrap();
            write_beir_qrels(&mut beir, &qrels).unwrap();
            for written in [trec, beir] {
                prop_assert_eq!(&qrels_of_text("f", std::str::from_utf8(&written).unwrap()).unwrap(), &qrels);
            }
        }
    }
}
