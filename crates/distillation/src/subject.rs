//! Whom a direct reason speaks of: labels and ranks in front go, and the subject becomes "This passage".

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::phrases::{ORDINAL, QUALITY, pattern};

/// Takes the label of the passage away from the front; `None` where it labels another passage or several.
pub(crate) fn without_label(text: &str, number: usize) -> Option<String> {
    static LABEL: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^\W{0,3}?(?:(?:finally|lastly|next|then|similarly|also|additionally|in contrast|on the other hand|meanwhile),?\s+)?(?:I\s+(?:have\s+|then\s+|also\s+)*(?:ranked|placed|put|chose|selected|considered|consider)\s+)?(?:the\s+)?(?:passages?\s*(?:number\s+)?\[?\d{1,3}\]?|\[\d{1,3}\]|passage\b)",
        )
    });
    static MORE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*(?:,|and|&|or|,\s*and)\s*(?:passages?\s*)?\[?\d"));
    static MARK: LazyLock<Regex> =
        LazyLock::new(|| pattern(r#"^["')\]]*\s*(?:\([^)]{0,60}\)\s*)?(?:[:.>-]|\u{2013}|\u{2014})+\s*"#));
    let Some(label) = LABEL.find(text) else { return Some(text.to_owned()) };
    let digits: String = label.as_str().chars().filter(char::is_ascii_digit).collect();
    let named: Option<usize> = digits.parse().ok();
    let rest = &text[label.end()..];
    if MORE.is_match(rest) || named.is_some_and(|named| named != number) {
        return None;
    }
    let is_first_person = label.as_str().to_lowercase().contains("i ranked ")
        || label.as_str().split_whitespace().any(|word| word == "I");
    if named.is_none() && label.as_str().trim().to_lowercase().starts_with("passage") {
        return Some(text.to_owned());
    }
    if named.is_none() && !is_first_person {
        return Some(text.to_owned());
    }
    if is_first_person {
        return Some(format!("This passage is ranked {}", rest.trim_start()));
    }
    match MARK.find(rest) {
        Some(mark) => Some(rest[mark.end()..].to_owned()),
        None => Some(format!("This passage {}", rest.trim_start())),
    }
}

/// Gives the reason its subject: "defines basalt" -> "This passage defines basalt".
pub(crate) fn with_subject(text: &str) -> String {
    static THE_PASSAGE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^(?:the|this) (?:passage|text|document|one)\b(?:\s+also\b)?|^(?:it|this)\b(?:\s+also\b)?(?P<verb>\s+(?:(?:[a-z]+ly|only|just|also|still)\s+)*[a-z]*s\b)",
        )
    });
    static CONCESSION: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^(while|although|though|even though)\s+(?:it|this|the passage)\b(\s+passage\b)?"));
    static NO_VERB: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^(?:while|although|though|even|similar|like|unlike|not|with|by|because|due|in|for|as|since|the|a|an|there|however|these|they|both|this|it|if|and|but|or|compared|based|despite|being)\b",
        )
    });
    static LARGE_VERB: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^(?:provides|mentions|offers|discusses|explains|describes|talks|focuses|contains|lists|addresses|defines|states|gives|includes|highlights|introduces|covers|details|outlines)\s",
        )
    });
    static ALSO: LazyLock<Regex> = LazyLock::new(|| pattern(r"^also\s+"));
    let text = ALSO.replace(text.trim(), "").into_owned();
    if let Some(subject) = THE_PASSAGE.captures(&text) {
        let whole = subject.get(0).expect("group 0 is the whole match");
        let verb = subject.name("verb").map_or("", |verb| verb.as_str());
        return format!("This passage{verb}{}", &text[whole.end()..]);
    }
    if CONCESSION.is_match(&text) {
        return CONCESSION.replace(&text, "$1 this passage").into_owned();
    }
    // Only what begins small lost its subject: published list reasons begin at the verb.
    if LARGE_VERB.is_match(&text) || text.starts_with(char::is_lowercase) && !NO_VERB.is_match(&text) {
        let mut letters = text.chars();
        let first = letters.next().map_or(String::new(), |first| first.to_lowercase().to_string());
        return format!("This passage {first}{}", letters.as_str());
    }
    text
}

/// Takes a rank in front away: "This passage is ranked third because it names oaks" -> "This passage names oaks".
pub(crate) fn without_rank(text: &str) -> String {
    static RANK: LazyLock<Regex> = LazyLock::new(|| {
        let relevant = format!(r"(?:(?:directly|closely|highly)\s+)?(?:{QUALITY})");
        let place = format!(
            r"(?:(?:slightly|much|a bit|even)\s+)?(?:{ORDINAL}|last|next|lower|higher|lowest|highest|top|at the (?:top|bottom)|(?:(?:{ORDINAL}|next)[- ]+)?(?:most|least|more|less)(?:\s+{relevant})?)"
        );
        let tail = r"(?:\s+(?:passage|one|place|position|most relevant))*(?:\s+(?:to|for|in relation to)\s+(?:the|this)\s+query)?(?:\s+(?:in|in terms of|of)\s+(?:\w+\s+)?relevance(?:\s+to\s+the\s+query)?)?(?:\s+in\s+(?:the|my)\s+(?:list|ranking|order))?";
        pattern(&format!(
            r"^This passage\s+(?:is|was|comes|follows|ranks|has been|should be|gets|takes)\s+(?:(?:also|then|therefore|considered|deemed|being|closely|slightly)\s+)*(?:(?:ranked|placed|rated|positioned|listed)\s+)?(?:(?:as|in|at)\s+)?(?:the\s+)?(?:{place})?{tail}\s*,?\s*(?:because|as|since|for),?\s+(?:(?P<concession>while|although|though)\s+)?(?:it|this passage)\s+(?:also\s+)?"
        ))
    });
    static RELEVANT: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^This passage\s+is\s+(?:also\s+|still\s+)?(?:(?:highly|very|quite|directly)\s+)?relevant(?:\s+to the query)?\s+(?:because|as|since)\s+(?:it|this passage)\s+(?:also\s+)?",
        )
    });
    let text = RANK.replace(text, |rank: &Captures<'_>| {
        rank.name("concession")
            .map_or_else(|| "This passage ".to_owned(), |word| format!("{} this passage ", word.as_str()))
    });
    RELEVANT.replace(&text, "This passage ").into_owned()
}

/// Joins sentences: the first begins with "This passage", the others with "It" where that is their subject.
pub(crate) fn opened(sentences: &[String]) -> String {
    static OPENING: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^(?:however|therefore|thus|hence|additionally|moreover|furthermore|overall|finally|lastly|also|instead),?\s+",
        )
    });
    let mut joined = String::new();
    for sentence in sentences {
        if joined.is_empty() {
            joined = with_subject(&OPENING.replace(sentence, ""));
        } else if let Some(rest) = sentence.strip_prefix("This passage ") {
            joined.push_str(" It ");
            joined.push_str(rest);
        } else {
            joined.push(' ');
            joined.push_str(sentence);
        }
    }
    joined
}

/// Whether the subject is several passages, or something that stands for them.
pub(crate) fn speaks_of_several(text: &str) -> bool {
    static SEVERAL: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^(?:these|they|both|all|the (?:passages|remaining|rest)|passages)\b|\bthese (?:two |three |four )?passages\b|\bpassages\b|^\W*(?:while|although)\s+(?:they|these|both)\b|^(?:I|we)\b|\bboth of (?:them|these)\b",
        )
    });
    SEVERAL.is_match(text)
}
