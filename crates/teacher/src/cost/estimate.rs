//! Tokens of a text before it is sent, without the provider's tokenizer.
//!
//! `scripts/token_estimate` measures the rule against `OpenAI`'s o200k tokenizer, over the first 500 documents: 1.01 of the
//! real number for CISI (English abstracts on libraries), 0.98 for Cranfield (aerodynamics), 0.90 for Medline, whose long
//! words have more tokens than the rule gives them. Other providers' tokenizers and other languages are not measured.

use crate::chat::{AnswerShape, ChatRequest};

/// Tokens that a text has by rule of thumb: one for a word of up to seven letters and one for each further five, one
/// for three digits, one for a run of the same punctuation, one for a line break, one for a character of the scripts
/// that are written without spaces, and one for two and a half letters of any other script.
pub fn tokens(text: &str) -> u64 {
    let mut total = 0.0;
    let mut characters = text.chars().peekable();
    while let Some(first) = characters.next() {
        let class = Class::of(first);
        let mut length = 1_u64;
        while characters.next_if(|&next| class.goes_on(first, next)).is_some() {
            length += 1;
        }
        total += class.tokens(length);
    }
    total.ceil() as u64
}

/// Tokens of a request's input by the same rule, with a few for each turn. `schema` is text too.
pub fn input_tokens(request: &ChatRequest) -> u64 {
    let turns: u64 = request.turns.iter().map(|turn| tokens(&turn.text) + 4).sum();
    let schema = match &request.shape {
        AnswerShape::Schema { schema, .. } => tokens(&schema.to_string()),
        AnswerShape::Json | AnswerShape::Text => 0,
    };
    tokens(&request.system) + turns + schema + 7
}

/// The most input tokens that a request can have: no tokenizer of these providers makes more tokens than bytes.
pub fn most_input_tokens(request: &ChatRequest) -> u64 {
    let turns: u64 = request.turns.iter().map(|turn| turn.text.len() as u64 + 16).sum();
    let schema = match &request.shape {
        AnswerShape::Schema { schema, .. } => schema.to_string().len() as u64 + 100,
        AnswerShape::Json | AnswerShape::Text => 0,
    };
    request.system.len() as u64 + turns + schema + 64
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Word,
    Digits,
    Break,
    Space,
    Punctuation,
    Ideograph,
    OtherLetters,
}

impl Class {
    fn of(c: char) -> Self {
        match c {
            '\n' | '\r' => Self::Break,
            _ if c.is_whitespace() => Self::Space,
            _ if c.is_ascii_alphabetic() => Self::Word,
            _ if c.is_ascii_digit() => Self::Digits,
            // Han, kana, hangul and the scripts of South-East Asia are written without spaces.
            '\u{0e00}'..='\u{0eff}' | '\u{1100}'..='\u{11ff}' | '\u{2e80}'..='\u{d7ff}' | '\u{20000}'..='\u{3ffff}' => {
                Self::Ideograph
            }
            _ if c.is_alphabetic() => Self::OtherLetters,
            _ => Self::Punctuation,
        }
    }

    fn goes_on(self, first: char, next: char) -> bool {
        match self {
            Self::Punctuation => next == first,
            // An accent inside a word does not break it.
            Self::Word => Self::of(next) == Self::Word,
            Self::Digits | Self::Break | Self::Space | Self::Ideograph | Self::OtherLetters => Self::of(next) == self,
        }
    }

    fn tokens(self, length: u64) -> f64 {
        let length = length as f64;
        match self {
            Self::Word => 1.0 + ((length - 7.0).max(0.0) / 5.0).floor(),
            Self::Digits => (length / 3.0).ceil(),
            Self::Break | Self::Punctuation => (length / 8.0).ceil(),
            // A single space belongs to the word after it.
            Self::Space => f64::from(u8::from(length > 1.0)),
            Self::Ideograph => length,
            Self::OtherLetters => length / 2.5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_never_exceeds_the_bytes() {
        for text in
            ["", "a", "lava cools fast, and the rock is dark.", "12345", "火山岩", "вулкан", "    \n\n", "é", "…"]
        {
            assert!(tokens(text) <= text.len() as u64, "{text:?}");
        }
    }

    #[test]
    fn words_digits_and_signs_are_counted() {
        assert_eq!(tokens("the lava cools"), 3);
        assert_eq!(tokens("crystallization"), 2);
        assert_eq!(tokens("1234567"), 3);
        assert_eq!(tokens("火山岩"), 3);
    }
}
