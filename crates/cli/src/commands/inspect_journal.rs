//! The file of a teacher's answers in words: how far its runs came, what was paid, what went wrong.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use reason_to_rank::live_teacher::journal_path;
use reason_to_rank::teacher::journal::Journal;
use reason_to_rank::teacher::journal::runs::{Run, RunState};
use reason_to_rank::teacher::journal::summary::{ModelSummary, Summary};
use reason_to_rank::types::formats::output::Output;

use crate::commands::teacher::now_ms;

/// The file of answers that a path means: itself, or the one beside an output that is there or still to come.
pub(super) fn journal_of(path: &Path) -> Option<PathBuf> {
    let is_journal = |file: &Path| file.is_file() && Journal::open_to_read(file).is_ok();
    let beside = journal_path(path);
    if is_journal(path) { Some(path.to_owned()) } else { is_journal(&beside).then_some(beside) }
}

/// What a file of answers holds, in numbers. Nothing is written to it, so a run that is using it is not disturbed.
pub(super) fn summary(path: &Path) -> Result<Summary> {
    let journal = Journal::open_to_read(path)?;
    journal.summary().with_context(|| path.display().to_string())
}

/// Writes the answers of a journal as JSON lines; how many.
pub(super) fn export(path: &Path, to: &Path) -> Result<u64> {
    let mut output = Output::create(to)?;
    let lines = Journal::open_to_read(path)?.export(&mut output).with_context(|| path.display().to_string())?;
    output.finish()?;
    Ok(lines)
}

/// A few lines on each part that there is something to say of.
pub(super) fn describe(path: &Path, summary: &Summary, page: &mut String) {
    let _ = writeln!(page, "answers  {}", path.display());
    for run in &summary.runs {
        describe_run(run, page);
    }
    for model in &summary.models {
        describe_model(model, page);
    }
    if summary.models.is_empty() {
        let _ = writeln!(page, "  no answer yet");
    }
    if summary.perhaps_usd > 0.0 {
        let _ = writeln!(
            page,
            "  up to {:.4} USD more for answers that never came and for what is under way",
            summary.perhaps_usd
        );
    }
    if summary.under_way > 0 {
        let _ = writeln!(page, "  {} questions under way, or were when a run was killed", summary.under_way);
    }
    for batch in &summary.open_batches {
        let remote = batch.remote_id.as_deref().unwrap_or("not sent yet");
        let note = if batch.note.is_empty() { String::new() } else { format!(", {}", batch.note) };
        let _ = writeln!(
            page,
            "  batch {} ({remote}): {}, {} questions to {}, begun {}{note}",
            batch.id,
            batch.state,
            batch.questions,
            batch.model,
            ago(batch.at_ms)
        );
    }
    for (kind, count, last) in &summary.troubles {
        let _ = writeln!(page, "  trouble {kind} {count}, the last: {last}");
    }
}

fn describe_run(run: &Run, page: &mut String) {
    let state = match run.state {
        RunState::Running => "running",
        RunState::Done => "done",
        RunState::Stopped => "stopped before its end; the same command goes on",
    };
    let progress = &run.progress;
    let _ = writeln!(
        page,
        "  run begun {}, heard of {}: {state}\n    {} of {} queries judged, {} of {} windows; {} answers used, {} of no use",
        ago(run.begun_ms),
        ago(run.at_ms),
        progress.queries_done,
        progress.queries,
        progress.windows_done,
        progress.windows,
        progress.used,
        progress.malformed
    );
    if !progress.repairs.is_empty() {
        let by_kind: Vec<String> = progress.repairs.iter().map(|(kind, n)| format!("{kind} {n}")).collect();
        let _ = writeln!(page, "    repaired {}", by_kind.join(", "));
    }
}

fn describe_model(model: &ModelSummary, page: &mut String) {
    let cost = match (model.cost_usd, model.unpriced) {
        (usd, 0) => format!("{usd:.4} USD"),
        (usd, unpriced) => format!("{usd:.4} USD and {unpriced} answers whose price is not known"),
    };
    let _ = writeln!(
        page,
        "  {} {} at {}\n    {} answers ({} from batches, {} broken off, {} refused, {} empty)\n    \
         {} tokens in ({} cached), {} out ({} of thought); {cost}",
        model.provider,
        model.model,
        model.base_url,
        model.answers,
        model.from_batches,
        model.broken_off,
        model.refused,
        model.empty,
        model.usage.input,
        model.usage.cached,
        model.usage.output,
        model.usage.reasoning
    );
}

/// How long ago that was.
fn ago(at_ms: u64) -> String {
    let seconds = now_ms().saturating_sub(at_ms) / 1000;
    match seconds {
        0..120 => format!("{seconds} s ago"),
        120..7200 => format!("{} min ago", seconds / 60),
        7200..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}
