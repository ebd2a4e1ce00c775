//! From the text of an answer to an order and what was said.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::AnsweredPassage;
use super::chain::{chain_of_text, order_of_text};
use super::fields::{
    COMPARISON, DIRECT, Held, NUMBER, ORDER, PASSAGES, SENTENCE, field, grade, number_of_text, number_of_value, words,
};
use super::repairs::Repairs;
use crate::json_in_text::{Found, json_values};

/// What was read: a permutation of the passages as shown, and what was said of each.
pub(super) struct Reading {
    pub(super) order: Vec<usize>,
    pub(super) passages: Vec<AnsweredPassage>,
    pub(super) repairs: Repairs,
}

/// Reads an answer about `n` passages from a text without thoughts.
pub(super) fn read(text: &str, n: usize) -> Reading {
    let mut reader = Reader { passages: vec![None; n], repairs: Repairs::default() };
    let found = json_values(text);
    // A model may repeat the form that was asked for, or correct itself: what places most passages counts, of equal
    // ones the last.
    let whole = found.iter().filter_map(Whole::of).max_by_key(|whole| whole.n_placed(n));
    let stated = match whole {
        Some(whole) => {
            reader.repairs.truncated = usize::from(whole.is_cut);
            reader.whole(&whole)
        }
        None => reader.pieces(text, &found),
    };
    let order = reader.permutation(&stated);
    let passages = reader.passages.into_iter().map(Option::unwrap_or_default).collect();
    Reading { order, passages, repairs: reader.repairs }
}

/// JSON that is an answer as a whole.
struct Whole<'v> {
    order: Option<&'v Value>,
    entries: Vec<(Option<&'v str>, &'v Map<String, Value>)>,
    /// Fields of another type than they should have.
    wrong_types: usize,
    is_cut: bool,
}

impl<'v> Whole<'v> {
    fn of(found: &'v Found) -> Option<Self> {
        let unkeyed =
            |items: &'v [Value]| items.iter().filter_map(Value::as_object).map(|entry| (None, entry)).collect();
        let mut whole = Self { order: None, entries: Vec::new(), wrong_types: 0, is_cut: found.is_cut };
        match &found.value {
            Value::Array(items) => whole.entries = unkeyed(items),
            Value::Object(fields) => {
                // An order whose items are objects says all there is to say of each passage, best first.
                let (order, ranked) = match field(fields, &ORDER) {
                    Some(items @ Value::Array(list)) if list.iter().any(Value::is_object) => (None, Some(items)),
                    Some(order @ (Value::Array(_) | Value::String(_))) => (Some(order), None),
                    Some(_) => {
                        whole.wrong_types += 1;
                        (None, None)
                    }
                    None => (None, None),
                };
                whole.order = order;
                whole.entries = match field(fields, &PASSAGES).or(ranked) {
                    Some(Value::Array(items)) => unkeyed(items),
                    Some(Value::Object(by_number)) => keyed(by_number),
                    other => {
                        whole.wrong_types += usize::from(other.is_some());
                        let may_be_keyed = order.is_none() && field(fields, &NUMBER).is_none();
                        if may_be_keyed { keyed(fields) } else { Vec::new() }
                    }
                };
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
        }
        (whole.order.is_some() || !whole.entries.is_empty()).then_some(whole)
    }

    /// How many of `n` passages it places.
    fn n_placed(&self, n: usize) -> usize {
        let numbers: HashSet<usize> = match self.order {
            Some(Value::String(chain)) => chain_of_text(chain).into_iter().collect(),
            Some(Value::Array(items)) => items.iter().filter_map(number_of_value).collect(),
            Some(_) | None => self.entries.iter().filter_map(|&(key, entry)| number_of_entry(key, entry)).collect(),
        };
        numbers.into_iter().filter(|number| (1..=n).contains(number)).count()
    }
}

/// Entries under their passage's number: `{"2": {...}, "1": {...}}`.
fn keyed(fields: &Map<String, Value>) -> Vec<(Option<&str>, &Map<String, Value>)> {
    let entries = fields.iter().filter_map(|(key, value)| Some((Some(key.as_str()), value.as_object()?)));
    entries.filter(|(key, _)| key.is_some_and(|key| number_of_text(key).is_some())).collect()
}

fn number_of_entry(key: Option<&str>, entry: &Map<String, Value>) -> Option<usize> {
    match key {
        Some(key) => number_of_text(key),
        None => field(entry, &NUMBER).and_then(number_of_value),
    }
}

/// What has been read so far.
struct Reader {
    passages: Vec<Option<AnsweredPassage>>,
    repairs: Repairs,
}

impl Reader {
    /// Reads the entries; returns the numbers in stated order, `None` for what is no number.
    fn whole(&mut self, whole: &Whole<'_>) -> Vec<Option<usize>> {
        self.repairs.wrong_types += whole.wrong_types;
        let listed: Vec<Option<usize>> = whole.entries.iter().map(|&(key, entry)| self.entry(key, entry)).collect();
        match whole.order {
            Some(Value::String(chain)) => order_of_text(chain).into_iter().map(Some).collect(),
            Some(Value::Array(items)) => items.iter().map(number_of_value).collect(),
            Some(_) | None => {
                // The sequence of the entries is the order; what is wrong with them is counted already.
                let mut seen = HashSet::new();
                let is_first = |number: &usize| *number > 0 && *number <= self.passages.len() && seen.insert(*number);
                listed.into_iter().flatten().filter(is_first).map(Some).collect()
            }
        }
    }

