//! Who is asked, and where.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Who serves the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provider {
    /// `OpenAI` itself.
    OpenAi,
    /// Any server that speaks `OpenAI`'s chat completions: vLLM, `SGLang`, llama.cpp, Ollama, `OpenRouter`, `LiteLLM`.
    Compatible,
    /// Anthropic's messages.
    Anthropic,
    /// Google's generateContent.
    Gemini,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::OpenAi, Self::Compatible, Self::Anthropic, Self::Gemini];

    /// The name, as written in recipes and in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Compatible => "compatible",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }

    /// The environment variable in which the key is usually found; the caller reads it.
    pub fn key_variable(self) -> &'static str {
        match self {
            Self::OpenAi | Self::Compatible => "OPENAI_API_KEY",
            Self::Anthropic => "ANTHROPIC_API_KEY",
            Self::Gemini => "GEMINI_API_KEY",
        }
    }
}

impl FromStr for Provider {
    type Err = EndpointError;

    fn from_str(name: &str) -> Result<Self, EndpointError> {
        let known = Self::ALL.into_iter().find(|provider| provider.name() == name);
        known.ok_or_else(|| EndpointError::UnknownProvider(name.to_owned()))
    }
}

/// A key; it never shows itself.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// A key without the white space around it.
    pub fn new(key: &str) -> Self {
        Self(key.trim().to_owned())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey(...)")
    }
}

/// Anthropic's API version that is asked for where the caller names none: it takes sampling parameters, newer ones refuse them.
pub const ANTHROPIC_VERSION: &str = "2023-06-01";

/// Who is asked, where, and with which key. The base URL ends before `/chat/completions`, `/v1/messages` or `/models`,
/// and never in a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Who serves the model.
    pub provider: Provider,
    /// The key; local servers need none.
    pub key: Option<ApiKey>,
    /// Anthropic's API version.
    pub anthropic_version: String,
    /// `OpenAI`'s organization, where an account has several.
    pub organization: Option<String>,
    /// `OpenAI`'s project, where an account has several.
    pub project: Option<String>,
    base_url: String,
}

/// An endpoint that cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EndpointError {
    /// No such provider.
    #[error("there is no provider {0:?}: use openai, compatible, anthropic or gemini")]
    UnknownProvider(String),
    /// A compatible server needs its address.
    #[error("provider compatible needs a base URL (--base-url), such as http://localhost:8000/v1")]
    NoBaseUrl,
    /// Not an address.
    #[error("{0:?} is no base URL: it begins with http:// or https://, such as http://localhost:8000/v1")]
    BadBaseUrl(String),
    /// The provider's own service needs a key.
    #[error("{provider} needs a key: set {variable}", provider = .0.name(), variable = .0.key_variable())]
    NoKey(Provider),
}

impl Endpoint {
    /// The provider at its own address, or at another that speaks its language. A base URL with or without `/v1` will do.
    pub fn new(provider: Provider, base_url: Option<&str>, key: Option<ApiKey>) -> Result<Self, EndpointError> {
        let key = key.filter(|key| !key.reveal().is_empty());
        let own = match provider {
            Provider::OpenAi => "https://api.openai.com/v1",
            Provider::Anthropic => "https://api.anthropic.com",
            Provider::Gemini => "https://generativelanguage.googleapis.com/v1beta",
            Provider::Compatible => base_url.ok_or(EndpointError::NoBaseUrl)?,
        };
        if base_url.is_none() && key.is_none() {
            return Err(EndpointError::NoKey(provider));
        }
        let given = base_url.unwrap_or(own).trim().trim_end_matches('/');
        let host = given.strip_prefix("https://").or_else(|| given.strip_prefix("http://"));
        let host = host.filter(|host| !host.is_empty() && !host.contains([' ', '?', '#']));
        let host = host.ok_or_else(|| EndpointError::BadBaseUrl(given.to_owned()))?;
        let bare = !host.contains('/');
        let base_url = match provider {
            Provider::OpenAi | Provider::Compatible if bare => format!("{given}/v1"),
            Provider::Gemini if bare => format!("{given}/v1beta"),
            Provider::Anthropic => given.strip_suffix("/v1").unwrap_or(given).to_owned(),
            Provider::OpenAi | Provider::Compatible | Provider::Gemini => given.to_owned(),
        };
        let anthropic_version = ANTHROPIC_VERSION.to_owned();
        Ok(Self { provider, key, anthropic_version, organization: None, project: None, base_url })
    }

    /// The base URL as it is asked: part of the key of every answer.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The headers that say who asks.
    pub(crate) fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        let key = self.key.as_ref().map(ApiKey::reveal);
        match self.provider {
            Provider::OpenAi | Provider::Compatible => {
                headers.extend(key.map(|key| ("authorization", format!("Bearer {key}"))));
                headers.extend(self.organization.clone().map(|name| ("openai-organization", name)));
                headers.extend(self.project.clone().map(|name| ("openai-project", name)));
            }
            Provider::Anthropic => {
                headers.push(("anthropic-version", self.anthropic_version.clone()));
                headers.extend(key.map(|key| ("x-api-key", key.to_owned())));
            }
            Provider::Gemini => headers.extend(key.map(|key| ("x-goog-api-key", key.to_owned()))),
        }
        headers
    }
}
