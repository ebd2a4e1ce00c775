//! What teachers said, as JSONL: the published Reason-to-Rank files, the merged form of them, results of `rank_llm`,
//! and our own form, one [`TeacherJudgment`] a line; it may have more fields beside those of a judgment.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io::Write;
use std::path::Path;

use serde_json::Value;

use crate::fnv::fnv1a;
use crate::formats::error::FormatError;
use crate::formats::input::Input;
use crate::formats::jsonl::{JsonLines, write_record};
use crate::formats::teacher_row::{Row, row_of_value};
use crate::id::{DocId, QueryId};
use crate::judgment::TeacherJudgment;

const EXPECTED: &str = "a JSONL file of teacher judgments";

/// The judgments of a file, and what became of the rest.
#[derive(Clone, Debug, Default)]
pub struct TeacherRecords {
    /// The rows that can be used, in file order.
    pub records: Vec<TeacherRecord>,
    /// What was left out or mended.
    pub report: ReadReport,
}

/// One judgment with what its file says beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct TeacherRecord {
    /// The line, starting at 1.
    pub line: usize,
    /// The teacher's order and reasons.
    pub judgment: TeacherJudgment,
    /// The set that the query comes from (`msmarco_train`).
    pub set: Option<String>,
    /// The split of that set, where the file names it apart (`test`).
    pub split: Option<String>,
    /// People's labels of the passages, where the file has them. Sparse: 0 often means "not judged".
    pub labels: BTreeMap<DocId, i32>,
}

impl TeacherRecord {
    /// Whether the record was made from test queries, and must not train: its split is not `train`, or its set has
    /// neither a split nor `train` in its name. A record that names neither is the user's own.
    pub fn is_of_test_set(&self) -> bool {
        match (&self.split, &self.set) {
            (Some(split), _) => split != "train",
            (None, Some(set)) => !set.split(|c: char| !c.is_alphanumeric()).any(|word| word == "train"),
            (None, None) => false,
        }
    }
}

/// What reading a file of teacher judgments left out or mended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadReport {
    /// Rows of the file, blank lines not counted.
    pub rows: usize,
    /// Rows that cannot be used.
    pub malformed: Vec<MalformedRow>,
    /// Rows in which a passage stood twice and became one, at the better of its ranks.
    pub merged_passages: usize,
    /// Rows without a query id: the query was named after its text.
    pub unnamed_queries: usize,
}

/// A row that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MalformedRow {
    /// Its line, starting at 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for ReadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, malformed, merged_passages, unnamed_queries } = self;
        write!(f, "{} of {rows} rows read", rows - malformed.len())?;
        if let Some(first) = malformed.first() {
            write!(f, "; {} malformed, the first at line {}: {}", malformed.len(), first.line, first.reason)?;
        }
        if *merged_passages > 0 {
            write!(f, "; {merged_passages} showed a passage twice")?;
        }
        if *unnamed_queries > 0 {
            write!(f, "; {unnamed_queries} named their query by text only")?;
        }
        Ok(())
    }
}

/// Reads a file of teacher judgments. Rows that cannot be used are counted in the report;
/// a file without a single usable row is an error.
pub fn read_teacher_records(path: &Path) -> Result<TeacherRecords, FormatError> {
    teacher_records_of_input(Input::open(path)?)
}

/// Reads teacher judgments from an input.
pub fn teacher_records_of_input(input: Input) -> Result<TeacherRecords, FormatError> {
    let file = input.file().to_owned();
    let mut report = ReadReport::default();
    let mut rows: Vec<(usize, Row)> = Vec::new();
    for record in JsonLines::<Value>::over(input) {
        report.rows += 1;
        let read = match record {
            Ok((line, value)) => row_of_value(value).map(|row| (line, row)).map_err(|reason| (line, reason)),
            Err(FormatError::Malformed { line, problem, .. }) => Err((line, problem)),
            Err(other) => return Err(other),
        };
        match read {
            Ok(row) => rows.push(row),
            Err((line, reason)) => report.malformed.push(MalformedRow { line, reason }),
        }
    }
    match (rows.is_empty(), report.malformed.first()) {
        (true, None) => return Err(FormatError::Empty { file, expected: EXPECTED }),
        (true, Some(first)) => {
            let problem = format!("none of its {} rows can be used, the first says: {}", report.rows, first.reason);
            return Err(FormatError::Foreign { file, expected: EXPECTED, problem });
        }
        (false, _) => {}
    }
    report.merged_passages = rows.iter().filter(|(_, row)| row.has_merged).count();
    report.unnamed_queries = rows.iter().filter(|(_, row)| row.query_id.is_none()).count();
    Ok(TeacherRecords { records: name_queries(rows), report })
}

