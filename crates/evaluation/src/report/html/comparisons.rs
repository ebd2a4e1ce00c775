//! The second table: how sure each difference is.

use std::fmt::{self, Write};

use crate::report::Report;
use crate::report::html::compared;
use crate::report::html::text::{Escaped, Name, count, probability, sign, signed};
use crate::significance::{Comparison, Interval};

/// Width of the drawn interval; its height is 16.
const WIDTH: f64 = 120.0;

pub(super) fn write_section(page: &mut String, report: &Report) -> fmt::Result {
    write!(
        page,
        "<section aria-labelledby=\"comparisons\">\n<h2 id=\"comparisons\">Against the baseline</h2>\n\
         <p class=\"note\" id=\"comparisons-note\">Differences of means with 95 % bootstrap intervals; \
         p-values of the paired randomization test, two-sided ({draws}), and the same after Holm’s correction for {runs}, \
         measure by measure. Effect is the mean difference in standard deviations of the differences.</p>\n\
         <div class=\"wide\" role=\"region\" aria-labelledby=\"comparisons\" tabindex=\"0\">\n\
         <table aria-labelledby=\"comparisons\" aria-describedby=\"comparisons-note\">\n\
         <thead>\n<tr><th scope=\"col\">Run</th><th scope=\"col\" class=\"number\">Difference</th>\
         <th scope=\"col\" colspan=\"2\">95 % interval</th><th scope=\"col\" class=\"number\">p</th>\
         <th scope=\"col\" class=\"number\">Holm p</th><th scope=\"col\" class=\"number\">t-test p</th>\
         <th scope=\"col\" class=\"number\">Effect</th><th scope=\"col\" class=\"number\">Topics better</th>\
         <th scope=\"col\" class=\"number\">worse</th><th scope=\"col\" class=\"number\">of</th></tr>\n</thead>\n",
        draws = count(report.significance.permutations as usize, "draw", "draws"),
        runs = count(compared(report).count(), "run", "runs"),
    )?;
    for (i, measure) in report.measures.iter().enumerate() {
        let rows: Vec<(&str, &Comparison)> =
            compared(report).filter_map(|(name, against)| Some((name, against.comparisons.get(i)?))).collect();
        let reach =
            rows.iter().map(|(_, row)| row.interval.low.abs().max(row.interval.high.abs())).fold(1e-9, f64::max);
        write!(
            page,
            "<tbody>\n<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"11\">{}</th></tr>\n",
            Escaped(&measure.to_string())
        )?;
        for (name, comparison) in rows {
            write_row(page, name, comparison, reach)?;
        }
        page.write_str("</tbody>\n")?;
    }
    page.write_str("</table>\n</div>\n</section>\n")
}

fn write_row(page: &mut String, name: &str, comparison: &Comparison, reach: f64) -> fmt::Result {
    let Interval { low, high } = comparison.interval;
    write!(
        page,
        "<tr><th scope=\"row\">{name}</th><td class=\"number {class}\">{difference}</td>\
         <td class=\"number\">{low} to {high}</td><td>",
        name = Name(name),
        class = sign(comparison.difference).class(),
        difference = signed(comparison.difference),
        low = signed(low),
        high = signed(high),
    )?;
    write_whisker(page, comparison, reach)?;
    writeln!(
        page,
        "</td><td class=\"number\">{p}</td><td class=\"number\">{corrected}</td><td class=\"number\">{t_test}</td>\
         <td class=\"number\">{effect}</td><td class=\"number\">{better}</td><td class=\"number\">{worse}</td>\
         <td class=\"number\">{topics}</td></tr>",
        p = probability(comparison.p_value),
        corrected = probability(comparison.corrected_p_value),
        t_test = comparison.t_test.map_or("–".to_owned(), |test| probability(test.p_value)),
        effect =
            comparison.effect_size.map_or("–".to_owned(), |effect| format!("{effect:.2}").replace('-', "\u{2212}")),
        better = comparison.better,
        worse = comparison.worse,
        topics = comparison.topics,
    )
}

/// The interval as a line with a dot at the difference; the thin upright line is 0.
fn write_whisker(page: &mut String, comparison: &Comparison, reach: f64) -> fmt::Result {
    let x = |value: f64| WIDTH / 2.0 + value / reach * (WIDTH / 2.0 - 6.0);
    let Interval { low, high } = comparison.interval;
    let class = if low > 0.0 {
        "gain"
    } else if high < 0.0 {
        "loss"
    } else {
        "even"
    };
    write!(
        page,
        "<svg class=\"whisker {class}\" width=\"{WIDTH}\" height=\"16\" viewBox=\"0 0 {WIDTH} 16\" aria-hidden=\"true\">\
         <path class=\"zero\" d=\"M{zero} 0V16\"/><path d=\"M{from:.1} 8H{to:.1}\"/>\
         <circle cx=\"{dot:.1}\" cy=\"8\" r=\"3.5\"/></svg>",
        zero = WIDTH / 2.0,
        from = x(low),
        to = x(high),
        dot = x(comparison.difference),
    )
}
