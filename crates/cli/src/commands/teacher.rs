//! What `judge` and `rerank` share where they ask a large model.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use reason_to_rank::live_teacher::World;
use reason_to_rank::teacher::asking::Estimate;
use reason_to_rank::teacher::clock::Clock;

use crate::args::teacher::TeacherArguments;
use crate::commands::{print, print_json};

struct WallClock;

impl Clock for WallClock {
    fn now_ms(&self) -> u64 {
        now_ms()
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// The environment and the clock; `cancel` ends the asking.
pub(crate) fn world(cancel: Arc<AtomicBool>) -> World {
    World { variable: |name| std::env::var(name).ok(), clock: Arc::new(WallClock), cancel }
}

/// The same for whoever is asked with these words. An estimate sends nothing, so it needs no key.
pub(crate) fn world_for(arguments: &TeacherArguments, cancel: Arc<AtomicBool>) -> World {
    let mut world = world(cancel);
    if arguments.dry_run {
        world.variable = |name| std::env::var(name).ok().or_else(|| Some("none".to_owned()));
    }
    world
}

/// Where the answers about single lists are kept when nobody says where: with the user's other data.
pub(crate) fn answers_of_the_user() -> Result<PathBuf> {
    let data = std::env::var_os("XDG_DATA_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let data = data.or_else(|| Some(std::env::home_dir()?.join(".local/share")));
    match data {
        Some(data) => Ok(data.join("r2r/answers.db")),
        None => bail!("there is no home folder to keep paid answers in: name a file with --answers FILE"),
    }
}

/// What is said where asking fails: the answers that were paid are not lost.
pub(crate) fn kept_in(answers: &Path) -> String {
    format!("answers are kept in {}; the same command goes on", answers.display())
}

/// Prints what asking would take.
pub(crate) fn print_estimate(estimate: &Estimate, as_json: bool) -> Result<()> {
    if as_json { print_json(estimate) } else { print(&in_words(estimate)) }
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
