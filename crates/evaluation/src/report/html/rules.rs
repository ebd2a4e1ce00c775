//! The rules: by which the numbers can be had again.

use std::fmt::{self, Write};

use crate::evaluate::{Evaluation, IdenticalIds, MissingTopics};
use crate::order::TrecEval;
use crate::report::Report;
use crate::report::html::text::{Name, count, grouped};

pub(super) fn write_section(page: &mut String, report: &Report) -> fmt::Result {
    page.write_str("<section aria-labelledby=\"rules\">\n<h2 id=\"rules\">How it was measured</h2>\n<dl>\n")?;
    write_rule(page, "Order", order(report.evaluation.trec_eval))?;
    write_rule(page, "Missing topics", missing(report.evaluation.missing_topics))?;
    write_rule(
        page,
        "Judgments",
        "A document that nobody judged keeps its rank and counts as not relevant. A topic without a relevant document \
         counts 0 and is averaged. Topics without judgments are ignored.",
    )?;
    write_rule(page, "Removed documents", &removed(report))?;
    if report.baseline.is_some() {
        write_rule(page, "Significance", &significance(report))?;
    }
    page.write_str("</dl>\n")?;
    write_topics(page, report)?;
    page.write_str("</section>\n")
}

/// `text` is ours and free of markup.
fn write_rule(page: &mut String, name: &str, text: &str) -> fmt::Result {
    writeln!(page, "<dt>{name}</dt>\n<dd>{text}</dd>")
}

fn order(version: TrecEval) -> &'static str {
    match version {
        TrecEval::V9 => {
            "As trec_eval 9: by score as a 32-bit float, ties by document id, bytewise, highest first; the rank column is \
             ignored."
        }
        TrecEval::V10 => {
            "As trec_eval 10: by score as a 64-bit float, ties by document id, bytewise, highest first; the rank column is \
             ignored."
        }
    }
}

fn missing(rule: MissingTopics) -> &'static str {
    match rule {
        MissingTopics::CountZero => "A judged topic that a run lacks counts 0 and is averaged (trec_eval -c).",
        MissingTopics::Skip => "A judged topic that a run lacks is left out of its means (trec_eval 9 without -c).",
    }
}

fn removed(report: &Report) -> String {
    let identical = match report.evaluation.identical_ids {
        IdenticalIds::Keep => "Documents with the name of their query are kept",
        IdenticalIds::Drop => "Documents with the name of their query are removed",
    };
    let pairs: usize = report.evaluation.excluded.values().map(std::collections::BTreeSet::len).sum();
    let excluded = if pairs == 0 {
        "none are excluded otherwise".to_owned()
    } else {
        format!("so are {} excluded by name", count(pairs, "query-document pair", "query-document pairs"))
    };
    format!("{identical}; {excluded}.")
}

fn significance(report: &Report) -> String {
    let options = &report.significance;
    format!(
        "Paired randomization test on the topics that both runs scored, two-sided, {}, p = (1 + hits) / (1 + draws). \
         Percentile interval of 95 % from {}. Both from seed {}. Paired t-test, two-sided. Holm’s correction over the \
         compared runs, separately for each measure.",
        count(options.permutations as usize, "draw", "draws"),
        count(options.resamples as usize, "bootstrap sample", "bootstrap samples"),
        options.seed,
    )
}

fn write_topics(page: &mut String, report: &Report) -> fmt::Result {
    page.write_str(
        "<div class=\"wide\" role=\"region\" aria-label=\"Topics\" tabindex=\"0\">\n<table>\n\
         <caption>Topics behind the means.</caption>\n<thead>\n<tr><th scope=\"col\">Run</th>\
         <th scope=\"col\" class=\"number\">Judged</th><th scope=\"col\" class=\"number\">In the run</th>\
         <th scope=\"col\" class=\"number\">Scored</th><th scope=\"col\" class=\"number\">Missing in the run</th>\
         <th scope=\"col\" class=\"number\">Ignored, not judged</th>\
         <th scope=\"col\" class=\"number\">Nothing relevant</th>\
         <th scope=\"col\" class=\"number\">Documents removed</th></tr>\n</thead>\n<tbody>\n",
    )?;
    for run in &report.runs {
        write_topics_of(page, &run.evaluation)?;
    }
    page.write_str("</tbody>\n</table>\n</div>\n")
}

fn write_topics_of(page: &mut String, evaluation: &Evaluation) -> fmt::Result {
    let topics = &evaluation.topics;
    write!(page, "<tr><th scope=\"row\">{}</th>", Name(&evaluation.run))?;
    for n in [
        topics.qrels,
        topics.run,
        topics.scored,
        topics.missing,
        topics.not_judged,
        topics.without_relevant,
        evaluation.documents_removed,
    ] {
        write!(page, "<td class=\"number\">{}</td>", grouped(n))?;
    }
    page.write_str("</tr>\n")
}
