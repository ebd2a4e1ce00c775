//! `r2r judge`: a large model, asked or recorded, judges the candidates of queries.

use std::path::Path;

use anyhow::{Context, Result, bail};
use reason_to_rank::live_teacher::settings::{TeacherModel, prompt};
use reason_to_rank::live_teacher::{LiveTeacher, journal_path};
use reason_to_rank::provenance::{Input, Part};
use reason_to_rank::stages::ask::judge_candidates;
use reason_to_rank::teacher::{AnswerShape, Prompt};
use reason_to_rank::types::candidates::Candidates;
use reason_to_rank::types::document::{Document, Query};
use reason_to_rank::types::formats::beir::Collection;
use reason_to_rank::types::formats::join::{candidates_of_run, unknown_ids};
use reason_to_rank::types::formats::trec::read_run;

use crate::args::judge::Judge;
use crate::commands::teacher::{kept_in, print_estimate, world_for};
use crate::commands::{print, print_json};
use crate::progress::Bars;
use crate::terminal::clean;

/// Judges a run or a recipe, or shows a prompt.
pub(crate) fn run(options: &Judge) -> Result<()> {
    if let Some(name) = &options.show_prompt {
        return show_prompt(&prompt(name)?);
    }
    if let Some(recipe) = &options.recipe {
        return judge_recipe(recipe, &options.settings);
    }
    match (&options.teacher.model(), &options.collection, &options.run, &options.output) {
        (Some(model), Some(collection), Some(run), Some(output)) => {
            judge_run(options, model, &Asked { collection, run, output })
        }
        _ => bail!("give --collection, --run, --provider, --model and --output, or a RECIPE, or --show-prompt NAME"),
    }
}

/// Runs the stages of a recipe up to its judgments.
#[cfg(feature = "training")]
fn judge_recipe(recipe: &Path, settings: &[String]) -> Result<()> {
    use reason_to_rank::recipe::Recipe;
    use reason_to_rank::stages::judge::judge;

    use crate::commands::teacher::world;

    let recipe = Recipe::read(recipe, settings)?;
    let mut progress = Bars::stoppable();
    judge(&recipe, &world(progress.stop_flag()), &mut progress)?;
    anstream::eprintln!("judgments are in {}", recipe.artifact("judge").display());
    Ok(())
}

/// Says how to get a binary that can.
#[cfg(not(feature = "training"))]
fn judge_recipe(_recipe: &Path, _settings: &[String]) -> Result<()> {
    super::train::built_without()
}

/// What must be named to ask a model.
struct Asked<'a> {
    collection: &'a Path,
    run: &'a Path,
    output: &'a Path,
}

fn judge_run(options: &Judge, model: &TeacherModel, asked: &Asked<'_>) -> Result<()> {
    let arguments = &options.teacher;
    let journal = arguments.answers.clone().unwrap_or_else(|| journal_path(asked.output));
    if options.resume && !journal.is_file() {
        bail!("there is no run to go on with: {} is not there; leave out --resume to begin", journal.display());
    }
    let mut progress = Bars::stoppable();
    let world = world_for(arguments, progress.stop_flag());
    // Whoever cannot be asked is named before anything is read or written.
    world.endpoint(model)?;
    let candidates = candidates(options, asked)?;
    let teacher = LiveTeacher::open(model, arguments.seed, &journal, &world)?;
    if arguments.dry_run {
        return print_estimate(&teacher.estimate(&candidates)?, options.json);
    }
    let mut inputs = vec![Input::file(asked.run)?];
    inputs.extend(Input::collection(asked.collection, &[Part::Corpus, Part::Queries])?);
    let made = judge_candidates(&teacher, &candidates, inputs, asked.output, &mut progress)
        .with_context(|| kept_in(&journal))?;
    anstream::eprintln!("judgments are in {}, the answers in {}", asked.output.display(), journal.display());
    let unanswered = made.counts.get("requests").and_then(|requests| requests.get("failed")?.as_u64()).unwrap_or(0);
    if unanswered > 0 {
        anstream::eprintln!(
            "warning: {unanswered} samples or grades had no answer, and their windows kept the order that they had; without \
             {} the same command asks for these alone",
            asked.output.display()
        );
    }
    if options.json { print_json(&made.counts) } else { Ok(()) }
}

fn candidates(options: &Judge, asked: &Asked<'_>) -> Result<Vec<Candidates>> {
    let first_stage = read_run(asked.run)?;
    let collection = Collection::read(asked.collection)?;
    let unknown = unknown_ids(&first_stage, &collection);
    let candidates = candidates_of_run(&first_stage, &collection, options.depth.get());
    if candidates.is_empty() {
        bail!("{unknown}: no line of the run is about a query and a document of the collection; is it the right one?");
    }
    if !unknown.is_empty() {
        anstream::eprintln!("warning: {}; they are left out", clean(&unknown.to_string()));
    }
    Ok(candidates)
}

/// A prompt as it is sent, for two invented passages.
fn show_prompt(prompt: &Prompt) -> Result<()> {
    let document = |id: &str, text: &str| Document { id: id.into(), title: String::new(), text: text.into() };
    let oak = document("a", "Oaks drop their acorns in autumn.");
    let ash = document("b", "Ash trees have winged seeds, which the wind carries.");
    let query = Query { id: "q".into(), text: "how do trees spread their seeds".into() };
    let shown = match prompt.kind() {
        reason_to_rank::teacher::prompt::PromptKind::List => vec![&oak, &ash],
        reason_to_rank::teacher::prompt::PromptKind::Passage => vec![&oak],
    };
    let messages = prompt.render(&query, &shown);
    let mut parts = vec![
        format!("{}: {}\nhash {}", prompt.name(), prompt.description(), prompt.hash()),
        format!("--- system\n{}", messages.system),
    ];
    parts.extend(messages.turns.iter().map(|turn| format!("--- user\n{}", turn.text)));
    if let AnswerShape::Schema { schema, .. } = &messages.shape {
        parts.push(format!("--- schema\n{}", serde_json::to_string_pretty(schema)?));
    }
    print(&format!("{}\n", parts.join("\n\n")))
}
