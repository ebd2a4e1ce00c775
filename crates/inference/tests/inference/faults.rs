use std::fs;
use std::path::Path;

use r2r_inference::{Options, Student};
use r2r_model::config::WeightFormat;
use r2r_model::folder::{StudentContents, StudentFolder};
use r2r_model::weights::{NamedTensor, Weights};

use crate::{copied_student, folder, student};

fn check(damage: impl FnOnce(&Path), expected: &str) {
    let (_temporary, root) = copied_student();
    damage(&root);
    let message = match Student::open(&root, &Options::default()) {
        Ok(_) => panic!("the damage was not noticed, expected {expected:?}"),
        Err(error) => error.to_string(),
    };
    assert!(message.contains(expected), "{message}");
}

fn edit_weights(root: &Path, edit: impl FnOnce(&mut Weights)) {
    let path = root.join("model.safetensors");
    let mut weights = Weights::read(&path).unwrap();
    edit(&mut weights);
    weights.write(&path, WeightFormat::F32).unwrap();
}

fn edit_config(root: &Path, from: &str, to: &str) {
    let path = root.join("config.json");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from));
    fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn absent_files_are_named() {
    for file in ["config.json", "model.safetensors", "tokenizer.json", "reason_words.txt"] {
        check(|root| fs::remove_file(root.join(file)).unwrap(), &format!("has no {file}; a student folder has"));
    }
    check(|root| fs::remove_dir_all(root).unwrap(), "is not a folder");
}

#[test]
fn damaged_files_are_called_so() {
    check(|root| fs::write(root.join("model.safetensors"), [0; 100]).unwrap(), "truncated or corrupt");
    check(|root| fs::write(root.join("tokenizer.json"), "{}").unwrap(), "not a readable tokenizer.json");
    check(|root| fs::write(root.join("config.json"), "{").unwrap(), "config.json cannot be read");
    check(|root| fs::write(root.join("reason_words.txt"), "the\n").unwrap(), "reason_words.txt line 1");
}

#[test]
fn files_of_different_students_are_noticed() {
    check(|root| edit_config(root, "\"vocab_size\": 301", "\"vocab_size\": 300"), "tokenizer.json has 301 entries");
    check(|root| edit_config(root, "\"vocabulary\": 26", "\"vocabulary\": 27"), "reason_words.txt has 26 entries");
    check(|root| edit_config(root, "num_hidden_layers\": 2", "num_hidden_layers\": 1"), "the weights have a layer 1");
    let expected = "tensor bert.embeddings.word_embeddings.weight has shape [301, 32], expected [400, 32]";
    check(|root| edit_config(root, "\"vocab_size\": 301", "\"vocab_size\": 400"), expected);
}

#[test]
fn absent_and_misshapen_tensors_are_named() {
    for (name, shape) in [
        ("classifier.weight", "[1, 32]"),
        ("bert.encoder.layer.1.output.dense.bias", "[32]"),
        ("reason.layers.0.cross.query.weight", "[32, 32]"),
        ("similarity.encoder.layer.1.intermediate.dense.up", "[64, 4]"),
    ] {
        let damage = |root: &Path| edit_weights(root, |weights| weights.retain(|other| other != name));
        check(damage, &format!("tensor {name} of shape {shape} is missing"));
    }
    let damage = |root: &Path| {
        edit_weights(root, |weights| weights.insert("bert.pooler.dense.bias", NamedTensor::new(vec![2], vec![0.0; 2])));
    };
    check(damage, "tensor bert.pooler.dense.bias has shape [2], expected [32]");
}

#[test]
fn a_student_that_only_ranks_says_so_when_asked_for_reasons() {
    let student = Student::open(&folder("cross_encoder"), &Options::default()).unwrap();
    assert_eq!(student.write_reasons(&[]).unwrap_err().to_string(), {
        "student cross-encoder writes no reasons; train one with reasons, or ask for scores alone"
    });
}

#[test]
fn weights_without_numbers_are_an_error_not_a_rank() {
    let (_temporary, root) = copied_student();
    edit_weights(&root, |weights| {
        weights.insert("classifier.bias", NamedTensor::new(vec![1], vec![f32::NAN]));
    });
    let student = Student::open(&root, &Options::default()).unwrap();
    let message = student.score_texts("q", &["d"]).unwrap_err().to_string();
    assert!(message.contains("gives document 0 of the list the logit NaN"), "{message}");
}

#[test]
fn a_student_survives_every_weight_format_and_its_cross_encoder_the_export() {
    let original = student(1);
    let texts = ["Basalt is a dark rock.", "bread", ""];
    let scores = |student: &Student| student.score_texts("dark rock", &texts).unwrap();
    let expected = scores(&original);
    let source = StudentFolder::open(&folder("student")).unwrap();
    let temporary = tempfile::tempdir().unwrap();
    for (format, tolerance) in [(WeightFormat::F32, 0.0), (WeightFormat::Bf16, 0.1), (WeightFormat::Int8, 0.2)] {
        let root = temporary.path().join(format!("{format:?}"));
        let mut config = source.config().unwrap();
        config.weights = format;
        let contents = StudentContents {
            config: &config,
            weights: &source.weights().unwrap(),
            tokenizer: &fs::read(source.tokenizer_path()).unwrap(),
            reason_words: original.vocabulary(),
            readme: "# a student",
            provenance: &serde_json::json!({"seed": 4}),
        };
        StudentFolder::write(&root, &contents).unwrap();
        assert!(StudentFolder::write(&root, &contents).unwrap_err().to_string().contains("exists already"));
        let found = scores(&Student::open(&root, &Options::default()).unwrap());
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found.logit - expected.logit).abs() <= tolerance, "{format:?}: {found:?} for {expected:?}");
        }
    }
    let exported = temporary.path().join("exported");
    source.export_cross_encoder(&exported).unwrap();
    let student = Student::open(&exported, &Options::default()).unwrap();
    for (found, expected) in scores(&student).iter().zip(&expected) {
        assert_eq!((found.logit, found.similarity), (expected.head, None));
    }
}