    /// Reads what is left of an answer that is not whole: entries of their own (it lost its form), or an order in
    /// plain text.
    fn pieces(&mut self, text: &str, found: &[Found]) -> Vec<Option<usize>> {
        let entries: Vec<_> = found
            .iter()
            .filter_map(|found| found.value.as_object())
            .filter(|fields| field(fields, &NUMBER).is_some())
            .map(|fields| (None, fields))
            .collect();
        self.repairs.without_json = usize::from(entries.is_empty());
        let is_cut = found.last().is_some_and(|found| found.is_cut);
        let listed = self.whole(&Whole { order: None, entries, wrong_types: 0, is_cut });
        self.repairs.truncated = usize::from(is_cut);
        let chain = chain_of_text(text);
        if !chain.is_empty() {
            return chain.into_iter().map(Some).collect();
        }
        let is_order =
            |items: &&Vec<Value>| items.len() > 1 && items.iter().all(|item| number_of_value(item).is_some());
        let orders = found.iter().filter_map(|found| found.value.as_array()).filter(is_order);
        if let Some(items) = orders.max_by_key(|items| items.len()) {
            return items.iter().map(number_of_value).collect();
        }
        if listed.is_empty() { order_of_text(text).into_iter().map(Some).collect() } else { listed }
    }

    /// Reads one entry and returns its number, in range or not.
    fn entry(&mut self, key: Option<&str>, entry: &Map<String, Value>) -> Option<usize> {
        let number = number_of_entry(key, entry);
        let place = number.and_then(|number| number.checked_sub(1));
        let Some(place) = place.filter(|&place| place < self.passages.len()) else {
            self.repairs.out_of_range += 1;
            return number;
        };
        if self.passages[place].is_some() {
            self.repairs.second_entries += 1;
            return number;
        }
        self.passages[place] = Some(AnsweredPassage {
            grade: self.held(grade(entry)),
            direct: self.held(words(entry, &DIRECT)),
            comparison: self.held(words(entry, &COMPARISON)),
            answer_sentence: self.held(words(entry, &SENTENCE)),
        });
        number
    }

    fn held<T>(&mut self, held: Held<T>) -> Option<T> {
        match held {
            Held::Value(value) => Some(value),
            Held::Nothing => None,
            Held::WrongType => {
                self.repairs.wrong_types += 1;
                None
            }
        }
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
