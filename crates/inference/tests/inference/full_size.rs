use std::path::Path;

use r2r_inference::{Options, Student};
use r2r_model::config::StudentConfig;
use r2r_model::folder::{StudentContents, StudentFolder};
use r2r_model::weights::NamedTensor;
use serde::Deserialize;

use crate::{Close, folder};

#[derive(Deserialize)]
struct Golden {
    query: String,
    rows: Vec<Row>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Row {
    text: String,
    head: Close,
    similarity: Close,
}

#[test]
fn a_base_model_of_full_size_gives_the_vectors_of_sentence_transformers() {
    let Some(base) = std::env::var_os("R2R_BASE") else {
        eprintln!("skipped: R2R_BASE is not set; give the folder of all-MiniLM-L6-v2");
        return;
    };
    let base = StudentFolder::open(Path::new(&base)).unwrap();
    let mut config = StudentConfig::new("base", base.encoder_config().unwrap());
    config.similarity_weight = 1.0;
    let mut weights = base.weights().unwrap();
    let d = config.encoder.hidden_size;
    let classifier = (0..d).map(|i| 0.1 * ((i + 1) as f32).sin()).collect();
    weights.insert("classifier.weight", NamedTensor::new(vec![1, d], classifier));
    weights.insert("classifier.bias", NamedTensor::new(vec![1], vec![0.0]));
    let temporary = tempfile::tempdir().unwrap();
    let root = temporary.path().join("student");
    let contents = StudentContents {
        config: &config,
        weights: &weights,
        tokenizer: &std::fs::read(base.tokenizer_path()).unwrap(),
        reason_words: None,
        readme: "",
        provenance: &serde_json::Value::Null,
    };
    StudentFolder::write(&root, &contents).unwrap();

    let golden: Golden = serde_json::from_slice(&std::fs::read(folder("full_size.json")).unwrap()).unwrap();
    let student = Student::open(&root, &Options::default()).unwrap();
    let texts: Vec<&str> = golden.rows.iter().map(|row| row.text.as_str()).collect();
    let scored = student.score_texts(&golden.query, &texts).unwrap();
    let rows: Vec<Row> = golden
        .rows
        .iter()
        .zip(scored)
        .map(|(row, scored)| Row {
            text: row.text.clone(),
            head: Close(scored.head),
            similarity: Close(scored.similarity.unwrap()),
        })
        .collect();
    assert_eq!(rows, golden.rows);
}
