//! Judgments in the form in which the paper's authors published theirs, for tools that read it:
//! `{"query","qid","sorted_docids","re_rank_id","unsorted_docs","reason","scores"}`, one a line.
//!
//! Beside these fields stand `teacher`, and `grade` in each reason, which the published files lack; other tools pass
//! over them. Titles become a part of the text. [`read_teacher_records`](super::teacher_records::read_teacher_records)
//! reads the form.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;

use serde::Serialize;

use crate::formats::error::FormatError;
use crate::formats::jsonl::write_record;
use crate::formats::judged_order::places_best_first;
use crate::id::DocId;
use crate::judgment::{JudgedPassage, TeacherJudgment};

/// The numbers beside the passages, aligned with them as shown.
#[derive(Clone, Copy, Debug)]
pub enum PublishedScores<'a> {
    /// None: an empty list.
    Absent,
    /// The first stage's scores, one for each passage as shown; the published test files have them.
    FirstStage(&'a [f32]),
    /// People's labels as text, "0" where there is none; the published training files have them.
    Labels(&'a BTreeMap<DocId, i32>),
}

#[derive(Serialize)]
struct RowOut<'a> {
    query: &'a str,
    qid: &'a str,
    sorted_docids: Vec<&'a str>,
    /// Numbers of `unsorted_docs`, from 1, best first.
    re_rank_id: Vec<usize>,
    unsorted_docs: Vec<String>,
    reason: ReasonsOut<'a>,
    scores: Vec<ScoreOut>,
    teacher: &'a str,
}

#[derive(Serialize)]
struct ReasonsOut<'a> {
    ranked_passages: Vec<ReasonOut<'a>>,
}

#[derive(Serialize)]
struct ReasonOut<'a> {
    identifier: usize,
    direct_reason: &'a str,
    listwise_reason: &'a str,
    direct_answer_sentence: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    grade: Option<i32>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ScoreOut {
    Number(f32),
    Label(String),
}

/// Writes judgments, each with the numbers beside its passages. What a teacher did not say is written as empty text.
///
/// # Errors
/// `Unwritable` for a judgment whose ranking is no permutation of its passages, or whose scores are not as many.
pub fn write_published<'a>(
    out: &mut impl Write,
    judgments: impl IntoIterator<Item = (&'a TeacherJudgment, PublishedScores<'a>)>,
) -> Result<(), FormatError> {
    for (judgment, scores) in judgments {
        write_record(out, &row(judgment, scores)?)?;
    }
    Ok(())
}

fn row<'a>(judgment: &'a TeacherJudgment, scores: PublishedScores<'a>) -> Result<RowOut<'a>, FormatError> {
    let TeacherJudgment { query, teacher, passages, ranking, judged, is_consistent: _ } = judgment;
    let places = places_best_first(judgment)?;
    let said: HashMap<&DocId, &JudgedPassage> = judged.iter().map(|judged| (&judged.doc, judged)).collect();
    let mut ranked_passages = Vec::with_capacity(judged.len());
    for (doc, place) in ranking.iter().zip(&places) {
        let Some(JudgedPassage { doc: _, grade, direct, comparison, answer_sentence }) = said.get(doc) else {
            continue;
        };
        ranked_passages.push(ReasonOut {
            identifier: place + 1,
            direct_reason: direct.as_deref().unwrap_or_default(),
            listwise_reason: comparison.as_deref().unwrap_or_default(),
            direct_answer_sentence: answer_sentence.as_deref().unwrap_or_default(),
            grade: *grade,
        });
    }
    let scores = match scores {
        PublishedScores::Absent => Vec::new(),
        PublishedScores::FirstStage(scores) if scores.len() != passages.len() => {
            return Err(FormatError::Unwritable {
                what: format!("the judgment of query {}", query.id),
                problem: format!("it has {} scores for {} passages", scores.len(), passages.len()),
                advice: "give each passage a score, in the order in which the passages were shown",
            });
        }
        PublishedScores::FirstStage(scores) => scores.iter().copied().map(ScoreOut::Number).collect(),
        PublishedScores::Labels(labels) => {
            let label = |doc: &DocId| labels.get(doc).copied().unwrap_or(0).to_string();
            passages.iter().map(|passage| ScoreOut::Label(label(&passage.id))).collect()
        }
    };
    let text = |title: &str, text: &str, both: &str| if title.is_empty() { text.to_owned() } else { both.to_owned() };
    Ok(RowOut {
        query: &query.text,
        qid: query.id.as_str(),
        sorted_docids: ranking.iter().map(DocId::as_str).collect(),
        re_rank_id: places.iter().map(|place| place + 1).collect(),
        unsorted_docs: passages
            .iter()
            .map(|passage| text(&passage.title, &passage.text, &passage.title_and_text()))
            .collect(),
        reason: ReasonsOut { ranked_passages },
        scores,
        teacher,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Query};

    fn judgment() -> TeacherJudgment {
        let passage =
            |id: &str, title: &str| Document { id: id.into(), title: title.into(), text: format!("text {id}") };
        TeacherJudgment {
            query: Query { id: "7".into(), text: "q".into() },
            teacher: "m".into(),
            passages: vec![passage("a", ""), passage("b", "B")],
            ranking: vec!["b".into(), "a".into()],
            judged: vec![JudgedPassage {
                doc: "b".into(),
                grade: Some(3),
                direct: Some("d".into()),
                comparison: Some("c".into()),
                answer_sentence: None,
            }],
            is_consistent: None,
        }
    }

    fn written(judgment: &TeacherJudgment, scores: PublishedScores<'_>) -> Result<String, String> {
        let mut out = Vec::new();
        write_published(&mut out, [(judgment, scores)]).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_row_has_the_fields_of_the_published_files() {
        let expected = "{\"query\":\"q\",\"qid\":\"7\",\"sorted_docids\":[\"b\",\"a\"],\"re_rank_id\":[2,1],\
                        \"unsorted_docs\":[\"text a\",\"B text b\"],\"reason\":{\"ranked_passages\":[{\"identifier\":2,\
                        \"direct_reason\":\"d\",\"listwise_reason\":\"c\",\"direct_answer_sentence\":\"\",\"grade\":3}]},\
                        \"scores\":[0.5,0.25],\"teacher\":\"m\"}\n";
        assert_eq!(written(&judgment(), PublishedScores::FirstStage(&[0.5, 0.25])).unwrap(), expected);
        let labels = BTreeMap::from([("b".into(), 1)]);
        assert!(written(&judgment(), PublishedScores::Labels(&labels)).unwrap().contains("\"scores\":[\"0\",\"1\"]"));
    }

    #[test]
    fn what_cannot_be_written_says_so() {
        let error = written(&judgment(), PublishedScores::FirstStage(&[0.5])).unwrap_err();
        assert!(error.contains("it has 1 scores for 2 passages"), "{error}");
        let mut twice = judgment();
        twice.ranking[0] = "a".into();
        let error = written(&twice, PublishedScores::Absent).unwrap_err();
        assert!(error.contains("query 7") && error.contains("is no permutation of its 2 passages"), "{error}");
    }
}
