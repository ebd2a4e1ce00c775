//! Recorded answers judge and rerank like any teacher.

use std::io::Write;
use std::sync::Arc;

use r2r_teacher::{Prompt, RecordedTeacher};
use r2r_types::reasoning::{Against, Stands};
use r2r_types::{Candidate, Candidates, Document, Query, Reasons, Reranker, StageError};

const RECORDS: &str = r#"{"qid":"q1","model":"m","docids":["c","a"],"answer":"{\"order\":[2,1],\"passages\":[{\"passage\":2,\"direct\":\"It names oaks.\",\"comparison\":\"Says more than [1].\",\"answer_sentence\":\"Oaks grow old.\"}]}"}
{"qid":2,"model":"m","docids":["x"],"answer":""}
"#;

fn teacher(records: &str) -> Result<RecordedTeacher, String> {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    file.write_all(records.as_bytes()).expect("the temporary file can be written");
    RecordedTeacher::open(file.path(), &Prompt::built_in("dual-v1").expect("it is built in"))
        .map_err(|error| error.to_string())
}

fn candidates(query: &str) -> Candidates {
    let document = |id: &str| Document { id: id.into(), title: String::new(), text: "Yes. Oaks grow old.".into() };
    let candidate = |id| Candidate { document: Arc::new(document(id)), score: 0.0 };
    Candidates {
        query: Arc::new(Query { id: query.into(), text: "oaks".into() }),
        list: ["a", "b", "c"].map(candidate).to_vec(),
    }
}

#[test]
fn a_judgment_is_about_the_documents_of_the_record() {
    let judgment = teacher(RECORDS).unwrap().judge(&candidates("q1")).unwrap().judgment;
    let shown: Vec<&str> = judgment.passages.iter().map(|passage| passage.id.as_str()).collect();
    assert_eq!((shown, judgment.teacher.as_str()), (vec!["c", "a"], "m"));
    assert_eq!(judgment.ranking, ["a".into(), "c".into()]);
    assert_eq!(judgment.judged[0].direct.as_deref(), Some("It names oaks."));
}

#[test]
fn candidates_beyond_the_record_keep_their_order_below() {
    let ranking = teacher(RECORDS).unwrap().rerank(&candidates("q1"), Reasons::Top(3)).unwrap();
    let order: Vec<&str> = ranking.ranked().iter().map(|ranked| ranked.doc.as_str()).collect();
    assert_eq!(order, ["a", "c", "b"]);
    let reasoning = ranking.ranked()[0].reasoning.as_ref().unwrap();
    assert_eq!((reasoning.direct.as_str(), reasoning.evidence[0].quote()), ("It names oaks.", "Oaks grow old."));
    assert_eq!(reasoning.comparison.text, "Says more than [c].");
    let against = Against { id: "c".into(), stands: Stands::Above };
    assert_eq!(reasoning.comparison.against, [against]);
    assert!(reasoning.evidence[0].receipt.is_none(), "no teacher was asked without the sentence");
    assert!(ranking.ranked()[1].reasoning.is_none());
}

#[test]
fn what_was_not_recorded_is_an_error_that_says_so() {
    let teacher_of_two = teacher(RECORDS).unwrap();
    let missing = teacher_of_two.judge(&candidates("q7")).unwrap_err();
    assert!(matches!(missing, StageError::Malformed(_)));
    assert!(missing.to_string().contains("holds no answer for query q7"), "{missing}");
    let foreign = teacher_of_two.judge(&candidates("2")).unwrap_err();
    assert!(matches!(foreign, StageError::Malformed(_)));
    assert!(foreign.to_string().contains(":2: the answer for query 2 was recorded for document x"), "{foreign}");
}

#[test]
fn of_several_records_the_one_that_shows_most_counts() {
    let records = r#"{"qid":"q1","model":"short","docids":["a"],"answer":""}
{"qid":"q1","model":"first","docids":["a","b"],"answer":""}
{"qid":"q1","model":"second","docids":["b","a"],"answer":""}
{"qid":"q1","model":"foreign","docids":["a","b","c","d"],"answer":""}"#;
    assert_eq!(teacher(records).unwrap().judge(&candidates("q1")).unwrap().judgment.teacher, "first");
}

#[test]
fn bad_records_name_their_line() {
    let error = teacher("{\"qid\":\"q\",\"model\":\"m\",\"docids\":[\"a\",\"a\"],\"answer\":\"\"}\n").unwrap_err();
    assert!(error.contains(":1: document a stands twice"), "{error}");
    let error = teacher("{\"qid\":\"q\"}\n").unwrap_err();
    assert!(error.contains(":1: "), "{error}");
}
