//! `r2r inspect`: what an artifact is, what it was made from, and samples of it; how far a teacher has come.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use reason_to_rank::live_teacher::journal_path;
use reason_to_rank::provenance::Provenance;
use reason_to_rank::stages::distill::REPORT;
use reason_to_rank::types::example::DistillationExample;
use reason_to_rank::types::formats::jsonl::JsonLines;
use reason_to_rank::types::id::DocId;
use reason_to_rank::types::judgment::TeacherJudgment;
use serde_json::{Map, Value, json};

use crate::args::Inspect;
use crate::commands::distill::counts;
use crate::commands::{inspect_journal, print, print_json};
use crate::terminal::clean;

/// Prints the chain of provenance, the counts, and some samples.
pub(crate) fn run(options: &Inspect) -> Result<()> {
    if let Some(to) = &options.export_answers {
        let Some(journal) = inspect_journal::journal_of(&options.dir) else {
            bail!(
                "{}: there is no file of answers, nor {} beside it",
                options.dir.display(),
                journal_path(&options.dir).display()
            );
        };
        let lines = inspect_journal::export(&journal, to)?;
        anstream::eprintln!("{lines} answers are in {}", to.display());
        return Ok(());
    }
    let journal = match inspect_journal::journal_of(&options.dir) {
        Some(path) => Some((inspect_journal::summary(&path)?, path)),
        None => None,
    };
    // Of a run that is not over there are only its answers.
    if let Some((summary, path)) = &journal
        && (options.dir.is_file() || Provenance::read(&options.dir)?.is_none())
    {
        if options.json {
            return print_json(&json!({ "path": path, "answers": summary }));
        }
        let mut page = String::new();
        inspect_journal::describe(path, summary, &mut page);
        return print_clean(&page);
    }
    if options.dir.is_file() {
        bail!(
            "{}: this is a file; inspect takes the folder of an artifact, which has a provenance.json",
            options.dir.display()
        );
    }
    let report = report(&options.dir)?;
    let mut seen = BTreeSet::new();
    if options.json {
        let mut value = chain(&options.dir, &mut seen)?;
        if let Some(report) = report {
            value["report"] = report.into();
        }
        if let Some((summary, _)) = journal {
            value["answers"] = json!(summary);
        }
        return print_json(&value);
    }
    let mut page = String::new();
    describe(&options.dir, 0, &mut seen, &mut page)?;
    if let Some((summary, path)) = &journal {
        page.push('\n');
        inspect_journal::describe(path, summary, &mut page);
    }
    if let Some(report) = report {
        let _ = write!(page, "\n{}", counts(&report));
        report_samples(&report, options.samples, &mut page);
    }
    samples(&options.dir, options.samples, &mut page)?;
    print_clean(&page)
}

/// Prints a page whose lines come from files.
fn print_clean(page: &str) -> Result<()> {
    print(&page.lines().map(|line| clean_line(line) + "\n").collect::<String>())
}

/// A line that keeps its indentation and loses what could steer the terminal.
fn clean_line(line: &str) -> String {
    let indent = line.len() - line.trim_start().len();
    " ".repeat(indent) + &clean(line)
}

/// What distillation kept, mended and dropped, where the folder says so.
fn report(folder: &Path) -> Result<Option<Map<String, Value>>> {
    let path = folder.join(REPORT);
    if !path.is_file() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Ok(Some(serde_json::from_str(&text).with_context(|| path.display().to_string())?))
}

/// The provenance of an artifact, with that of what it was made from inside its inputs; each artifact once.
fn chain(folder: &Path, seen: &mut BTreeSet<PathBuf>) -> Result<Value> {
    let Some(provenance) = Provenance::read(folder)? else { bail!("{}", absent(folder)) };
    let mut value = json!({ "path": folder });
    if !seen.insert(folder.to_owned()) {
        return Ok(value);
    }
    let mut inputs = Vec::new();
    for input in &provenance.inputs {
        let mut entry = json!(input);
        if input.path.is_dir()
            && let Some(made) = Provenance::read(&input.path)?
        {
            entry["changed"] = (made.key != input.sha256).into();
            if made.key == input.sha256 {
                entry["artifact"] = chain(&input.path, seen)?;
            }
        }
        inputs.push(entry);
    }
    if let (Value::Object(value), Value::Object(made)) = (&mut value, json!(provenance)) {
        value.extend(made);
    }
    value["inputs"] = inputs.into();
    Ok(value)
}

fn absent(folder: &Path) -> String {
    format!("{}: no artifact is here: its folder has no provenance.json", folder.display())
}

