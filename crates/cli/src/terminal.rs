//! Rankings and reasons as a page for people: color where there is one, readable without.

use std::collections::HashMap;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use reason_to_rank::results::{DocumentResult, QueryResults};
use reason_to_rank::types::document::Document;
use reason_to_rank::types::id::DocId;
use reason_to_rank::types::reasoning::Reasoning;

const STRONG: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();
const UP: Style = AnsiColor::Green.on_default();
const DOWN: Style = AnsiColor::Red.on_default();
const QUOTE: Style = AnsiColor::Cyan.on_default();

/// Prints an error with its causes, each once.
pub(crate) fn complain(error: &anyhow::Error) {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        // Transparent errors repeat what they hold.
        if !text.contains(&cause) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&cause);
        }
    }
    let style = DOWN.bold();
    anstream::eprintln!("{style}error:{style:#} {}", printable(&text));
}

/// A ranking as a page: place, movement, score, title, and the reasons below.
pub(crate) fn page(results: &QueryResults, documents: &[Document], seconds: f64) -> String {
    let by_id: HashMap<&DocId, &Document> = documents.iter().map(|document| (&document.id, document)).collect();
    let width = textwrap::termwidth().clamp(60, 100);
    let mut page = String::new();
    let n = documents.len();
    let _ = writeln!(page, "\n{STRONG}{}{STRONG:#}", clean(&results.query));
    let _ = writeln!(
        page,
        "{FAINT}{n} documents, {}, {seconds:.2} s; ▲ ▼ movement against the input order{FAINT:#}\n",
        clean(results.ranker.name())
    );
    for result in &results.results {
        let label = by_id.get(&result.id).map_or(String::new(), |document| label_of(document, &result.id));
        // A teacher says an order and grades, but no score.
        let said = match (result.logit, result.grade) {
            (Some(_), _) => format!("{:.3}", result.score),
            (None, Some(grade)) => format!("grade {grade}"),
            (None, None) => String::new(),
        };
        let said = if result.stopped_early { format!("{said}?") } else { said };
        let line = format!("{:>3}  {}  {said}  ", result.rank, movement(result));
        let room = width.saturating_sub(20);
        let _ = writeln!(page, "{line}{STRONG}{}{STRONG:#}", shorten(&label, room));
        if let Some(reasoning) = &result.reasoning {
            reasons(&mut page, reasoning, result.score, width);
        }
    }
    let n_shown = results.results.len();
    if n_shown < n {
        let _ = writeln!(page, "{FAINT}     and {} more{FAINT:#}", n - n_shown);
    }
    if let Some(stopped) = results.finished.map(|finished| n.saturating_sub(finished)).filter(|stopped| *stopped > 0) {
        let _ = writeln!(
            page,
            "{FAINT}     {stopped} of {n} were stopped early: they stand last, by what was foreseen of their scores (?){FAINT:#}"
        );
    }
    let n_truncated = results.results.iter().filter(|result| result.truncated).count();
    if n_truncated > 0 {
        let _ = writeln!(
            page,
            "{FAINT}     {n_truncated} of these are longer than the student reads: only their beginnings count{FAINT:#}"
        );
    }
    page
}

/// Two documents against each other.
pub(crate) fn comparison(results: &QueryResults, documents: &[Document]) -> String {
    let width = textwrap::termwidth().clamp(60, 100);
    let mut page = format!("\n{STRONG}{}{STRONG:#}\n\n", clean(&results.query));
    for result in &results.results {
        let label = documents.iter().find(|document| document.id == result.id);
        let label = label.map_or(String::new(), |document| label_of(document, &result.id));
        let _ = writeln!(
            page,
            "{:>3}  {:.3}  {STRONG}{}{STRONG:#}",
            result.rank,
            result.score,
            shorten(&label, width - 12)
        );
        if let Some(reasoning) = &result.reasoning {
            reasons(&mut page, reasoning, result.score, width);
        }
    }
    page
}

/// The reasons of one document, indented and wrapped.
fn reasons(page: &mut String, reasoning: &Reasoning, score: f32, width: usize) {
    paragraph(page, "answers", &clean(&reasoning.direct), Style::new(), width);
    if !reasoning.comparison.text.is_empty() {
        paragraph(page, "compared", &clean(&reasoning.comparison.text), Style::new(), width);
    }
    for evidence in &reasoning.evidence {
        paragraph(page, "evidence", &format!("“{}”", clean(evidence.quote())), QUOTE, width);
        if let Some(receipt) = evidence.receipt {
            let text = format!(
                "score {score:.3}; {:.3} without these words, {:.3} with them alone",
                receipt.score_without, receipt.score_alone
            );
            paragraph(page, "receipt", &text, FAINT, width);
        }
    }
    if !reasoning.coverage.missing.is_empty() {
        paragraph(page, "lacks", &clean(&reasoning.coverage.missing.join(", ")), FAINT, width);
    }
    page.push('\n');
}

fn paragraph(page: &mut String, name: &str, text: &str, style: Style, width: usize) {
    for (i, line) in textwrap::wrap(text, width.saturating_sub(17)).iter().enumerate() {
        let name = if i == 0 { name } else { "" };
        let _ = writeln!(page, "     {FAINT}{name:<10}{FAINT:#}{style}{line}{style:#}");
    }
}

/// How far a document moved against the input order, four columns wide.
fn movement(result: &DocumentResult) -> String {
    match result.retrieved_rank.cmp(&result.rank) {
        std::cmp::Ordering::Greater => format!("{UP}▲{:<3}{UP:#}", result.retrieved_rank - result.rank),
        std::cmp::Ordering::Less => format!("{DOWN}▼{:<3}{DOWN:#}", result.rank - result.retrieved_rank),
        std::cmp::Ordering::Equal => format!("{FAINT}={:<3}{FAINT:#}", ""),
    }
}

/// A document's name with its title, or with the beginning of its text.
fn label_of(document: &Document, id: &DocId) -> String {
    let about = if document.title.trim().is_empty() { &document.text } else { &document.title };
    clean(&format!("{id}  {about}"))
}

fn shorten(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(room.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// One line of text that cannot steer the terminal, whatever a document, an id or a file says.
pub(crate) fn clean(text: &str) -> String {
    printable(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Text without control characters, line ends apart, and without marks that turn the direction of writing.
fn printable(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|&c| c == '\n' || !(c.is_control() || turns(c))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_cannot_steer_the_terminal() {
        assert_eq!(clean("red \u{1b}[31malert\u{7}\n \u{202e}next"), "red [31malert next");
    }

    #[test]
    fn long_labels_are_shortened() {
        assert_eq!(shorten("a long label", 7), "a long…");
        assert_eq!(shorten("short", 7), "short");
    }
}
