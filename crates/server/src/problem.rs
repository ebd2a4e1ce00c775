//! Why a request is not answered; each dialect says it in its own shape.

use std::time::Duration;

use axum::http::StatusCode;

use crate::compute::admission::Full;
use crate::compute::task::Failed;

/// Why a request is not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    /// The body is no JSON object.
    #[error("{0}")]
    NotJson(String),
    /// A field is absent or has a value that cannot be used.
    #[error("{message}")]
    Invalid {
        /// What is wrong, with the value at hand.
        message: String,
        /// The field; `None` where no single one is at fault.
        param: Option<&'static str>,
    },
    /// There is nothing to rank.
    #[error("`{field}` cannot be empty")]
    Empty {
        /// The field that is an empty list.
        field: &'static str,
    },
    /// More documents than a request may have.
    #[error("batch size {given} > maximum allowed batch size {max}: send fewer documents, or raise --max-documents")]
    TooMany {
        /// Documents in the request.
        given: usize,
        /// Documents that are allowed.
        max: usize,
    },
    /// A text is longer than the student reads, and the client does not want it to be cut.
    #[error("{message}")]
    TooLong {
        /// Which text, and how long it may be.
        message: String,
    },
    /// The body is larger than allowed.
    #[error(
        "the body is larger than {max} bytes: send fewer documents, or raise --max-body-bytes (and --max-pending-bytes where that is less)"
    )]
    BodyTooLarge {
        /// Bytes that are allowed.
        max: usize,
    },
    /// The client sends too slowly, or went away in the middle.
    #[error("the body did not arrive within {} seconds", within.as_secs_f64())]
    SlowBody {
        /// How long the server waits.
        within: Duration,
    },
    /// The key is absent or wrong.
    #[error("no valid key: send Authorization: Bearer KEY")]
    Unauthorized,
    /// There is no such thing here.
    #[error("{0}")]
    NotFound(String),
    /// The path answers to another method.
    #[error("this path does not answer to {0}")]
    Method(String),
    /// The queue is full.
    #[error("the server is busy: try again in {} s", .0.retry_after)]
    Full(Full),
    /// It could not be done in time.
    #[error("not done within the deadline of {} seconds: send fewer documents at once", deadline.as_secs_f64())]
    Late {
        /// The deadline.
        deadline: Duration,
    },
    /// The student is being loaded.
    #[error("the student is being loaded: try again in a second")]
    Loading,
    /// The server was told to stop.
    #[error("the server is stopping")]
    Stopping,
    /// A failure of ours.
    #[error(transparent)]
    Failed(#[from] Failed),
}

impl Problem {
    /// A value of a field that cannot be used.
    pub(crate) fn invalid(param: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { message: message.into(), param: Some(param) }
    }

    /// The status code, with those of a dialect for values that cannot be used and for a full queue.
    pub(crate) fn status(&self, invalid: StatusCode, full: StatusCode) -> StatusCode {
        match self {
            Self::NotJson(_) => StatusCode::BAD_REQUEST,
            Self::Invalid { .. } | Self::Empty { .. } | Self::TooMany { .. } | Self::TooLong { .. } => invalid,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::SlowBody { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Full(_) => full,
            Self::Late { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::Loading | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Its kind, for the log: what it says in words may quote a document.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::NotJson(_) => "not-json",
            Self::Invalid { .. } => "invalid",
            Self::Empty { .. } => "empty",
            Self::TooMany { .. } => "too-many",
            Self::TooLong { .. } => "too-long",
            Self::BodyTooLarge { .. } => "body-too-large",
            Self::SlowBody { .. } => "slow-body",
            Self::Unauthorized => "unauthorized",
            Self::NotFound(_) => "not-found",
            Self::Method(_) => "method",
            Self::Full(_) => "full",
            Self::Late { .. } => "late",
            Self::Loading => "loading",
            Self::Stopping => "stopping",
            Self::Failed(_) => "failed",
        }
    }

    /// After how many seconds it is worth trying again; `None` where the request itself is at fault.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Full(full) => Some(full.retry_after),
            Self::Loading | Self::Stopping => Some(1),
            Self::NotJson(_)
            | Self::Invalid { .. }
            | Self::Empty { .. }
            | Self::TooMany { .. }
            | Self::TooLong { .. }
            | Self::BodyTooLarge { .. }
            | Self::SlowBody { .. }
            | Self::Unauthorized
            | Self::NotFound(_)
            | Self::Method(_)
            | Self::Late { .. }
            | Self::Failed(_) => None,
        }
    }

    /// The field at fault, where it is a single one.
    pub(crate) fn param(&self) -> Option<&'static str> {
        match self {
            Self::Invalid { param, .. } => *param,
            Self::Empty { field } => Some(field),
            Self::TooLong { .. } => Some("input_tokens"),
            Self::TooMany { .. } => Some("documents"),
            Self::NotJson(_)
            | Self::BodyTooLarge { .. }
            | Self::SlowBody { .. }
            | Self::Unauthorized
            | Self::NotFound(_)
            | Self::Method(_)
            | Self::Full(_)
            | Self::Late { .. }
            | Self::Loading
            | Self::Stopping
            | Self::Failed(_) => None,
        }
    }
}
