//! Names of measures, written and read as in `ir_measures`: `nDCG@10`, `AP(rel=2)@100`.

use std::fmt;
use std::str::FromStr;

use crate::measures::parameters::{Cutoff, Gain, Level};
use crate::measures::{Measure, average_precision, bpref, judged, ndcg, precision, recall, reciprocal_rank, success};

/// The forms that are known, for error messages and help texts.
pub const KNOWN: &str = "nDCG@k, AP, AP@k, RR, RR@k, P@k, R@k, Success@k, Bpref, Judged@k, each with a relevance level \
                         such as AP(rel=2) where it has one";

/// How the exponential gain is written.
const EXPONENTIAL: &str = "exp-log2";

/// What other tools call the measures, in lower case without cutoff, and what they are called here.
const OTHER_NAMES: [(&str, &str); 22] = [
    ("ndcg", ndcg::NAME),
    ("ndcg_cut", ndcg::NAME),
    ("ap", average_precision::NAME),
    ("map", average_precision::NAME),
    ("map_cut", average_precision::NAME),
    ("average_precision", average_precision::NAME),
    ("rr", reciprocal_rank::NAME),
    ("mrr", reciprocal_rank::NAME),
    ("recip_rank", reciprocal_rank::NAME),
    ("reciprocal_rank", reciprocal_rank::NAME),
    ("p", precision::NAME),
    ("prec", precision::NAME),
    ("precision", precision::NAME),
    ("r", recall::NAME),
    ("rec", recall::NAME),
    ("recall", recall::NAME),
    ("success", success::NAME),
    ("hit", success::NAME),
    ("hit_rate", success::NAME),
    ("hits", success::NAME),
    ("bpref", bpref::NAME),
    ("judged", judged::NAME),
];

/// Why a text does not name a measure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MeasureNameError {
    /// No measure has that name.
    #[error("there is no measure {text:?}; did you mean {nearest}? known are {KNOWN}")]
    Unknown {
        /// What was written.
        text: String,
        /// The known measure that looks most like it.
        nearest: String,
    },
    /// The text is not of the form `Name(parameter=value)@cutoff`.
    #[error("{0:?} is not of the form Name@cutoff or Name(rel=level)@cutoff, such as nDCG@10 or AP(rel=2)@100")]
    Form(String),
    /// The measure has no such parameter.
    #[error("measure {name} has no parameter {parameter:?} (in {text:?}); known are {KNOWN}")]
    Parameter {
        /// What was written.
        text: String,
        /// The measure.
        name: &'static str,
        /// The parameter that it lacks.
        parameter: String,
    },
    /// The parameter's value is none that it can have.
    #[error("{parameter} cannot be {value:?} (in {text:?}); write {expected}")]
    Value {
        /// What was written.
        text: String,
        /// The parameter.
        parameter: &'static str,
        /// Its value.
        value: String,
        /// What it can be.
        expected: &'static str,
    },
    /// The measure is defined with a cutoff only.
    #[error("measure {0} needs a cutoff, such as {0}@10")]
    CutoffMissing(&'static str),
    /// The measure is defined without a cutoff only.
    #[error("measure {name} takes no cutoff (in {text:?}); write {name}")]
    CutoffUnused {
        /// What was written.
        text: String,
        /// The measure.
        name: &'static str,
    },
}

impl FromStr for Measure {
    type Err = MeasureNameError;

    fn from_str(text: &str) -> Result<Self, MeasureNameError> {
        let mut written = Written::split(text.trim())?;
        let measure = match written.name {
            ndcg::NAME => Measure::Ndcg { gain: written.gain()?, cutoff: written.cutoff()? },
            average_precision::NAME => Measure::AveragePrecision { level: written.level()?, cutoff: written.cutoff()? },
            reciprocal_rank::NAME => Measure::ReciprocalRank { level: written.level()?, cutoff: written.cutoff()? },
            precision::NAME => {
                Measure::Precision { level: written.level()?, cutoff: written.needed_cutoff(precision::NAME)? }
            }
            recall::NAME => Measure::Recall { level: written.level()?, cutoff: written.needed_cutoff(recall::NAME)? },
            success::NAME => {
                Measure::Success { level: written.level()?, cutoff: written.needed_cutoff(success::NAME)? }
            }
            bpref::NAME => Measure::Bpref { level: written.level()? },
            judged::NAME => Measure::Judged { cutoff: written.needed_cutoff(judged::NAME)? },
            _ => return Err(MeasureNameError::Unknown { text: written.text.to_owned(), nearest: nearest(text) }),
        };
        written.all_used(measure)
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parameter, cutoff) = match *self {
            Measure::Ndcg { gain, cutoff } => (gain_text(gain), cutoff),
            Measure::AveragePrecision { level, cutoff } | Measure::ReciprocalRank { level, cutoff } => {
                (level_text(level), cutoff)
            }
            Measure::Precision { level, cutoff }
            | Measure::Recall { level, cutoff }
            | Measure::Success { level, cutoff } => (level_text(level), Some(cutoff)),
            Measure::Bpref { level } => (level_text(level), None),
            Measure::Judged { cutoff } => (String::new(), Some(cutoff)),
        };
        let cutoff = cutoff.map_or(String::new(), |k| format!("@{k}"));
        f.pad(&format!("{}{parameter}{cutoff}", self.bare_name()))
    }
}

