//! `r2r serve`: answers over HTTP until it is told to stop.

use std::net::SocketAddr;
use std::num::{NonZeroU64, NonZeroUsize};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Result, bail};
use r2r_server::config::{Limits, ServerConfig};
use r2r_server::run::{Serving, serve};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::filter::LevelFilter;

use crate::args::serve::{ApiKey, LimitArguments, LogFormat, Serve};
use crate::commands::rerank::student_options;
use crate::student_folder;

/// Serves until SIGTERM or Ctrl-C.
pub(crate) fn run(options: &Serve) -> Result<()> {
    if options.api_keys.iter().any(|ApiKey(key)| key.trim().is_empty()) {
        bail!(
            "an --api-key (or R2R_API_KEY, or what stands beside a comma of it) is empty, and anyone could send that; leave it out, or give a key"
        );
    }
    if let Some(origin) = options.cors_origins.iter().find(|origin| !is_origin(origin)) {
        bail!("--cors-origin {origin} is no origin: give * or scheme and host, such as https://example.org");
    }
    let _log = write_log(options.log_format, LevelFilter::from_str(&options.log_level)?);
    let serving = Serving {
        student: student_folder::choose(options.student.student.as_deref())?,
        options: student_options(&options.student),
        index: options.index.clone(),
    };
    let config = ServerConfig {
        keys: options.api_keys.iter().map(|ApiKey(key)| key.clone()).collect(),
        cors_origins: options.cors_origins.clone(),
        limits: limits(&options.limits),
    };
    let listening = |address: SocketAddr| anstream::eprintln!("listening at http://{address}/ (Ctrl-C stops)");
    serve(SocketAddr::new(options.host, options.port), config, serving, listening)?;
    Ok(())
}

/// Whether browsers could call a page's origin that: scheme, host, and a port where it has one.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    text == "*" || host.is_some_and(|host| !host.is_empty() && host.bytes().all(|b| b.is_ascii_graphic() && b != b'/'))
}

/// Sends the log to standard error, as long as what is returned lives. A reader that does not keep up loses lines and
/// holds nobody up.
fn write_log(format: LogFormat, level: LevelFilter) -> WorkerGuard {
    let (writer, guard) = tracing_appender::non_blocking(std::io::stderr());
    let log = tracing_subscriber::fmt().with_max_level(level).with_writer(writer).with_target(false);
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    guard
}

fn limits(arguments: &LimitArguments) -> Limits {
    // Every one is named, so that none is forgotten.
    let LimitArguments {
        max_documents,
        max_body_bytes,
        max_document_chars,
        max_queue_requests,
        max_queue_tokens,
        max_pending_bytes,
        max_batch_tokens,
        deadline,
        read_timeout,
        idle_timeout,
        max_connections,
        drain,
        shutdown_timeout,
    } = arguments;
    let seconds = |seconds: &NonZeroU64| Duration::from_secs(seconds.get());
    Limits {
        max_body_bytes: max_body_bytes.get(),
        max_documents: max_documents.get(),
        max_document_chars: max_document_chars.get(),
        max_queue_requests: max_queue_requests.get(),
        max_queue_tokens: max_queue_tokens.get(),
        max_pending_bytes: max_pending_bytes.get(),
        max_batch_tokens: max_batch_tokens.map(NonZeroUsize::get),
        deadline: seconds(deadline),
        read_timeout: seconds(read_timeout),
        idle_timeout: seconds(idle_timeout),
        max_connections: max_connections.get(),
        drain: Duration::from_secs(*drain),
        shutdown_timeout: seconds(shutdown_timeout),
    }
}
