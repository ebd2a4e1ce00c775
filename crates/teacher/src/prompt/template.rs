//! Text with slots in braces. Slots are found once, when the template is read: what fills them is never read again.

use std::borrow::Cow;

/// A place in a template that is filled when a prompt is rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// The query's text.
    Query,
    /// How many passages are shown.
    N,
    /// The number of the passage as shown, from 1.
    Number,
    /// The passage's title and text.
    Passage,
    /// The shape of the answer that is asked for.
    Answer,
    /// The highest grade.
    TopGrade,
    /// What is wrong with an answer.
    Problem,
}

impl Slot {
    const ALL: [Self; 7] =
        [Self::Query, Self::N, Self::Number, Self::Passage, Self::Answer, Self::TopGrade, Self::Problem];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Query => "{query}",
            Self::N => "{n}",
            Self::Number => "{number}",
            Self::Passage => "{passage}",
            Self::Answer => "{answer}",
            Self::TopGrade => "{top_grade}",
            Self::Problem => "{problem}",
        }
    }
}

/// A template that was checked: text and slots in turn.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    Slot(Slot),
}

impl Template {
    /// Reads a template in which the `allowed` slots may stand; otherwise what is wrong with it and what to do.
    pub(crate) fn parse(text: &str, allowed: &[Slot]) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text.trim();
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                literal.push_str(brace);
                rest = after;
                continue;
            }
            if brace == "}" {
                return Err("a } stands alone: write }} for a brace of the text".to_owned());
            }
            let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
            let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
            if !rest[end..].starts_with('}') {
                return Err("a { opens no placeholder: write {{ for a brace of the text".to_owned());
            }
            let name = format!("{{{}}}", &rest[..end]);
            let Some(slot) = allowed.iter().copied().find(|slot| slot.name() == name) else {
                let known: Vec<&str> = allowed.iter().map(|slot| slot.name()).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let elsewhere = Slot::ALL.iter().any(|slot| slot.name() == name);
                let what = if elsewhere { "cannot stand here" } else { "is not known" };
                return Err(format!(
                    "the placeholder {name} {what}; known here: {known}; write {{{{ for a brace of the text"
                ));
            };
            if !literal.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut literal)));
            }
            pieces.push(Piece::Slot(slot));
            rest = &rest[end + 1..];
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal));
        }
        Ok(Self(pieces))
    }

    pub(crate) fn has(&self, slot: Slot) -> bool {
        self.0.contains(&Piece::Slot(slot))
    }

    /// The text with every slot filled. Braces inside what fills a slot are text.
    pub(crate) fn render<'a>(&self, fill: impl Fn(Slot) -> Cow<'a, str>) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(literal) => text.push_str(literal),
                Piece::Slot(slot) => text.push_str(&fill(*slot)),
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn slots_are_filled_and_doubled_braces_are_text() {
        let template = Template::parse(" {{\"a\": {n}}} {query}", &[Slot::N, Slot::Query]).unwrap();
        let fill = |slot| Cow::Borrowed(if slot == Slot::N { "3" } else { "{n}" });
        assert_eq!(template.render(fill), "{\"a\": 3} {n}");
        assert!(template.has(Slot::N) && !template.has(Slot::Passage));
    }

    #[test]
    fn what_is_wrong_says_what_to_do() {
        let check = |text: &str, expected: &str| {
            let problem = Template::parse(text, &[Slot::N, Slot::Query]).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
        };
        check("{docs}", "the placeholder {docs} is not known; known here: {n}, {query}");
        check("{passage}", "the placeholder {passage} cannot stand here; known here: {n}, {query}");
        check("{\"order\": []}", "write {{ for a brace");
        check("a }", "write }} for a brace");
        check("{n", "write {{ for a brace");
    }

    proptest! {
        #[test]
        fn what_fills_a_slot_is_never_read_as_a_template(query in ".{0,40}|(\\{n\\}|\\{\\{|\\}){0,6}") {
            let template = Template::parse("<{query}>", &[Slot::Query]).unwrap();
            prop_assert_eq!(template.render(|_| Cow::Borrowed(&query)), format!("<{query}>"));
        }

        #[test]
        fn any_text_is_a_template_or_an_error_that_names_a_brace(text in ".{0,30}") {
            if let Err(problem) = Template::parse(&text, &[Slot::N]) {
                prop_assert!(problem.contains("for a brace"));
            }
        }
    }
}
