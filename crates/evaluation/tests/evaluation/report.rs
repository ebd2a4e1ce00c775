//! The report as one well-formed, self-contained page.

use r2r_evaluation::report::{Material, Report, assemble, html};
use r2r_evaluation::{Control, EvaluationOptions, Measure, SignificanceOptions, control_run};
use r2r_types::{DocId, Qrels, QueryId, Run};

/// A small collection that we made up, with names that want to be markup.
fn report() -> Report {
    let mut qrels = Qrels::default();
    let mut run = Run::new("bm25 <b>&\"'</b>");
    for q in 0..12 {
        let query = QueryId::from(format!("q{q}"));
        for d in 0..8_u32 {
            if (d + q) % 3 != 0 {
                qrels.insert(query.clone(), format!("d{d}").into(), ((d * 7 + q) % 4) as i32);
            }
        }
        let documents = (0..8_u32).map(|d| (format!("d{d}").into(), f64::from((d * 5 + q) % 8))).collect();
        run.insert(query, documents).unwrap();
    }
    let oracle = control_run(&run, &qrels, Control::Oracle);
    let random = control_run(&run, &qrels, Control::Random { seed: 3 });
    let measures: Vec<Measure> = ["nDCG@5", "AP(rel=2)", "RR"].iter().map(|name| name.parse().unwrap()).collect();
    assemble(&Material {
        title: "<script>alert(1)</script> & more",
        runs: &[run, oracle, random],
        baseline: Some(0),
        qrels: &qrels,
        measures: &measures,
        evaluation: &EvaluationOptions::default(),
        significance: &SignificanceOptions { permutations: 200, resamples: 200, ..SignificanceOptions::default() },
        query_text: &|query: &QueryId| Some(format!("what is <i>{query}</i>?")),
        document_text: &|doc: &DocId| (doc.as_str() != "d3").then(|| format!("Text of {doc} </li> \" onload='x'")),
    })
}

/// The names of elements in the order in which they open; panics where one is not closed.
fn elements(page: &str) -> Vec<String> {
    let (mut open, mut all) = (Vec::<String>::new(), Vec::new());
    let mut rest = page.strip_prefix("<!doctype html>").expect("a page says what it is");
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>').expect("each tag ends");
        let tag = &rest[start + 1..end];
        let name: String = tag.chars().take_while(|c| !c.is_whitespace() && *c != '>').collect();
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closed in the wrong order");
        } else {
            let name = name.trim_end_matches('/').to_owned();
            if !tag.ends_with('/') && !["meta", "wbr"].contains(&name.as_str()) {
                open.push(name.clone());
            }
            all.push(name);
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "left open: {open:?}");
    all
}

#[test]
fn the_page_is_well_formed_and_asks_nothing_from_outside() {
    let page = html(&report());
    let elements = elements(&page);
    for name in ["script", "link", "img", "iframe", "object", "b", "i"] {
        assert!(!elements.iter().any(|element| element == name), "there is a {name}");
    }
    for outside in ["http://", "https://", "url(", "@import", "javascript:"] {
        assert!(!page.contains(outside), "the page mentions {outside}");
    }
    let attribute_names = page.split('<').filter_map(|tag| tag.split_once('>')).map(|(tag, _)| tag);
    assert!(!attribute_names.into_iter().any(|tag| tag.contains(" onload=")), "a text became an attribute");
    assert_eq!(elements.iter().filter(|element| *element == "figure").count(), 2);
    assert!(elements.iter().filter(|element| *element == "rect").count() > 12);
}

#[test]
fn the_page_says_how_it_was_measured() {
    let page = html(&report());
    for rule in ["trec_eval 9", "trec_eval -c", "200 draws", "seed 13", "Holm p", "12 judged topics", "AP(rel=2)"] {
        assert!(page.contains(rule), "nothing about {rule}");
    }
    assert_eq!(page, html(&report()), "the same report gives the same page");
}

#[test]
fn a_report_without_baseline_or_anything_else_is_a_page_too() {
    let mut report = report();
    report.baseline = None;
    for run in &mut report.runs {
        run.against_baseline = None;
    }
    let page = html(&report);
    elements(&page);
    assert!(!page.contains("Against the baseline"));
    report.runs.clear();
    report.measures.clear();
    elements(&html(&report));
}
