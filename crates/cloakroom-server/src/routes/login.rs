use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Redirect, Response};
use cloakroom::{Error, LoginOutcome, Session, SessionError};
use serde::Deserialize;

use super::{layout, render};
use crate::accounts::{Claim, SignInError};
use crate::app::{App, SharedApp};
use crate::events;
use crate::identity::identify;
use crate::middleware::PageError;
use crate::passwords::Password;
use crate::peer::ClientNetwork;
use crate::ui::error::ErrorKind;
use crate::ui::forms::{Field, Secret};
use crate::ui::login::{LoginPage, LoginProblem};
use crate::users::typed_name;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Way {
    /// The application that asked for the sign-in.
    app: String,
    /// The address to return to.
    to: String,
    /// Set by the answer to a right password: the cookie has to be there now.
    check: String,
    /// Set when a form came too late.
    over: String,
}

#[derive(Deserialize)]
pub(super) struct SignIn {
    name: String,
    password: Password,
    #[serde(default)]
    remember: String,
    #[serde(default)]
    app: String,
    #[serde(default)]
    to: String,
}

pub(super) async fn show(
    State(app): State<SharedApp>,
    session: Session,
    Query(way): Query<Way>,
) -> Result<Response, PageError> {
    let name = app_name(&app, &way.app)?;
    let signed_in = match identify(&app, &session).await {
        Ok(identity) => identity.is_some(),
        // Signing in again is the way out of it.
        Err(Error::Ambiguous) => false,
        Err(error) => return Err(error.into()),
    };
    if signed_in {
        return Ok(Redirect::to(&destination(&app, &way.app, &way.to)).into_response());
    }
    if app.users.is_empty().await? {
        return Ok(Redirect::to(&format!("{}/setup", app.config.server.prefix)).into_response());
    }
    let problem = match (way.check.is_empty(), way.over.is_empty()) {
        (false, _) => Some(LoginProblem::CookieDropped),
        (_, false) => Some(LoginProblem::SessionOver),
        _ => None,
    };
    let page = LoginPage {
        layout: layout(&app),
        app_name: name,
        problem,
        name: Field::default(),
        password: Secret::default(),
        remember: false,
        app: way.app,
        to: way.to,
    };
    Ok(render(&page)?.into_response())
}

pub(super) async fn send(
    State(app): State<SharedApp>,
    session: Session,
    ClientNetwork(from): ClientNetwork,
    Form(form): Form<SignIn>,
) -> Result<Response, PageError> {
    app_name(&app, &form.app)?;
    let (name, remember) = (typed_name(&form.name), !form.remember.is_empty());
    let proven = match app.prove(Claim { name: &name, password: form.password, from }).await {
        Ok(proven) => proven,
        Err(error) => return refused(&app, error, name, remember, form.app, form.to).await,
    };
    let login = proven.login().map_err(Error::from)?.remember(remember);
    match session.log_in(login).await {
        Ok(id) => events::signed_in(&proven.user.id, id),
        // All of the user's sessions were ended meanwhile: the password may be the old one.
        Err(Error::Session(SessionError::Superseded)) => {
            return again(&app, LoginProblem::Refused, name, remember, form.app, form.to);
        }
        Err(Error::Session(SessionError::LimitReached)) => {
            return again(&app, LoginProblem::TooManySessions, name, remember, form.app, form.to);
        }
        Err(error) => return Err(error.into()),
    }
    Ok(Redirect::to(&check(&app, &form.app, &form.to)).into_response())
}

async fn refused(
    app: &App,
    error: SignInError,
    name: String,
    remember: bool,
    asked_by: String,
    to: String,
) -> Result<Response, PageError> {
    let problem = match error {
        SignInError::Store(error) => {
            events::sign_in_refused(app, None, LoginOutcome::Error);
            return Err(error.into());
        }
        SignInError::Busy(_) => {
            events::sign_in_refused(app, None, LoginOutcome::Busy);
            LoginProblem::Busy
        }
        SignInError::TooManyTries(wait) => {
            events::sign_in_refused(app, None, LoginOutcome::Limited);
            LoginProblem::TooManyTries(wait)
        }
        SignInError::Refused => {
            // People type passwords into the field of the name: what was typed is not logged.
            let user = app.users.by_name(&name).await?.map(|user| user.id);
            events::sign_in_refused(app, user.as_ref(), LoginOutcome::Refused);
            LoginProblem::Refused
        }
    };
    again(app, problem, name, remember, asked_by, to)
}

/// The form once more. Wrong, unknown and disabled get the same text and status.
fn again(
    app: &App,
    problem: LoginProblem,
    name: String,
    remember: bool,
    asked_by: String,
    to: String,
) -> Result<Response, PageError> {
    let (status, retry_after) = match problem {
        LoginProblem::Busy => (StatusCode::SERVICE_UNAVAILABLE, Some(2)),
        LoginProblem::TooManySessions => (StatusCode::CONFLICT, None),
        LoginProblem::TooManyTries(wait) => (StatusCode::TOO_MANY_REQUESTS, Some(wait.seconds())),
        _ => (StatusCode::UNAUTHORIZED, None),
    };
    let page = LoginPage {
        layout: layout(app),
        app_name: app_name(app, &asked_by)?,
        problem: Some(problem),
        name: Field::with(name),
        password: Secret::default(),
        remember,
        app: asked_by,
        to,
    };
    let retry_after = retry_after.map(|seconds| [(RETRY_AFTER, seconds.to_string())]);
    Ok((status, retry_after, render(&page)?).into_response())
}

/// The name of the application that asked; `None` when none did.
fn app_name(app: &App, id: &str) -> Result<Option<String>, PageError> {
    if id.is_empty() {
        return Ok(None);
    }
    let known = app.config.apps.get(id).ok_or(ErrorKind::UnknownApp)?;
    Ok(Some(known.name.clone()))
}

/// Back to this page, which sees whether the browser kept the cookie and then leads on.
fn check(app: &App, asked_by: &str, to: &str) -> String {
    let to = app.returns.accept(to).unwrap_or_default();
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("check", "1"), ("app", asked_by), ("to", to)])
        .finish();
    format!("{}/login?{query}", app.config.server.prefix)
}

/// Where a sign-in leads: the address asked for if it is one of ours, else the application, else
/// the account.
fn destination(app: &App, asked_by: &str, to: &str) -> String {
    if let Some(to) = app.returns.accept(to) {
        return to.to_owned();
    }
    match app.config.apps.get(asked_by) {
        Some(asked_by) => format!("{}/", asked_by.origin),
        None => format!("{}/account", app.config.server.prefix),
    }
}
