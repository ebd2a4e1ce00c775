//! The first table: runs by measures.

use std::fmt::{self, Write};

use crate::report::html::baseline_name;
use crate::report::html::text::{Escaped, Name, sign, signed};
use crate::report::{Report, ReportedRun};

/// Below which corrected p-value a difference is marked.
const MARKED: f64 = 0.05;

pub(super) fn write_section(page: &mut String, report: &Report) -> fmt::Result {
    page.write_str(
        "<section aria-labelledby=\"results\">\n<h2 id=\"results\">Results</h2>\n\
         <p class=\"note\" id=\"results-note\">Mean over the scored topics; the best in bold.",
    )?;
    if let Some(baseline) = baseline_name(report) {
        write!(
            page,
            " Below it the difference from {}; * where its Holm-corrected p-value is below {MARKED}.",
            Name(baseline)
        )?;
    }
    page.write_str(
        "</p>\n<div class=\"wide\" role=\"region\" aria-labelledby=\"results\" tabindex=\"0\">\n\
         <table aria-labelledby=\"results\" aria-describedby=\"results-note\">\n\
         <thead>\n<tr><th scope=\"col\">Run</th>",
    )?;
    for measure in &report.measures {
        write!(page, "<th scope=\"col\" class=\"number\">{}</th>", Escaped(&measure.to_string()))?;
    }
    page.write_str("</tr>\n</thead>\n<tbody>\n")?;
    for (i, run) in report.runs.iter().enumerate() {
        write!(page, "<tr><th scope=\"row\">{}", Name(&run.evaluation.run))?;
        if report.baseline == Some(i) {
            page.write_str(" <span class=\"tag\">baseline</span>")?;
        }
        page.write_str("</th>")?;
        for place in 0..report.measures.len() {
            write_cell(page, run, place, &best(report, place))?;
        }
        page.write_str("</tr>\n")?;
    }
    page.write_str("</tbody>\n</table>\n</div>\n</section>\n")
}

/// The highest mean of a measure, as it is shown.
fn best(report: &Report, place: usize) -> String {
    let means = report.runs.iter().filter_map(|run| run.evaluation.means.get(place).copied());
    format!("{:.4}", means.fold(f64::NEG_INFINITY, f64::max))
}

fn write_cell(page: &mut String, run: &ReportedRun, place: usize, best: &str) -> fmt::Result {
    let Some(mean) = run.evaluation.means.get(place) else { return page.write_str("<td></td>") };
    let mean = format!("{mean:.4}");
    let (open, close) = if mean == best { ("<strong>", "</strong>") } else { ("", "") };
    write!(page, "<td class=\"number\">{open}{mean}{close}")?;
    if let Some(comparison) = run.against_baseline.as_ref().and_then(|against| against.comparisons.get(place)) {
        let mark = if comparison.corrected_p_value < MARKED { "*" } else { "" };
        let class = sign(comparison.difference).class();
        write!(page, "<span class=\"change {class}\">{}{mark}</span>", signed(comparison.difference))?;
    }
    page.write_str("</td>")
}
