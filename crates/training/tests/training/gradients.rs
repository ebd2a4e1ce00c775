use std::collections::BTreeMap;

use burn::module::Module;
use r2r_model::{Limits, StudentFolder};
use r2r_training::batch::{Batch, Encoding, ReasonWords};
use r2r_training::compute::{Compute, Place};
use r2r_training::lists::whole_list;
use r2r_training::parameters::{gradients, numbers, to_numbers, trained, with_values};
use r2r_training::student::{Student, StudentShape};
use r2r_training::vocabulary::reason_vocabulary;
use r2r_training::{Adaptation, LossConfig};

use crate::tiny;

/// Losses and gradients of one batch under one implementation.
struct Found {
    losses: Vec<f32>,
    gradients: BTreeMap<String, Vec<f32>>,
    trained: Vec<String>,
    total: usize,
}

fn look(adaptation: Adaptation, compute: Compute) -> Found {
    let base = tiny::TinyBase::new();
    let lists = tiny::examples(4, 3);
    let folder = StudentFolder::open(base.path()).unwrap();
    let encoder = tiny::TinyBase::encoder();
    let tokenizer = folder.tokenizer(&encoder).unwrap();
    let vocabulary = reason_vocabulary(&lists).unwrap();
    let reasons = r2r_model::ReasonsConfig { vocabulary: vocabulary.len(), ..tiny::reasons() };
    let place = Place { compute, ..Place::cpu() };
    let with_similarity = adaptation != Adaptation::Full;
    let shape = StudentShape { encoder: &encoder, adaptation, with_similarity, reasons: Some(reasons), seed: 3 };
    let student = Student::load(&mut folder.weights().unwrap(), &shape, &place).unwrap();
    // Away from the zeros in which classifier and low-rank terms begin, where half of the gradients vanish.
    let moved = trained(&student).into_iter().enumerate().map(|(number, (name, tensor))| {
        let [count] = tensor.dims();
        let nudge: Vec<f32> = (0..count).map(|place| 0.05 * ((place * 7 + number) as f32).sin()).collect();
        let nudge = burn::tensor::Tensor::<1>::from_floats(nudge.as_slice(), &tensor.device());
        (name, tensor + nudge)
    });
    let moved = moved.collect();
    let student = with_values(student, moved);
    let encoding = Encoding {
        tokenizer: &tokenizer,
        limits: Limits { max_length: 48, max_query_length: 16 },
        reasons: Some(ReasonWords { vocabulary: &vocabulary, max_words: 20 }),
    };
    let samples: Vec<_> = lists.iter().map(whole_list).collect();
    let mut batch = Batch::of(&samples, encoding).unwrap();
    batch.similarities = (0..batch.targets.len()).map(|pair| 0.1 * pair as f32).collect();
    let config = LossConfig { temperature: 0.7, ..LossConfig::default() };
    let losses = student.losses(&batch, &config, compute);
    let values = [&losses.pairwise, &losses.listwise, &losses.generation, &losses.evidence]
        .map(|loss| numbers(loss.clone().unwrap())[0]);
    let mut backward = losses.total(&config).unwrap().backward();
    let found = to_numbers(&gradients(&student, &mut backward));
    Found {
        losses: values.to_vec(),
        gradients: found,
        trained: trained(&student).into_keys().collect(),
        total: student.num_params(),
    }
}

#[test]
fn the_fused_operations_are_the_plain_ones() {
    for adaptation in [tiny::LOW_RANK, Adaptation::Full] {
        let (fused, plain) = (look(adaptation, Compute::Fused), look(adaptation, Compute::Plain));
        for (fused, plain) in fused.losses.iter().zip(&plain.losses) {
            assert!((fused - plain).abs() < 1e-5, "{fused} and {plain}");
        }
        assert_eq!(fused.gradients.len(), plain.gradients.len());
        for (name, fused) in &fused.gradients {
            let plain = &plain.gradients[name];
            let size = plain.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
            for (fused, plain) in fused.iter().zip(plain) {
                assert!((fused - plain).abs() < 1e-6 + 1e-4 * size, "{name}: {fused} and {plain}, largest {size}");
            }
        }
    }
}

#[test]
fn every_trained_tensor_learns_and_no_other_does() {
    for adaptation in [tiny::LOW_RANK, Adaptation::Full] {
        let found = look(adaptation, Compute::Fused);
        assert_eq!(found.gradients.keys().collect::<Vec<_>>(), found.trained.iter().collect::<Vec<_>>());
        for (name, gradient) in &found.gradients {
            let largest = gradient.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
            assert!(largest > 1e-7, "{name} has gradient {largest}");
        }
        let trained: usize = found.gradients.values().map(Vec::len).sum();
        match adaptation {
            // The classifier's bias: no loss sees a shift of all logits.
            Adaptation::Full => assert_eq!(trained, found.total - 1),
            Adaptation::LowRank(_) => {
                assert!(trained < found.total);
                let of_encoder = found.trained.iter().filter(|name| name.starts_with("encoder."));
                for name in of_encoder {
                    assert!(name.contains(".low_rank."), "{name}");
                }
            }
        }
    }
}
