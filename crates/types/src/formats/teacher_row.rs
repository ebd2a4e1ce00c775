//! The four shapes of a row of teacher judgments, each checked and brought to one.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::candidates::Candidates;
use crate::document::{Document, Query};
use crate::formats::id_field::IdField;
use crate::formats::rank_llm::{Record, result_of_value};
use crate::id::{DocId, QueryId};
use crate::judgment::{JudgedPassage, TeacherJudgment};

/// The teacher of the published files, which do not name it.
const PUBLISHED_TEACHER: &str = "gpt-4";

/// The teacher of results of `rank_llm`, which do not name the model.
const RANK_LLM_TEACHER: &str = "rank_llm";

/// A row that was checked: passages distinct, ranking a permutation of them, at most one reason for each.
pub(crate) struct Row {
    /// The query's name; the judgment's own is empty until the file is read whole.
    pub(crate) query_id: Option<QueryId>,
    pub(crate) judgment: TeacherJudgment,
    pub(crate) set: Option<String>,
    pub(crate) split: Option<String>,
    pub(crate) labels: BTreeMap<DocId, i32>,
    pub(crate) has_merged: bool,
}

/// A row of any shape before it is checked: passages may stand twice.
struct Draft {
    query_id: Option<IdField>,
    query: String,
    teacher: String,
    set: Option<String>,
    split: Option<String>,
    passages: Vec<(Document, Option<i32>)>,
    ranking: Vec<DocId>,
    judged: Vec<JudgedPassage>,
    is_consistent: Option<bool>,
}

/// Reads a row of any of the four shapes; otherwise why it cannot be used.
pub(crate) fn row_of_value(value: Value) -> Result<Row, String> {
    let has = |name: &str| value.get(name).is_some();
    let draft = if has("sorted_docids") {
        parse::<Published>(value)?.draft()?
    } else if has("docs") && has("ranking") {
        parse::<Merged>(value)?.draft()
    } else if has("passages") && has("ranking") {
        own_draft(parse(value)?)
    } else if has("candidates") {
        ranked_draft(result_of_value(value)?)?
    } else {
        return Err("a row has the fields sorted_docids (published form), docs and ranking (merged form), \
                    passages and ranking (our own form), or candidates (a result of rank_llm)"
            .to_owned());
    };
    draft.checked()
}

fn parse<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

/// A row as the paper's authors published it. `sorted_docids` name the passages in **ranked** order,
/// `unsorted_docs` are their texts in the order in which the teacher saw them.
#[derive(Deserialize)]
struct Published {
    query: String,
    #[serde(default)]
    qid: Option<IdField>,
    sorted_docids: Vec<IdField>,
    /// Numbers of `unsorted_docs`, from 1, best first.
    re_rank_id: Vec<usize>,
    unsorted_docs: Vec<String>,
    reason: Value,
    /// Aligned with `unsorted_docs`: human labels as text in training files, BM25 scores as numbers elsewhere.
    #[serde(default)]
    scores: Vec<Value>,
    /// Only files of ours name it.
    #[serde(default)]
    teacher: Option<String>,
}

#[derive(Deserialize)]
struct PublishedReasons {
    ranked_passages: Vec<PublishedReason>,
}

#[derive(Deserialize)]
struct PublishedReason {
    identifier: usize,
    #[serde(default)]
    direct_reason: Option<String>,
    #[serde(default)]
    listwise_reason: Option<String>,
    #[serde(default)]
    direct_answer_sentence: Option<String>,
    /// Only files of ours have it.
    #[serde(default)]
    grade: Option<i32>,
}

