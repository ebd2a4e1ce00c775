//! A prompt file, read and checked.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::prompt::asked::Asked;
use crate::prompt::error::PromptError;
use crate::prompt::template::{Slot, Template};
use crate::prompt::{Prompt, PromptKind};

const FORMAT: u32 = 1;

/// The fields of the file; their order here is that of the hash.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct PromptFile {
    format: u32,
    name: String,
    #[serde(default)]
    description: String,
    kind: PromptKind,
    asks: Vec<Asked>,
    #[serde(default = "default_top_grade")]
    top_grade: i32,
    #[serde(default = "default_passage_words")]
    passage_words: usize,
    #[serde(default)]
    system: String,
    prefix: String,
    body: String,
    suffix: String,
    repair: String,
}

fn default_top_grade() -> i32 {
    4
}

/// The paper cuts passages to 300 words.
fn default_passage_words() -> usize {
    300
}

impl Prompt {
    /// Reads a prompt file; `origin` names it in messages.
    ///
    /// # Errors
    /// What is wrong with the file, and what to do.
    pub fn of_toml(origin: &str, text: &str) -> Result<Self, PromptError> {
        let origin = origin.to_owned();
        let mut file: PromptFile = toml::from_str(text)
            .map_err(|error| PromptError::Toml { origin: origin.clone(), problem: error.to_string() })?;
        if file.format != FORMAT {
            return Err(PromptError::Format { origin, format: file.format });
        }
        for section in [&mut file.system, &mut file.prefix, &mut file.body, &mut file.suffix, &mut file.repair] {
            *section = section.trim().to_owned();
        }
        checked(&file).map_err(|(field, problem)| PromptError::Field { origin: origin.clone(), field, problem })?;
        let hash = hash(&file);
        let PromptFile { format: _, name, description, kind, asks, top_grade, passage_words, .. } = &file;
        let read = |field: &'static str, text: &str, allowed: &[Slot]| {
            Template::parse(text, allowed).map_err(|problem| PromptError::Field {
                origin: origin.clone(),
                field,
                problem,
            })
        };
        let around = [Slot::Query, Slot::N, Slot::TopGrade];
        let with_answer = [Slot::Query, Slot::N, Slot::TopGrade, Slot::Answer];
        let prompt = Self {
            name: name.clone(),
            description: description.clone(),
            kind: *kind,
            asks: asks.clone(),
            top_grade: *top_grade,
            passage_words: *passage_words,
            system: read("system", &file.system, &[Slot::N, Slot::TopGrade])?,
            prefix: read("prefix", &file.prefix, &around)?,
            body: read("body", &file.body, &[Slot::Number, Slot::Passage])?,
            suffix: read("suffix", &file.suffix, &with_answer)?,
            repair: read("repair", &file.repair, &[Slot::Problem, Slot::N, Slot::Answer])?,
            hash,
        };
        prompt.complete().map_err(|(field, problem)| PromptError::Field { origin, field, problem })?;
        Ok(prompt)
    }

    /// Every template has what the model cannot do without.
    fn complete(&self) -> Result<(), (&'static str, String)> {
        let needs = |field: &'static str, has: bool, slot: Slot, why: &str| {
            if has { Ok(()) } else { Err((field, format!("{} is missing: {why}", slot.name()))) }
        };
        let has_query = self.prefix.has(Slot::Query) || self.suffix.has(Slot::Query);
        needs("prefix", has_query, Slot::Query, "put it here or in the suffix, or the model sees no query")?;
        needs("body", self.body.has(Slot::Passage), Slot::Passage, "put it where the passage's text belongs")?;
        let numbered = self.kind == PromptKind::Passage || self.body.has(Slot::Number);
        needs("body", numbered, Slot::Number, "answers name passages by their number, which must be shown")?;
        let answer = "put it where the text describes the JSON; models without schemas know it from there";
        needs("suffix", self.suffix.has(Slot::Answer), Slot::Answer, answer)?;
        needs("repair", self.repair.has(Slot::Problem), Slot::Problem, "the model must be told what was wrong")
    }
}

/// The fields that are no templates.
fn checked(file: &PromptFile) -> Result<(), (&'static str, String)> {
    let PromptFile { name, kind, asks, top_grade, passage_words, .. } = file;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || name.len() > 64 || !name.chars().all(is_plain) {
        return Err(("name", format!("{name:?} is no name: use 1 to 64 letters, digits, _ and -")));
    }
    let distinct: HashSet<&Asked> = asks.iter().collect();
    if distinct.len() < asks.len() {
        return Err(("asks", "one thing is asked twice: name each once".to_owned()));
    }
    match kind {
        PromptKind::List if !asks.contains(&Asked::Order) => {
            return Err(("asks", "a list is put in order: add \"order\", or set kind = \"passage\"".to_owned()));
        }
        PromptKind::Passage if asks.as_slice() != [Asked::Grade] => {
            return Err(("asks", "one passage by itself is graded, no more: set asks = [\"grade\"]".to_owned()));
        }
        PromptKind::List | PromptKind::Passage => {}
    }
    if *top_grade < 1 {
        return Err(("top_grade", format!("{top_grade} leaves no two grades: use 1 or more")));
    }
    if *passage_words == 0 {
        return Err(("passage_words", "0 words show no passage: use 1 or more, such as 300".to_owned()));
    }
    Ok(())
}

fn hash(file: &PromptFile) -> String {
    let content = serde_json::to_vec(file).expect("text, numbers and lists of names are always JSON");
    crate::digest::hexadecimal(&Sha256::digest(&content))
}
