//! A teacher's answer, read from its text: always an order, whatever the text.
//!
//! Asked for is one JSON object, with passages by their number as shown, starting at 1:
//!
//! ```json
//! {"order": [2, 1], "passages": [{"passage": 2, "grade": 3, "direct": "...", "comparison": "...", "answer_sentence": "..."}]}
//! ```
//!
//! Models wrap it in prose or fences, write `"[2]"` for `2`, leave the order to the sequence of the passages, name
//! fields otherwise, break off, or answer `[2] > [1]`. All of that is read. What remains wrong is repaired and counted.

use std::collections::HashSet;

use r2r_types::document::{Document, Query};
use r2r_types::judgment::{JudgedPassage, TeacherJudgment};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::json_in_text::json_values;

/// An answer about `n` passages: an order of all of them, and what was said of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    order: Vec<usize>,
    passages: Vec<AnsweredPassage>,
    repairs: Repairs,
}

/// What was said of one passage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnsweredPassage {
    /// The grade; `None` where there is none, or no whole number.
    pub grade: Option<i32>,
    /// How the passage answers the query; never blank.
    pub direct: Option<String>,
    /// Why it stands above or below others; never blank.
    pub comparison: Option<String>,
    /// The sentence that answers the query, as quoted; never blank.
    pub answer_sentence: Option<String>,
}

/// What had to be repaired, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Repairs {
    /// Numbers that stood in the order before; dropped.
    pub duplicates: usize,
    /// Numbers in the order, or of an entry, that no passage has, or that are no numbers; dropped.
    pub out_of_range: usize,
    /// Passages that the order leaves out; appended in the order in which they were shown.
    pub missing: usize,
    /// Entries about a passage that has one already; dropped.
    pub second_entries: usize,
    /// 1 where the answer holds no JSON that could be read; its order is that of `[2] > [1]`, if it has one.
    pub without_json: usize,
}

impl Answer {
    /// Places of the passages as shown, from 0, best first: a permutation.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// What was said of each passage, in the order in which they were shown.
    pub fn passages(&self) -> &[AnsweredPassage] {
        &self.passages
    }

    /// What had to be repaired.
    pub fn repairs(&self) -> Repairs {
        self.repairs
    }

    /// The answer as a judgment of the passages that were shown; `None` where it is about another number of them.
    pub fn into_judgment(self, query: Query, teacher: String, shown: Vec<Document>) -> Option<TeacherJudgment> {
        if shown.len() != self.passages.len() {
            return None;
        }
        let ranking = self.order.iter().map(|&place| shown[place].id.clone()).collect();
        let judged = self.order.iter().map(|&place| {
            let AnsweredPassage { grade, direct, comparison, answer_sentence } = self.passages[place].clone();
            JudgedPassage { doc: shown[place].id.clone(), grade, direct, comparison, answer_sentence }
        });
        let judged = judged.collect();
        Some(TeacherJudgment { query, teacher, passages: shown, ranking, judged })
    }
}

/// Reads an answer about `n` passages.
pub fn read_answer(text: &str, n: usize) -> Answer {
    let mut reading = Reading { passages: vec![None; n], repairs: Repairs::default() };
    let values = json_values(text);
    let stated = match values.iter().find_map(Whole::of) {
        Some(whole) => reading.whole(&whole),
        None => reading.pieces(text, &values),
    };
    let order = reading.permutation(&stated);
    let passages = reading.passages.into_iter().map(Option::unwrap_or_default).collect();
    Answer { order, passages, repairs: reading.repairs }
}

const ORDER: [&str; 4] = ["order", "ranking", "ranked", "permutation"];
const PASSAGES: [&str; 5] = ["passages", "ranked_passages", "reasons", "results", "judgments"];
const NUMBER: [&str; 6] = ["passage", "number", "id", "index", "passage_id", "passage_number"];
const GRADE: [&str; 3] = ["grade", "relevance_grade", "relevance"];
const DIRECT: [&str; 4] = ["direct", "direct_reason", "direct_reasoning", "direct_relevance"];
const COMPARISON: [&str; 5] = ["comparison", "comparison_reason", "comparison_reasoning", "comparative", "listwise"];
const SENTENCE: [&str; 4] = ["answer_sentence", "sentence", "quote", "evidence"];

