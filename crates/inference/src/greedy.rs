//! Greedy decoding: at each step the likeliest word, whether it is spoken or copied.

use std::collections::{HashMap, HashSet};

use r2r_model::plan::{Kind, Marks, Plan, Step};
use r2r_model::reasons::ReasonVocabulary;

use crate::kernels::{Instructions, rows};
use crate::reason::{Origin, Reason, ReasonWord};
use crate::reason_decoder::{ReasonDecoder, Running};

/// One reason that is being written.
pub(crate) struct Writer<'a> {
    plan: &'a Plan,
    vocabulary: &'a ReasonVocabulary,
    running: Running,
    next: Step,
    /// The word that each source position stands for: a vocabulary id, or V + an index into `copied_only`.
    word_of_source: Vec<usize>,
    /// Source words outside the vocabulary, lower-case.
    copied_only: Vec<&'a str>,
    written: Vec<usize>,
    /// Content words of the sources: each is written once, since a small decoder that says one twice is going in circles.
    content: HashSet<usize>,
    /// Triples of words that have been written: none is written twice (Paulus et al., 2018).
    triples: HashSet<[usize; 3]>,
    reason: Reason,
    done: bool,
}

impl<'a> Writer<'a> {
    /// A reason about to begin.
    pub(crate) fn new(plan: &'a Plan, vocabulary: &'a ReasonVocabulary, running: Running) -> Self {
        let mut ids: HashMap<&str, usize> = HashMap::new();
        let mut copied_only = Vec::new();
        let mut word_of_source = Vec::with_capacity(plan.memory.len());
        let mut content = HashSet::new();
        for word in &plan.memory {
            let lower = word.lower.as_str();
            let id = *ids.entry(lower).or_insert_with(|| {
                vocabulary.id(lower).map_or_else(
                    || {
                        copied_only.push(lower);
                        vocabulary.len() + copied_only.len() - 1
                    },
                    |id| id as usize,
                )
            });
            word_of_source.push(id);
            if !word.marks.contains(Marks::FUNCTION) {
                content.insert(id);
            }
        }
        Self {
            next: Step::control(plan.controls()[0]),
            plan,
            vocabulary,
            running,
            word_of_source,
            copied_only,
            written: Vec::new(),
            content,
            triples: HashSet::new(),
            reason: Reason { words: Vec::new(), complete: false },
            done: false,
        }
    }

    /// Takes the likeliest allowed word, or ends.
    fn advance(&mut self, mut logits: Vec<f32>, instructions: Instructions, max_words: usize) {
        rows::softmax(instructions, &mut logits);
        let (spoken, copied) = logits.split_at(self.vocabulary.len());
        // Probability of each word: its vocabulary entry and all its places in the sources.
        let mut merged = spoken.to_vec();
        merged.resize(self.vocabulary.len() + self.copied_only.len(), 0.0);
        for (word, probability) in self.word_of_source.iter().zip(copied) {
            merged[*word] += probability;
        }
        let mut best: Option<usize> = None;
        for word in 0..merged.len() {
            if best.is_none_or(|best| merged[word] > merged[best]) && self.is_allowed(word) {
                best = Some(word);
            }
        }
        match best {
            Some(word) if word != ReasonVocabulary::END as usize => {
                self.write(word, merged[word], spoken, copied);
                self.done = self.written.len() == max_words;
            }
            Some(_) => (self.done, self.reason.complete) = (true, true),
            None => self.done = true,
        }
    }

    fn is_allowed(&self, word: usize) -> bool {
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
                return !self.written.is_empty();
            }
        }
        if self.content.contains(&word) && self.written.contains(&word) {
            return false;
        }
        self.written.last_chunk::<2>().is_none_or(|[first, second]| !self.triples.contains(&[*first, *second, word]))
    }

    fn write(&mut self, word: usize, probability: f32, spoken: &[f32], copied: &[f32]) {
        let lower = match word.checked_sub(self.vocabulary.len()) {
            None => self.vocabulary.word(word as u32),
            Some(index) => self.copied_only[index],
        };
        let mut origin = (word < spoken.len()).then(|| (spoken[word], Origin::Vocabulary(word as u32)));
        for (index, source) in self.word_of_source.iter().enumerate() {
            if *source == word && origin.is_none_or(|(best, _)| copied[index] > best) {
                origin = Some((copied[index], Origin::Source(index)));
            }
        }
        let (_, origin) = origin.expect("a word is in the vocabulary or at a source position");
        self.next = self.plan.step(lower, &self.next, self.vocabulary);
        self.reason.words.push(ReasonWord {
            lower: lower.to_owned(),
            written: self.plan.spelling(lower).unwrap_or(lower).to_owned(),
            origin,
            probability,
        });
        if let Some([first, second]) = self.written.last_chunk::<2>() {
            self.triples.insert([*first, *second, word]);
        }
        self.written.push(word);
    }
}

/// Writes reasons, all of them one word at a time: a reason does not depend on those beside it.
pub(crate) fn write_together(decoder: &ReasonDecoder, instructions: Instructions, writers: &mut [Writer<'_>]) {
    let step = |writers: &mut [&mut Writer<'_>]| {
        let inputs: Vec<Step> = writers.iter().map(|writer| writer.next).collect();
        let mut running: Vec<&mut Running> = writers.iter_mut().map(|writer| &mut writer.running).collect();
        decoder.step(&mut running, &inputs)
    };
    let mut live: Vec<&mut Writer<'_>> = writers.iter_mut().collect();
    // What follows the first control word is known: the second.
    step(&mut live);
    for writer in &mut live {
        writer.next = Step::control(writer.plan.controls()[1]);
    }
    while !live.is_empty() {
        let logits = step(&mut live);
        for (writer, logits) in live.iter_mut().zip(logits) {
            writer.advance(logits, instructions, decoder.max_words);
        }
        live.retain(|writer| !writer.done);
    }
}

impl Writer<'_> {
    /// What has been written.
    pub(crate) fn into_reason(self) -> Reason {
        self.reason
    }
}