/// One artifact, and below it, indented, the artifacts that it was made from.
fn describe(folder: &Path, depth: usize, seen: &mut BTreeSet<PathBuf>, page: &mut String) -> Result<()> {
    let indent = "  ".repeat(depth);
    let Some(provenance) = Provenance::read(folder)? else {
        if depth == 0 {
            bail!("{}", absent(folder));
        }
        return Ok(());
    };
    if !seen.insert(folder.to_owned()) {
        let _ = writeln!(page, "{indent}{} (see above)", folder.display());
        return Ok(());
    }
    let key = provenance.key.get(..12).unwrap_or(&provenance.key);
    let _ = writeln!(page, "{indent}{}  {}", provenance.stage, folder.display());
    let machine = &provenance.machine;
    let _ = writeln!(
        page,
        "{indent}  key {key}, version {}, seed {}, {} {} with {} threads",
        provenance.version, provenance.seed, machine.os, machine.arch, machine.threads
    );
    let _ = writeln!(page, "{indent}  config {}", provenance.config);
    for (name, count) in &provenance.counts {
        let _ = writeln!(page, "{indent}  {name} {count}");
    }
    for input in &provenance.inputs {
        let hash = input.sha256.get(..12).unwrap_or(&input.sha256);
        let made = if input.path.is_dir() { Provenance::read(&input.path)? } else { None };
        match made {
            Some(made) if made.key == input.sha256 => describe(&input.path, depth + 1, seen, page)?,
            Some(_) => {
                let _ = writeln!(page, "{indent}  from {}  {hash}, changed since", input.path.display());
            }
            None => {
                let _ = writeln!(page, "{indent}  from {}  {hash}", input.path.display());
            }
        }
    }
    Ok(())
}

/// What the teacher said and what was made of it: so many of each part that were learned, and that were dropped.
fn report_samples(report: &Map<String, Value>, n: usize, page: &mut String) {
    let samples = report.get("samples").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut shown: BTreeMap<(&str, bool), usize> = BTreeMap::new();
    for sample in samples {
        let text = |name: &str| sample.get(name).and_then(Value::as_str).unwrap_or_default();
        let outcome = &sample["outcome"];
        let n_shown = shown.entry((text("part"), outcome.get("learned").is_some())).or_default();
        *n_shown += 1;
        if *n_shown <= n {
            let _ = writeln!(page, "\n  {} of {} for {}", text("part"), text("doc"), text("query"));
            let _ = writeln!(page, "      given {}\n      {}", text("given"), outcome_in_words(outcome));
        }
    }
}

/// `{"learned": "words"}` as `learned words`.
fn outcome_in_words(outcome: &Value) -> String {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match outcome.as_object().and_then(|parts| parts.iter().next()) {
        Some((name, value)) => format!("{name} {}", plain(value)),
        None => plain(outcome),
    }
}

/// The first examples or judgments of the folder, in words.
fn samples(folder: &Path, n: usize, page: &mut String) -> Result<()> {
    for name in ["train.jsonl", "dev.jsonl", "examples.jsonl"] {
        let path = folder.join(name);
        if path.is_file() {
            let _ = writeln!(page, "\nsamples of {name}");
            for example in JsonLines::<DistillationExample>::open(&path)?.take(n) {
                show_example(&example?.1, page);
            }
        }
    }
    let path = folder.join("judgments.jsonl");
    if path.is_file() {
        let _ = writeln!(page, "\nsamples of judgments.jsonl");
        for judgment in JsonLines::<TeacherJudgment>::open(&path)?.take(n) {
            let judgment = judgment?.1;
            let order: Vec<&str> = judgment.ranking.iter().map(DocId::as_str).collect();
            let _ = writeln!(page, "\n  {} ({})\n  order {}", judgment.query.text, judgment.teacher, order.join(" > "));
            for judged in &judgment.judged {
                let _ = writeln!(page, "    {}  {}", judged.doc, judged.direct.as_deref().unwrap_or("no reason"));
            }
        }
    }
    Ok(())
}

fn show_example(example: &DistillationExample, page: &mut String) {
    let _ = writeln!(page, "\n  {} ({})", example.query.text, example.teacher);
    for (i, passage) in example.passages.iter().enumerate() {
        let begin: String = passage.text.chars().take(80).collect();
        let _ = writeln!(page, "  [{i}] target {:.2}  {begin}", passage.target);
        if let Some(direct) = &passage.direct {
            let _ = writeln!(page, "      direct   {direct}");
        }
        if let Some(comparison) = &passage.comparison {
            let _ = writeln!(page, "      {:?} [{}]  {}", comparison.stands, comparison.against, comparison.text);
        }
        if let Some(quote) = passage.evidence.and_then(|(start, end)| passage.text.get(start..end)) {
            let _ = writeln!(page, "      evidence {quote}");
        }
    }
}
