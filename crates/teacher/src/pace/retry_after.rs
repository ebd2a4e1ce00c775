//! How long a provider asks to wait.

use std::time::{Duration, UNIX_EPOCH};

use reqwest::header::HeaderMap;

/// `retry-after-ms`, or `retry-after` as seconds or as an HTTP date.
pub fn retry_after(headers: &HeaderMap, now_ms: u64) -> Option<Duration> {
    let read = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).ok();
    if let Some(milliseconds) = read("retry-after-ms").and_then(|text| text.parse::<f64>().ok()) {
        return seconds(milliseconds / 1000.0);
    }
    let text = read("retry-after")?;
    if let Ok(number) = text.parse::<f64>() {
        return seconds(number);
    }
    let at = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(at.saturating_sub(Duration::from_millis(now_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &'static str, value: &'static str, expected_ms: Option<u128>) {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        // 2026-11-25T03:04:05Z
        let after = retry_after(&headers, 1_795_575_845_000);
        assert_eq!(after.map(|duration| duration.as_millis()), expected_ms, "{name}: {value}");
    }

    #[test]
    fn every_form_of_retry_after_is_read() {
        check("retry-after", "7", Some(7000));
        check("retry-after", "0.5", Some(500));
        check("retry-after-ms", "120", Some(120));
        check("retry-after", "Wed, 25 Nov 2026 03:04:15 GMT", Some(10_000));
        check("retry-after", "Wed, 25 Nov 2026 03:04:00 GMT", Some(0));
        check("retry-after", "-3", None);
        check("retry-after", "NaN", None);
        check("retry-after", "later", None);
    }
}
