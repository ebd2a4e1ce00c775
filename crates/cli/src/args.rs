//! The words that can be typed, with the help that teaches them.

pub(crate) mod judge;
pub(crate) mod serve;
pub(crate) mod teacher;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use reason_to_rank::inference::Instructions;

use crate::args::judge::Judge;
use crate::args::serve::{Mcp, Serve};
use crate::args::teacher::TeacherArguments;

/// Rerank documents with a small student that says why, and train such students from a large LLM.
#[derive(Debug, Parser)]
#[command(name = "r2r", version, arg_required_else_help = true, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  r2r rerank --query 'why is the sky blue' --documents docs.jsonl --reasons 3
  r2r rerank --collection data/scifact --run bm25.trec --output reranked.trec
  r2r evaluate --run bm25.trec reranked.trec --qrels qrels.tsv --baseline bm25.trec --report report.html
  r2r reproduce recipes/tiny.toml
  r2r serve

Exit codes: 0 done, 1 a mistake in what was asked (the message says what to do), 2 a failure of r2r.";

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Put documents in order for a query, and say why.
    Rerank(Box<Rerank>),
    /// Say why one document stands above another.
    Explain(Explain),
    /// Turn files of other tools into a collection, with a run where they hold candidates.
    Convert(Convert),
    /// Build a BM25 index of a collection.
    Index(Index),
    /// Find the first candidates of each query by BM25.
    Retrieve(Retrieve),
    /// Have a large model judge the candidates of a run, or read a recipe's recorded answers.
    Judge(Box<Judge>),
    /// Turn teacher judgments into examples to learn from.
    Distill(Distill),
    /// Train the student of a recipe.
    Train(Train),
    /// Measure runs against relevance judgments, exactly as `trec_eval` does.
    Evaluate(Evaluate),
    /// Run every stage of a recipe, skipping what is fresh.
    Reproduce(RecipeArguments),
    /// Show what an artifact is, where it comes from, and samples of it.
    Inspect(Inspect),
    /// Write a student as a plain cross-encoder for Hugging Face transformers (float32).
    Export(Export),
    /// Measure what a student loses in faster number formats, and write it where `--precision auto` reads it.
    Precision(MeasurePrecision),
    /// Choose how much the base's similarity and the query's words count, on held-out queries; `precision` and `early` follow.
    Weigh(Weigh),
    /// Learn when a student may stop a document, on a recipe's held-out queries: what `rerank --early` goes by.
    Early(Early),
    /// Answer rerank clients over HTTP, with explanations and a page that shows why.
    Serve(Box<Serve>),
    /// Be a tool of an agent: the Model Context Protocol over standard input and output.
    Mcp(Mcp),
    /// Show what this machine has, what the student needs, and how fast it runs here.
    Doctor(Doctor),
}

/// Where the student is and how it runs.
#[derive(Args, Debug)]
pub(crate) struct StudentArguments {
    /// Folder of the student, or of a BERT cross-encoder from Hugging Face [default: the shipped one in models/].
    #[arg(long, value_name = "DIR", env = "R2R_STUDENT")]
    pub student: Option<PathBuf>,
    /// Number format of the matrix products.
    #[arg(long, value_enum, default_value_t = Precision::Auto)]
    pub precision: Precision,
    /// Vector instructions: portable, avx2, avx512 or neon [default: the best that the processor has].
    #[arg(long, value_name = "SET", value_parser = Instructions::from_str)]
    pub isa: Option<Instructions>,
    /// Threads to use [default: all].
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<NonZeroUsize>,
}

/// More threads than this are a slip of the hand.
const MOST_THREADS: usize = 1024;

/// A number of threads that a machine can have.
fn threads(text: &str) -> Result<NonZeroUsize, String> {
    match text.parse::<NonZeroUsize>() {
        Ok(n) if n.get() <= MOST_THREADS => Ok(n),
        Ok(n) => Err(format!("{n} threads are more than any machine has processors for; at most {MOST_THREADS}")),
        Err(error) => Err(error.to_string()),
    }
}

/// The number format of the student's products.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Precision {
    /// The fastest that was measured to lose nothing that matters for this student (`r2r precision`).
    Auto,
    /// 32-bit floats.
    F32,
    /// bfloat16: fast where the processor has AVX512-BF16.
    Bf16,
    /// 8-bit integers: the fastest with AVX2 and AVX-512; the last digits of a score depend on which.
    Int8,
}

