use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use r2r_types::formats::beir::{self, Collection, QueryRecord};
use r2r_types::formats::bright::{self, Example};
use r2r_types::formats::documents;
use r2r_types::formats::error::FormatError;
use r2r_types::formats::jsonl::write_jsonl;
use r2r_types::formats::output::Output;
use r2r_types::formats::published::{PublishedScores, write_published};
use r2r_types::formats::rank_llm::{self, Record};
use r2r_types::formats::teacher_records::{read_teacher_records, write_judgments};
use r2r_types::formats::{msmarco, rankgpt, trec};
use r2r_types::{Candidate, Candidates, DocId, Document, JudgedPassage, Qrels, Query, Run, TeacherJudgment};

/// Writes a file of that name with `write`, then gives its path to `read`.
fn through_file<T>(
    name: &str,
    write: impl FnOnce(&mut Output) -> Result<(), FormatError>,
    read: impl FnOnce(&Path) -> Result<T, FormatError>,
) -> T {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let mut output = Output::create(&path).unwrap();
    write(&mut output).unwrap();
    output.finish().unwrap();
    read(&path).unwrap()
}

fn ids() -> impl Strategy<Value = BTreeSet<String>> {
    prop::collection::btree_set("[a-zß0-9:/<>_]{1,6}", 1..6)
}

fn text() -> impl Strategy<Value = String> {
    ".{0,20}|[\"\\\\\n\t{}\\[\\],]{0,8}"
}

fn documents_of(ids: BTreeSet<String>, texts: &[String]) -> Vec<Document> {
    let mut texts = texts.iter().cycle();
    let mut next = || texts.next().cloned().unwrap_or_default();
    ids.into_iter().map(|id| Document { id: id.into(), title: next(), text: next() }).collect()
}

fn documents() -> impl Strategy<Value = Vec<Document>> {
    (ids(), prop::collection::vec(text(), 1..12)).prop_map(|(ids, texts)| documents_of(ids, &texts))
}

fn topics() -> impl Strategy<Value = Vec<Candidates>> {
    let topic = (documents(), prop::collection::vec(any::<f32>().prop_filter("finite", |s| s.is_finite()), 6), text());
    prop::collection::vec(topic, 1..4).prop_map(|topics| {
        let topic = |(number, (documents, scores, text)): (usize, (Vec<Document>, Vec<f32>, String))| {
            let candidate = |(document, score): (Document, f32)| Candidate { document: Arc::new(document), score };
            Candidates {
                query: Arc::new(Query { id: format!("q{number}").into(), text }),
                list: documents.into_iter().zip(scores).map(candidate).collect(),
            }
        };
        topics.into_iter().enumerate().map(topic).collect()
    })
}

