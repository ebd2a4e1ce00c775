//! The text of a document as the encoder reads it, and the way back to the document's own text.

use std::borrow::Cow;
use std::ops::Range;

use r2r_types::document::Document;

/// Title and text in one string, with the place of the text inside it.
///
/// Evidence is counted in [`Document::text`], the encoder reads [`Document::title_and_text`], which puts the
/// title in front and trims both: this type translates byte ranges between the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassageText<'a> {
    /// What the encoder reads.
    pub whole: Cow<'a, str>,
    /// First byte of the trimmed text inside `whole`.
    start: usize,
    /// Bytes of white space trimmed from the front of the document's text.
    trimmed: usize,
}

impl<'a> PassageText<'a> {
    /// The text of a document.
    pub fn of(document: &'a Document) -> Self {
        Self::of_parts(&document.title, &document.text)
    }

    /// The text of a title (possibly empty) and a body, joined as [`Document::title_and_text`] does.
    pub fn of_parts(title: &'a str, text: &'a str) -> Self {
        let (title, body) = (title.trim(), text.trim());
        let whole = match (title.is_empty(), body.is_empty()) {
            (true, _) => Cow::Borrowed(body),
            (false, true) => Cow::Borrowed(title),
            (false, false) => Cow::Owned(format!("{title} {body}")),
        };
        Self { start: whole.len() - body.len(), trimmed: text.len() - text.trim_start().len(), whole }
    }

    /// Byte offset at which the trimmed text begins inside `whole`.
    pub fn text_start(&self) -> usize {
        self.start
    }

    /// Translates a byte range of the document's text into one of `whole`, cut to what `whole` holds.
    pub fn to_whole(&self, range: &Range<usize>) -> Range<usize> {
        let place = |offset: usize| (offset.saturating_sub(self.trimmed) + self.start).min(self.whole.len());
        place(range.start)..place(range.end)
    }

    /// Translates a byte range of `whole` into one of the document's text; `None` where it touches the title.
    pub fn to_text(&self, range: &Range<usize>) -> Option<Range<usize>> {
        let place = |offset: usize| Some(offset.checked_sub(self.start)? + self.trimmed);
        Some(place(range.start)?..place(range.end)?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use r2r_types::id::DocId;

    use super::*;

    proptest! {
        #[test]
        fn ranges_of_the_text_survive_the_way_there_and_back(
            title in "[ a-zé]{0,6}", text in "[ \\t\\na-zü]{0,12}", from in 0usize..12, length in 0usize..12,
        ) {
            let document = Document { id: DocId::from("d"), title: title.clone(), text: text.clone() };
            let passage = PassageText::of(&document);
            prop_assert_eq!(&*passage.whole, &*document.title_and_text());
            prop_assert_eq!(&passage.whole[passage.text_start()..], text.trim());
            let body = text.len() - text.trim_start().len()..text.trim_end().len().max(text.len() - text.trim_start().len());
            let start = (body.start + from).min(body.end);
            let range = start..(start + length).min(body.end);
            if text.get(range.clone()).is_some() && !range.is_empty() {
                let there = passage.to_whole(&range);
                prop_assert_eq!(&passage.whole[there.clone()], &text[range.clone()]);
                prop_assert_eq!(passage.to_text(&there), Some(range));
            }
        }
    }
}
