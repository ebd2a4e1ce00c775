//! The curves of a training as one SVG picture: losses above, held-out quality below.

use std::fmt::Write;

use crate::log::LogLine;

const WIDTH: f64 = 760.0;
const PANEL: f64 = 200.0;
const LEFT: f64 = 56.0;
const TOP: f64 = 30.0;
const GAP: f64 = 46.0;
/// Points that a curve is drawn with at most; each is the mean of the steps it stands for.
const MOST_POINTS: usize = 200;

/// One curve.
struct Curve {
    name: &'static str,
    color: &'static str,
    points: Vec<(f64, f64)>,
}

/// Draws the log.
pub fn draw(lines: &[LogLine]) -> String {
    let steps = lines.iter().map(LogLine::step).max().unwrap_or(1).max(1) as f64;
    let losses = [
        curve("pairwise", "#1b6ca8", &loss_points(lines, |report| report.pairwise)),
        curve("listwise", "#d1782b", &loss_points(lines, |report| report.listwise)),
        curve("generation", "#3b8f4a", &loss_points(lines, |report| report.generation)),
        curve("evidence", "#8a4fa3", &loss_points(lines, |report| report.evidence)),
    ];
    let quality = [
        curve("nDCG@10", "#1b6ca8", &validation_points(lines, |validation| Some(validation.ndcg))),
        curve("agreement", "#d1782b", &validation_points(lines, |validation| Some(validation.agreement))),
        curve("evidence", "#8a4fa3", &validation_points(lines, |validation| validation.evidence)),
    ];
    let height = 2.0 * (PANEL + GAP) + TOP;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    panel(&mut svg, "losses", &losses, TOP, steps);
    panel(&mut svg, "held-out lists", &quality, TOP + PANEL + GAP, steps);
    svg.push_str("</svg>\n");
    svg
}

fn curve(name: &'static str, color: &'static str, points: &[(f64, f64)]) -> Curve {
    let run = points.len().div_ceil(MOST_POINTS).max(1);
    let mean = |run: &[(f64, f64)]| {
        let count = run.len() as f64;
        let (x, y) = run.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
        (x / count, y / count)
    };
    Curve { name, color, points: points.chunks(run).map(mean).collect() }
}

fn loss_points(lines: &[LogLine], loss: impl Fn(&crate::listener::StepReport) -> Option<f64>) -> Vec<(f64, f64)> {
    let point = |line: &LogLine| match line {
        LogLine::Step { report, .. } => loss(report).map(|loss| (report.step as f64, loss)),
        LogLine::Validation(_) => None,
    };
    lines.iter().filter_map(point).collect()
}

fn validation_points(
    lines: &[LogLine],
    quality: impl Fn(&crate::validation::Validation) -> Option<f64>,
) -> Vec<(f64, f64)> {
    let point = |line: &LogLine| match line {
        LogLine::Step { .. } => None,
        LogLine::Validation(validation) => quality(validation).map(|quality| (validation.step as f64, quality)),
    };
    lines.iter().filter_map(point).collect()
}

/// One panel with its frame, its two outermost ticks on each axis, its curves and their names.
fn panel(svg: &mut String, title: &str, curves: &[Curve], top: f64, steps: f64) {
    let values = curves.iter().flat_map(|curve| curve.points.iter().map(|point| point.1));
    let (least, most) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| (least.min(value), most.max(value)));
    let (least, most) = if least < most { (least, most) } else { (0.0, 1.0) };
    let (width, bottom) = (WIDTH - LEFT - 20.0, top + PANEL);
    let x = |step: f64| LEFT + step / steps * width;
    let y = |value: f64| bottom - (value - least) / (most - least) * PANEL;
    let mut line = |text: std::fmt::Arguments<'_>| writeln!(svg, "{text}").expect("writing to a string cannot fail");
    line(format_args!(
        "<rect x=\"{LEFT}\" y=\"{top}\" width=\"{width}\" height=\"{PANEL}\" fill=\"none\" stroke=\"#999\"/>"
    ));
    line(format_args!("<text x=\"{LEFT}\" y=\"{:.1}\" font-weight=\"bold\">{title}</text>", top - 8.0));
    for value in [least, most] {
        let (x, y) = (LEFT - 6.0, y(value) + 4.0);
        line(format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"end\">{value:.3}</text>"));
    }
    for step in [0.0, steps] {
        let (x, y) = (x(step), bottom + 16.0);
        line(format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{step:.0}</text>"));
    }
    let drawn = curves.iter().filter(|curve| !curve.points.is_empty());
    for (number, Curve { name, color, points }) in drawn.enumerate() {
        let path: Vec<String> = points.iter().map(|point| format!("{:.1},{:.1}", x(point.0), y(point.1))).collect();
        let path = path.join(" ");
        line(format_args!("<polyline points=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.5\"/>"));
        let (x, y) = (LEFT + 150.0 + 130.0 * number as f64, top - 8.0);
        line(format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"{color}\">{name}</text>"));
    }
}
