//! The words of `r2r serve` and `r2r mcp`.

use std::fmt;
use std::net::IpAddr;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::args::StudentArguments;

/// `r2r serve`
#[derive(Args, Debug)]
#[command(after_help = SERVE_EXAMPLES)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub student: StudentArguments,
    /// An index of `r2r index`, for POST /v1/search.
    #[arg(long, value_name = "DIR")]
    pub index: Option<PathBuf>,
    /// The address to listen at; 0.0.0.0 is every one of this machine.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// The port; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    pub port: u16,
    /// A key that clients must send (`Authorization: Bearer KEY`); may be repeated. Others see the words of a command:
    /// better is the variable `R2R_API_KEY`, with a comma between keys [default: no key is asked for].
    #[arg(long = "api-key", value_name = "KEY", env = "R2R_API_KEY", value_delimiter = ',', hide_env_values = true)]
    pub api_keys: Vec<ApiKey>,
    /// An origin whose web pages may call this server, such as `https://example.org`, or `*`; may be repeated
    /// [default: none].
    #[arg(long = "cors-origin", value_name = "ORIGIN")]
    pub cors_origins: Vec<String>,
    #[command(flatten)]
    pub limits: LimitArguments,
    /// How the log, on standard error, is written.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// What is logged: error, warn, info (each request) or debug.
    #[arg(long, value_name = "LEVEL", default_value = "info", value_parser = ["off", "error", "warn", "info", "debug"])]
    pub log_level: String,
}

/// A key, which is never printed.
#[derive(Clone)]
pub(crate) struct ApiKey(pub String);

impl From<String> for ApiKey {
    fn from(key: String) -> Self {
        Self(key)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey")
    }
}

/// How much a server takes on.
#[derive(Args, Debug)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArguments {
    /// Documents of a request.
    #[arg(long, value_name = "N", default_value = "5000")]
    pub max_documents: NonZeroUsize,
    /// Bytes of a request.
    #[arg(long, value_name = "N", default_value = "33554432")]
    pub max_body_bytes: NonZeroUsize,
    /// Characters of a document.
    #[arg(long, value_name = "N", default_value = "1000000")]
    pub max_document_chars: NonZeroUsize,
    /// Requests in work or waiting; others are refused at once.
    #[arg(long, value_name = "N", default_value = "512")]
    pub max_queue_requests: NonZeroUsize,
    /// Tokens in work or waiting. Requests that could not be done within the deadline are refused whatever this says.
    #[arg(long, value_name = "N", default_value = "2000000")]
    pub max_queue_tokens: NonZeroUsize,
    /// Bytes of all requests in memory.
    #[arg(long, value_name = "N", default_value = "268435456")]
    pub max_pending_bytes: NonZeroUsize,
    /// Tokens computed together: more is a little faster, fewer lets small requests in sooner [default: 1024 a thread].
    #[arg(long, value_name = "N")]
    pub max_batch_tokens: Option<NonZeroUsize>,
    /// Seconds that a request may take.
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    pub deadline: NonZeroU64,
    /// Seconds that a client may take to begin, to send a request's body, and may leave its answer unread.
    #[arg(long, value_name = "SECONDS", default_value = "20")]
    pub read_timeout: NonZeroU64,
    /// Seconds that a connection may wait for its next request, and that an answer may at least take to be read; more than
    /// load balancers keep theirs.
    #[arg(long, value_name = "SECONDS", default_value = "75")]
    pub idle_timeout: NonZeroU64,
    /// Connections at once.
    #[arg(long, value_name = "N", default_value = "2048")]
    pub max_connections: NonZeroUsize,
    /// Seconds that the server goes on after SIGTERM or Ctrl-C, with 503 at /health, before the port closes: as long as a
    /// load balancer takes to notice.
    #[arg(long, value_name = "SECONDS", default_value = "0")]
    pub drain: u64,
    /// Seconds that accepted requests may still take after that.
    #[arg(long, value_name = "SECONDS", default_value = "30")]
    pub shutdown_timeout: NonZeroU64,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

const SERVE_EXAMPLES: &str = "\
Examples:
  r2r serve                                     then open http://127.0.0.1:8080/
  r2r serve --index index --host 0.0.0.0 --port 9000 --log-format json
  curl http://127.0.0.1:8080/v1/rerank -H 'content-type: application/json' \\
      -d '{\"query\": \"why is the sky blue\", \"documents\": [\"Air scatters blue light.\", \"Bread.\"], \"explain\": true}'

Clients of Cohere, Jina, Voyage, vLLM, Infinity, llama.cpp and text-embeddings-inference work as they are: only their
address changes. http://127.0.0.1:8080/docs tells what is answered.";

/// `r2r mcp`
#[derive(Args, Debug)]
pub(crate) struct Mcp {
    #[command(flatten)]
    pub student: StudentArguments,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::args::Arguments;

    #[test]
    fn keys_are_not_printed_with_the_other_words() {
        let arguments =
            Arguments::try_parse_from(["r2r", "serve", "--api-key", "hidden-one,hidden-two", "--port", "81"]).unwrap();
        let printed = format!("{arguments:?}");
        assert!(printed.contains("81") && !printed.contains("hidden"), "{printed}");
    }
}
