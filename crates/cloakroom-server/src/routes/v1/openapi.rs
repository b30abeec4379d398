use std::sync::LazyLock;

use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use super::calls;

const DESCRIPTION: &str = "\
Sessions for applications in any language. The application authenticates its users and creates \
sessions; or Cloakroom keeps users and passwords too, and the application only verifies.

Every call but this document needs an API key (`cloakroom api-key add`). Errors are problem \
documents (RFC 9457) whose `code` is stable. None says why a credential failed. 503 says that \
nothing is known: nobody was logged out. Members and parameters that are not in this document are \
refused. Moments are RFC 3339 in UTC.";

#[derive(OpenApi)]
#[openapi(
    info(title = "Cloakroom", description = DESCRIPTION, license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")),
    components(schemas(super::problem::ProblemDetails)),
    tags(
        (name = "sessions", description = "Create, verify, list"),
        (name = "data", description = "What an application keeps in a session, by key"),
        (name = "ends", description = "End sessions at once"),
        (name = "history", description = "Which sessions ended, and why"),
        (name = "users", description = "The users that this server keeps"),
        (name = "capabilities", description = "What this server does and promises"),
    )
)]
struct Frame;

/// The document without its calls.
pub(super) fn frame() -> utoipa::openapi::OpenApi {
    let mut frame = Frame::openapi();
    let key = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("ckey_…")
        .description(Some("An API key: `cloakroom api-key add NAME --scope …`"));
    let components = frame.components.get_or_insert_default();
    components.add_security_scheme("api_key", SecurityScheme::Http(key.build()));
    frame
}

/// Problems that any call with a key may answer with.
const ANY: [(&str, &str); 6] = [
    ("400", "The request is malformed: `invalid-query`"),
    ("401", "`api-key-required`: no key, or one that is not in force"),
    ("403", "`insufficient-scope`"),
    ("414", "`address-too-long`"),
    ("431", "`head-too-large`"),
    (
        "503",
        "`sessions-unavailable`: nothing is known; `outcome-unknown`; or `too-many-sessions`: there is no room for another. Retry-After says when to try again",
    ),
];

/// Problems that any call with a body may answer with.
const WITH_BODY: [(&str, &str); 4] = [
    ("408", "`body-too-slow`"),
    ("413", "`body-too-large`, or `data-too-large` for session data"),
    ("415", "`json-required`"),
    ("422", "`invalid-body`: what is wrong is in `detail`"),
];

/// The OpenAPI 3.1 document, pretty-printed with a line break at its end; it is checked in as
/// `docs/openapi.json`.
pub fn document() -> &'static str {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
        let built = serde_json::to_value(calls().into_openapi()).unwrap_or_default();
        let complete = with_common_problems(built);
        format!("{}\n", serde_json::to_string_pretty(&complete).unwrap_or_default())
    });
    &DOCUMENT
}

fn with_common_problems(mut document: Value) -> Value {
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for call in
        paths.filter_map(|(_, path)| path.as_object_mut()).flat_map(|path| path.values_mut())
    {
        if call.get("security").is_none() {
            continue;
        }
        let body = call.get("requestBody").is_some();
        let problems = ANY.iter().chain(WITH_BODY.iter().filter(|_| body));
        for (status, meaning) in problems {
            add_problem(call, status, meaning);
        }
    }
    document
}

fn add_problem(call: &mut Value, status: &str, meaning: &str) {
    let Some(responses) = call["responses"].as_object_mut() else { return };
    responses.entry(status).or_insert_with(|| {
        json!({"description": meaning, "content": {"application/json": {
            "schema": {"$ref": "#/components/schemas/ProblemDetails"}
        }}})
    });
    for (status, response) in responses.iter_mut() {
        // Errors are problem documents; the macros know only JSON.
        if status.starts_with(['4', '5'])
            && let Some(content) = response["content"].as_object_mut()
            && let Some(json) = content.remove("application/json")
        {
            content.insert("application/problem+json".to_owned(), json);
        }
    }
}

/// This document. The pages have it too, under their prefix: `/cloakroom/api/openapi.json`.
#[utoipa::path(
    operation_id = "read_openapi", get, path = "/v1/openapi.json", tag = "capabilities",
    responses((status = 200, description = "OpenAPI 3.1", body = Object))
)]
pub async fn show() -> Response {
    let mut response = document().into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
