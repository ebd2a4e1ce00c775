//! Measures where the time of a training pass goes: `cargo run --release --example profile -- BASE_FOLDER`.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::path::Path;
use std::time::Instant;

use burn::tensor::Tensor;
use r2r_model::StudentFolder;
use r2r_training::compute::Place;
use r2r_training::encoder::PackedPieces;
use r2r_training::layers::{Adaptation, Pass};
use r2r_training::student::{Student, StudentShape};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let base = std::env::args().nth(1).ok_or("give the folder of a base encoder")?;
    let folder = StudentFolder::open(Path::new(&base))?;
    let encoder = folder.encoder_config()?;
    for (adaptation, pairs) in [(Adaptation::default(), 24), (Adaptation::Full, 24), (Adaptation::default(), 6)] {
        let place = Place::cpu();
        let shape = StudentShape { encoder: &encoder, adaptation, with_similarity: true, reasons: None, seed: 1 };
        let student = Student::load(&mut folder.weights()?, &shape, &place)?;
        let lengths: Vec<usize> = (0..pairs).map(|pair| 60 + (pair * 37) % 61).collect();
        let sequences: Vec<(Vec<u32>, Vec<u32>)> = lengths
            .iter()
            .map(|length| ((0..*length as u32).map(|i| 1000 + i * 7 % 20_000).collect(), vec![0; *length]))
            .collect();
        let pieces = PackedPieces::of(sequences.iter().map(|(ids, types)| (ids.as_slice(), types.as_slice())));
        let tokens = pieces.ids.len();
        let similarities = vec![0.5; pairs];
        println!("{adaptation:?}, {pairs} pairs, {tokens} tokens");
        for round in 0..4 {
            let (start, busy) = (Instant::now(), processor_seconds()?);
            let outputs = student.forward(&pieces, &similarities, place.compute);
            let forward = start.elapsed();
            let loss: Tensor<1> = (outputs.logits * outputs.states.mean_dim(1).mean()).sum();
            let gradients = loss.backward();
            let both = start.elapsed();
            drop(gradients);
            let busy_both = processor_seconds()? - busy;
            let start = Instant::now();
            let vectors = student.base_vectors(&pieces, place.compute);
            let base = start.elapsed();
            assert_eq!(vectors.len(), pairs);
            println!(
                "round {round}: forward {forward:.2?}, backward {:.2?}, {:.0} tokens/s ({:.0} a processor second); base pass {base:.2?}",
                both.saturating_sub(forward),
                tokens as f64 / both.as_secs_f64(),
                tokens as f64 / busy_both
            );
        }
        let states = student.encoder.forward(&pieces, Pass::Base, place.compute);
        println!("checksum {:.6}", states.mean().into_scalar::<f32>());
    }
    Ok(())
}

/// Processor time of all threads so far: what a busy machine cannot falsify.
fn processor_seconds() -> Result<f64, Box<dyn std::error::Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let ticks = stat.rsplit(") ").next().ok_or("no fields")?.split(' ').skip(11).take(2);
    let ticks: Result<Vec<f64>, _> = ticks.map(str::parse).collect();
    Ok(ticks?.iter().sum::<f64>() / 100.0)
}
