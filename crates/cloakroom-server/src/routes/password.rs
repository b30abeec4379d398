use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, IntoResponseParts, Response};
use serde::Deserialize;

use super::render;
use super::viewer::{Viewer, done};
use crate::accounts::{Claim, SignInError};
use crate::app::{App, SharedApp};
use crate::events;
use crate::guesses::Wait;
use crate::middleware::PageError;
use crate::passwords::Password;
use crate::peer::ClientNetwork;
use crate::ui::account::PasswordPage;
use crate::ui::error::ErrorKind;
use crate::ui::forms::Secret;
use crate::ui::layout::Nav;
use crate::ui::notice::Notice;
use crate::ui::tries::too_many_tries;

#[derive(Deserialize)]
pub(super) struct Change {
    current: Password,
    new: Password,
    repeat: Password,
}

/// What is wrong with each field.
#[derive(Default)]
struct Mistakes {
    current: Secret,
    new: Secret,
    repeat: Secret,
}

pub(super) async fn show(
    State(app): State<SharedApp>,
    viewer: Viewer,
) -> Result<Response, PageError> {
    viewer.check_recent(&app, "account/password")?;
    page(&app, &viewer, StatusCode::OK, Mistakes::default())
}

pub(super) async fn send(
    State(app): State<SharedApp>,
    viewer: Viewer,
    ClientNetwork(from): ClientNetwork,
    Form(change): Form<Change>,
) -> Result<Response, PageError> {
    viewer.check_recent(&app, "account/password")?;
    let user = &viewer.identity.user;
    let mut mistakes = Mistakes::default();
    if let Some(problem) = new_password_problem(&app, &change.new, user_words(user).as_slice()) {
        mistakes.new = Secret::wrong(problem);
        return page(&app, &viewer, StatusCode::UNPROCESSABLE_ENTITY, mistakes);
    }
    if !change.new.matches(&change.repeat) {
        mistakes.repeat = Secret::wrong("The two new passwords differ.");
        return page(&app, &viewer, StatusCode::UNPROCESSABLE_ENTITY, mistakes);
    }
    let claim = Claim { name: &user.name, password: change.current, from };
    let proven = match app.prove(claim).await {
        Ok(proven) => proven,
        Err(SignInError::Refused) => {
            events::password_change_refused(&user.id, "wrong_password");
            mistakes.current = Secret::wrong("This is not your current password.");
            return page(&app, &viewer, StatusCode::UNPROCESSABLE_ENTITY, mistakes);
        }
        Err(SignInError::TooManyTries(wait)) => {
            mistakes.current = Secret::wrong(too_many_tries(wait));
            let page = page(&app, &viewer, StatusCode::TOO_MANY_REQUESTS, mistakes)?;
            return Ok((retry_after(wait), page).into_response());
        }
        Err(error) => return Err(unavailable(error)),
    };
    let hash = app.hash(change.new).await.map_err(unavailable)?;
    if !app.change_password(&viewer.identity.live, &proven, hash).await? {
        events::password_change_refused(&user.id, "superseded");
        return Err(ErrorKind::FormExpired.into());
    }
    viewer.session.reauthenticated().await?;
    Ok(done(&app, "account", Notice::PasswordChanged).into_response())
}

fn page(
    app: &App,
    viewer: &Viewer,
    status: StatusCode,
    mistakes: Mistakes,
) -> Result<Response, PageError> {
    let page = PasswordPage {
        layout: viewer.layout(app, Some(Nav::Password), None),
        name: viewer.identity.user.name.clone(),
        min_length: app.password_policy.min_length,
        current: mistakes.current,
        new: mistakes.new,
        repeat: mistakes.repeat,
    };
    Ok((status, render(&page)?).into_response())
}

/// The words that must not make up a user's password.
pub(super) fn user_words(user: &crate::users::UserRow) -> Vec<&str> {
    let email = user.email.as_deref();
    [user.name.as_str(), user.display_name.as_str()].into_iter().chain(email).collect()
}

/// What is wrong with a new password.
pub(super) fn new_password_problem(app: &App, new: &Password, about: &[&str]) -> Option<String> {
    app.password_policy.check(new, about).err().map(|weakness| weakness.to_string())
}

/// Says to a program how long to wait.
pub(super) fn retry_after(wait: Wait) -> impl IntoResponseParts {
    [(RETRY_AFTER, wait.seconds().to_string())]
}

/// A password could not be checked or hashed.
pub(super) fn unavailable(error: SignInError) -> PageError {
    match error {
        SignInError::Store(error) => error.into(),
        SignInError::Busy(_) | SignInError::TooManyTries(_) => ErrorKind::Unavailable.into(),
        SignInError::Refused => ErrorKind::FormExpired.into(),
    }
}
