//! Texts and numbers as the page shows them.

use std::fmt::{self, Write};

/// A text in which nothing can become markup, neither in an element nor in a quoted attribute.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\t' | '\n' => f.write_char(' ')?,
                // HTML knows no control characters.
                c if c.is_control() => f.write_char('\u{fffd}')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A run's name, escaped, that may break after its dots and dashes.
pub(super) struct Name<'a>(pub(super) &'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<bdi>")?;
        for part in self.0.split_inclusive(['.', '_', '-', '/']) {
            write!(f, "{}<wbr>", Escaped(part))?;
        }
        f.write_str("</bdi>")
    }
}

/// The beginning of a text, cut at a word where it is longer than `limit` characters.
pub(super) fn beginning(text: &str, limit: usize) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some((end, _)) = text.char_indices().nth(limit) else { return text };
    let cut = text[..end].rfind(' ').filter(|&space| space > 0).unwrap_or(end);
    format!("{} …", &text[..cut])
}

/// A number of things: "1 topic", "6,980 topics".
pub(super) fn count(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", grouped(n), if n == 1 { one } else { many })
}

/// A whole number with commas between thousands.
pub(super) fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A difference with its sign, to four digits: "+0.1234", "−0.0210", "0.0000".
pub(super) fn signed(difference: f64) -> String {
    let digits = format!("{:.4}", difference.abs());
    match sign(difference) {
        Sign::Gain => format!("+{digits}"),
        Sign::Loss => format!("\u{2212}{digits}"),
        Sign::None => digits,
    }
}

/// A p-value to four digits.
pub(super) fn probability(p: f64) -> String {
    if p < 0.000_05 { "&lt;0.0001".to_owned() } else { format!("{p:.4}") }
}

/// Which way a difference goes, as far as four digits show it.
#[derive(Clone, Copy)]
pub(super) enum Sign {
    Gain,
    Loss,
    None,
}

impl Sign {
    /// The class of the style sheet.
    pub(super) fn class(self) -> &'static str {
        match self {
            Sign::Gain => "gain",
            Sign::Loss => "loss",
            Sign::None => "even",
        }
    }
}

pub(super) fn sign(difference: f64) -> Sign {
    if difference >= 0.000_05 {
        Sign::Gain
    } else if difference <= -0.000_05 {
        Sign::Loss
    } else {
        Sign::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        let text = Escaped("<b onload=\"x('&')\">\u{0}\n").to_string();
        assert_eq!(text, "&lt;b onload=&quot;x(&#39;&amp;&#39;)&quot;&gt;\u{fffd} ");
    }

    #[test]
    fn long_texts_are_cut_at_a_word() {
        assert_eq!(beginning("one two\n three", 40), "one two three");
        assert_eq!(beginning("one two three", 9), "one two …");
        assert_eq!(beginning("größergrößer", 6), "größer …");
    }

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!(
            (count(1, "topic", "topics"), count(6980, "topic", "topics")),
            ("1 topic".into(), "6,980 topics".into())
        );
        assert_eq!((grouped(0), grouped(999), grouped(1_000_000)), ("0".into(), "999".into(), "1,000,000".into()));
        assert_eq!(
            (signed(0.12344), signed(-0.5), signed(-0.000_01)),
            ("+0.1234".into(), "\u{2212}0.5000".into(), "0.0000".into())
        );
        assert_eq!((probability(0.000_01), probability(0.0123)), ("&lt;0.0001".into(), "0.0123".into()));
    }
}
