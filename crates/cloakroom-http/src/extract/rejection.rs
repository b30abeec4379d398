use axum::response::{IntoResponse, Redirect, Response};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, Uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::session::wants_page;
use crate::{Error, HttpConfig, Problem};

/// Why a handler that needs a user did not run. Browsers are sent to the login page, programs
/// get a problem document.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoginRejection {
    /// Go and log in; holds the address of the login page with the way back.
    Login(String),
    /// The answer for programs.
    Problem(Problem),
    /// The session could not be told.
    Failed(Error),
}

impl LoginRejection {
    /// The rejection that fits a request without a user.
    pub(crate) fn not_logged_in(
        config: &HttpConfig,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Self {
        let reads = *method == Method::GET || *method == Method::HEAD;
        match &config.login_page {
            Some(page) if reads && wants_page(headers) => Self::Login(way_back(config, page, uri)),
            _ => Self::Problem(Problem::not_logged_in()),
        }
    }

    pub(crate) fn of_parts(config: &HttpConfig, parts: &Parts) -> Self {
        let original = parts.extensions.get::<axum::extract::OriginalUri>();
        let uri = original.map_or(&parts.uri, |original| &original.0);
        Self::not_logged_in(config, &parts.method, uri, &parts.headers)
    }

    /// The user is not in the group.
    pub(crate) fn forbidden() -> Self {
        let detail = "Your account may not do this.";
        Self::Problem(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail))
    }
}

/// The login page, told the path and query to come back to; never a host, which is what browsers
/// take a path for that begins with two slashes.
fn way_back(config: &HttpConfig, page: &str, uri: &Uri) -> String {
    let asked_for = uri.path_and_query().map_or("/", |path| path.as_str());
    let asked_for = format!("/{}", asked_for.trim_start_matches(['/', '\\']));
    let separator = if page.contains('?') { '&' } else { '?' };
    let asked_for = utf8_percent_encode(&asked_for, NON_ALPHANUMERIC);
    format!("{page}{separator}{}={asked_for}", config.return_parameter)
}

impl From<Error> for LoginRejection {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl IntoResponse for LoginRejection {
    fn into_response(self) -> Response {
        match self {
            Self::Login(page) => Redirect::to(&page).into_response(),
            Self::Problem(problem) => problem.into_response(),
            Self::Failed(error) => error.into_response(),
        }
    }
}
