//! The words of `r2r judge`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use crate::args::teacher::TeacherArguments;

/// `r2r judge`
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Judge {
    /// The recipe (TOML) whose teacher, asked or recorded, judges; without it the model that is named here is asked.
    #[arg(value_name = "RECIPE", conflicts_with_all = ["collection", "show_prompt", "provider"])]
    pub recipe: Option<PathBuf>,
    /// Override one setting of the recipe; may be repeated.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE", requires = "recipe")]
    pub settings: Vec<String>,
    /// Print what is sent for a prompt (the name of one, or a TOML file) and an example, and ask nothing.
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "collection")]
    pub show_prompt: Option<String>,
    /// BEIR folder with the texts.
    #[arg(long, value_name = "DIR", requires_all = ["run", "provider", "model", "output"])]
    pub collection: Option<PathBuf>,
    /// The first stage's TREC run: its candidates are judged.
    #[arg(long, value_name = "FILE", requires = "collection")]
    pub run: Option<PathBuf>,
    /// Candidates of each query that are judged.
    #[arg(long, default_value = "100", value_name = "N", requires = "collection")]
    pub depth: NonZeroUsize,
    #[command(flatten)]
    pub teacher: TeacherArguments,
    /// Only go on with a run that was begun. The same command goes on without this word too; with it, a folder without
    /// answers is a mistake and not a beginning.
    #[arg(long, requires = "collection")]
    pub resume: bool,
    /// Print what came of it, or the estimate, as JSON.
    #[arg(long, requires = "collection")]
    pub json: bool,
    /// Folder for the judgments. The answers are kept beside it, in DIR.answers.db, as they come.
    #[arg(long, value_name = "DIR", requires = "collection")]
    pub output: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  r2r judge --collection data/mine --run bm25.trec --provider compatible --base-url http://localhost:8000/v1 \\
      --model my-model --output judged
  r2r judge --show-prompt dual-v1
  r2r judge recipes/tiny.toml

Every answer is on disk before it is used: after a kill, the same command goes on and pays for no kept answer twice. What was
on the wire at a kill, at most --concurrency answers, is asked again: a provider that was paid for it cannot be asked for it.
The budget counts it. `r2r inspect OUTPUT` shows progress, cost and errors, also while it runs.

A file of prices (TOML), from the price page of your provider, in US dollars per million tokens:
  dated = \"2026-01-31\"           # when you looked them up
  [[price]]                      # one for each model
  provider = \"openai\"
  model = \"example-large\"        # also stands for example-large-2026-01-01
  input = 2.0
  cached = 0.5                   # input read from a cache; input where it is left out
  output = 8.0
  batch = 0.5                    # share of the price in a batch; 1 where it is left out";
