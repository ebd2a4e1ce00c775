//! Beam search (Graves, 2012): the likeliest of several wordings that are carried along together.
//!
//! A word may be spoken or copied; its probability is the sum of all its entries.

use std::collections::{HashMap, HashSet};

use r2r_model::plan::{Kind, Marks, Plan, Step};
use r2r_model::reasons::ReasonVocabulary;

use crate::kernels::{Instructions, rows};
use crate::reason::{Origin, Reason, ReasonWord};
use crate::reason_decoder::{ReasonDecoder, Running};

/// One reason that is being written.
pub(crate) struct Writer<'a> {
    words: Words<'a>,
    /// Wordings that go on, the likeliest first.
    live: Vec<Wording>,
    /// Finished wordings with their mean log-probability a word, the end counted.
    finished: Vec<(f32, Reason)>,
    width: usize,
}

/// The words that a reason may be made of.
struct Words<'a> {
    plan: &'a Plan,
    vocabulary: &'a ReasonVocabulary,
    /// The word that each source position stands for: a vocabulary id, or V + an index into `copied_only`.
    of_source: Vec<usize>,
    /// Source words outside the vocabulary, lower-case.
    copied_only: Vec<&'a str>,
    /// Content words of the sources: each is written once, since a small decoder that says one twice is going in circles.
    content: HashSet<usize>,
}

/// The beginning of a reason.
#[derive(Clone)]
struct Wording {
    running: Running,
    /// What the decoder reads next.
    next: Step,
    written: Vec<usize>,
    words: Vec<ReasonWord>,
    log_probability: f32,
}

/// A word behind a wording.
struct Continuation {
    wording: usize,
    word: usize,
    log_probability: f32,
}

/// The probabilities of what may follow a wording: the V entries of the vocabulary, then the W source words.
struct Distribution {
    entries: Vec<f32>,
    /// Of each word, all its entries together.
    merged: Vec<f32>,
}

impl<'a> Writer<'a> {
    /// A reason about to begin; `width` wordings are carried along.
    pub(crate) fn new(plan: &'a Plan, vocabulary: &'a ReasonVocabulary, running: Running, width: usize) -> Self {
        let next = Step::control(plan.controls()[0]);
        let first = Wording { running, next, written: Vec::new(), words: Vec::new(), log_probability: 0.0 };
        Self { words: Words::of(plan, vocabulary), live: vec![first], finished: Vec::new(), width }
    }

    /// The best wording; the likeliest beginning where none has come to an end.
    pub(crate) fn into_reason(self) -> Reason {
        let mut best: Option<(f32, Reason)> = None;
        for (score, reason) in self.finished {
            if best.as_ref().is_none_or(|(most, _)| score > *most) {
                best = Some((score, reason));
            }
        }
        best.map_or_else(|| Reason { words: Vec::new(), complete: false }, |(_, reason)| reason)
    }

    /// Goes on with the likeliest allowed words behind all wordings; `logits` are those of the live ones.
    fn advance(&mut self, logits: Vec<Vec<f32>>, instructions: Instructions, max_words: usize) {
        let distributions: Vec<Distribution> =
            logits.into_iter().map(|logits| self.words.distribution(logits, instructions)).collect();
        let mut continuations = Vec::new();
        for (wording, distribution) in distributions.iter().enumerate() {
            let of_wording = self.continuations(wording, distribution);
            if of_wording.is_empty() {
                self.finish(wording, self.live[wording].log_probability, false);
            }
            continuations.extend(of_wording);
        }
        // Stable: of equal wordings the one that was likelier before goes first.
        continuations.sort_by(|left, right| right.log_probability.total_cmp(&left.log_probability));
        let mut live: Vec<Wording> = Vec::with_capacity(self.width);
        for (place, continuation) in continuations.iter().enumerate() {
            let Continuation { wording, word, log_probability } = *continuation;
            if word == ReasonVocabulary::END as usize {
                if place < self.width {
                    self.finish(wording, log_probability, true);
                }
            } else if live.len() < self.width {
                let before = &self.live[wording];
                live.push(self.words.written_behind(before, word, log_probability, &distributions[wording]));
            }
        }
        self.live = live;
        let is_long = self.live.first().is_some_and(|wording| wording.written.len() == max_words);
        if is_long {
            for wording in 0..self.live.len() {
                self.finish(wording, self.live[wording].log_probability, false);
            }
        }
        if is_long || self.finished.len() >= self.width {
            self.live.clear();
        }
    }

    /// The likeliest allowed words behind a wording, at most as many as the beam is wide.
    fn continuations(&self, wording: usize, distribution: &Distribution) -> Vec<Continuation> {
        let before = &self.live[wording];
        let mut likeliest: Vec<usize> = Vec::with_capacity(self.width + 1);
        let probability = |word: usize| distribution.merged[word];
        for word in 0..distribution.merged.len() {
            let is_full = likeliest.len() == self.width;
            if is_full && likeliest.last().is_some_and(|last| probability(word) <= probability(*last)) {
                continue;
            }
            if self.words.is_allowed(word, before) {
                let place = likeliest.partition_point(|other| probability(*other) >= probability(word));
                likeliest.insert(place, word);
                likeliest.truncate(self.width);
            }
        }
        let log_probability = |word: usize| before.log_probability + probability(word).max(f32::MIN_POSITIVE).ln();
        let continuation = |word: usize| Continuation { wording, word, log_probability: log_probability(word) };
        likeliest.into_iter().map(continuation).collect()
    }

