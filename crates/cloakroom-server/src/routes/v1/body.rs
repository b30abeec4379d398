use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::object::Object;
use super::problem::ApiError;

/// Largest body, in bytes: all that a session may hold, and more.
pub(super) const MOST_BYTES: usize = 128 * 1024;
/// How deep arrays and objects may be nested.
pub(super) const MOST_DEEP: usize = 64;
/// How long a body may take to arrive.
const LONGEST: Duration = Duration::from_secs(20);

/// A JSON body: of this media type, bounded in size, time and depth, without unknown members.
pub(super) struct Body<T> {
    pub(super) value: T,
    /// As it was sent.
    pub(super) raw: Bytes,
}

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(json_required());
        }
        let raw = whole(request).await?;
        let Object(value) = parse(&raw)?;
        Ok(Self { value, raw })
    }
}

/// As [`Body`], for calls whose body may be left out or null.
pub(super) struct OptionalBody<T>(pub(super) T);

impl<T: DeserializeOwned + Default, S: Sync> FromRequest<S> for OptionalBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        let is_json = is_json(request.headers());
        let raw = whole(request).await?;
        match raw.is_empty() {
            true => Ok(Self(T::default())),
            false if is_json => Ok(Self(parse::<Option<Object<T>>>(&raw)?.unwrap_or_default().0)),
            false => Err(json_required()),
        }
    }
}

fn json_required() -> ApiError {
    let detail = "Send the body as Content-Type: application/json.";
    ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "json-required", detail)
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

async fn whole(request: Request) -> Result<Bytes, ApiError> {
    match timeout(LONGEST, to_bytes(request.into_body(), MOST_BYTES)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        // Larger than the most, or cut short, and then nobody reads the answer.
        Ok(Err(_)) => {
            let detail = format!("A body has at most {MOST_BYTES} bytes.");
            Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", detail))
        }
        Err(_) => {
            let detail = format!("The body took longer than {} s to arrive.", LONGEST.as_secs());
            Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "body-too-slow", detail))
        }
    }
}

fn parse<'a, T: Deserialize<'a>>(raw: &'a [u8]) -> Result<T, ApiError> {
    if is_too_deep(raw) {
        return Err(ApiError::invalid_body(format!(
            "The body is nested more than {MOST_DEEP} levels deep."
        )));
    }
    serde_json::from_slice(raw).map_err(|error| {
        let said = without_values(&error.to_string());
        ApiError::invalid_body(format!("The body cannot be used: {said}."))
    })
}

/// A parser that skips over a value does not count its levels.
fn is_too_deep(raw: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in raw {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => depth += 1,
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MOST_DEEP {
            return true;
        }
    }
    false
}

/// The parser repeats what does not fit, in quotes or backticks; a credential in the wrong place
/// must not come back in an error that is then logged (law 4). Names as short as ours may.
fn without_values(said: &str) -> String {
    let mut kept = String::with_capacity(said.len());
    let mut rest = said;
    while let Some(at) = rest.find(['"', '`']) {
        let (before, quoted) = rest.split_at(at);
        let quote = &quoted[..1];
        let Some((inside, after)) = quoted[1..].split_once(quote) else { break };
        kept.push_str(before);
        let shown = quote == "`" && inside.len() <= LONGEST_NAME && !inside.contains("_A");
        kept.push_str(if shown { &quoted[..inside.len() + 2] } else { "…" });
        rest = after;
    }
    let tail = rest.split(['"', '`']).next().unwrap_or_default();
    kept + tail
}

/// Longest name of a member or choice of ours, in bytes.
const LONGEST_NAME: usize = 24;

/// The body of a call that takes none: it may be empty, or an object without members.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_counted_outside_of_texts() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(!is_too_deep(nested(MOST_DEEP).as_bytes()));
        assert!(is_too_deep(nested(MOST_DEEP + 1).as_bytes()));
        assert!(!is_too_deep(format!("\"\\\"{}\"", "[".repeat(1_000)).as_bytes()));
        assert!(!is_too_deep("[]".repeat(1_000).as_bytes()));
    }

    #[test]
    fn what_the_parser_says_repeats_no_text() {
        let error = serde_json::from_str::<u32>("\"clk_secret\"").unwrap_err().to_string();
        assert!(error.contains("clk_secret"), "the parser changed: {error}");
        let said = without_values(&error);
        assert!(said.starts_with("invalid type: string …, expected u32"), "{said}");
        let long = "x".repeat(61);
        for error in [
            format!("unknown variant `{long}`, expected `admin` or `logout` at line 1 column 2"),
            "unknown field `ckey_AAAA`, expected `token` at line 1".to_owned(),
            "invalid type: string \"a\" then clk_x\", expected u32".to_owned(),
            "unclosed `clk_AAAA".to_owned(),
        ] {
            let said = without_values(&error);
            assert!(!said.contains("_A") && !said.contains("xx"), "{said}");
        }
        let said = without_values("unknown field `tokn`, expected `token` or `renew`");
        assert_eq!(said, "unknown field `tokn`, expected `token` or `renew`");
    }
}
