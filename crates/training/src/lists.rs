//! Which list is learned from when: the order of the examples and the sample of each, from the seed alone.

use r2r_types::example::DistillationExample;
use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::batch::{ChosenKind, ListSample, ReasonChoice};
use crate::config::TrainingConfig;
use crate::error::TrainingError;

/// The stream of random numbers that orders epochs; samples use the streams above it.
const FIRST_SAMPLE_STREAM: u64 = 1 << 32;

/// The examples that something can be learned from.
#[derive(Clone, Debug)]
pub struct TrainingLists<'a> {
    usable: Vec<usize>,
    examples: &'a [DistillationExample],
    seed: u64,
    passages_per_list: usize,
    reasons_per_list: usize,
    similarity_dropout: f64,
}

/// One sample with the place of its example among all given ones.
#[derive(Clone, Debug)]
pub struct NumberedSample<'a> {
    /// Index of the example.
    pub number: usize,
    /// What is learned from it.
    pub sample: ListSample<'a>,
    /// Whether the base's similarity is withheld, so that the rank head has to order the list alone.
    pub hides_similarity: bool,
}

impl<'a> TrainingLists<'a> {
    /// Checks every example and keeps those with at least two passages.
    pub fn of(examples: &'a [DistillationExample], config: &TrainingConfig, seed: u64) -> Result<Self, TrainingError> {
        check_examples(examples)?;
        let usable: Vec<usize> = (0..examples.len()).filter(|number| examples[*number].passages.len() >= 2).collect();
        if !usable.iter().any(|number| has_order(&examples[*number])) {
            return Err(TrainingError::NoExamples { examples: examples.len() });
        }
        Ok(Self {
            usable,
            examples,
            seed,
            passages_per_list: config.passages_per_list,
            reasons_per_list: config.reasons_per_list,
            similarity_dropout: config.similarity_dropout,
        })
    }

    /// Those of the lists that have a reason.
    #[must_use]
    pub fn with_reasons(&self) -> Self {
        let mut lists = self.clone();
        lists.usable.retain(|number| !whole_list(&self.examples[*number]).reasons.is_empty());
        lists
    }

    /// How many lists an epoch has.
    pub fn len(&self) -> usize {
        self.usable.len()
    }

    /// Whether there is none; never so after [`TrainingLists::of`], perhaps so after [`TrainingLists::with_reasons`].
    pub fn is_empty(&self) -> bool {
        self.usable.is_empty()
    }

    /// The samples of the positions `first..first + count` of an endless run through shuffled epochs.
    pub fn samples(&self, first: usize, count: usize) -> Vec<NumberedSample<'a>> {
        let n = self.usable.len();
        let mut order = self.order(first / n);
        let mut samples = Vec::with_capacity(count);
        for position in first..first + count {
            if position % n == 0 {
                order = self.order(position / n);
            }
            let number = order[position % n];
            let mut random = self.random(FIRST_SAMPLE_STREAM + position as u64);
            let sample = self.sample(number, &mut random);
            let hides_similarity = random.random_bool(self.similarity_dropout);
            samples.push(NumberedSample { number, sample, hides_similarity });
        }
        samples
    }

    fn order(&self, epoch: usize) -> Vec<usize> {
        let mut order = self.usable.clone();
        order.shuffle(&mut self.random(epoch as u64));
        order
    }

    fn random(&self, stream: u64) -> ChaCha8Rng {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(stream);
        random
    }

    /// All passages of a short list, the best and some others of a long one; some of their reasons.
    fn sample(&self, number: usize, random: &mut ChaCha8Rng) -> ListSample<'a> {
        let example = &self.examples[number];
        let mut passages: Vec<usize> = (0..example.passages.len()).collect();
        if passages.len() > self.passages_per_list {
            passages.swap(0, best_passage(example));
            for place in 1..self.passages_per_list {
                let other = random.random_range(place..passages.len());
                passages.swap(place, other);
            }
            passages.truncate(self.passages_per_list);
            passages.sort_unstable();
        }
        let mut reasons = reasons_of(example, &passages);
        reasons.shuffle(random);
        reasons.truncate(self.reasons_per_list);
        ListSample { example, passages, reasons }
    }
}

/// All passages and reasons of an example.
pub fn whole_list(example: &DistillationExample) -> ListSample<'_> {
    let passages: Vec<usize> = (0..example.passages.len()).collect();
    let reasons = reasons_of(example, &passages);
    ListSample { example, passages, reasons }
}

/// The reasons that only speak of the given passages.
fn reasons_of(example: &DistillationExample, passages: &[usize]) -> Vec<ReasonChoice> {
    let mut reasons = Vec::new();
    for &passage in passages {
        let of = &example.passages[passage];
        if of.direct.is_some() {
            reasons.push(ReasonChoice { passage, kind: ChosenKind::Direct });
        }
        if of.comparison.as_ref().is_some_and(|comparison| passages.contains(&comparison.against)) {
            reasons.push(ReasonChoice { passage, kind: ChosenKind::Comparison });
        }
    }
    reasons
}

/// Whether two passages have different targets.
pub fn has_order(example: &DistillationExample) -> bool {
    example.passages.windows(2).any(|pair| pair[0].target.total_cmp(&pair[1].target).is_ne())
}

/// The first of the passages with the highest target.
fn best_passage(example: &DistillationExample) -> usize {
    let targets = example.passages.iter().map(|passage| passage.target).enumerate().rev();
    targets.max_by(|left, right| left.1.total_cmp(&right.1)).map_or(0, |(passage, _)| passage)
}

/// Refuses targets that are no numbers, comparisons with nothing and evidence outside its text.
pub fn check_examples(examples: &[DistillationExample]) -> Result<(), TrainingError> {
    for (number, example) in examples.iter().enumerate() {
        for (place, passage) in example.passages.iter().enumerate() {
            let evidence = passage.evidence.filter(|(start, end)| passage.text.get(*start..*end).is_none());
            let against = passage.comparison.as_ref().map(|comparison| comparison.against);
            let against = against.filter(|against| *against >= example.passages.len() || *against == place);
            let problem = match (passage.target.is_finite(), evidence, against) {
                (false, _, _) => format!("passage {place} has target {}", passage.target),
                (true, Some((start, end)), _) => {
                    format!("the evidence {start}..{end} of passage {place} is not a range of its text")
                }
                (true, None, Some(against)) => format!("passage {place} is compared with passage {against}"),
                (true, None, None) => continue,
            };
            return Err(TrainingError::Example { number, query: example.query.id.to_string(), problem });
        }
    }
    Ok(())
}
