//! What moved: the queries that gained and lost most, with the top of their lists before and after.

use std::cmp::Ordering;
use std::fmt::{self, Write};

use crate::report::html::compared;
use crate::report::html::text::{Escaped, Name, beginning, sign, signed};
use crate::report::{MovedQuery, Report, TopDocument};

/// How many characters of a document are shown.
const DOCUMENT_LIMIT: usize = 220;

pub(super) fn write_section(page: &mut String, report: &Report) -> fmt::Result {
    let Some(measure) = report.measures.first() else { return Ok(()) };
    write!(
        page,
        "<section aria-labelledby=\"moved\">\n<h2 id=\"moved\">What moved</h2>\n\
         <p>The queries whose {} changed most, with the top of their lists.</p>\n",
        Escaped(&measure.to_string())
    )?;
    for (i, (name, against)) in compared(report).enumerate() {
        // The first run is unfolded; with many runs the page stays short.
        let open = if i == 0 { " open" } else { "" };
        writeln!(page, "<details{open}>\n<summary><h3>{}</h3></summary>", Name(name))?;
        write_queries(page, "Gained most", &against.gained)?;
        write_queries(page, "Lost most", &against.lost)?;
        page.write_str("</details>\n")?;
    }
    page.write_str("</section>\n")
}

fn write_queries(page: &mut String, heading: &str, queries: &[MovedQuery]) -> fmt::Result {
    if queries.is_empty() {
        return Ok(());
    }
    writeln!(page, "<h4>{heading}</h4>")?;
    for query in queries {
        write_query(page, query)?;
    }
    Ok(())
}

fn write_query(page: &mut String, moved: &MovedQuery) -> fmt::Result {
    let change = &moved.change;
    page.write_str("<article>\n<h5>")?;
    if let Some(text) = &change.text {
        write!(page, "<span class=\"query\" dir=\"auto\">{}</span> ", Escaped(text))?;
    }
    write!(
        page,
        "<bdi class=\"id\">{query}</bdi></h5>\n<p class=\"values\">{before:.4} → {after:.4} \
         <span class=\"{class}\">{difference}</span></p>\n<div class=\"lists\">\n",
        query = Escaped(change.query.as_str()),
        before = change.before,
        after = change.after,
        class = sign(change.difference()).class(),
        difference = signed(change.difference()),
    )?;
    write_list(page, Side::Before, &moved.top_before)?;
    write_list(page, Side::After, &moved.top_after)?;
    page.write_str("</div>\n</article>\n")
}

/// Which of the two lists.
#[derive(Clone, Copy)]
enum Side {
    Before,
    After,
}

fn write_list(page: &mut String, side: Side, documents: &[TopDocument]) -> fmt::Result {
    let heading = match side {
        Side::Before => "Before",
        Side::After => "After",
    };
    writeln!(page, "<div>\n<h6>{heading}</h6>")?;
    if documents.is_empty() {
        page.write_str("<p class=\"quiet\">No documents.</p>\n</div>\n")?;
        return Ok(());
    }
    page.write_str("<ol>\n")?;
    for (i, document) in documents.iter().enumerate() {
        write!(page, "<li><bdi class=\"id\">{}</bdi> ", Escaped(document.doc.as_str()))?;
        match document.grade {
            Some(grade) if grade > 0 => write!(page, "<span class=\"grade relevant\">grade {grade}</span>")?,
            Some(grade) => write!(page, "<span class=\"grade\">grade {grade}</span>")?,
            None => page.write_str("<span class=\"grade\">not judged</span>")?,
        }
        write!(page, " <span class=\"quiet\">{}</span>", movement(side, i + 1, document.other_rank))?;
        if let Some(text) = &document.text {
            write!(page, "<p class=\"words\" dir=\"auto\">{}</p>", Escaped(&beginning(text, DOCUMENT_LIMIT)))?;
        }
        page.write_str("</li>\n")?;
    }
    page.write_str("</ol>\n</div>\n")
}

/// Where the document came from or went to, in words.
fn movement(side: Side, rank: usize, other_rank: Option<usize>) -> String {
    let Some(other) = other_rank else {
        return match side {
            Side::Before => "no longer in the list".to_owned(),
            Side::After => "new in the list".to_owned(),
        };
    };
    match (side, rank.cmp(&other)) {
        (_, Ordering::Equal) => "stays".to_owned(),
        (Side::Before, Ordering::Less) => format!("falls to {other}"),
        (Side::Before, Ordering::Greater) => format!("rises to {other}"),
        (Side::After, Ordering::Less) => format!("up from {other}"),
        (Side::After, Ordering::Greater) => format!("down from {other}"),
    }
}