    fn finish(&mut self, wording: usize, log_probability: f32, complete: bool) {
        let words = self.live[wording].words.clone();
        let steps = words.len() + usize::from(complete);
        self.finished.push((log_probability / steps.max(1) as f32, Reason { words, complete }));
    }
}

impl<'a> Words<'a> {
    fn of(plan: &'a Plan, vocabulary: &'a ReasonVocabulary) -> Self {
        let mut ids: HashMap<&str, usize> = HashMap::new();
        let mut words = Self {
            plan,
            vocabulary,
            of_source: Vec::with_capacity(plan.memory.len()),
            copied_only: Vec::new(),
            content: HashSet::new(),
        };
        for word in &plan.memory {
            let lower = word.lower.as_str();
            let id = *ids.entry(lower).or_insert_with(|| {
                vocabulary.id(lower).map_or_else(
                    || {
                        words.copied_only.push(lower);
                        vocabulary.len() + words.copied_only.len() - 1
                    },
                    |id| id as usize,
                )
            });
            words.of_source.push(id);
            if !word.marks.contains(Marks::FUNCTION) {
                words.content.insert(id);
            }
        }
        words
    }

    fn distribution(&self, mut logits: Vec<f32>, instructions: Instructions) -> Distribution {
        rows::softmax(instructions, &mut logits);
        let (spoken, copied) = logits.split_at(self.vocabulary.len());
        let mut merged = spoken.to_vec();
        merged.resize(self.vocabulary.len() + self.copied_only.len(), 0.0);
        for (word, probability) in self.of_source.iter().zip(copied) {
            merged[*word] += probability;
        }
        Distribution { entries: logits, merged }
    }

    fn is_allowed(&self, word: usize, before: &Wording) -> bool {
        let written = &before.written;
        if word < self.vocabulary.len() {
            let id = word as u32;
            let fits = match self.plan.kind {
                Kind::Direct => id != ReasonVocabulary::OTHER,
                Kind::Above | Kind::Below => true,
            };
            if !ReasonVocabulary::is_producible(id) || !fits {
                return false;
            }
            if id == ReasonVocabulary::END {
                return !written.is_empty();
            }
        }
        if self.content.contains(&word) && written.contains(&word) {
            return false;
        }
        // No triple of words is written twice (Paulus et al., 2018).
        written
            .last_chunk::<2>()
            .is_none_or(|[first, second]| !written.windows(3).any(|triple| triple == [*first, *second, word]))
    }

    /// A wording with one more word.
    fn written_behind(
        &self,
        before: &Wording,
        word: usize,
        log_probability: f32,
        distribution: &Distribution,
    ) -> Wording {
        let lower = match word.checked_sub(self.vocabulary.len()) {
            None => self.vocabulary.word(word as u32),
            Some(index) => self.copied_only[index],
        };
        let (spoken, copied) = distribution.entries.split_at(self.vocabulary.len());
        let mut origin = (word < spoken.len()).then(|| (spoken[word], Origin::Vocabulary(word as u32)));
        for (index, source) in self.of_source.iter().enumerate() {
            if *source == word && origin.is_none_or(|(best, _)| copied[index] > best) {
                origin = Some((copied[index], Origin::Source(index)));
            }
        }
        let (_, origin) = origin.expect("a word is in the vocabulary or at a source position");
        let mut wording = before.clone();
        wording.next = self.plan.step(lower, &before.next, self.vocabulary);
        wording.written.push(word);
        wording.log_probability = log_probability;
        wording.words.push(ReasonWord {
            lower: lower.to_owned(),
            written: self.plan.spelling(lower).unwrap_or(lower).to_owned(),
            origin,
            probability: distribution.merged[word],
        });
        wording
    }
}

/// Writes reasons, all of them one word at a time: a reason does not depend on those beside it.
pub(crate) fn write_together(decoder: &ReasonDecoder, instructions: Instructions, writers: &mut [Writer<'_>]) {
    let step = |writers: &mut [&mut Writer<'_>]| {
        let steps: Vec<Step> = writers.iter().flat_map(|writer| writer.live.iter().map(|live| live.next)).collect();
        let live = writers.iter_mut().flat_map(|writer| writer.live.iter_mut());
        let mut running: Vec<&mut Running> = live.map(|wording| &mut wording.running).collect();
        decoder.step(&mut running, &steps)
    };
    let mut live: Vec<&mut Writer<'_>> = writers.iter_mut().collect();
    // What follows the first control word is known: the second.
    step(&mut live);
    for writer in &mut live {
        writer.live[0].next = Step::control(writer.words.plan.controls()[1]);
    }
    while !live.is_empty() {
        let mut logits = step(&mut live).into_iter();
        for writer in &mut live {
            let of_writer = logits.by_ref().take(writer.live.len()).collect();
            writer.advance(of_writer, instructions, decoder.max_words);
        }
        live.retain(|writer| !writer.live.is_empty());
    }
}