/// `r2r rerank`
#[derive(Args, Debug)]
#[command(after_help = RERANK_EXAMPLES, group = clap::ArgGroup::new("what").required(true).args(["documents", "collection"]))]
pub(crate) struct Rerank {
    /// The query, with --documents.
    #[arg(long, value_name = "TEXT", requires = "documents", conflicts_with = "collection")]
    pub query: Option<String>,
    /// Documents to rank: JSONL of {"id","title"?,"text"}, a JSON array of strings, or one document a line; `-` is stdin.
    #[arg(long, value_name = "FILE", requires = "query")]
    pub documents: Option<PathBuf>,
    /// BEIR folder with the texts of a whole run.
    #[arg(long, value_name = "DIR", requires = "run", requires = "output")]
    pub collection: Option<PathBuf>,
    /// First-stage run (TREC format) to rerank, with --collection.
    #[arg(long, value_name = "FILE", requires = "collection", conflicts_with = "documents")]
    pub run: Option<PathBuf>,
    /// Candidates of each query that are reranked; what lies deeper keeps its order below them.
    #[arg(long, value_name = "N", default_value = "100", conflicts_with = "documents")]
    pub depth: NonZeroUsize,
    /// Where the reranked run goes (TREC format); `-` is stdout.
    #[arg(long, value_name = "RUN", requires = "collection", conflicts_with = "documents")]
    pub output: Option<PathBuf>,
    /// Explain the best N documents [default: 3 with --documents, 0 with --run].
    #[arg(long, value_name = "N")]
    pub reasons: Option<usize>,
    /// Where explanations of a run go, one query a line.
    #[arg(long, value_name = "FILE.jsonl", requires = "collection", conflicts_with = "documents")]
    pub explanations: Option<PathBuf>,
    /// Show only the best N documents.
    #[arg(long, value_name = "N")]
    pub top: Option<NonZeroUsize>,
    /// Stop documents that will hardly be among the best N with a part of the work done. They stand below all others, by
    /// what was foreseen of their scores. The shipped student takes .4 of the time and loses .013 of nDCG@10 on DL19, .009
    /// on DL20; with --early-margin 3 .6 of the time, and .002 on DL19.
    #[arg(long, value_name = "N")]
    pub early: Option<NonZeroUsize>,
    /// How far below the N-th best a document must be foreseen to be stopped, in standard deviations of what is foreseen
    /// wrongly: more finishes more documents and loses less [default: what `r2r early` chose for the student].
    #[arg(long, value_name = "X", requires = "early", allow_negative_numbers = true)]
    pub early_margin: Option<f32>,
    /// Print JSON instead of a page for people.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub student: StudentArguments,
    #[command(flatten)]
    pub teacher: TeacherArguments,
}

const RERANK_EXAMPLES: &str = "\
Examples:
  r2r rerank --query 'why is the sky blue' --documents docs.jsonl --reasons 3
  r2r rerank --collection data/scifact --run bm25.trec --output student.trec
  r2r rerank --collection data/scifact --run bm25.trec --output student.trec --early 10
  r2r rerank --collection data/scifact --run bm25.trec --output teacher.trec --provider openai --model NAME --dry-run
  r2r evaluate --run teacher.trec student.trec --qrels data/scifact/qrels/test.tsv --baseline student.trec

With --provider the large model itself reranks. Every answer is on disk before it is used: the same command again pays
for nothing twice.";

/// `r2r explain`
#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// The query.
    #[arg(long, value_name = "TEXT")]
    pub query: String,
    /// The documents that were ranked (as for `rerank`).
    #[arg(long, value_name = "FILE")]
    pub documents: PathBuf,
    /// The document that stands above.
    #[arg(long, value_name = "ID")]
    pub above: String,
    /// The document that stands below.
    #[arg(long, value_name = "ID")]
    pub below: String,
    /// Print JSON instead of a page for people.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub student: StudentArguments,
}

/// `r2r convert`
#[derive(Args, Debug)]
pub(crate) struct Convert {
    /// Whose files they are.
    #[arg(long, value_enum)]
    pub from: SourceFormat,
    /// The files.
    #[arg(value_name = "INPUT", required = true)]
    pub inputs: Vec<PathBuf>,
    /// The new BEIR folder: corpus, queries, judgments, and candidates.trec.
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// Print what it holds as JSON.
    #[arg(long)]
    pub json: bool,
}

