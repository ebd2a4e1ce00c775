//! What a server is told when it starts.

use std::time::Duration;

/// Who may ask, and how much is taken on. It cannot be printed, since keys are in it.
#[derive(Clone, Default)]
pub struct ServerConfig {
    /// Keys that clients send as `Authorization: Bearer KEY`; any one of them will do, and none is asked for where the
    /// list is empty.
    pub keys: Vec<String>,
    /// Origins of web pages elsewhere that may call this server (`https://example.org`, or `*`); none where empty.
    pub cors_origins: Vec<String>,
    /// What is taken on.
    pub limits: Limits,
}

/// How much is taken on, and for how long.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a request's body; more than `max_pending_bytes` are never taken.
    pub max_body_bytes: usize,
    /// Documents of a request.
    pub max_documents: usize,
    /// Unicode code points of a document, and of a query.
    pub max_document_chars: usize,
    /// Requests that may be in work or waiting.
    pub max_queue_requests: usize,
    /// Word pieces, of query and document together, that may be in work or waiting.
    pub max_queue_tokens: usize,
    /// Bytes of the bodies of all requests, and of the texts that searches found, until their answers are sent.
    pub max_pending_bytes: usize,
    /// Word pieces that are computed together; 1,024 for each thread where `None`.
    pub max_batch_tokens: Option<usize>,
    /// How long a request may take from its last byte to its answer.
    pub deadline: Duration,
    /// How long a client may take to begin, to send a request's body, and may leave its answer unread.
    pub read_timeout: Duration,
    /// How long a connection may go without a whole head of its next request, and how long an answer that is ready may at
    /// least take to be read. Longer than load balancers keep theirs, which would else send requests into closing ones.
    pub idle_timeout: Duration,
    /// Connections at once.
    pub max_connections: usize,
    /// How long the server goes on after it was told to stop, while it says at `/health` that it stops: until load
    /// balancers have noticed.
    pub drain: Duration,
    /// How long accepted requests may go on after that.
    pub shutdown_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_bytes: 32 << 20,
            max_documents: 5000,
            max_document_chars: 1_000_000,
            max_queue_requests: 512,
            max_queue_tokens: 2_000_000,
            max_pending_bytes: 256 << 20,
            max_batch_tokens: None,
            deadline: Duration::from_mins(1),
            read_timeout: Duration::from_secs(20),
            idle_timeout: Duration::from_secs(75),
            max_connections: 2048,
            drain: Duration::ZERO,
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}
