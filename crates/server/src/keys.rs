//! Who may ask: bearer keys, compared in constant time.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The keys of a server, as digests: the time of a comparison does not tell them, and nothing can print them.
pub(crate) struct Keys {
    digests: Vec<[u8; 32]>,
}

impl Keys {
    /// Keys of which any one will do; without any, everyone may ask. What stands around a key is no part of it: variables
    /// have a space behind a comma, files of secrets a line end.
    pub(crate) fn new(keys: &[String]) -> Self {
        Self { digests: keys.iter().map(|key| digest(key.trim_ascii().as_bytes())).collect() }
    }

    /// Whether these headers carry a key, or none is asked for.
    pub(crate) fn allow(&self, headers: &HeaderMap) -> bool {
        if self.digests.is_empty() {
            return true;
        }
        let Some(given) = headers.get(AUTHORIZATION).and_then(|value| bearer(value.as_bytes())) else { return false };
        let given = digest(given);
        // Every key is compared, whether one was found or not.
        let found = self.digests.iter().fold(Choice::from(0), |found, key| found | key.ct_eq(&given));
        found.into()
    }
}

fn digest(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// The key in `Bearer KEY`, whatever the case of the first word.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| key.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_key_opens_and_nothing_else() {
        let keys = Keys::new(&["first-key".to_owned(), " second\n".to_owned()]);
        let allow = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().unwrap());
            keys.allow(&headers)
        };
        assert!(allow("Bearer first-key") && allow("bearer second") && allow("BEARER  second "));
        for wrong in ["Bearer first", "Bearer ", "first-key", "Basic first-key", "Bearer first-key2", ""] {
            assert!(!allow(wrong), "{wrong}");
        }
        assert!(!keys.allow(&HeaderMap::new()));
        assert!(Keys::new(&[]).allow(&HeaderMap::new()));
    }
}
