//! What a reason is about to say, before its words are chosen: control words and marks on the source words.

use std::collections::HashMap;
use std::ops::Range;

use r2r_types::reasoning::Stands;

use crate::config::Grade;
use crate::function_words::{is_content, is_function_word};
use crate::pair_words::{PairWords, PlacedWord};
use crate::reasons::ReasonVocabulary;

/// Kinds of marks: K, the rows of `reason.memory.mark.weight`.
pub const MARKS: usize = 6;
/// Kinds of segments: rows of `reason.memory.segment.weight`.
pub const SEGMENTS: usize = 3;

/// What the plan says about one source word; several marks may hold at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks(u8);

impl Marks {
    /// A document word inside the chosen evidence sentence.
    pub const IN_EVIDENCE: Self = Self(1);
    /// A query word found in the document, or a document word found in the query.
    pub const MATCHED: Self = Self(1 << 1);
    /// A query word found in the neighbor, or a neighbor's word found in the query.
    pub const MATCHED_BY_NEIGHBOR: Self = Self(1 << 2);
    /// A content word of the query that is nowhere in the document.
    pub const MISSING: Self = Self(1 << 3);
    /// A content word of the document that is nowhere in the neighbor, or the other way round.
    pub const DISTINCT: Self = Self(1 << 4);
    /// A function word or punctuation.
    pub const FUNCTION: Self = Self(1 << 5);

    /// Whether all of `marks` hold.
    pub fn contains(self, marks: Self) -> bool {
        self.0 & marks.0 == marks.0
    }

    /// Mark `k` is bit `k`.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Multi-hot, `[K]`.
    pub fn multi_hot(self) -> [f32; MARKS] {
        std::array::from_fn(|k| f32::from(self.0 >> k & 1))
    }

    fn set(&mut self, mark: Self, holds: bool) {
        if holds {
            self.0 |= mark.0;
        }
    }
}

/// Which text a source word comes from; the value is its row of `reason.memory.segment.weight`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// The query.
    Query = 0,
    /// The explained document.
    Document = 1,
    /// The document it is compared with.
    Neighbor = 2,
}

/// What kind of reason is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// How the document answers the query.
    Direct,
    /// Why it stands above the neighbor.
    Above,
    /// Why it stands below the neighbor.
    Below,
}

impl From<Stands> for Kind {
    fn from(stands: Stands) -> Self {
        match stands {
            Stands::Above => Self::Above,
            Stands::Below => Self::Below,
        }
    }
}

/// One source word of a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryWord {
    /// Its text.
    pub segment: Segment,
    /// Positions of its pieces in the joint pass of query and document; for [`Segment::Neighbor`] in that of query
    /// and neighbor.
    pub pieces: Range<usize>,
    /// What the plan says about it.
    pub marks: Marks,
    /// Lower-case form.
    pub lower: String,
    /// As it is written in its text.
    pub written: String,
}

/// One document of a plan with the sentence that carries its evidence.
#[derive(Clone, Debug)]
pub struct Side<'a> {
    /// The words of query and this document.
    pub words: &'a PairWords,
    /// The chosen evidence sentence, as a byte range of title and text.
    pub evidence: Option<Range<usize>>,
}

/// Where the input of a decoder step comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepInput {
    /// A word of the vocabulary, by id.
    Vocabulary(u32),
    /// A copied word outside the vocabulary, by the index of its first occurrence in the memory.
    Source(usize),
}

/// One step of a reason: what the decoder reads, and where in its sources the reason then stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What the decoder reads.
    pub input: StepInput,
    /// The source word that the word read repeats, by its index in the memory; `None` for words of the frame.
    pub at: Option<usize>,
    /// The source word behind that one: copying it too would go on with the sources' own words.
    pub continuation: Option<usize>,
}

impl Step {
    /// The step that reads a control word.
    pub fn control(id: u32) -> Self {
        Self { input: StepInput::Vocabulary(id), at: None, continuation: None }
    }
}

