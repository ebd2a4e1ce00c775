//! Trains a student from a file of examples: `train BASE EXAMPLES.jsonl SETTINGS.json OUTPUT [--resume]`.
//!
//! The last tenth of the examples is held out. The command line of the project does this with splits, provenance and a
//! progress bar; this program is for measuring the training alone.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::path::Path;

use r2r_model::StudentFolder;
use r2r_model::config::{ReasonsConfig, WeightFormat};
use r2r_training::{Event, Listener, Signal, TrainingConfig, TrainingInputs, train};
use r2r_types::example::DistillationExample;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [base, examples, settings, output, rest @ ..] = arguments.as_slice() else {
        return Err("give BASE EXAMPLES.jsonl SETTINGS.json OUTPUT [--resume]".into());
    };
    let text = std::fs::read_to_string(examples)?;
    let examples: Result<Vec<DistillationExample>, _> = text.lines().map(serde_json::from_str).collect();
    let examples = examples?;
    let (train_lists, dev) = examples.split_at(examples.len() - examples.len() / 10);
    let config: TrainingConfig = serde_json::from_str(&std::fs::read_to_string(settings)?)?;
    let hidden = StudentFolder::open(Path::new(base))?.encoder_config()?.hidden_size;
    let inputs = TrainingInputs {
        base: Path::new(base),
        name: "measured",
        train: train_lists,
        dev,
        reasons: Some(ReasonsConfig::beside(hidden)),
        weights: WeightFormat::F32,
        student_max_length: 256,
        seed: 13,
        provenance: serde_json::Value::Null,
    };
    let resume = rest.iter().any(|word| word == "--resume");
    let report = train(&inputs, &config, Path::new(output), resume, &mut Printer)?;
    println!("{report:#?}");
    Ok(())
}

struct Printer;

impl Listener for Printer {
    fn hear(&mut self, event: Event<'_>) -> Signal {
        println!("{event:?}");
        Signal::Continue
    }
}
