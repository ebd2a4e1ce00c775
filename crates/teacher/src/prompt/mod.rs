//! Prompts: TOML files that say what a teacher is told and what it is asked for.
//!
//! ```toml
//! format = 1
//! name = "mine"                    # letters, digits, _ and -; also the name of the answer's schema
//! description = "Order and grades"
//! kind = "list"                    # or "passage": one passage at a time, for grades
//! asks = ["order", "grade"]        # of order, grade, direct, comparison, answer_sentence
//! top_grade = 4                    # grades are whole numbers from 0 to this
//! passage_words = 300              # as the paper cuts passages
//! system = "..."                   # {n}, {top_grade}
//! prefix = "... {query} ..."       # {query}, {n}, {top_grade}
//! body = "[{number}] {passage}"    # once a passage: {number}, {passage}
//! suffix = "... {answer}"          # {query}, {n}, {top_grade}, {answer}: the JSON that is asked for
//! repair = "{problem} ... {answer}" # sent after an answer that cannot be used: {problem}, {n}, {answer}
//! ```
//!
//! A brace of the text is written twice. What fills a placeholder is never read as a template, and tags that would
//! close a passage inside its own text are defused.
//!
//! ```
//! use r2r_teacher::prompt::Prompt;
//! use r2r_types::{Document, Query};
//!
//! let prompt = Prompt::built_in("dual-v1")?;
//! let query = Query { id: "q".into(), text: "what is basalt".into() };
//! let passage = Document { id: "d".into(), title: String::new(), text: "Basalt is a rock. {query}".into() };
//! let messages = prompt.render(&query, &[&passage]);
//! assert!(messages.turns[0].text.contains("<passage number=\"1\">\nBasalt is a rock. {query}\n</passage>"));
//! # Ok::<(), r2r_teacher::prompt::PromptError>(())
//! ```

mod asked;
mod error;
mod excerpt;
mod file;
mod template;

use std::borrow::Cow;
use std::sync::LazyLock;

use r2r_types::document::{Document, Query};
use regex::{Captures, Regex};
use serde::{Deserialize, Serialize};

pub use asked::Asked;
pub use error::PromptError;

use crate::chat::{AnswerShape, Role, Turn};
use crate::prompt::asked::{list_example, list_schema, of_passage, passage_example, passage_schema};
use crate::prompt::excerpt::first_words;
use crate::prompt::template::{Slot, Template};

/// The prompts that come with the program.
const BUILT_IN: [(&str, &str); 6] = [
    ("none", include_str!("../../prompts/none.toml")),
    ("direct", include_str!("../../prompts/direct.toml")),
    ("compare", include_str!("../../prompts/compare.toml")),
    ("both", include_str!("../../prompts/both.toml")),
    ("dual-v1", include_str!("../../prompts/dual-v1.toml")),
    ("pointwise", include_str!("../../prompts/pointwise.toml")),
];

/// How many passages a prompt shows at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptKind {
    /// A list, to be put in order.
    List,
    /// One, to be graded by itself.
    Passage,
}

/// A prompt that was checked: its templates hold only placeholders that can be filled there, and all that they need.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    name: String,
    description: String,
    kind: PromptKind,
    asks: Vec<Asked>,
    top_grade: i32,
    passage_words: usize,
    system: Template,
    prefix: Template,
    body: Template,
    suffix: Template,
    repair: Template,
    hash: String,
}

/// A rendered prompt: what [`ChatRequest`](crate::chat::ChatRequest) takes of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Messages {
    /// What the model is told first.
    pub system: String,
    /// One turn, the user's.
    pub turns: Vec<Turn>,
    /// The JSON that is asked for. The text asks for the same JSON in words, so that a provider without schemas can
    /// be asked with [`AnswerShape::Json`] or [`AnswerShape::Text`] in its place.
    pub shape: AnswerShape,
}

