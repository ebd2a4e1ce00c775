use std::num::NonZeroUsize;
use std::thread;

use r2r_inference::{Instructions, Options, Precision, Student};

use crate::{folder, student};

const QUERY: &str = "which volcanic rock is dark?";

fn texts() -> Vec<String> {
    (0..23).map(|i| "Basalt is a dark rock, unlike granite. ".repeat(i)).collect()
}

fn opened(instructions: Instructions, precision: Precision) -> Student {
    let options = Options {
        instructions: Some(instructions),
        precision: Some(precision),
        threads: NonZeroUsize::new(2),
        ..Options::default()
    };
    Student::open(&folder("student"), &options).unwrap()
}

#[test]
fn every_format_on_every_instruction_set_scores_within_its_precision() {
    let texts = texts();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let exact = student(1).score_texts(QUERY, &texts).unwrap();
    for instructions in Instructions::available() {
        for (precision, bound) in [(Precision::F32, 1e-3), (Precision::Bf16, 0.1), (Precision::Int8, 0.2)] {
            let student = opened(instructions, precision);
            assert_eq!((student.instructions(), student.precision()), (instructions, precision));
            let together = student.score_texts(QUERY, &texts).unwrap();
            for ((text, scored), exact) in texts.iter().zip(&together).zip(&exact) {
                let error = (scored.logit - exact.logit).abs();
                assert!(error < bound, "{instructions:?} {precision:?}: {scored:?} for {exact:?}");
                assert_eq!(&student.score_texts(QUERY, &[text]).unwrap()[0], scored);
            }
        }
    }
}

#[test]
fn a_student_whose_losses_nobody_measured_is_run_in_32_bit_floats() {
    assert_eq!(student(1).precision(), Precision::F32);
}

#[test]
fn many_requests_at_once_get_what_each_gets_alone() {
    let student = student(2);
    let texts = texts();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let alone = student.score_texts(QUERY, &texts).unwrap();
    thread::scope(|scope| {
        let requests: Vec<_> = (0..6).map(|_| scope.spawn(|| student.score_texts(QUERY, &texts).unwrap())).collect();
        for request in requests {
            assert_eq!(request.join().unwrap(), alone);
        }
    });
}