impl Measure {
    /// The name without parameters and cutoff: "nDCG".
    fn bare_name(self) -> &'static str {
        match self {
            Measure::Ndcg { .. } => ndcg::NAME,
            Measure::AveragePrecision { .. } => average_precision::NAME,
            Measure::ReciprocalRank { .. } => reciprocal_rank::NAME,
            Measure::Precision { .. } => precision::NAME,
            Measure::Recall { .. } => recall::NAME,
            Measure::Success { .. } => success::NAME,
            Measure::Bpref { .. } => bpref::NAME,
            Measure::Judged { .. } => judged::NAME,
        }
    }
}

impl TryFrom<String> for Measure {
    type Error = MeasureNameError;

    fn try_from(text: String) -> Result<Self, MeasureNameError> {
        text.parse()
    }
}

impl From<Measure> for String {
    fn from(measure: Measure) -> Self {
        measure.to_string()
    }
}

fn gain_text(gain: Gain) -> String {
    match gain {
        Gain::Linear => String::new(),
        Gain::Exponential => format!("(dcg='{EXPONENTIAL}')"),
    }
}

fn level_text(level: Level) -> String {
    if level == Level::default() { String::new() } else { format!("(rel={})", level.grade()) }
}

/// A measure's name taken apart; what a measure understands is taken out, what is left is refused.
struct Written<'a> {
    text: &'a str,
    name: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
    cutoff: Option<&'a str>,
}

impl<'a> Written<'a> {
    fn split(text: &'a str) -> Result<Self, MeasureNameError> {
        let (head, cutoff) = match text.split_once('@') {
            Some((head, cutoff)) => (head, Some(cutoff)),
            None => (text, None),
        };
        let mut parameters = Vec::new();
        let name = match head.split_once('(') {
            None => head,
            Some((name, inside)) => {
                let inside = inside.strip_suffix(')').ok_or_else(|| MeasureNameError::Form(text.to_owned()))?;
                for pair in inside.split(',') {
                    let (key, value) = pair.split_once('=').ok_or_else(|| MeasureNameError::Form(text.to_owned()))?;
                    parameters.push((key.trim(), value.trim()));
                }
                name
            }
        };
        Ok(Self { text, name, parameters, cutoff })
    }

    /// Takes a parameter out.
    fn take(&mut self, key: &str) -> Option<&'a str> {
        let place = self.parameters.iter().position(|&(written, _)| written == key)?;
        Some(self.parameters.remove(place).1)
    }

    fn level(&mut self) -> Result<Level, MeasureNameError> {
        let Some(value) = self.take("rel") else { return Ok(Level::default()) };
        let level = value.parse().ok().and_then(Level::new);
        level.ok_or_else(|| self.value_error("rel", value, "a whole number from 1, such as rel=2"))
    }

    fn gain(&mut self) -> Result<Gain, MeasureNameError> {
        let Some(value) = self.take("dcg") else { return Ok(Gain::Linear) };
        match value.trim_matches(['\'', '"']) {
            "log2" => Ok(Gain::Linear),
            EXPONENTIAL => Ok(Gain::Exponential),
            _ => Err(self.value_error("dcg", value, "dcg='log2' or dcg='exp-log2'")),
        }
    }

    fn cutoff(&mut self) -> Result<Option<Cutoff>, MeasureNameError> {
        let Some(value) = self.cutoff.take() else { return Ok(None) };
        match value.parse() {
            Ok(cutoff) => Ok(Some(cutoff)),
            Err(_) => Err(self.value_error("the cutoff", value, "a whole number from 1, such as @10")),
        }
    }

    fn needed_cutoff(&mut self, name: &'static str) -> Result<Cutoff, MeasureNameError> {
        self.cutoff()?.ok_or(MeasureNameError::CutoffMissing(name))
    }

    /// The measure, where nothing is left that it did not ask for.
    fn all_used(self, measure: Measure) -> Result<Measure, MeasureNameError> {
        let (text, name) = (self.text.to_owned(), measure.bare_name());
        if let Some((parameter, _)) = self.parameters.first() {
            return Err(MeasureNameError::Parameter { text, name, parameter: (*parameter).to_owned() });
        }
        if self.cutoff.is_some() {
            return Err(MeasureNameError::CutoffUnused { text, name });
        }
        Ok(measure)
    }

    fn value_error(&self, parameter: &'static str, value: &str, expected: &'static str) -> MeasureNameError {
        MeasureNameError::Value { text: self.text.to_owned(), parameter, value: value.to_owned(), expected }
    }
}

