use axum::Router;
use axum::body::Body;
use axum::handler::Handler;
use axum::http::header::{COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use axum::routing::any;
use cloakroom::Cloakroom;
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::app;

/// The session cookie's name in these tests.
const NAME: &str = "__Host-session";

/// A browser on a page of the application, with a jar for the session cookie.
#[derive(Clone)]
pub(crate) struct Browser {
    app: Router,
    /// What stands behind it.
    pub(crate) cloakroom: Cloakroom,
    /// The credential that it sends.
    pub(crate) cookie: Option<String>,
    /// Whether answers reach the jar; else Set-Cookie gets lost on the way.
    pub(crate) keeps_cookies: bool,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Browser {
    /// A fresh browser at the application of these tests.
    pub(crate) fn at(cloakroom: &Cloakroom) -> Self {
        let (app, cloakroom) = (app(cloakroom), cloakroom.clone());
        Self { app, cloakroom, cookie: None, keeps_cookies: true }
    }

    /// A thief's, or another tab's, copy of the credential that it holds now.
    pub(crate) fn copy(&self) -> Self {
        Self { keeps_cookies: false, ..self.clone() }
    }

    /// The same browser when another node answers.
    pub(crate) fn moved_to(&self, cloakroom: &Cloakroom) -> Self {
        Self { cookie: self.cookie.clone(), ..Self::at(cloakroom) }
    }

    /// The same browser at these routes.
    pub(crate) fn at_routes(&self, routes: Router) -> Self {
        Self { app: routes.layer(self.cloakroom.layer()), ..self.clone() }
    }

    /// A POST to this handler.
    pub(crate) async fn act<H: Handler<T, ()>, T: 'static>(&mut self, handler: H) -> Reply {
        self.visit(Method::POST, handler).await
    }

    /// A GET of this handler.
    pub(crate) async fn look<H: Handler<T, ()>, T: 'static>(&mut self, handler: H) -> Reply {
        self.visit(Method::GET, handler).await
    }

    async fn visit<H: Handler<T, ()>, T: 'static>(&mut self, method: Method, it: H) -> Reply {
        let routes = Router::new().route("/it", any(it)).layer(self.cloakroom.layer());
        let app = std::mem::replace(&mut self.app, routes);
        let reply = self.send(method, "/it").await;
        self.app = app;
        reply
    }

    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        self.send(Method::GET, path).await
    }

    pub(crate) async fn post(&mut self, path: &str) -> Reply {
        self.send(Method::POST, path).await
    }

    pub(crate) async fn log_in(&mut self, user: &str) -> Reply {
        let reply = self.post(&format!("/login/{user}")).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply
    }

    /// Who the application takes this browser's user for.
    pub(crate) async fn who(&mut self) -> String {
        let reply = self.get("/who").await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body
    }

    async fn send(&mut self, method: Method, path: &str) -> Reply {
        let cookie = self.cookie.as_ref().map(|token| format!("{NAME}={token}"));
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("sec-fetch-site", "same-origin");
        if let Some(cookie) = cookie {
            request = request.header(COOKIE, cookie);
        }
        let reply = exchange(&self.app, request.body(Body::empty()).unwrap()).await;
        if self.keeps_cookies {
            self.keep(&reply);
        }
        reply
    }

    fn keep(&mut self, reply: &Reply) {
        match reply.credential() {
            Some(token) if token.is_empty() => self.cookie = None,
            Some(token) => self.cookie = Some(token),
            None => {}
        }
    }

    /// A request with exactly these headers and no others.
    pub(crate) async fn raw(&self, method: Method, path: &str, headers: &[(&str, &[u8])]) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            request = request.header(name, HeaderValue::from_bytes(value).unwrap());
        }
        exchange(&self.app, request.body(Body::empty()).unwrap()).await
    }

    /// A request with its cookie and these headers and no others.
    pub(crate) async fn with(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Reply {
        let cookie = self.cookie.as_ref().map(|token| format!("{NAME}={token}"));
        let cookie = cookie.iter().map(|cookie| ("cookie", cookie.as_bytes()));
        let others = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
        self.raw(method, path, &cookie.chain(others).collect::<Vec<_>>()).await
    }

    /// A read with this Cookie header.
    pub(crate) async fn with_cookies(&self, path: &str, header: &[u8]) -> Reply {
        self.raw(Method::GET, path, &[("cookie", header)]).await
    }
}

async fn exchange(app: &Router, request: Request<Body>) -> Reply {
    let response = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let body = String::from_utf8(bytes.to_vec()).unwrap();
    Reply { status: parts.status, headers: parts.headers, body }
}

impl Reply {
    pub(crate) fn set_cookies(&self) -> Vec<String> {
        let values = self.headers.get_all(SET_COOKIE).iter();
        values.map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    /// The credential that it sets; empty when it takes the cookie away.
    pub(crate) fn credential(&self) -> Option<String> {
        let cookies = self.set_cookies();
        assert!(cookies.len() <= 1, "Set-Cookie comes once: {cookies:?}");
        let cookie = cookies.first()?;
        let value = cookie.strip_prefix(NAME)?.strip_prefix('=')?;
        Some(value.split(';').next().unwrap().to_owned())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn location(&self) -> Option<&str> {
        self.header(LOCATION.as_str())
    }

    /// The stable code of a problem document.
    pub(crate) fn code(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.body);
        let problem: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem["status"], self.status.as_u16());
        problem["code"].as_str().unwrap().to_owned()
    }
}
