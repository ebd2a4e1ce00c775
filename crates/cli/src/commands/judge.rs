//! `r2r judge`: a large model, or recorded answers of one, judges the candidates of queries.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use reason_to_rank::provenance::{Input, Part};
use reason_to_rank::stages::ask::{AskSettings, estimate, journal_path, judge_candidates};
use reason_to_rank::teacher::asking::{AskerConfig, Estimate};
use reason_to_rank::teacher::clients::endpoint::{ApiKey, Endpoint, Provider};
use reason_to_rank::teacher::clock::Clock;
use reason_to_rank::teacher::cost::prices::{PriceTable, Route};
use reason_to_rank::teacher::{AnswerShape, Effort, JudgeOptions, Prompt, WindowPlan};
use reason_to_rank::types::candidates::Candidates;
use reason_to_rank::types::document::{Document, Query};
use reason_to_rank::types::formats::beir::Collection;
use reason_to_rank::types::formats::join::{candidates_of_run, unknown_ids};
use reason_to_rank::types::formats::trec::read_run;

use crate::args::judge::Judge;
use crate::commands::{print, print_json};
use crate::progress::Bars;
use crate::terminal::clean;

/// Judges a run or a recipe, or shows a prompt.
pub(crate) fn run(options: &Judge) -> Result<()> {
    if let Some(name) = &options.show_prompt {
        return show_prompt(&prompt(name)?);
    }
    match (options, &options.recipe) {
        (_, Some(recipe)) => judge_recipe(recipe, &options.settings),
        (
            Judge {
                collection: Some(collection),
                run: Some(run),
                provider: Some(provider),
                model: Some(model),
                output: Some(output),
                ..
            },
            None,
        ) => judge_run(options, &Asked { collection, run, provider, model, output }),
        _ => bail!("give --collection, --run, --provider, --model and --output, or a RECIPE, or --show-prompt NAME"),
    }
}

/// Runs the stages of a recipe up to its judgments.
#[cfg(feature = "training")]
fn judge_recipe(recipe: &Path, settings: &[String]) -> Result<()> {
    use reason_to_rank::recipe::Recipe;
    use reason_to_rank::stages::judge::judge;

    let recipe = Recipe::read(recipe, settings)?;
    judge(&recipe, &mut Bars::new())?;
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
    provider: &'a str,
    model: &'a str,
    output: &'a Path,
}

struct WallClock;

impl Clock for WallClock {
    fn now_ms(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
    }
}

fn judge_run(options: &Judge, asked: &Asked<'_>) -> Result<()> {
    if !(0.0..=1.0).contains(&options.max_malformed) {
        bail!("--max-malformed {} is not a share from 0 to 1", options.max_malformed);
    }
    let journal = journal_path(asked.output);
    if options.resume && !journal.is_file() {
        bail!("there is no run to go on with: {} is not there; leave out --resume to begin", journal.display());
    }
    let endpoint = endpoint(asked.provider, options.base_url.as_deref())?;
    let asker = asker(options, endpoint.provider, asked.model)?;
    let prompt = prompt(&options.prompt)?;
    let pointwise = (options.grades > 0).then(|| Prompt::built_in("pointwise")).transpose()?;
    let judge = judge_options(options, asked.model);
    judge.check()?;
    let mut progress = Bars::stoppable();
    let cancel = progress.stop_flag();
    let candidates = candidates(options, asked)?;
    let settings = AskSettings {
        endpoint: &endpoint,
        asker: &asker,
        route: if options.batch { Route::Batch } else { Route::Live },
        prompt: &prompt,
        grades: pointwise.as_ref(),
        judge: &judge,
        seed: options.seed,
        max_malformed: options.max_malformed,
        output: asked.output,
        clock: Arc::new(WallClock),
        cancel: &cancel,
    };
    if options.dry_run {
        let estimate = estimate(&candidates, &settings)?;
        return if options.json { print_json(&estimate) } else { print(&in_words(&estimate)) };
    }
    let mut inputs = vec![Input::file(asked.run)?];
    inputs.extend(Input::collection(asked.collection, &[Part::Corpus, Part::Queries])?);
    let made = judge_candidates(&candidates, inputs, &settings, &mut progress)
        .with_context(|| format!("answers are kept in {}; the same command goes on", journal.display()))?;
    anstream::eprintln!("judgments are in {}, the answers in {}", asked.output.display(), journal.display());
    if options.json { print_json(&made.counts) } else { Ok(()) }
}

