//! `r2r`: rerank with a small student that says why, and everything it takes to make one.

mod args;
mod commands;
mod progress;
mod student_folder;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Arguments, Command};

// Training frees and takes the same large tensors at every step; this allocator keeps their pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help goes to standard output and is a success; a wrong word is the user's mistake.
            let _ = error.print();
            return ExitCode::from(u8::from(error.use_stderr()));
        }
    };
    // A panic has printed what it is; it is our failure, as every other one inside.
    let Ok(result) = std::panic::catch_unwind(|| run(&arguments.command)) else { return ExitCode::from(2) };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if is_closed_pipe(&error) {
                return ExitCode::SUCCESS;
            }
            terminal::complain(&error);
            // 1 is the user's mistake, 2 is ours: what failed inside, with inputs that were fine.
            ExitCode::from(if commands::is_ours(&error) { 2 } else { 1 })
        }
    }
}

fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Rerank(options) => commands::rerank::run(options),
        Command::Explain(options) => commands::explain::run(options),
        Command::Convert(options) => commands::convert::run(options),
        Command::Index(options) => commands::index::run(options),
        Command::Retrieve(options) => commands::retrieve::run(options),
        Command::Judge(options) => commands::judge::run(options),
        Command::Distill(options) => commands::distill::run(options),
        Command::Train(options) => commands::train::run(options),
        Command::Evaluate(options) => commands::evaluate::run(options),
        Command::Reproduce(options) => commands::reproduce::run(options),
        Command::Inspect(options) => commands::inspect::run(options),
        Command::Export(options) => commands::export::run(options),
        Command::Precision(options) => commands::precision::run(options),
        Command::Weigh(options) => commands::weigh::run(options),
        Command::Early(options) => commands::early::run(options),
        Command::Serve(options) => commands::serve::run(options),
        Command::Mcp(options) => commands::mcp::run(options),
        Command::Doctor(options) => commands::doctor::run(options),
    }
}

/// Whether the reader of our output went away (`r2r ... | head`), which is no error.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}