/// The formats that can be converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SourceFormat {
    /// MS MARCO's files, named collection*, queries*, qrels.SPLIT* and top1000*.
    Msmarco,
    /// RankGPT's queries with hits (JSON).
    Rankgpt,
    /// Requests or results of `rank_llm` (JSONL).
    RankLlm,
    /// BRIGHT's documents and examples (JSONL or parquet).
    Bright,
}

/// `r2r index`
#[derive(Args, Debug)]
pub(crate) struct Index {
    /// BEIR folder.
    #[arg(long, value_name = "DIR")]
    pub collection: PathBuf,
    /// Folder of the new index.
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// Print what was built as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `r2r retrieve`
#[derive(Args, Debug)]
pub(crate) struct Retrieve {
    /// Folder of the index.
    #[arg(long, value_name = "DIR")]
    pub index: PathBuf,
    /// Queries: a BEIR `queries.jsonl`, or a BEIR folder.
    #[arg(long, value_name = "FILE")]
    pub queries: PathBuf,
    /// Only the queries of this split of the BEIR folder.
    #[arg(long, value_name = "NAME")]
    pub split: Option<String>,
    /// Documents for each query.
    #[arg(long, value_name = "N", default_value = "100")]
    pub depth: NonZeroUsize,
    /// Term saturation.
    #[arg(long, default_value_t = 0.9)]
    pub k1: f32,
    /// Length normalization.
    #[arg(long, default_value_t = 0.4)]
    pub b: f32,
    /// Weigh query terms by BM25 as well, as BRIGHT does for its long queries.
    #[arg(long)]
    pub query_side: bool,
    /// Where the run goes (TREC format); `-` is stdout.
    #[arg(long, value_name = "RUN")]
    pub output: PathBuf,
}

/// A recipe with settings on top.
#[derive(Args, Debug)]
pub(crate) struct RecipeArguments {
    /// The recipe (TOML).
    #[arg(value_name = "RECIPE")]
    pub recipe: PathBuf,
    /// Override one setting; may be repeated.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    pub settings: Vec<String>,
}

/// `r2r train`
#[derive(Args, Debug)]
pub(crate) struct Train {
    #[command(flatten)]
    pub recipe: RecipeArguments,
    /// Go on from the last checkpoint.
    #[arg(long)]
    pub resume: bool,
}

/// `r2r distill`
#[derive(Args, Debug)]
pub(crate) struct Distill {
    /// Files of teacher records or judgments (`-` is stdin), or folders that a judge wrote.
    #[arg(long, value_name = "PATH", required = true, num_args = 1..)]
    pub judgments: Vec<PathBuf>,
    /// Learn from records that were made from test queries too, which no figure of the student survives.
    #[arg(long)]
    pub allow_test_sets: bool,
    /// BEIR folders of test sets: examples with one of their queries are removed.
    #[arg(long, value_name = "DIR", num_args = 1..)]
    pub leakage: Vec<PathBuf>,
    /// Share of the queries that is held out for validation, 0 to 0.5.
    #[arg(long, default_value_t = 0.1, allow_negative_numbers = true)]
    pub dev_fraction: f64,
    /// Learn from the teacher's order or from its grades.
    #[arg(long, default_value = "order", value_parser = ["order", "grades"])]
    pub targets: String,
    /// Learn from judgments whose order and grades contradict each other too, which teach noise.
    #[arg(long)]
    pub keep_inconsistent: bool,
    /// Seed of the split.
    #[arg(long, default_value_t = 13)]
    pub seed: u64,
    /// Folder of the new examples.
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// Print the counts as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `r2r evaluate`
#[derive(Args, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line, which is made of words that are there or not"
)]
pub(crate) struct Evaluate {
    /// Runs to measure (TREC format); `-` is stdin.
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    pub run: Vec<PathBuf>,
    /// Relevance judgments: TREC (4 columns) or BEIR (3 columns).
    #[arg(long, value_name = "FILE")]
    pub qrels: PathBuf,
    /// Measures, named as in `ir_measures`: nDCG@10, AP(rel=2)@100, RR, R@100, P@10, Success@5, Bpref, Judged@10.
    #[arg(long, value_delimiter = ',', default_value = "nDCG@10,AP,RR,R@100,P@10", value_name = "NAMES")]
    pub measures: Vec<String>,
    /// Whose rules: 9 (32-bit scores, as all published numbers) or 10 (64-bit scores).
    #[arg(long, value_name = "VERSION", default_value = "9", value_parser = ["9", "10"])]
    pub trec_eval: String,
    /// Leave out queries that a run lacks instead of counting them as 0.
    #[arg(long)]
    pub skip_missing: bool,
    /// Drop documents whose id equals the query's, as BEIR does (ArguAna, Quora).
    #[arg(long)]
    pub ignore_identical_ids: bool,
    /// Drop these documents of each query before anything is measured: a file of BRIGHT's examples (JSONL or parquet).
    #[arg(long, value_name = "FILE")]
    pub exclude: Option<PathBuf>,
    /// Add runs of the first run's documents: in its own order, at random and by the judgments.
    #[arg(long)]
    pub controls: bool,
    /// Compare with this run: differences, p-values (paired randomization, Holm), 95 % intervals.
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Seed of the permutations and resamples.
    #[arg(long, default_value_t = 13)]
    pub seed: u64,
    /// Print every query too.
    #[arg(long)]
    pub per_query: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Write a report for people: one HTML file.
    #[arg(long, value_name = "report.html")]
    pub report: Option<PathBuf>,
    /// BEIR folder with the texts of queries, for the report.
    #[arg(long, value_name = "DIR", requires = "report")]
    pub collection: Option<PathBuf>,
}