fn endpoint(provider: &str, base_url: Option<&str>) -> Result<Endpoint> {
    let provider: Provider = provider.parse()?;
    let key = std::env::var(provider.key_variable()).ok();
    Ok(Endpoint::new(provider, base_url, key.as_deref().map(ApiKey::new))?)
}

fn asker(options: &Judge, provider: Provider, model: &str) -> Result<AskerConfig> {
    let mut config = AskerConfig::default();
    if let Some(path) = &options.prices {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        config.prices = PriceTable::read(&text).with_context(|| path.display().to_string())?;
    }
    if options.budget_usd.is_some_and(|limit| !(limit.is_finite() && limit >= 0.0)) {
        bail!("--budget-usd must be a number from 0 up");
    }
    if options.budget_usd.is_some() && config.prices.price(provider, model).is_none() {
        bail!(
            "--budget-usd needs the price of {} {model}: give a file that has it with --prices FILE (its form is in \
             r2r judge --help; 0 for a server of your own), or leave out --budget-usd",
            provider.name()
        );
    }
    config.budget.limit_usd = options.budget_usd;
    config.pace.concurrency = options.concurrency.get();
    config.pace.requests_per_minute = options.requests_per_minute;
    config.pace.tokens_per_minute = options.tokens_per_minute;
    config.pace.seed = options.seed;
    Ok(config)
}

fn judge_options(options: &Judge, model: &str) -> JudgeOptions {
    let windows = if let (Some(size), Some(top)) = (options.tournament, options.top) {
        WindowPlan::Tournament { size, top }
    } else {
        let stride = options.stride.unwrap_or((options.window / 2).max(1));
        WindowPlan::Sliding { size: options.window, stride, passes: 1 }
    };
    let effort = options.effort.as_deref().map(|effort| match effort {
        "none" => Effort::None,
        "minimal" => Effort::Minimal,
        "low" => Effort::Low,
        "medium" => Effort::Medium,
        "high" => Effort::High,
        _ => Effort::Max,
    });
    JudgeOptions {
        model: model.to_owned(),
        windows,
        samples: options.samples,
        max_tokens: options.max_tokens,
        temperature: options.temperature,
        effort,
        grade_depth: options.grades,
        ..JudgeOptions::default()
    }
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

/// A prompt by its name, or from a file.
fn prompt(name: &str) -> Result<Prompt> {
    let path = Path::new(name);
    if path.is_file() {
        let text = std::fs::read_to_string(path).with_context(|| name.to_owned())?;
        return Ok(Prompt::of_toml(name, &text)?);
    }
    Prompt::built_in(name).with_context(|| format!("{name} is no file either"))
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

fn in_words(estimate: &Estimate) -> String {
    let Estimate { asks, in_journal, input_tokens, most_output_tokens, input_usd, most_usd, prices_dated } = estimate;
    let cost = match (input_usd, most_usd) {
        (Some(input), Some(most)) => {
            format!("from {input:.4} USD for the input alone to {most:.4} USD, prices of {prices_dated}")
        }
        _ => "unknown: give the price of the model with --prices FILE".to_owned(),
    };
    format!(
        "requests       {asks}, of which {in_journal} are answered\ninput tokens   {input_tokens}, by rule of thumb\n\
         output tokens  {most_output_tokens} at most\ncost           {cost}\n"
    )
}
