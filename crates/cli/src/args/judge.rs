//! The words of `r2r judge`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

/// `r2r judge`
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Judge {
    /// The recipe (TOML) whose recorded answers become judgments; without it a large model is asked.
    #[arg(value_name = "RECIPE", conflicts_with_all = ["collection", "show_prompt"])]
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
    #[arg(long, default_value = "100", value_name = "N")]
    pub depth: NonZeroUsize,
    /// Who serves the model: openai, anthropic, gemini, or compatible (any server that speaks `OpenAI`'s chat
    /// completions). The key is read from `OPENAI_API_KEY`, `ANTHROPIC_API_KEY` or `GEMINI_API_KEY`.
    #[arg(long, value_name = "NAME", requires = "collection")]
    pub provider: Option<String>,
    /// The model, as its provider calls it.
    #[arg(long, value_name = "NAME", requires = "collection")]
    pub model: Option<String>,
    /// The address of a server of your own, such as `http://localhost:8000/v1`.
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// What is asked: none, direct, compare, both or dual-v1, or a TOML file in their form.
    #[arg(long, default_value = "dual-v1", value_name = "NAME|FILE")]
    pub prompt: String,
    /// Candidates in a window that slides from the end of the list to its front.
    #[arg(long, default_value_t = 20, value_name = "N", conflicts_with = "tournament")]
    pub window: usize,
    /// How far the window moves [default: half of the window].
    #[arg(long, value_name = "N", conflicts_with = "tournament")]
    pub stride: Option<usize>,
    /// Groups of so many candidates in a tournament in place of a sliding window: fewer requests for deep lists.
    #[arg(long, value_name = "N", requires = "top")]
    pub tournament: Option<usize>,
    /// How many of the best the tournament is to find.
    #[arg(long, value_name = "K", requires = "tournament")]
    pub top: Option<usize>,
    /// How often each window is asked about, each time in another order; the answers become one by consensus.
    #[arg(long, default_value_t = 1, value_name = "K")]
    pub samples: usize,
    /// Have the first so many candidates graded by themselves too, which checks the order.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub grades: usize,
    /// Ask in batches, which providers answer within a day at a lower price.
    #[arg(long)]
    pub batch: bool,
    /// Stop before more than this is spent for the output, earlier runs included, in US dollars; needs --prices.
    #[arg(long, value_name = "X")]
    pub budget_usd: Option<f64>,
    /// What models cost (see below); without it the cost is unknown.
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// Stop when more than this share of the answers cannot be used.
    #[arg(long, default_value_t = 0.05, value_name = "SHARE")]
    pub max_malformed: f64,
    /// The most requests at once.
    #[arg(long, default_value = "16", value_name = "N")]
    pub concurrency: NonZeroUsize,
    /// The most requests a minute [default: what the provider allows].
    #[arg(long, value_name = "N")]
    pub requests_per_minute: Option<u64>,
    /// The most tokens a minute, input and longest output together [default: what the provider allows].
    #[arg(long, value_name = "N")]
    pub tokens_per_minute: Option<u64>,
    /// How much the model may think [default: what the provider does].
    #[arg(long, value_name = "EFFORT", value_parser = ["none", "minimal", "low", "medium", "high", "max"])]
    pub effort: Option<String>,
    /// The sampling temperature [default: none is sent, since some models refuse any].
    #[arg(long, value_name = "T")]
    pub temperature: Option<f32>,
    /// The most tokens of an answer, thoughts included.
    #[arg(long, default_value_t = 16_000, value_name = "N")]
    pub max_tokens: u32,
    /// The seed of the orders in which passages are shown.
    #[arg(long, default_value_t = 13)]
    pub seed: u64,
    /// Estimate requests, tokens and cost, and ask nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Only go on with a run that was begun. The same command goes on without this word too; with it, a folder without
    /// answers is a mistake and not a beginning.
    #[arg(long)]
    pub resume: bool,
    /// Print what came of it, or the estimate, as JSON.
    #[arg(long)]
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

Every answer is on disk before it is used: after a kill, the same command goes on and pays for nothing twice.

A file of prices (TOML), from the price page of your provider, in US dollars per million tokens:
  dated = \"2026-01-31\"           # when you looked them up
  [[price]]                      # one for each model
  provider = \"openai\"
  model = \"example-large\"        # also stands for example-large-2026-01-01
  input = 2.0
  cached = 0.5                   # input read from a cache; input where it is left out
  output = 8.0
  batch = 0.5                    # share of the price in a batch; 1 where it is left out";
