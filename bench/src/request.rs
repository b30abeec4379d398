use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response};
use tower_service::Service;

pub const USER_AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// A request as a browser's page would send it, with the headers that sessions look at.
pub fn request(method: &Method, path: &str, cookie: Option<&str>) -> Request<Body> {
    let mut request = Request::builder()
        .method(method.clone())
        .uri(path)
        .header("host", "localhost:7070")
        .header("user-agent", USER_AGENT)
        .header("sec-fetch-site", "same-origin");
    if let Some(cookie) = cookie {
        request = request.header("cookie", cookie);
    }
    request.body(Body::empty()).expect("all its parts are constants or tokens")
}

pub fn post_form(path: &str) -> Request<Body> {
    request(&Method::POST, path, None)
}

pub async fn call(app: &mut Router, request: Request<Body>) -> Response<Body> {
    let answer: Result<_, Infallible> = app.call(request).await;
    match answer {
        Ok(response) => response,
    }
}