/// JSON that is an answer as a whole.
struct Whole<'v> {
    order: Option<&'v Value>,
    entries: Vec<(Option<&'v str>, &'v Map<String, Value>)>,
}

impl<'v> Whole<'v> {
    fn of(value: &'v Value) -> Option<Self> {
        let unkeyed =
            |items: &'v [Value]| items.iter().filter_map(Value::as_object).map(|entry| (None, entry)).collect();
        let whole = match value {
            Value::Array(items) => Self { order: None, entries: unkeyed(items) },
            Value::Object(fields) => {
                // An order whose items are objects says all there is to say of each passage, best first.
                let (order, ranked) = match field(fields, &ORDER) {
                    Some(items @ Value::Array(list)) if list.iter().any(Value::is_object) => (None, Some(items)),
                    order => (order, None),
                };
                let entries = match field(fields, &PASSAGES).or(ranked) {
                    Some(Value::Array(items)) => unkeyed(items),
                    Some(Value::Object(by_number)) => keyed(by_number),
                    Some(_) | None if order.is_none() && field(fields, &NUMBER).is_none() => keyed(fields),
                    Some(_) | None => Vec::new(),
                };
                Self { order, entries }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
        };
        (whole.order.is_some() || !whole.entries.is_empty()).then_some(whole)
    }
}

/// Entries under their passage's number: `{"2": {...}, "1": {...}}`.
fn keyed(fields: &Map<String, Value>) -> Vec<(Option<&str>, &Map<String, Value>)> {
    let entries = fields.iter().filter_map(|(key, value)| Some((Some(key.as_str()), value.as_object()?)));
    entries.filter(|(key, _)| key.is_some_and(|key| number_of_text(key).is_some())).collect()
}

/// What has been read so far.
struct Reading {
    passages: Vec<Option<AnsweredPassage>>,
    repairs: Repairs,
}

impl Reading {
    /// Reads the entries; returns the numbers in stated order, `None` for what is no number.
    fn whole(&mut self, whole: &Whole<'_>) -> Vec<Option<usize>> {
        let listed: Vec<Option<usize>> = whole.entries.iter().map(|&(key, entry)| self.entry(key, entry)).collect();
        match whole.order {
            Some(Value::String(chain)) => chain_of_text(chain).into_iter().map(Some).collect(),
            Some(Value::Array(items)) => items.iter().map(number_of_value).collect(),
            Some(_) | None => {
                // The sequence of the entries is the order; what is wrong with them is counted already.
                let mut seen = HashSet::new();
                let is_first = |number: &usize| *number > 0 && *number <= self.passages.len() && seen.insert(*number);
                listed.into_iter().flatten().filter(is_first).map(Some).collect()
            }
        }
    }

    /// Reads what is left of an answer that is not whole: entries of their own (it broke off), or a chain of numbers.
    fn pieces(&mut self, text: &str, values: &[Value]) -> Vec<Option<usize>> {
        let entries: Vec<_> = values
            .iter()
            .filter_map(Value::as_object)
            .filter(|fields| field(fields, &NUMBER).is_some())
            .map(|fields| (None, fields))
            .collect();
        self.repairs.without_json = usize::from(entries.is_empty());
        let listed = self.whole(&Whole { order: None, entries });
        let chain = chain_of_text(text);
        if !chain.is_empty() {
            return chain.into_iter().map(Some).collect();
        }
        let is_order =
            |items: &&Vec<Value>| items.len() > 1 && items.iter().all(|item| number_of_value(item).is_some());
        match values.iter().filter_map(Value::as_array).find(is_order) {
            Some(items) => items.iter().map(number_of_value).collect(),
            None => listed,
        }
    }