fn without_tabs(text: &str) -> String {
    text.replace(|c: char| c.is_control(), " ").trim().to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn beir_folders(documents in documents(), texts in prop::collection::vec(text(), 3), packed in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let name = |stem: &str| folder.path().join(if packed { format!("{stem}.zst") } else { stem.to_owned() });
        std::fs::create_dir(folder.path().join("qrels")).unwrap();
        let queries: Vec<QueryRecord> = texts.into_iter().enumerate().map(|(number, text)| QueryRecord {
            query: Query { id: number.to_string().into(), text: text.clone() },
            metadata: (number == 1).then(|| serde_json::json!({ "answers": [text] })),
        }).collect();
        let mut qrels = Qrels::default();
        for (grade, document) in documents.iter().enumerate() {
            qrels.insert("1".into(), document.id.clone(), grade as i32 - 1);
        }

        let mut output = Output::create(&name("corpus.jsonl")).unwrap();
        beir::write_documents(&mut output, &documents).unwrap();
        output.finish().unwrap();
        let mut output = Output::create(&name("queries.jsonl")).unwrap();
        beir::write_queries(&mut output, &queries).unwrap();
        output.finish().unwrap();
        let mut output = Output::create(&name("qrels/test.tsv")).unwrap();
        trec::write_beir_qrels(&mut output, &qrels).unwrap();
        output.finish().unwrap();

        let collection = Collection::read(folder.path()).unwrap();
        prop_assert!(collection.documents.values().map(AsRef::as_ref).eq(&documents));
        prop_assert!(collection.queries.values().map(AsRef::as_ref).eq(queries.iter().map(|record| &record.query)));
        prop_assert_eq!(beir::read_queries(folder.path()).unwrap(), queries);
        prop_assert_eq!(beir::splits(folder.path()).unwrap(), ["test"]);
        prop_assert_eq!(beir::read_qrels(folder.path(), "test").unwrap(), qrels);
    }

    #[test]
    fn documents_in_any_json(documents in documents(), as_array in any::<bool>()) {
        let read = if as_array {
            let pretty = serde_json::to_vec_pretty(&documents).unwrap();
            let write = |out: &mut Output| Ok(out.write_all(&pretty)?);
            through_file("documents.json.gz", write, documents::read_documents)
        } else {
            through_file("documents.jsonl", |out| write_jsonl(out, &documents), documents::read_documents)
        };
        prop_assert_eq!(read, documents);
    }

    #[test]
    fn msmarco_tables(topics in topics()) {
        let clean = |candidates: &Candidates| {
            let candidate = |candidate: &Candidate| {
                // A passage has one text in every list.
                let id = candidate.document.id.clone();
                let document = Document { text: format!("passage {id}"), title: String::new(), id };
                Candidate { document: Arc::new(document), score: 0.0 }
            };
            let Query { id, text } = candidates.query.as_ref();
            Candidates {
                query: Arc::new(Query { id: id.clone(), text: without_tabs(text) }),
                list: candidates.list.iter().map(candidate).collect(),
            }
        };
        let topics: Vec<Candidates> = topics.iter().map(clean).collect();
        let read = through_file("top1000.tsv", |out| msmarco::write_top1000(out, &topics), msmarco::read_top1000);
        prop_assert_eq!(format!("{read:?}"), format!("{topics:?}"));

        let passages: Vec<Document> = topics[0].list.iter().map(|candidate| candidate.document.as_ref().clone()).collect();
        let read = through_file(
            "collection.tsv.gz",
            |out| msmarco::write_passages(out, &passages),
            |path| msmarco::read_passages(path)?.collect::<Result<Vec<_>, _>>(),
        );
        prop_assert_eq!(read, passages);

        let queries: Vec<Query> = topics.iter().map(|topic| topic.query.as_ref().clone()).collect();
        let read = through_file("queries.tsv", |out| msmarco::write_queries(out, &queries), msmarco::read_queries);
        prop_assert_eq!(read, queries);
    }

    #[test]
    fn rankgpt_topics(topics in topics()) {
        // The form has no titles: they stand in the content.
        let mut topics = topics;
        for candidate in topics.iter_mut().flat_map(|topic| &mut topic.list) {
            Arc::make_mut(&mut candidate.document).title.clear();
        }
        let read = through_file("topics.json", |out| rankgpt::write_topics(out, &topics), rankgpt::read_topics);
        prop_assert_eq!(format!("{read:?}"), format!("{topics:?}"));
    }

    #[test]
    fn rank_llm_records(topics in topics(), history in prop::option::of(text())) {
        let record = |candidates| Record {
            candidates,
            invocations_history: history.as_ref().map(|text| serde_json::json!([{ "prompt": text }])),
        };
        let records: Vec<Record> = topics.into_iter().map(record).collect();
        let read = through_file("records.jsonl", |out| rank_llm::write_records(out, &records), rank_llm::read_records);
        prop_assert_eq!(format!("{read:?}"), format!("{records:?}"));
    }

    #[test]
    fn bright_examples_and_documents(ids in ids(), documents in documents(), query in ".{1,20}", reasoning in text()) {
        let names = |n: usize| documents.iter().take(n).map(|document| document.id.clone()).collect();
        let examples: Vec<Example> = ids.into_iter().enumerate().map(|(n, id)| Example {
            query: Query { id: id.into(), text: query.clone() },
            reasoning: reasoning.clone(),
            excluded: names(n),
            gold: names(n + 1),
            gold_long: names(0),
            gold_answer: query.clone(),
        }).collect();
        let read = through_file("examples.jsonl", |out| bright::write_examples(out, &examples), bright::read_examples);
        prop_assert_eq!(read, examples);

        let plain: Vec<Document> = documents
            .into_iter()
            .map(|document| Document { title: String::new(), text: document.text.trim().to_owned(), ..document })
            .collect();
        let read = through_file("documents.jsonl", |out| bright::write_documents(out, &plain), bright::read_documents);
        prop_assert_eq!(read, plain);
    }

    #[test]
    fn teacher_judgments(
        (documents, ranking) in documents().prop_flat_map(|documents| {
            let ids: Vec<DocId> = documents.iter().map(|document| document.id.clone()).collect();
            (Just(documents), Just(ids).prop_shuffle())
        }),
        said in prop::collection::vec(prop::option::of("[a-z]{1,9}"), 6),
    ) {
        let judged = ranking.iter().zip(&said).map(|(doc, said)| JudgedPassage {
            doc: doc.clone(),
            grade: said.as_ref().map(|text| text.len() as i32),
            direct: said.clone(),
            comparison: None,
            answer_sentence: said.clone(),
        }).collect();
        let query = Query { id: "q".into(), text: "why".into() };
        let judgment = TeacherJudgment { query, teacher: "gpt-4".into(), passages: documents, ranking, judged, is_consistent: None };
        let read = through_file(
            "judgments.jsonl.gz",
            |out| write_judgments(out, [&judgment]),
            read_teacher_records,
        );
        prop_assert!(read.report.malformed.is_empty());
        prop_assert_eq!(&read.records[0].judgment, &judgment);

        // The published form has no titles, and labels beside the passages.
        let mut untitled = judgment.clone();
        for passage in &mut untitled.passages {
            passage.title.clear();
        }
        let labels = untitled.ranking.iter().take(2).map(|doc| (doc.clone(), 1)).collect();
        let read = through_file(
            "published.jsonl.gz",
            |out| write_published(out, [(&untitled, PublishedScores::Labels(&labels))]),
            read_teacher_records,
        );
        prop_assert!(read.report.malformed.is_empty());
        prop_assert_eq!(&read.records[0].judgment, &untitled);
        prop_assert_eq!(read.records[0].labels.values().sum::<i32>(), labels.values().sum::<i32>());

        // A result of rank_llm keeps the order, and what was asked.
        let invocation = rank_llm::Invocation {
            prompt: "p".into(),
            response: "[2] > [1]".into(),
            input_token_count: 1,
            output_token_count: 2,
        };
        let record = Record::of_judgment(&judgment, std::slice::from_ref(&invocation)).unwrap();
        let back = through_file(
            "result.jsonl",
            |out| rank_llm::write_records(out, std::slice::from_ref(&record)),
            rank_llm::read_records,
        );
        prop_assert_eq!(format!("{back:?}"), format!("{:?}", [&record]));
        let history: Vec<rank_llm::Invocation> =
            serde_json::from_value(back[0].invocations_history.clone().unwrap()).unwrap();
        prop_assert_eq!(history, [invocation]);
        let read = through_file("result.jsonl", |out| rank_llm::write_records(out, &[record]), read_teacher_records);
        prop_assert_eq!(&read.records[0].judgment.ranking, &judgment.ranking);
        prop_assert_eq!(&read.records[0].judgment.query, &judgment.query);
    }
}

#[test]
fn a_request_of_rank_llm_is_no_judgment() {
    let candidate = Candidate { document: Arc::new(documents_of(["a".to_owned()].into(), &[])[0].clone()), score: 1.0 };
    let candidates =
        Candidates { query: Arc::new(Query { id: "q".into(), text: "why".into() }), list: vec![candidate] };
    let request = Record { candidates, invocations_history: None };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("request.jsonl");
    let mut output = Output::create(&path).unwrap();
    rank_llm::write_records(&mut output, &[request]).unwrap();
    output.finish().unwrap();
    let error = read_teacher_records(&path).unwrap_err().to_string();
    assert!(error.contains("may be a request, in the order of a first stage"), "{error}");
}

#[test]
fn runs_survive_every_packing() {
    let mut run = Run::new("bm25");
    run.insert("1".into(), vec![("a".into(), 2.0), ("b".into(), 1.0)]).unwrap();
    run.insert("2".into(), vec![("Carbon tax:6".into(), -0.5)]).unwrap();
    for name in ["run.trec", "run.trec.gz", "run.trec.zst"] {
        assert_eq!(through_file(name, |out| trec::write_run(out, &run), trec::read_run), run);
    }
}
