//! The words that say which large model is asked, and how: the same for `r2r judge` and `r2r rerank`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use reason_to_rank::live_teacher::settings::{EFFORTS, TeacherModel};

/// Which large model is asked, and how.
#[derive(Args, Debug)]
#[command(next_help_heading = "Asking a large model")]
pub(crate) struct TeacherArguments {
    /// Who serves the model: openai, anthropic, gemini, or compatible (any server that speaks `OpenAI`'s chat
    /// completions). The key is read from `OPENAI_API_KEY`, `ANTHROPIC_API_KEY` or `GEMINI_API_KEY`.
    #[arg(long, value_name = "NAME", requires = "model")]
    pub provider: Option<String>,
    /// The model, as its provider calls it.
    #[arg(long, value_name = "NAME", requires = "provider")]
    pub model: Option<String>,
    /// The address of a server of your own, such as `http://localhost:8000/v1`.
    #[arg(long, value_name = "URL", requires = "provider")]
    pub base_url: Option<String>,
    /// Anthropic's API version [default: 2023-06-01; newer ones take no temperature].
    #[arg(long, value_name = "DATE", requires = "provider")]
    pub anthropic_version: Option<String>,
    /// What is asked: none, direct, compare, both or dual-v1, or a TOML file in their form.
    #[arg(long, default_value = "dual-v1", value_name = "NAME|FILE", requires = "provider")]
    pub prompt: String,
    /// Candidates in a window that slides from the end of the list to its front.
    #[arg(long, default_value_t = 20, value_name = "N", conflicts_with = "tournament", requires = "provider")]
    pub window: usize,
    /// How far the window moves [default: half of the window].
    #[arg(long, value_name = "N", conflicts_with = "tournament", requires = "provider")]
    pub stride: Option<usize>,
    /// How often it goes over the whole list.
    #[arg(long, default_value_t = 1, value_name = "N", conflicts_with = "tournament", requires = "provider")]
    pub passes: usize,
    /// Groups of so many candidates in a tournament in place of a sliding window: fewer requests for deep lists.
    #[arg(long, value_name = "N", requires_all = ["best", "provider"])]
    pub tournament: Option<usize>,
    /// How many of the best the tournament is to find.
    #[arg(long, value_name = "K", requires = "tournament")]
    pub best: Option<usize>,
    /// How often each window is asked about, each time in another order; the answers become one by consensus.
    #[arg(long, default_value_t = 1, value_name = "K", requires = "provider")]
    pub samples: usize,
    /// Have the first so many candidates graded by themselves too, which checks the order.
    #[arg(long, default_value_t = 0, value_name = "N", requires = "provider")]
    pub grades: usize,
    /// Ask in batches, which providers answer within a day at a lower price.
    #[arg(long, requires = "provider")]
    pub batch: bool,
    /// The most requests in a batch [default: 10000, or what the provider takes].
    #[arg(long, value_name = "N", requires = "batch")]
    pub batch_size: Option<NonZeroUsize>,
    /// Ask, and pay, again what lies in batches that the provider no longer has or whose results cannot be read. Without
    /// it they stop the run.
    #[arg(long, requires = "batch")]
    pub ask_lost_again: bool,
    /// Stop before more than this is spent for the file of answers, by all runs on it and in the worst case, in US
    /// dollars; needs --prices.
    #[arg(long, value_name = "X", requires = "provider")]
    pub budget_usd: Option<f64>,
    /// What models cost (its form is at the end of r2r judge --help); without it the cost is unknown.
    #[arg(long, value_name = "FILE", requires = "provider")]
    pub prices: Option<PathBuf>,
    /// Stop when more than this share of the answers cannot be used.
    #[arg(long, default_value_t = 0.05, value_name = "SHARE", requires = "provider")]
    pub max_malformed: f64,
    /// The most requests at once.
    #[arg(long, default_value = "16", value_name = "N", requires = "provider")]
    pub concurrency: NonZeroUsize,
    /// The most requests a minute [default: what the provider allows].
    #[arg(long, value_name = "N", requires = "provider")]
    pub requests_per_minute: Option<u64>,
    /// The most tokens a minute, input and longest output together [default: what the provider allows].
    #[arg(long, value_name = "N", requires = "provider")]
    pub tokens_per_minute: Option<u64>,
    /// The longest that one request may take, in seconds; large models on a CPU need more.
    #[arg(long, default_value_t = 600, value_name = "S", requires = "provider")]
    pub timeout_s: u64,
    /// How much the model may think [default: what the provider does].
    #[arg(long, value_name = "EFFORT", value_parser = EFFORTS, requires = "provider")]
    pub effort: Option<String>,
    /// The sampling temperature [default: none is sent, since some models refuse any].
    #[arg(long, value_name = "T", requires = "provider")]
    pub temperature: Option<f32>,
    /// The most tokens of an answer, thoughts included.
    #[arg(long, default_value_t = 16_000, value_name = "N", requires = "provider")]
    pub max_tokens: u32,
    /// The seed of the orders in which passages are shown.
    #[arg(long, default_value_t = 13, requires = "provider")]
    pub seed: u64,
    /// Estimate requests, tokens and cost, and ask nothing.
    #[arg(long, requires = "provider")]
    pub dry_run: bool,
    /// Where answers are kept as they come, and looked for before anything is asked and paid
    /// [default: OUTPUT.answers.db beside the output].
    #[arg(long, value_name = "FILE", requires = "provider")]
    pub answers: Option<PathBuf>,
}

impl TeacherArguments {
    /// The model that is named; `None` where none is.
    pub(crate) fn model(&self) -> Option<TeacherModel> {
        Some(TeacherModel {
            provider: self.provider.clone()?,
            model: self.model.clone()?,
            base_url: self.base_url.clone(),
            anthropic_version: self.anthropic_version.clone(),
            prompt: self.prompt.clone(),
            window: self.window,
            stride: self.stride,
            passes: self.passes,
            tournament: self.tournament,
            best: self.best,
            samples: self.samples,
            shuffle: true,
            grades: self.grades,
            effort: self.effort.clone(),
            temperature: self.temperature,
            max_tokens: self.max_tokens,
            max_malformed: self.max_malformed,
            budget_usd: self.budget_usd,
            prices: self.prices.clone(),
            batch: self.batch,
            batch_size: self.batch_size,
            ask_lost_again: self.ask_lost_again,
            concurrency: self.concurrency,
            requests_per_minute: self.requests_per_minute,
            tokens_per_minute: self.tokens_per_minute,
            timeout_s: self.timeout_s,
        })
    }
}