/// Gives every query a name: its own, that of the same text elsewhere in the file, or one made from its text.
fn name_queries(rows: Vec<(usize, Row)>) -> Vec<TeacherRecord> {
    let mut names: HashMap<String, QueryId> = HashMap::new();
    for (_, row) in &rows {
        if let Some(id) = &row.query_id {
            names.entry(row.judgment.query.text.clone()).or_insert_with(|| id.clone());
        }
    }
    let named = rows.into_iter().map(|(line, row)| {
        let Row { query_id, mut judgment, set, split, labels, has_merged: _ } = row;
        judgment.query.id = match query_id.or_else(|| names.get(&judgment.query.text).cloned()) {
            Some(id) => id,
            None => format!("text-{:016x}", fnv1a(judgment.query.text.bytes())).into(),
        };
        TeacherRecord { line, judgment, set, split, labels }
    });
    named.collect()
}

/// Writes judgments in our own form, one [`TeacherJudgment`] a line.
pub fn write_judgments<'a>(
    out: &mut impl Write,
    judgments: impl IntoIterator<Item = &'a TeacherJudgment>,
) -> Result<(), FormatError> {
    for judgment in judgments {
        write_record(out, judgment)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<TeacherRecords, String> {
        teacher_records_of_input(Input::of_text("f", text).unwrap()).map_err(|error| error.to_string())
    }

    fn published(qid: &str, reason: &str) -> String {
        format!(
            "{{\"query\":\"q\",\"qid\":{qid},\"sorted_docids\":[\"30\",\"10\",\"2\"],\"re_rank_id\":[3,1,2],\
             \"unsorted_docs\":[\"ten\",\"two\",\"thirty\"],\"scores\":[\"0\",\"1\",\"0\"],\"reason\":{reason}}}\n"
        )
    }

    const REASON: &str = "{\"ranked_passages\":[{\"identifier\":3,\"direct_reason\":\"d3\",\"listwise_reason\":\"l3\",\
                          \"direct_answer_sentence\":\"thirty\"},{\"identifier\":1,\"direct_reason\":\"d1\",\
                          \"listwise_reason\":\"\",\"direct_answer_sentence\":\"\"}]}";

    #[test]
    fn docids_of_the_published_form_belong_to_the_ranked_order() {
        let read = read(&published("7", REASON)).unwrap();
        let TeacherRecord { judgment, labels, .. } = &read.records[0];
        let shown: Vec<(&str, &str)> =
            judgment.passages.iter().map(|passage| (passage.id.as_str(), &*passage.text)).collect();
        assert_eq!(shown, [("10", "ten"), ("2", "two"), ("30", "thirty")]);
        assert_eq!(judgment.ranking, ["30".into(), "10".into(), "2".into()]);
        assert_eq!(judgment.query.id.as_str(), "7");
        assert_eq!(judgment.judged[0].doc.as_str(), "30");
        assert_eq!(judgment.judged[0].comparison.as_deref(), Some("l3"));
        assert_eq!(judgment.judged[1].direct.as_deref(), Some("d1"));
        assert_eq!((&judgment.judged[1].comparison, &judgment.judged[1].answer_sentence), (&None, &None));
        assert_eq!(labels[&DocId::from("2")], 1);
    }

    fn merged(qid: &str, docs: &str, ranking: &str) -> String {
        format!(
            "{{\"set\":\"s\",\"qid\":{qid},\"query\":\"q\",\"teacher\":\"gpt-4\",\"style\":\"list\",\"docs\":[{docs}],\
             \"ranking\":[{ranking}],\"reasons\":[{{\"docid\":\"a\",\"direct\":\"because\"}}]}}\n"
        )
    }

    const DOCS: &str = "{\"docid\":\"a\",\"text\":\"A\",\"label\":2},{\"docid\":\"b\",\"text\":\"B\",\"label\":null}";

    #[test]
    fn rows_that_cannot_be_used_are_counted_with_their_reasons() {
        let bad = [
            published("7", "\"I cannot rank these\""),
            published("7", REASON).replace("[3,1,2]", "[3,1,1]"),
            merged("1", DOCS, "\"b\""),
            merged("1", DOCS, "\"b\",\"c\""),
            merged("1", "{\"docid\":\"a\",\"text\":\"A\"},{\"docid\":\"a\",\"text\":\"B\"}", "\"a\",\"a\""),
            "{\"other\":1}\n".to_owned(),
            "not json\n".to_owned(),
        ];
        let read = read(&format!("{}{}", bad.concat(), merged("1", DOCS, "\"b\",\"a\""))).unwrap();
        assert_eq!(read.records.len(), 1);
        let reasons: Vec<&str> = read.report.malformed.iter().map(|row| row.reason.as_str()).collect();
        assert_eq!(reasons[0], "the reason is a text, not a list of ranked passages");
        assert_eq!(reasons[1], "re_rank_id [3, 1, 1] is not a permutation of 1..3");
        assert_eq!(reasons[2], "the ranking names 1 of 2 passages");
        assert_eq!(reasons[3], "the ranking names c, which is none of the passages");
        assert_eq!(reasons[4], "two texts have the id a");
        assert!(reasons[5].starts_with("a row has the fields"), "{reasons:?}");
        assert!(reasons[6].starts_with("not valid JSON"), "{reasons:?}");
        assert!(read.report.to_string().starts_with("1 of 8 rows read; 7 malformed, the first at line 1: the reason"));
    }

    #[test]
    fn what_was_made_from_test_queries_must_not_train() {
        let check = |names: &str, expected: bool| {
            let row = merged("1", DOCS, "\"b\",\"a\"").replace("\"set\":\"s\"", names);
            assert_eq!(read(&row).unwrap().records[0].is_of_test_set(), expected, "{names}");
        };
        check("\"set\":\"msmarco_train\"", false);
        check("\"set\":\"dl19\"", true);
        check("\"set\":\"nfcorpus\",\"split\":\"train\"", false);
        check("\"set\":\"nfcorpus\",\"split\":\"test\"", true);
        check("\"set\":null", false);
    }

    #[test]
    fn a_file_of_something_else_is_an_error() {
        let error = read("{\"_id\":\"1\",\"text\":\"x\"}\n").unwrap_err();
        assert!(error.starts_with("f is not a JSONL file of teacher judgments: none of its 1 rows can be used"));
        assert!(read("\n").unwrap_err().starts_with("f is empty"));
    }

    #[test]
    fn a_passage_that_was_shown_twice_becomes_one() {
        let docs = format!("{DOCS},{{\"docid\":\"b\",\"text\":\"B\",\"label\":1}}");
        let read = read(&merged("1", &docs, "\"b\",\"a\",\"b\"")).unwrap();
        assert_eq!(read.report.merged_passages, 1);
        assert_eq!(read.records[0].judgment.passages.len(), 2);
        assert_eq!(read.records[0].judgment.ranking, ["b".into(), "a".into()]);
    }

    #[test]
    fn queries_without_a_name_are_named_after_their_text() {
        let text = [merged("null", DOCS, "\"b\",\"a\""), merged("null", DOCS, "\"a\",\"b\"")].concat();
        let unnamed = read(&text).unwrap();
        assert_eq!(unnamed.report.unnamed_queries, 2);
        assert_eq!(unnamed.records[0].judgment.query.id, unnamed.records[1].judgment.query.id);
        assert_eq!(unnamed.records[0].judgment.query.id.as_str(), format!("text-{:016x}", fnv1a("q".bytes())));
        let known = read(&format!("{text}{}", merged("9", DOCS, "\"a\",\"b\""))).unwrap();
        assert_eq!(known.records[0].judgment.query.id.as_str(), "9");
    }
}