/// The entries of one output distribution that all stand for the same word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    /// Its vocabulary id.
    pub vocabulary: Option<u32>,
    /// Its indices in the memory.
    pub sources: Vec<usize>,
}

impl Entries {
    /// Whether neither vocabulary nor memory has the word.
    pub fn is_empty(&self) -> bool {
        self.vocabulary.is_none() && self.sources.is_empty()
    }
}

/// The plan of one reason: its inputs beside the encoder's states.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What kind of reason.
    pub kind: Kind,
    /// How well the explained document answers.
    pub grade: Grade,
    /// Query words, document words, then (in a comparison) the neighbor's words.
    pub memory: Vec<MemoryWord>,
    positions: HashMap<String, Vec<usize>>,
}

impl Plan {
    /// The plan of a direct reason.
    pub fn direct(document: &Side<'_>, grade: Grade) -> Self {
        Self::of(Kind::Direct, document, None, grade)
    }

    /// The plan of a comparison; `grade` is the explained document's.
    pub fn comparison(document: &Side<'_>, neighbor: &Side<'_>, stands: Stands, grade: Grade) -> Self {
        Self::of(Kind::from(stands), document, Some(neighbor), grade)
    }

    fn of(kind: Kind, document: &Side<'_>, neighbor: Option<&Side<'_>>, grade: Grade) -> Self {
        let own = document.words;
        let mut memory = Vec::new();
        for placed in &own.query {
            let mut marks = common_marks(placed);
            let in_document = own.document_stems.contains(&placed.word.stem);
            marks.set(Marks::MATCHED, in_document);
            marks.set(Marks::MISSING, is_content(&placed.word) && !in_document);
            if let Some(other) = neighbor {
                marks.set(Marks::MATCHED_BY_NEIGHBOR, other.words.document_stems.contains(&placed.word.stem));
            }
            memory.push(MemoryWord::of(placed, Segment::Query, marks));
        }
        for placed in &own.document {
            let mut marks = common_marks(placed);
            marks.set(Marks::IN_EVIDENCE, lies_in(placed, document.evidence.as_ref()));
            marks.set(Marks::MATCHED, own.query_stems.contains(&placed.word.stem));
            if let Some(other) = neighbor {
                let absent = !other.words.document_stems.contains(&placed.word.stem);
                marks.set(Marks::DISTINCT, is_content(&placed.word) && absent);
            }
            memory.push(MemoryWord::of(placed, Segment::Document, marks));
        }
        for (other, placed) in
            neighbor.iter().flat_map(|other| other.words.document.iter().map(move |word| (other, word)))
        {
            let mut marks = common_marks(placed);
            marks.set(Marks::IN_EVIDENCE, lies_in(placed, other.evidence.as_ref()));
            marks.set(Marks::MATCHED_BY_NEIGHBOR, own.query_stems.contains(&placed.word.stem));
            let absent = !own.document_stems.contains(&placed.word.stem);
            marks.set(Marks::DISTINCT, is_content(&placed.word) && absent);
            memory.push(MemoryWord::of(placed, Segment::Neighbor, marks));
        }
        let mut positions: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, word) in memory.iter().enumerate() {
            positions.entry(word.lower.clone()).or_default().push(index);
        }
        Self { kind, grade, memory, positions }
    }

    /// The two control words in front of the reason: kind and grade, as vocabulary ids.
    pub fn controls(&self) -> [u32; 2] {
        [ReasonVocabulary::kind(self.kind), ReasonVocabulary::grade(self.grade)]
    }

    /// All entries of the output distribution that stand for a lower-case word.
    pub fn entries(&self, lower: &str, vocabulary: &ReasonVocabulary) -> Entries {
        Entries { vocabulary: vocabulary.id(lower), sources: self.positions.get(lower).cloned().unwrap_or_default() }
    }

    /// The step that reads a lower-case word, behind `before`.
    ///
    /// The decoder reads the word's vocabulary entry, else its first occurrence in the memory, else `<unknown>`. The
    /// reason then stands at the source word behind the one where it stood, if that is the word; else at an
    /// occurrence of a content word: in the evidence if there, else the first.
    pub fn step(&self, lower: &str, before: &Step, vocabulary: &ReasonVocabulary) -> Step {
        let sources = self.positions.get(lower);
        let input = match (vocabulary.id(lower), sources) {
            (Some(id), _) => StepInput::Vocabulary(id),
            (None, Some(sources)) => StepInput::Source(sources[0]),
            (None, None) => StepInput::Vocabulary(ReasonVocabulary::UNKNOWN),
        };
        let goes_on = before.continuation.filter(|next| self.memory[*next].lower == lower);
        let at = goes_on.or_else(|| sources.and_then(|sources| self.first_content(sources)));
        Step { input, at, continuation: at.and_then(|at| self.behind(at)) }
    }

    /// The place to start copying at, of the places of one word; `None` for function words.
    fn first_content(&self, places: &[usize]) -> Option<usize> {
        let content = || places.iter().copied().filter(|place| !self.memory[*place].marks.contains(Marks::FUNCTION));
        content().find(|place| self.memory[*place].marks.contains(Marks::IN_EVIDENCE)).or_else(|| content().next())
    }

    /// The next word of the same text.
    fn behind(&self, at: usize) -> Option<usize> {
        let next = self.memory.get(at + 1)?;
        (next.segment == self.memory[at].segment).then_some(at + 1)
    }

    /// How a lower-case word is written in the sources; `None` where they do not have it.
    ///
    /// Documents know better than queries, which people type without capitals. Function words and words that a document
    /// writes so are lower-case; so is a word whose capital is only that of a sentence's beginning.
    pub fn spelling(&self, lower: &str) -> Option<&str> {
        let sources = self.positions.get(lower)?;
        let first = &self.memory[sources[0]];
        let in_documents = || sources.iter().copied().filter(|place| self.memory[*place].segment != Segment::Query);
        if is_function_word(lower) || in_documents().any(|place| self.memory[place].written == lower) {
            return Some(&first.lower);
        }
        match (in_documents().find(|place| !self.begins_sentence(*place)), in_documents().next()) {
            (Some(inside), _) => Some(&self.memory[inside].written),
            (None, Some(beginning)) if self.begins_name(beginning) => Some(&self.memory[beginning].written),
            (None, Some(_)) => Some(&first.lower),
            (None, None) => Some(&first.written),
        }
    }

    /// Whether a word at a sentence's beginning is likely a name: another capital or a bracket follows, or it has more
    /// capitals of its own.
    fn begins_name(&self, place: usize) -> bool {
        let next = self.behind(place).map(|next| self.memory[next].written.as_str());
        let inner = self.memory[place].written.chars().skip(1).any(char::is_uppercase);
        inner || next.is_some_and(|next| next == "(" || next.starts_with(char::is_uppercase))
    }

    /// Whether a source word stands at the beginning of a text or sentence.
    fn begins_sentence(&self, place: usize) -> bool {
        let before = place.checked_sub(1).map(|before| &self.memory[before]);
        before.is_none_or(|before| {
            before.segment != self.memory[place].segment || matches!(before.lower.as_str(), "." | "!" | "?" | ":")
        })
    }
}

impl MemoryWord {
    fn of(placed: &PlacedWord, segment: Segment, marks: Marks) -> Self {
        Self {
            segment,
            pieces: placed.pieces.clone(),
            marks,
            lower: placed.word.lower.clone(),
            written: placed.written.clone(),
        }
    }
}

/// The mark that needs no other text.
fn common_marks(placed: &PlacedWord) -> Marks {
    let mut marks = Marks::default();
    marks.set(Marks::FUNCTION, !is_content(&placed.word));
    marks
}

fn lies_in(placed: &PlacedWord, evidence: Option<&Range<usize>>) -> bool {
    evidence.is_some_and(|range| range.start <= placed.word.range.start && placed.word.range.end <= range.end)
}