impl Published {
    fn draft(self) -> Result<Draft, String> {
        let Self { query, qid, sorted_docids, re_rank_id, unsorted_docs, reason, scores, teacher } = self;
        let n = unsorted_docs.len();
        if sorted_docids.len() != n || re_rank_id.len() != n {
            let (ids, ranks) = (sorted_docids.len(), re_rank_id.len());
            return Err(format!(
                "{n} unsorted_docs, {ids} sorted_docids and {ranks} re_rank_id: there must be as many"
            ));
        }
        let mut ids: Vec<Option<DocId>> = vec![None; n];
        let ranking: Vec<DocId> = sorted_docids.into_iter().map(DocId::from).collect();
        for (&number, id) in re_rank_id.iter().zip(&ranking) {
            match ids.get_mut(number.wrapping_sub(1)) {
                Some(place @ None) => *place = Some(id.clone()),
                Some(Some(_)) | None => {
                    return Err(format!("re_rank_id {re_rank_id:?} is not a permutation of 1..{n}"));
                }
            }
        }
        let ids: Vec<DocId> = ids.into_iter().flatten().collect();
        if reason.is_string() {
            return Err("the reason is a text, not a list of ranked passages".to_owned());
        }
        let mut judged = Vec::with_capacity(n);
        for reason in parse::<PublishedReasons>(reason)?.ranked_passages {
            let doc = ids.get(reason.identifier.wrapping_sub(1)).cloned();
            let doc = doc.ok_or_else(|| format!("a reason is for passage {} of {n}", reason.identifier))?;
            let PublishedReason { identifier: _, direct_reason, listwise_reason, direct_answer_sentence, grade } =
                reason;
            let said = said(doc, direct_reason, listwise_reason, direct_answer_sentence);
            judged.push(JudgedPassage { grade, ..said });
        }
        let mut labels = scores.into_iter().map(|score| score.as_str().and_then(|label| label.parse().ok()));
        let passages = ids
            .into_iter()
            .zip(unsorted_docs)
            .map(|(id, text)| (Document { id, title: String::new(), text }, labels.next().flatten()));
        let passages = passages.collect();
        let teacher = teacher.unwrap_or_else(|| PUBLISHED_TEACHER.to_owned());
        Ok(Draft {
            query_id: qid,
            query,
            teacher,
            set: None,
            split: None,
            passages,
            ranking,
            judged,
            is_consistent: None,
        })
    }
}

/// A row of the merged form: everything by docid.
#[derive(Deserialize)]
struct Merged {
    query: String,
    #[serde(default)]
    qid: Option<IdField>,
    teacher: String,
    #[serde(default)]
    set: Option<String>,
    #[serde(default)]
    split: Option<String>,
    docs: Vec<MergedDoc>,
    ranking: Vec<IdField>,
    #[serde(default)]
    reasons: Vec<MergedReason>,
}

#[derive(Deserialize)]
struct MergedDoc {
    docid: IdField,
    #[serde(default)]
    title: Option<String>,
    text: String,
    #[serde(default)]
    label: Option<i32>,
}

#[derive(Deserialize)]
struct MergedReason {
    docid: IdField,
    #[serde(default)]
    direct: Option<String>,
    #[serde(default)]
    listwise: Option<String>,
    #[serde(default)]
    answer_sentence: Option<String>,
}

impl Merged {
    fn draft(self) -> Draft {
        let passages = self.docs.into_iter().map(|doc| {
            let title = doc.title.unwrap_or_default();
            (Document { id: doc.docid.into(), title, text: doc.text }, doc.label)
        });
        let judged = self
            .reasons
            .into_iter()
            .map(|reason| said(reason.docid.into(), reason.direct, reason.listwise, reason.answer_sentence));
        Draft {
            query_id: self.qid,
            query: self.query,
            teacher: self.teacher,
            set: self.set,
            split: self.split,
            passages: passages.collect(),
            ranking: self.ranking.into_iter().map(DocId::from).collect(),
            judged: judged.collect(),
            is_consistent: None,
        }
    }
}

fn own_draft(judgment: TeacherJudgment) -> Draft {
    let TeacherJudgment { query, teacher, passages, ranking, judged, is_consistent } = judgment;
    Draft {
        query_id: Some(IdField(query.id.as_str().to_owned())),
        query: query.text,
        teacher,
        set: None,
        split: None,
        passages: passages.into_iter().map(|passage| (passage, None)).collect(),
        ranking,
        judged,
        is_consistent,
    }
}

