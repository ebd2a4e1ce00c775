//! What `/metrics` counts.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::compute::admission::Load;
use crate::compute::task::Timing;

/// The content type of [`Metrics::text`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Counters and histograms of a server.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    stages: Family<StageLabels, Histogram>,
    abandoned: Counter,
    documents: Counter,
    reasons: Counter,
    reasons_failed: Counter,
    batch_tokens: Histogram,
    queue_requests: Gauge,
    queue_tokens: Gauge,
    tokens_per_second: Gauge,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RequestLabels {
    /// The route, not what was typed.
    pub(crate) path: String,
    /// The status code.
    pub(crate) status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabels {
    stage: &'static str,
}

/// A stage of a request's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// From the request's last byte until its first document is computed.
    Queue,
    /// Texts turned into word pieces.
    Tokenization,
    /// Scoring, in batches with others.
    Inference,
    /// A document's reasons, evidence and receipts.
    Reasons,
    /// From the head of a request that ranks, scores or explains to the head of its answer.
    Total,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Tokenization => "tokenization",
            Self::Inference => "inference",
            Self::Reasons => "reasons",
            Self::Total => "total",
        }
    }
}

impl Metrics {
    /// Nothing counted yet.
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("r2r");
        let requests = Family::default();
        registry.register("requests", "Requests by route and status", requests.clone());
        // 1 ms to about a minute, a factor of 2 apart.
        let stages: Family<StageLabels, Histogram> =
            Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 2.0, 17)));
        registry.register_with_unit("stage_duration", "Time by stage", Unit::Seconds, stages.clone());
        let abandoned = Counter::default();
        registry.register(
            "abandoned",
            "Requests whose client went away before the end of the answer",
            abandoned.clone(),
        );
        let documents = Counter::default();
        registry.register("documents", "Documents scored", documents.clone());
        let reasons = Counter::default();
        registry.register("reasons", "Documents explained", reasons.clone());
        let reasons_failed = Counter::default();
        registry.register("reasons_failed", "Documents whose reasons could not be written", reasons_failed.clone());
        let batch_tokens = Histogram::new(exponential_buckets(64.0, 2.0, 10));
        registry.register("batch_tokens", "Tokens computed together, estimated", batch_tokens.clone());
        let queue_requests = Gauge::default();
        registry.register("queue_requests", "Requests in work or waiting", queue_requests.clone());
        let queue_tokens = Gauge::default();
        registry.register("queue_tokens", "Tokens in work or waiting, estimated", queue_tokens.clone());
        let tokens_per_second = Gauge::default();
        registry.register("tokens_per_second", "Speed of late, in estimated tokens", tokens_per_second.clone());
        Self {
            registry,
            requests,
            stages,
            abandoned,
            documents,
            reasons,
            reasons_failed,
            batch_tokens,
            queue_requests,
            queue_tokens,
            tokens_per_second,
        }
    }

    /// A request was answered.
    pub(crate) fn answered(&self, path: &str, status: u16) {
        self.requests.get_or_create(&RequestLabels { path: path.to_owned(), status }).inc();
    }

    /// A request about documents took so long.
    pub(crate) fn took(&self, total: Duration) {
        self.stage(Stage::Total, total);
    }

    /// A client went away before its answer, or in the middle of a stream.
    pub(crate) fn gone(&self) {
        self.abandoned.inc();
    }

    /// A request's documents were scored.
    pub(crate) fn scored(&self, timing: Timing) {
        self.stage(Stage::Queue, timing.queued);
        self.stage(Stage::Tokenization, timing.tokenized);
        self.stage(Stage::Inference, timing.inferred);
    }

    /// A stage of a request took so long.
    fn stage(&self, stage: Stage, took: Duration) {
        self.stages.get_or_create(&StageLabels { stage: stage.name() }).observe(took.as_secs_f64());
    }

    /// A batch was scored.
    pub(crate) fn batch(&self, tokens: usize, documents: usize) {
        self.documents.inc_by(documents as u64);
        self.batch_tokens.observe(tokens as f64);
    }

    /// Documents were explained in one step.
    pub(crate) fn explained(&self, documents: usize, took: Duration) {
        self.reasons.inc_by(documents as u64);
        self.stage(Stage::Reasons, took);
    }

    /// Documents could not be explained.
    pub(crate) fn unexplained(&self, documents: usize) {
        self.reasons_failed.inc_by(documents as u64);
    }

    /// The text that Prometheus reads; `load` is that of now.
    pub(crate) fn text(&self, load: Option<Load>) -> Result<String, fmt::Error> {
        if let Some(load) = load {
            self.queue_requests.set(load.requests as i64);
            self.queue_tokens.set(load.tokens as i64);
            self.tokens_per_second.set(load.speed as i64);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_told() {
        let metrics = Metrics::new();
        metrics.answered("/rerank", 200);
        metrics.took(Duration::from_millis(3));
        metrics.batch(1000, 12);
        let text = metrics.text(Some(Load { requests: 2, tokens: 500, speed: 17_000.0 })).unwrap();
        for line in [
            "r2r_requests_total{path=\"/rerank\",status=\"200\"} 1",
            "r2r_documents_total 12",
            "r2r_queue_tokens 500",
            "r2r_stage_duration_seconds_count{stage=\"total\"} 1",
            "# EOF",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
