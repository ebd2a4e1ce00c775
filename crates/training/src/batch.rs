//! One forward and backward pass: the pairs of some lists with everything that the losses ask for.

use std::ops::Range;

use r2r_model::encoding::PairEncoding;
use r2r_model::pair_words::PairWords;
use r2r_model::passage::PassageText;
use r2r_model::plan::{Entries, Plan, Side, Step, StepInput};
use r2r_model::reasons::{ReasonVocabulary, split_reason};
use r2r_model::sentence_pieces::{SentencePieces, sentence_pieces};
use r2r_model::{Grade, Limits, Tokenizer, tokenizer::TokenizerError};
use r2r_types::example::{DistillationExample, ExamplePassage};

use crate::encoder::PackedPieces;
use crate::fused::Packing;
use crate::loss::evidence::GoldSentence;
use crate::loss::generation::StepTargets;
use crate::reason_decoder::ReasonBatch;

/// The passages and reasons of one example that take part in a pass.
#[derive(Clone, Debug)]
pub struct ListSample<'a> {
    /// The example.
    pub example: &'a DistillationExample,
    /// Its passages, as indices in rising order.
    pub passages: Vec<usize>,
    /// Its reasons.
    pub reasons: Vec<ReasonChoice>,
}

/// One reason of an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReasonChoice {
    /// The explained passage, an index into the example.
    pub passage: usize,
    /// Which of its two reasons.
    pub kind: ChosenKind,
}

/// Which of a passage's reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChosenKind {
    /// Direct relevance.
    Direct,
    /// The comparison.
    Comparison,
}

/// The reasons of a pass.
#[derive(Clone, Debug)]
pub struct ReasonTargets {
    /// What the decoder reads.
    pub inputs: ReasonBatch,
    /// What it should say.
    pub targets: StepTargets,
}

/// Everything of one pass.
#[derive(Clone, Debug)]
pub struct Batch {
    /// All pairs, list after list.
    pub pieces: PackedPieces,
    /// The pairs of each list.
    pub lists: Vec<Range<usize>>,
    /// Target of each pair, `[pairs]`.
    pub targets: Vec<f32>,
    /// Similarity of each pair under the base, `[pairs]`; zeros until they are filled in.
    pub similarities: Vec<f32>,
    /// Rows of the sentences of the passages whose evidence is known.
    pub sentences: Vec<Range<usize>>,
    /// For each of those passages its sentences and the gold one.
    pub gold_sentences: Vec<GoldSentence>,
    /// The reasons, if there are any.
    pub reasons: Option<ReasonTargets>,
}

/// What turns texts into the numbers of a batch.
#[derive(Clone, Copy)]
pub struct Encoding<'a> {
    /// The base's tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// How long pairs may be.
    pub limits: Limits,
    /// Words and shape of the reasons; absent for a student that only ranks.
    pub reasons: Option<ReasonWords<'a>>,
}

/// The vocabulary of the reasons and how long they may be.
#[derive(Clone, Copy)]
pub struct ReasonWords<'a> {
    /// The vocabulary.
    pub vocabulary: &'a ReasonVocabulary,
    /// Most words of a reason.
    pub max_words: usize,
}

/// One pair with what its reasons and its evidence need.
struct Pair {
    encoding: PairEncoding,
    words: Option<PairWords>,
    sentences: Vec<SentencePieces>,
    gold: Option<usize>,
}

impl Batch {
    /// Encodes the chosen passages and reasons.
    pub fn of(samples: &[ListSample<'_>], encoding: Encoding<'_>) -> Result<Self, TokenizerError> {
        let mut builder = BatchBuilder::default();
        for sample in samples {
            let first = builder.lengths.len();
            let mut pairs = Vec::with_capacity(sample.passages.len());
            for &passage in &sample.passages {
                let with_words = encoding.reasons.is_some() && sample.needs_words(passage);
                pairs.push(encode_pair(sample.example, passage, with_words, encoding)?);
            }
            let starts: Vec<usize> = pairs.iter().map(|pair| builder.push_pair(pair)).collect();
            let targets = sample.passages.iter().map(|passage| sample.example.passages[*passage].target);
            builder.targets.extend(targets);
            builder.lists.push(first..builder.lengths.len());
            if let Some(words) = encoding.reasons {
                for choice in &sample.reasons {
                    builder.push_reason(sample, *choice, &pairs, &starts, words);
                }
            }
        }
        Ok(builder.finish())
    }

    /// How many pieces the pass reads.
    pub fn tokens(&self) -> usize {
        self.pieces.ids.len()
    }
}

impl ListSample<'_> {
    fn needs_words(&self, passage: usize) -> bool {
        self.reasons.iter().any(|choice| {
            choice.passage == passage
                || choice.kind == ChosenKind::Comparison && self.neighbor(choice.passage) == Some(passage)
        })
    }

