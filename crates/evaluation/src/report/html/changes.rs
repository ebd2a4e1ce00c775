//! The plot: what each query gained or lost, sorted; and the same as a table.

use std::fmt::{self, Write};

use crate::report::html::compared;
use crate::report::html::text::{Escaped, Name, Sign, beginning, grouped, sign, signed};
use crate::report::{QueryChange, Report};

/// The plot's coordinates; the style sheet stretches them over the page.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 200.0;

/// How many characters of a query the table shows.
const QUERY_LIMIT: usize = 160;

pub(super) fn write_section(page: &mut String, report: &Report) -> fmt::Result {
    let Some(measure) = report.measures.first() else { return Ok(()) };
    page.write_str("<section aria-labelledby=\"queries\">\n<h2 id=\"queries\">Query by query</h2>\n")?;
    for (name, against) in compared(report) {
        if !against.queries.is_empty() {
            write_figure(page, name, &measure.to_string(), &against.queries)?;
        }
    }
    page.write_str("</section>\n")
}

fn write_figure(page: &mut String, name: &str, measure: &str, queries: &[QueryChange]) -> fmt::Result {
    let (name, measure) = (Escaped(name), Escaped(measure));
    let n_of =
        |is_counted: fn(f64) -> bool| grouped(queries.iter().filter(|query| is_counted(query.difference())).count());
    let axis = Axis::of(queries);
    write!(
        page,
        "<h3>{heading}</h3>\n<figure>\n<figcaption>{measure} of each query less that of the baseline, sorted: \
         <span class=\"gain\">{better} gained</span>, {even} stayed, <span class=\"loss\">{worse} lost</span>.\
         </figcaption>\n<div class=\"plot\">\n<div class=\"axis\" aria-hidden=\"true\">",
        heading = Name(name.0),
        better = n_of(|difference| difference > 0.0),
        even = n_of(|difference| difference == 0.0),
        worse = n_of(|difference| difference < 0.0),
    )?;
    for tick in axis.ticks() {
        let label = signed(tick);
        let label = label.trim_end_matches('0').trim_end_matches('.');
        let label = if label.is_empty() { "0" } else { label };
        write!(page, "<span style=\"top:{:.2}%\">{label}</span>", axis.y(tick) / HEIGHT * 100.0)?;
    }
    write!(
        page,
        "</div>\n<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"Bar plot of {measure} differences between {name} and the baseline; the table below holds the values\">\n"
    )?;
    for tick in axis.ticks() {
        let class = if tick == 0.0 { "zero" } else { "grid" };
        write!(page, "<path class=\"{class}\" d=\"M0 {y:.2}H{WIDTH}\"/>", y = axis.y(tick))?;
    }
    page.write_char('\n')?;
    for (i, query) in queries.iter().enumerate() {
        write_bar(page, &axis, query, i, queries.len())?;
    }
    page.write_str("</svg>\n</div>\n")?;
    write_table(page, queries)?;
    page.write_str("</figure>\n")
}

fn write_bar(page: &mut String, axis: &Axis, query: &QueryChange, i: usize, n: usize) -> fmt::Result {
    let difference = query.difference();
    let class = match sign(difference) {
        Sign::None => return Ok(()),
        shown => shown.class(),
    };
    let step = WIDTH / n as f64;
    let (top, bottom) = (axis.y(difference.max(0.0)), axis.y(difference.min(0.0)));
    writeln!(
        page,
        "<rect class=\"{class}\" x=\"{x:.2}\" y=\"{top:.2}\" width=\"{width:.2}\" height=\"{height:.2}\">\
         <title>{query}: {change}</title></rect>",
        x = (i as f64 + 0.1) * step,
        width = step * 0.8,
        height = bottom - top,
        query = Escaped(query.query.as_str()),
        change = signed(difference),
    )
}

fn write_table(page: &mut String, queries: &[QueryChange]) -> fmt::Result {
    page.write_str(
        "<details>\n<summary>All values</summary>\n<div class=\"wide\">\n<table>\n<thead>\n<tr><th scope=\"col\">Query</th>\
         <th scope=\"col\" class=\"number\">Baseline</th><th scope=\"col\" class=\"number\">Run</th>\
         <th scope=\"col\" class=\"number\">Difference</th></tr>\n</thead>\n<tbody>\n",
    )?;
    for query in queries {
        let difference = query.difference();
        write!(page, "<tr><th scope=\"row\"><bdi class=\"id\">{}</bdi>", Escaped(query.query.as_str()))?;
        if let Some(text) = &query.text {
            write!(page, " <span class=\"words\" dir=\"auto\">{}</span>", Escaped(&beginning(text, QUERY_LIMIT)))?;
        }
        writeln!(
            page,
            "</th><td class=\"number\">{before:.4}</td><td class=\"number\">{after:.4}</td>\
             <td class=\"number {class}\">{change}</td></tr>",
            before = query.before,
            after = query.after,
            class = sign(difference).class(),
            change = signed(difference),
        )?;
    }
    page.write_str("</tbody>\n</table>\n</div>\n</details>\n")
}

/// The upright axis: a round step, enough of it for all differences, 0 always within.
struct Axis {
    step: f64,
    below: i32,
    above: i32,
}

impl Axis {
    fn of(queries: &[QueryChange]) -> Self {
        let high = queries.iter().map(QueryChange::difference).fold(0.0, f64::max);
        let low = queries.iter().map(QueryChange::difference).fold(0.0, f64::min);
        let reach = (high - low).max(1e-3);
        let step = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5]
            .into_iter()
            .find(|step| reach / step <= 6.0)
            .unwrap_or(0.5);
        let steps = |value: f64| (value / step - 1e-9).ceil() as i32;
        Self { step, below: steps(-low).max(0), above: steps(high).max(i32::from(low == 0.0)) }
    }

    /// The values at grid lines, highest first.
    fn ticks(&self) -> impl Iterator<Item = f64> {
        (-self.below..=self.above).rev().map(|tick| f64::from(tick) * self.step)
    }

    /// Where a difference stands, from the top.
    fn y(&self, difference: f64) -> f64 {
        let top = f64::from(self.above) * self.step;
        let whole = f64::from(self.above + self.below) * self.step;
        (top - difference) / whole * HEIGHT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(differences: &[f64]) -> Vec<String> {
        let change = |&difference: &f64| QueryChange { query: "q".into(), text: None, before: 0.0, after: difference };
        Axis::of(&differences.iter().map(change).collect::<Vec<_>>()).ticks().map(|tick| format!("{tick:.3}")).collect()
    }

    #[test]
    fn the_axis_holds_all_differences_and_zero() {
        assert_eq!(
            ticks(&[0.75, -0.3]),
            ["0.800", "0.600", "0.400", "0.200", "0.000", "-0.200", "-0.400"].map(String::from)
        );
        assert_eq!(ticks(&[-1.0]), ["0.000", "-0.200", "-0.400", "-0.600", "-0.800", "-1.000"].map(String::from));
        assert_eq!(ticks(&[0.0]), ["0.001", "0.000"].map(String::from));
        assert_eq!(ticks(&[1.0, -1.0]), ["1.000", "0.500", "0.000", "-0.500", "-1.000"].map(String::from));
    }
}
