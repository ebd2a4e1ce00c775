//! The only place that touches the network.

use std::error::Error as _;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, RequestBuilder, Response};

use crate::clients::endpoint::Endpoint;
use crate::clients::trouble::Trouble;
use crate::clients::{Body, Method, Outgoing};

/// How long to wait for the network, and how much to take from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportConfig {
    /// The longest a connection may take.
    pub connect_timeout: Duration,
    /// The longest a whole request may take: thinking models are slow.
    pub timeout: Duration,
    /// The largest body of an answer, in bytes.
    pub max_answer_bytes: usize,
    /// The largest file of results of a batch, in bytes.
    pub max_results_bytes: usize,
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(20),
            timeout: Duration::from_mins(10),
            max_answer_bytes: 8 << 20,
            max_results_bytes: 512 << 20,
        }
    }
}

/// What came back.
pub(crate) struct Received {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Sends requests to one endpoint.
pub(crate) struct Transport {
    client: Client,
    endpoint: Endpoint,
}

impl Transport {
    pub(crate) fn new(endpoint: Endpoint, config: &TransportConfig) -> Result<Self, Trouble> {
        // A redirected POST would become a GET, and its key would go elsewhere.
        let builder = Client::builder()
            .connect_timeout(config.connect_timeout)
            .timeout(config.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("reason-to-rank/", env!("CARGO_PKG_VERSION")));
        let advice = "check the certificates and proxies of this machine";
        let stop = |error: reqwest::Error| Trouble::Stop { what: because(&error), advice: advice.to_owned() };
        Ok(Self { client: builder.build().map_err(stop)?, endpoint })
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) async fn send(&self, outgoing: Outgoing, max_bytes: usize) -> Result<Received, Trouble> {
        let mut request = match outgoing.method {
            Method::Get => self.client.get(&outgoing.url),
            Method::Post => self.client.post(&outgoing.url),
        };
        for (name, value) in self.endpoint.headers() {
            request = request.header(name, value);
        }
        if let Some(key) = &outgoing.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        let response = with_body(request, outgoing.body)?.send().await.map_err(|error| broken(&error))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = read(response, max_bytes).await?;
        Ok(Received { status, headers, body })
    }
}

fn with_body(request: RequestBuilder, body: Body) -> Result<RequestBuilder, Trouble> {
    Ok(match body {
        Body::Empty => request,
        Body::Json(value) => request.header("content-type", "application/json").body(value.to_string()),
        Body::File { name, bytes } => {
            let part = Part::bytes(bytes).file_name(name).mime_str("application/jsonl");
            let part = part.map_err(|error| Trouble::Refused(because(&error)))?;
            request.multipart(Form::new().text("purpose", "batch").part("file", part))
        }
    })
}

async fn read(mut response: Response, max_bytes: usize) -> Result<Vec<u8>, Trouble> {
    let too_large = || Trouble::Malformed(format!("an answer of more than {max_bytes} bytes"));
    if response.content_length().is_some_and(|length| length > max_bytes as u64) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
        if body.len() + chunk.len() > max_bytes {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A request that never reached the server was not paid; of one that broke later nobody knows.
fn broken(error: &reqwest::Error) -> Trouble {
    if error.is_builder() {
        let advice = "check the base URL and the key: a header or address cannot be written";
        return Trouble::Stop { what: because(error), advice: advice.to_owned() };
    }
    let (kind, perhaps_paid) = match error {
        error if error.is_connect() => ("no connection", false),
        error if error.is_timeout() => ("timed out", true),
        _ => ("cut off", true),
    };
    Trouble::line(kind, because(error), perhaps_paid)
}

/// The error with its causes; addresses are left out, since some servers want keys in them.
fn because(error: &reqwest::Error) -> String {
    let mut text = String::from("the request failed");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