    /// With which passage the comparison of `passage` compares it.
    fn neighbor(&self, passage: usize) -> Option<usize> {
        self.example.passages[passage].comparison.as_ref().map(|comparison| comparison.against)
    }

    /// The place of a passage among the chosen ones.
    fn place(&self, passage: usize) -> Option<usize> {
        self.passages.iter().position(|chosen| *chosen == passage)
    }
}

/// Grade of a passage within its list: its target, scaled so that the list reaches from 0 to 4.
pub fn list_grade(example: &DistillationExample, passage: usize) -> Grade {
    let targets = example.passages.iter().map(|passage| passage.target);
    let (least, most) =
        targets.fold((f32::INFINITY, f32::NEG_INFINITY), |(least, most), target| (least.min(target), most.max(target)));
    let scaled = if most > least { (example.passages[passage].target - least) / (most - least) * 4.0 } else { 2.0 };
    Grade::new(scaled.round() as u8).expect("scaled is between 0 and 4")
}

fn encode_pair(
    example: &DistillationExample,
    number: usize,
    with_words: bool,
    encoding: Encoding<'_>,
) -> Result<Pair, TokenizerError> {
    let passage = &example.passages[number];
    let text = PassageText::of_parts(&passage.title, &passage.text);
    let pair = encoding.tokenizer.encode_pair(&example.query.text, &text.whole, encoding.limits)?;
    let with_sentences = encoding.reasons.is_some() && passage.evidence.is_some();
    let sentences = if with_sentences { sentence_pieces(&passage.text, &text, &pair) } else { Vec::new() };
    let gold = gold_sentence(passage, &sentences);
    let words = with_words.then(|| PairWords::of(&example.query.text, &text.whole, &pair));
    Ok(Pair { encoding: pair, words, sentences, gold })
}

/// The sentence that shares most bytes with the passage's evidence.
fn gold_sentence(passage: &ExamplePassage, sentences: &[SentencePieces]) -> Option<usize> {
    let (start, end) = passage.evidence?;
    let shared = |sentence: &SentencePieces| sentence.text.end.min(end).saturating_sub(sentence.text.start.max(start));
    let (best, most) = sentences.iter().map(shared).enumerate().rev().max_by_key(|(_, shared)| *shared)?;
    (most > 0).then_some(best)
}

#[derive(Default)]
struct BatchBuilder {
    ids: Vec<u32>,
    types: Vec<u32>,
    lengths: Vec<usize>,
    lists: Vec<Range<usize>>,
    targets: Vec<f32>,
    sentences: Vec<Range<usize>>,
    gold_sentences: Vec<GoldSentence>,
    spans: Vec<Range<usize>>,
    segments: Vec<usize>,
    marks: Vec<f32>,
    source_lengths: Vec<usize>,
    inputs: Vec<DecoderInput>,
    continuations: Vec<Option<usize>>,
    acceptable: Vec<Entries>,
    step_lengths: Vec<usize>,
    n_vocabulary: usize,
}

/// A step's input before the number of vocabulary words is added to source rows.
enum DecoderInput {
    Vocabulary(u32),
    Source(usize),
}

impl BatchBuilder {
    /// Adds a pair; its first row.
    fn push_pair(&mut self, pair: &Pair) -> usize {
        let start = self.ids.len();
        self.ids.extend_from_slice(&pair.encoding.ids);
        self.types.extend_from_slice(&pair.encoding.type_ids);
        self.lengths.push(pair.encoding.ids.len());
        // A single sentence is always right: nothing to learn.
        if let Some(gold) = pair.gold.filter(|_| pair.sentences.len() > 1) {
            let first = self.sentences.len();
            self.sentences.extend(pair.sentences.iter().map(|sentence| shifted(&sentence.pieces, start)));
            self.gold_sentences.push(GoldSentence { sentences: first..self.sentences.len(), gold: first + gold });
        }
        start
    }