/// `r2r inspect`
#[derive(Args, Debug)]
pub(crate) struct Inspect {
    /// An artifact's folder: a stage of a recipe, examples, or a student. Of a judge, running or stopped, its output
    /// or its file of answers.
    pub dir: PathBuf,
    /// Samples to show.
    #[arg(long, default_value_t = 3)]
    pub samples: usize,
    /// Print JSON: the chain of provenance and the report of examples.
    #[arg(long)]
    pub json: bool,
    /// Write the answers that a judge was given as JSON lines: request, answer, thoughts, tokens and cost of each.
    #[arg(long, value_name = "FILE.jsonl")]
    pub export_answers: Option<PathBuf>,
}

/// `r2r export`
#[derive(Args, Debug)]
pub(crate) struct Export {
    /// Folder of the student [default: the shipped one in models/].
    #[arg(long, value_name = "DIR", env = "R2R_STUDENT")]
    pub student: Option<PathBuf>,
    /// Folder of the new cross-encoder.
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
}

/// `r2r precision`
#[derive(Args, Debug)]
pub(crate) struct MeasurePrecision {
    /// Folder of the student; its config.json, provenance.json and README.md are updated.
    #[arg(long, value_name = "DIR")]
    pub student: PathBuf,
    /// Held-out lists: the dev.jsonl that `distill` wrote, or its folder.
    #[arg(long, value_name = "PATH")]
    pub examples: PathBuf,
    /// Threads to use [default: all].
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<NonZeroUsize>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `r2r weigh`
#[derive(Args, Debug)]
pub(crate) struct Weigh {
    #[command(flatten)]
    pub recipe: RecipeArguments,
    /// Folder of the student; its config.json and provenance.json are updated.
    #[arg(long, value_name = "DIR")]
    pub student: PathBuf,
}

/// `r2r early`
#[derive(Args, Debug)]
#[command(after_help = "\
Taken is the least work whose loss of nDCG@10 is below .002 with 95 % confidence, where every larger margin is as good.
Columns: nDCG@10 less that of finishing every document, and its standard error; own order: the same with what finishing
every document ranks best as judgments, which sees the lower half of the best ten as well; finished: documents read to
the end; work: of the encoders.")]
pub(crate) struct Early {
    #[command(flatten)]
    pub recipe: RecipeArguments,
    /// Folder of the student; it gets exits, and its config.json and provenance.json are updated.
    #[arg(long, value_name = "DIR")]
    pub student: PathBuf,
    /// Threads to use [default: all].
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<NonZeroUsize>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `r2r doctor`
#[derive(Args, Debug)]
pub(crate) struct Doctor {
    /// Print JSON instead of a page for people.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub student: StudentArguments,
}