    /// Reads one entry and returns its number, in range or not.
    fn entry(&mut self, key: Option<&str>, entry: &Map<String, Value>) -> Option<usize> {
        let number = match key {
            Some(key) => number_of_text(key),
            None => field(entry, &NUMBER).and_then(number_of_value),
        };
        let place = number.and_then(|number| number.checked_sub(1));
        let Some(passage) = place.and_then(|place| self.passages.get_mut(place)) else {
            self.repairs.out_of_range += 1;
            return number;
        };
        if passage.is_some() {
            self.repairs.second_entries += 1;
            return number;
        }
        let words = |names: &[&str]| {
            let text = field(entry, names)?.as_str()?.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        *passage = Some(AnsweredPassage {
            grade: field(entry, &GRADE).and_then(grade_of_value),
            direct: words(&DIRECT),
            comparison: words(&COMPARISON),
            answer_sentence: words(&SENTENCE),
        });
        number
    }

    /// Makes a permutation of what was stated: the first of each number stays, the missing follow as shown.
    fn permutation(&mut self, stated: &[Option<usize>]) -> Vec<usize> {
        let n = self.passages.len();
        let mut is_placed = vec![false; n];
        let mut order = Vec::with_capacity(n);
        for number in stated {
            match number.and_then(|number| number.checked_sub(1)).filter(|&place| place < n) {
                None => self.repairs.out_of_range += 1,
                Some(place) if is_placed[place] => self.repairs.duplicates += 1,
                Some(place) => {
                    is_placed[place] = true;
                    order.push(place);
                }
            }
        }
        self.repairs.missing = n - order.len();
        order.extend((0..n).filter(|&place| !is_placed[place]));
        order
    }
}

/// The first of the fields that is there, names compared without regard to case.
fn field<'v>(fields: &'v Map<String, Value>, names: &[&str]) -> Option<&'v Value> {
    names.iter().find_map(|name| fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// `3`, `3.0`, `"3"`, `"[3]"`, `"passage 3"`, `{"passage": 3}`.
fn number_of_value(value: &Value) -> Option<usize> {
    match value {
        Value::Number(number) => whole_number(number).and_then(|number| usize::try_from(number).ok()),
        Value::String(text) => number_of_text(text),
        Value::Object(fields) => field(fields, &NUMBER).filter(|value| !value.is_object()).and_then(number_of_value),
        Value::Null | Value::Bool(_) | Value::Array(_) => None,
    }
}

fn grade_of_value(value: &Value) -> Option<i32> {
    match value {
        Value::Number(number) => whole_number(number).and_then(|number| i32::try_from(number).ok()),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn whole_number(number: &serde_json::Number) -> Option<i64> {
    let whole = number.as_f64().filter(|value| value.fract() == 0.0 && value.abs() < 1e15);
    number.as_i64().or(whole.map(|value| value as i64))
}

/// The number of `"2"`, `"[2]"`, `"Passage 2"`; `None` where the text holds more than a name and one number.
fn number_of_text(text: &str) -> Option<usize> {
    let lower = text.trim().to_lowercase();
    let bare = lower.strip_prefix("passage").unwrap_or(&lower);
    bare.trim_matches(|c: char| c.is_whitespace() || "[]()#:._".contains(c)).parse().ok()
}

/// The numbers of `[2] > [1] > [3]` or `2 > 1 > 3`: of all such chains the longest, of equal ones the first.
fn chain_of_text(text: &str) -> Vec<usize> {
    let mut longest: Vec<usize> = Vec::new();
    for line in text.lines() {
        let mut chain: Vec<usize> = Vec::new();
        let n_links = line.split('>').count();
        for (index, link) in line.split('>').enumerate() {
            // Prose may stand before the first link and after the last.
            let link = match index {
                0 => link.split_whitespace().next_back().unwrap_or_default(),
                _ if index + 1 == n_links => link.split_whitespace().next().unwrap_or_default(),
                _ => link,
            };
            let bare = link.trim_matches(|c: char| c.is_whitespace() || "[]().,;\"'`*".contains(c));
            if let Some(number) = number_of_text(bare) {
                chain.push(number);
            } else {
                if chain.len() > longest.len() {
                    longest.clone_from(&chain);
                }
                chain.clear();
            }
        }
        if chain.len() > longest.len() {
            longest = chain;
        }
    }
    if longest.len() > 1 { longest } else { Vec::new() }
}