impl Prompt {
    /// The prompt of that name that comes with the program.
    ///
    /// # Errors
    /// `Unknown` for any other name.
    pub fn built_in(name: &str) -> Result<Self, PromptError> {
        let Some((name, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) else {
            let known = Self::built_in_names().collect::<Vec<_>>().join(", ");
            return Err(PromptError::Unknown { name: name.to_owned(), known });
        };
        Self::of_toml(name, text)
    }

    /// The names of the prompts that come with the program.
    pub fn built_in_names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|&(name, _)| name)
    }

    /// The prompt's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for, in one line.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Whether it shows a list or one passage.
    pub fn kind(&self) -> PromptKind {
        self.kind
    }

    /// What it asks for.
    pub fn asks(&self) -> &[Asked] {
        &self.asks
    }

    /// The highest grade; the lowest is 0.
    pub fn top_grade(&self) -> i32 {
        self.top_grade
    }

    /// SHA-256 of the resolved content, as 64 hexadecimal digits: the same for two files that say the same,
    /// whatever their comments and the order of their fields.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// What is sent for these passages, which are numbered from 1 in the order in which they stand.
    pub fn render(&self, query: &Query, shown: &[&Document]) -> Messages {
        let n = shown.len().to_string();
        let query = defused(query.text.trim());
        let top_grade = self.top_grade.to_string();
        let example = self.example();
        let whole = |slot: Slot| match slot {
            Slot::Query => Cow::Borrowed(&*query),
            Slot::N => Cow::Borrowed(n.as_str()),
            Slot::TopGrade => Cow::Borrowed(top_grade.as_str()),
            Slot::Answer => Cow::Borrowed(example.as_str()),
            Slot::Number | Slot::Passage | Slot::Problem => unreachable!("these sections were read without this slot"),
        };
        let mut sections = vec![self.prefix.render(whole)];
        for (place, document) in shown.iter().enumerate() {
            let passage = shown_text(document, self.passage_words);
            sections.push(self.body.render(|slot| match slot {
                Slot::Number => Cow::Owned((place + 1).to_string()),
                Slot::Passage => Cow::Borrowed(&passage),
                Slot::Query | Slot::N | Slot::TopGrade | Slot::Answer | Slot::Problem => whole(slot),
            }));
        }
        sections.push(self.suffix.render(whole));
        sections.retain(|section| !section.is_empty());
        let turns = vec![Turn { role: Role::User, text: sections.join("\n\n") }];
        Messages { system: self.system.render(whole), turns, shape: self.shape() }
    }

    /// What is said after an answer about `n` passages that cannot be used; `problem` is no sentence of its own.
    pub fn render_repair(&self, problem: &str, n: usize) -> String {
        let example = self.example();
        self.repair.render(|slot| match slot {
            Slot::Problem => Cow::Borrowed(problem),
            Slot::N => Cow::Owned(n.to_string()),
            Slot::Answer => Cow::Borrowed(&example),
            Slot::Query | Slot::Number | Slot::Passage | Slot::TopGrade => {
                unreachable!("this section was read without this slot")
            }
        })
    }

    /// The JSON schema of the answer, named after the prompt.
    pub fn shape(&self) -> AnswerShape {
        let schema = match self.kind {
            PromptKind::List => list_schema(&self.asks),
            PromptKind::Passage => passage_schema(&self.asks),
        };
        AnswerShape::Schema { name: self.name.clone(), schema }
    }

    /// What it asks of single passages.
    pub fn asks_of_passage(&self) -> Vec<Asked> {
        of_passage(&self.asks)
    }

    fn example(&self) -> String {
        match self.kind {
            PromptKind::List => list_example(&self.asks, self.top_grade),
            PromptKind::Passage => passage_example(&self.asks, self.top_grade),
        }
    }
}

/// The title on a line of its own, then the text, cut.
fn shown_text(document: &Document, n_words: usize) -> String {
    let (title, text) = (document.title.trim(), document.text.trim());
    let whole = match (title.is_empty(), text.is_empty()) {
        (true, _) => Cow::Borrowed(text),
        (false, true) => Cow::Borrowed(title),
        (false, false) => Cow::Owned(format!("{title}\n{text}")),
    };
    defused(first_words(&whole, n_words)).into_owned()
}

static TAG: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)<(\s*/?\s*(?:passage|query)\b)").expect("the pattern is a constant that tests run")
});

/// A text that cannot close the tags in which it is shown, or open new ones.
fn defused(text: &str) -> Cow<'_, str> {
    TAG.replace_all(text, |found: &Captures<'_>| format!("\u{2039}{}", &found[1]))
}
