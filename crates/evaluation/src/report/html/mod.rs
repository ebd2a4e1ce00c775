//! The page: one file that needs nothing from outside, no script and no network.

mod changes;
mod comparisons;
mod moved;
mod results;
mod rules;
mod text;

use std::fmt::{self, Write};

use crate::report::html::text::{Escaped, Name, count};
use crate::report::{AgainstBaseline, Report};

/// The report as one HTML file, the same for the same report.
///
/// All names and texts are escaped; the page's policy refuses everything that it does not hold.
pub fn html(report: &Report) -> String {
    let mut page = String::new();
    write_page(&mut page, report).expect("a string takes all that is written");
    page
}

fn write_page(page: &mut String, report: &Report) -> fmt::Result {
    let title = Escaped(&report.title);
    write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n\
         <header>\n<h1 dir=\"auto\">{title}</h1>\n",
        style = include_str!("style.css")
    )?;
    write_summary(page, report)?;
    page.write_str("</header>\n")?;
    results::write_section(page, report)?;
    if report.runs.iter().any(|run| run.against_baseline.is_some()) {
        comparisons::write_section(page, report)?;
        changes::write_section(page, report)?;
        moved::write_section(page, report)?;
    }
    rules::write_section(page, report)?;
    page.write_str("</main>\n</body>\n</html>\n")
}

/// One sentence: how much was measured, and against what.
fn write_summary(page: &mut String, report: &Report) -> fmt::Result {
    let runs = count(report.runs.len(), "run", "runs");
    let topics = report.runs.first().map_or(0, |run| run.evaluation.topics.qrels);
    let topics = count(topics, "judged topic", "judged topics");
    write!(page, "<p class=\"summary\">{runs} on {topics}")?;
    if let Some(baseline) = baseline_name(report) {
        write!(page, ", compared with {}", Name(baseline))?;
    }
    page.write_str(".</p>\n")
}

fn baseline_name(report: &Report) -> Option<&str> {
    Some(&report.runs.get(report.baseline?)?.evaluation.run)
}

/// The runs that are compared with the baseline, with their names.
fn compared(report: &Report) -> impl Iterator<Item = (&str, &AgainstBaseline)> {
    report.runs.iter().filter_map(|run| Some((run.evaluation.run.as_str(), run.against_baseline.as_ref()?)))
}
