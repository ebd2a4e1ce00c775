//! The engine's speed: `cargo bench -p r2r-inference`, or one part of it with a name behind `--`.
//!
//! `product` is one feed-forward product of a small encoder for every instruction set and number format; `pairs` are
//! ten and a hundred pairs, and `reasons` the reasons of ten documents, of the shipped student in every number format.
#![expect(clippy::unwrap_used, reason = "a benchmark may stop at what is not there")]

use std::num::NonZeroUsize;
use std::path::Path;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use r2r_inference::probe::Probe;
use r2r_inference::{Instructions, Options, Precision, ReasonRequest, Student};
use r2r_model::plan::Plan;
use r2r_types::document::Document;

const FORMATS: [Precision; 3] = [Precision::F32, Precision::Bf16, Precision::Int8];
const QUERY: &str = "why do heat pumps lose efficiency in very cold weather";
const PASSAGE: &str = "A heat pump moves heat from a cold place to a warm one, as a refrigerator does. It takes less \
electricity than a heater of the same output, because it moves heat instead of making it. The colder the place that \
the heat is taken from, the harder the compressor works, and the smaller the gain.";

fn student(precision: Precision) -> Student {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/r2r-mini");
    let options = Options { threads: NonZeroUsize::new(1), precision: Some(precision), ..Options::default() };
    Student::open(&folder, &options).unwrap()
}

fn product(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("product");
    group.throughput(Throughput::Elements(Probe::OPERATIONS as u64));
    for instructions in Instructions::available() {
        for precision in FORMATS {
            let mut probe = Probe::new(instructions, precision);
            let name = BenchmarkId::new(instructions.name(), precision);
            group.bench_function(name, |bencher| bencher.iter(|| probe.run()));
        }
    }
}

fn pairs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pairs");
    group.sample_size(10);
    for precision in FORMATS {
        let student = student(precision);
        for n in [10, 100] {
            let texts = vec![PASSAGE; n];
            group.throughput(Throughput::Elements(n as u64));
            let name = BenchmarkId::new(precision.to_string(), n);
            group.bench_function(name, |bencher| bencher.iter(|| student.score_texts(QUERY, &texts).unwrap()));
        }
    }
}

fn reasons(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reasons");
    group.sample_size(10);
    for precision in FORMATS {
        let student = student(precision);
        let document = Document { id: "d".into(), title: String::new(), text: PASSAGE.to_owned() };
        let pairs = student.encode(QUERY, &[&document; 10]).unwrap();
        let plan = Plan::direct(&pairs[0].side(None), student.config().grade(3.0));
        let requests: Vec<ReasonRequest<'_>> =
            pairs.iter().map(|pair| ReasonRequest { plan: &plan, document: pair, neighbor: None }).collect();
        let words: usize = student.write_reasons(&requests).unwrap().iter().map(|reason| reason.words.len()).sum();
        group.throughput(Throughput::Elements(words as u64));
        group.bench_function(precision.to_string(), |bencher| {
            bencher.iter(|| student.write_reasons(&requests).unwrap());
        });
    }
}

criterion_group!(engine, product, pairs, reasons);
criterion_main!(engine);
