//! `pytrec_eval` on the reference runs, query by query: tests/golden/reference_runs.py made the numbers.

use std::collections::BTreeMap;
use std::path::Path;

use r2r_evaluation::{EvaluationOptions, Measure, evaluate};
use r2r_types::{Qrels, Run};

use crate::trec_files::{data, read_qrels, read_run, read_text};

/// Ours in the order of the golden file's columns, at a relevance level.
fn measures(level: &str) -> Vec<Measure> {
    let names = [
        "nDCG",
        "nDCG@5",
        "nDCG@10",
        "AP(rel=L)",
        "AP(rel=L)@100",
        "RR(rel=L)",
        "P(rel=L)@10",
        "R(rel=L)@100",
        "Success(rel=L)@5",
        "Bpref(rel=L)",
    ];
    names.iter().map(|name| name.replace('L', level).parse().unwrap()).collect()
}

fn read(data: &Path, name: &str) -> (Run, Qrels) {
    let run = read_run(&data.join(format!("reference_runs/{name}.trec.gz")));
    (run, read_qrels(&data.join(&name[..4]).join("qrels/test.tsv")))
}

#[test]
fn every_query_of_26_runs_agrees_with_pytrec_eval() {
    let Some(data) = data() else { return };
    let golden = read_text(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/reference_runs.tsv.gz"));
    let mut lines = golden.lines().skip(1).peekable();
    let (mut n_runs, mut n_values) = (0, 0);
    while let Some(name) = lines.next().and_then(|line| line.strip_prefix("run ")) {
        let (run, qrels) = read(&data, name);
        n_runs += 1;
        while let Some(level) = lines.next_if(|line| line.starts_with("level ")) {
            let measures = measures(level.strip_prefix("level ").unwrap());
            let found = evaluate(&run, &qrels, &measures, &EvaluationOptions::default());
            while let Some(line) = lines.next_if(|line| !line.starts_with("run ") && !line.starts_with("level ")) {
                let (query, values) = line.split_once('\t').unwrap();
                let found = &found.per_query[query];
                for ((measure, found), value) in measures.iter().zip(found).zip(values.split('\t')) {
                    let value: f64 = value.parse().unwrap();
                    assert!((found - value).abs() < 1e-6, "{name} {query} {measure}: {found} instead of {value}");
                    n_values += 1;
                }
            }
        }
    }
    assert_eq!((n_runs, n_values), (26, 2 * 10 * (15 * 43 + 11 * 54)));
}

/// The run with its ties broken by the order of lines; `trec_eval` breaks them by id.
fn untied(run: &Run) -> Run {
    let mut untied = Run::new(&run.name);
    for query in run.queries() {
        let ranked = run.ranked(query).into_iter().enumerate().map(|(i, (doc, _))| (doc.clone(), -(i as f64)));
        untied.insert(query.clone(), ranked.collect()).unwrap();
    }
    untied
}

#[test]
fn means_agree_with_the_table_of_the_reference_runs() {
    let Some(data) = data() else { return };
    let mut table = BTreeMap::new();
    for line in read_text(&data.join("reference_runs/TABLE.md")).lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let Ok(mean) = cells[3].parse::<f64>() {
            table.insert(format!("{}.{}", cells[1], cells[2]), mean);
        }
    }
    let measure: Measure = "nDCG@10".parse().unwrap();
    let mean = |run: &Run, qrels: &Qrels| evaluate(run, qrels, &[measure], &EvaluationOptions::default()).means[0];
    let is_close = |a: f64, b: f64| (a - b).abs() < 0.500_1e-4;
    let (mut as_trec_eval, mut untied_only) = (0, 0);
    for entry in std::fs::read_dir(data.join("reference_runs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(name) = name.strip_suffix(".trec.gz") else { continue };
        let (run, qrels) = read(&data, name);
        if is_close(mean(&run, &qrels), table[name]) {
            as_trec_eval += 1;
        } else {
            let found = mean(&untied(&run), &qrels);
            assert!(is_close(found, table[name]), "{name}: {found} instead of {}", table[name]);
            untied_only += 1;
        }
    }
    // Nine rows of the table were measured with ties in the order of lines.
    assert_eq!((as_trec_eval, untied_only), (17, 9));
}