/// The measure that `text` most likely means: `ndcg_cut.10` -> `nDCG@10`.
fn nearest(text: &str) -> String {
    let lower = text.to_lowercase();
    let stem: String = lower.split(['@', '(']).next().unwrap_or_default().into();
    let stem =
        stem.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches(['_', '.', '-', ' ']).replace('-', "_");
    let digits = &lower[lower.trim_end_matches(|c: char| c.is_ascii_digit()).len()..];
    let cutoff = if digits.parse::<Cutoff>().is_ok() { digits } else { "" };
    let name = OTHER_NAMES
        .iter()
        .min_by_key(|(other, _)| edit_distance(&stem, other))
        .map(|&(_, name)| name)
        .expect("the list of names is not empty");
    match name {
        bpref::NAME => name.to_owned(),
        average_precision::NAME | reciprocal_rank::NAME if cutoff.is_empty() => name.to_owned(),
        _ if cutoff.is_empty() => format!("{name}@10"),
        _ => format!("{name}@{cutoff}"),
    }
}

/// How many letters must be put in, taken out or changed (Levenshtein, 1966).
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(text: &str) -> String {
        text.parse::<Measure>().unwrap_err().to_string()
    }

    #[test]
    fn names_are_printed_as_they_are_read() {
        for text in [
            "nDCG",
            "nDCG@10",
            "nDCG(dcg='exp-log2')@10",
            "AP",
            "AP@100",
            "AP(rel=2)@100",
            "AP(rel=2)",
            "RR",
            "RR@10",
            "RR(rel=2)",
            "P@10",
            "P(rel=2)@10",
            "R@100",
            "R(rel=3)@5",
            "Success@5",
            "Success(rel=2)@1",
            "Bpref",
            "Bpref(rel=2)",
            "Judged@10",
        ] {
            assert_eq!(text.parse::<Measure>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn defaults_are_not_printed() {
        assert_eq!(" AP( rel = 1 )@5 ".parse::<Measure>().unwrap().to_string(), "AP@5");
        assert_eq!("nDCG(dcg=\"log2\")".parse::<Measure>().unwrap().to_string(), "nDCG");
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest_one() {
        for (text, expected) in [
            ("NDCG@10", "nDCG@10"),
            ("ndcg_cut_10", "nDCG@10"),
            ("ndcg_cut.5", "nDCG@5"),
            ("nCDG@0", "nDCG@10"),
            ("map", "AP"),
            ("MAP@100", "AP@100"),
            ("mrr@10", "RR@10"),
            ("recip_rank", "RR"),
            ("P_10", "P@10"),
            ("recall_100", "R@100"),
            ("sucess@5", "Success@5"),
            ("bperf", "Bpref"),
            ("judgd@10", "Judged@10"),
        ] {
            let error = text.parse::<Measure>().unwrap_err();
            let MeasureNameError::Unknown { nearest, .. } = &error else { panic!("{text}: {error}") };
            assert_eq!(nearest, expected, "{text}");
            assert!(error.to_string().contains("Judged@k"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_suggested_is_a_measure(text in "\\PC{0,12}") {
            prop_assert!(nearest(&text).parse::<Measure>().is_ok(), "{} is no measure", nearest(&text));
        }
    }

    #[test]
    fn what_a_measure_does_not_take_is_refused() {
        assert_eq!(message("P"), "measure P needs a cutoff, such as P@10");
        assert_eq!(message("Bpref@10"), "measure Bpref takes no cutoff (in \"Bpref@10\"); write Bpref");
        assert!(message("nDCG(rel=2)@10").starts_with("measure nDCG has no parameter \"rel\" (in \"nDCG(rel=2)@10\")"));
        assert!(message("nDCG@0").starts_with("the cutoff cannot be \"0\""));
        assert!(message("nDCG@ten").starts_with("the cutoff cannot be \"ten\""));
        assert!(message("AP(rel=0)").starts_with("rel cannot be \"0\""));
        assert!(message("nDCG(dcg=e)").starts_with("dcg cannot be \"e\""));
        assert!(message("AP(rel=2").starts_with("\"AP(rel=2\" is not of the form"));
        assert!(message("AP(2)").starts_with("\"AP(2)\" is not of the form"));
        assert!(message("AP(rel=2,rel=3)").contains("no parameter \"rel\""));
    }
}