/// A result of `rank_llm`. The order in which the model saw the passages is not kept there: they stand in its own.
fn ranked_draft(record: Record) -> Result<Draft, String> {
    let Record { candidates: Candidates { query, list }, invocations_history } = record;
    let asked = invocations_history.as_ref().and_then(Value::as_array).is_some_and(|history| !history.is_empty());
    if !asked {
        return Err(
            "a record of rank_llm without invocations_history may be a request, in the order of a first stage: \
                    use a result that keeps its history"
                .to_owned(),
        );
    }
    let ranking = list.iter().map(|candidate| candidate.document.id.clone()).collect();
    let passages = list.iter().map(|candidate| (Document::clone(&candidate.document), None)).collect();
    Ok(Draft {
        query_id: Some(IdField(query.id.as_str().to_owned())),
        query: query.text.clone(),
        teacher: RANK_LLM_TEACHER.to_owned(),
        set: None,
        split: None,
        passages,
        ranking,
        judged: Vec::new(),
        is_consistent: None,
    })
}

fn said(
    doc: DocId,
    direct: Option<String>,
    comparison: Option<String>,
    answer_sentence: Option<String>,
) -> JudgedPassage {
    let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    JudgedPassage {
        doc,
        grade: None,
        direct: filled(direct),
        comparison: filled(comparison),
        answer_sentence: filled(answer_sentence),
    }
}

impl Draft {
    fn checked(self) -> Result<Row, String> {
        let Self {
            query_id,
            query,
            teacher,
            set,
            split,
            passages: shown,
            ranking: ranked,
            judged: said,
            is_consistent,
        } = self;
        if query_id.as_ref().is_some_and(|id| id.0.is_empty()) {
            return Err("the id of the query is empty".to_owned());
        }
        let n_shown = shown.len();
        let mut places: HashMap<DocId, usize> = HashMap::new();
        let mut passages: Vec<Document> = Vec::with_capacity(n_shown);
        let mut labels = BTreeMap::new();
        for (passage, label) in shown {
            if passage.id.as_str().is_empty() {
                return Err("the id of a passage is empty".to_owned());
            }
            if let Some(label) = label {
                labels.entry(passage.id.clone()).or_insert(label);
            }
            match places.get(&passage.id) {
                Some(&place) if passages[place] != passage => {
                    return Err(format!("two texts have the id {}", passage.id));
                }
                Some(_) => {}
                None => {
                    places.insert(passage.id.clone(), passages.len());
                    passages.push(passage);
                }
            }
        }
        if passages.is_empty() {
            return Err("the row has no passages".to_owned());
        }
        let has_merged = passages.len() < n_shown;
        let known = |what: &str, doc: &DocId| {
            if places.contains_key(doc) {
                Ok(())
            } else {
                Err(format!("{what} names {doc}, which is none of the passages"))
            }
        };
        let mut seen = HashSet::with_capacity(passages.len());
        let mut ranking = Vec::with_capacity(passages.len());
        for doc in ranked {
            known("the ranking", &doc)?;
            if seen.insert(doc.clone()) {
                ranking.push(doc);
            } else if !has_merged {
                return Err(format!("the ranking names {doc} twice"));
            }
        }
        if ranking.len() < passages.len() {
            return Err(format!("the ranking names {} of {} passages", ranking.len(), passages.len()));
        }
        seen.clear();
        let mut judged = Vec::with_capacity(passages.len());
        for passage in said {
            known("a reason", &passage.doc)?;
            if seen.insert(passage.doc.clone()) {
                judged.push(passage);
            } else if !has_merged {
                return Err(format!("{} has two reasons", passage.doc));
            }
        }
        let query = Query { id: "".into(), text: query };
        let judgment = TeacherJudgment { query, teacher, passages, ranking, judged, is_consistent };
        Ok(Row { query_id: query_id.map(QueryId::from), judgment, set, split, labels, has_merged })
    }
}