    /// Adds a reason; nothing where its neighbor was not chosen or it has no words.
    fn push_reason(
        &mut self,
        sample: &ListSample<'_>,
        choice: ReasonChoice,
        pairs: &[Pair],
        starts: &[usize],
        reason_words: ReasonWords<'_>,
    ) {
        let passage = &sample.example.passages[choice.passage];
        let grade = list_grade(sample.example, choice.passage);
        let Some(place) = sample.place(choice.passage) else { return };
        let Some(side) = side(&pairs[place]) else { return };
        let mut neighbor_start = starts[place];
        let (plan, text) = match choice.kind {
            ChosenKind::Direct => {
                let Some(text) = &passage.direct else { return };
                (Plan::direct(&side, grade), text)
            }
            ChosenKind::Comparison => {
                let Some(comparison) = &passage.comparison else { return };
                let Some(neighbor) = sample.place(comparison.against) else { return };
                let Some(neighbor_side) = self::side(&pairs[neighbor]) else { return };
                neighbor_start = starts[neighbor];
                (Plan::comparison(&side, &neighbor_side, comparison.stands, grade), &comparison.text)
            }
        };
        let mut words = split_reason(text);
        if words.is_empty() || plan.memory.is_empty() {
            return;
        }
        let is_cut = words.len() > reason_words.max_words;
        words.truncate(reason_words.max_words);
        let first_source = self.spans.len();
        for word in &plan.memory {
            let start = match word.segment {
                r2r_model::Segment::Query | r2r_model::Segment::Document => starts[place],
                r2r_model::Segment::Neighbor => neighbor_start,
            };
            self.spans.push(shifted(&word.pieces, start));
            self.segments.push(word.segment as usize);
            self.marks.extend(word.marks.multi_hot());
        }
        self.source_lengths.push(plan.memory.len());
        let vocabulary = reason_words.vocabulary;
        self.n_vocabulary = vocabulary.len();
        let mut step = Step::control(plan.controls()[0]);
        self.push_step(&step, first_source);
        step = Step::control(plan.controls()[1]);
        self.push_step(&step, first_source);
        for word in &words {
            step = plan.step(word, &step, vocabulary);
            self.push_step(&step, first_source);
        }
        // Nothing is asked of the step that reads the kind: the grade follows by decree.
        self.acceptable.push(Entries::default());
        self.acceptable.extend(words.iter().map(|word| plan.entries(word, vocabulary)));
        let end = Entries { vocabulary: (!is_cut).then_some(ReasonVocabulary::END), sources: Vec::new() };
        self.acceptable.push(end);
        self.step_lengths.push(words.len() + 2);
    }

    fn push_step(&mut self, step: &Step, first_source: usize) {
        self.inputs.push(match step.input {
            StepInput::Vocabulary(id) => DecoderInput::Vocabulary(id),
            StepInput::Source(source) => DecoderInput::Source(first_source + source),
        });
        self.continuations.push(step.continuation);
    }

    fn finish(self) -> Batch {
        let packing = Packing::of(self.lengths);
        let n_pairs = self.targets.len();
        let steps = Packing::of(self.step_lengths);
        let sources = Packing::of(self.source_lengths);
        let n_vocabulary = self.n_vocabulary;
        let inputs = self.inputs.iter().map(|input| match input {
            DecoderInput::Vocabulary(id) => *id as usize,
            DecoderInput::Source(row) => n_vocabulary + row,
        });
        let reasons = (steps.count() > 0).then(|| ReasonTargets {
            inputs: ReasonBatch {
                inputs: inputs.collect(),
                spans: self.spans,
                segments: self.segments,
                marks: self.marks,
                sources: sources.clone(),
                continuations: self.continuations,
                steps: steps.clone(),
            },
            targets: StepTargets { acceptable: self.acceptable, steps, sources },
        });
        Batch {
            pieces: PackedPieces { ids: self.ids, types: self.types, packing },
            lists: self.lists,
            targets: self.targets,
            similarities: vec![0.0; n_pairs],
            sentences: self.sentences,
            gold_sentences: self.gold_sentences,
            reasons,
        }
    }
}

/// A pair as a plan sees it; `None` where its words were not asked for.
fn side(pair: &Pair) -> Option<Side<'_>> {
    let words = pair.words.as_ref()?;
    Some(Side { words, evidence: pair.gold.map(|gold| pair.sentences[gold].whole.clone()) })
}

fn shifted(range: &Range<usize>, by: usize) -> Range<usize> {
    range.start + by..range.end + by
}
