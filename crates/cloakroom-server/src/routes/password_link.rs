use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cloakroom::{Error, Session};
use serde::Deserialize;

use super::password::{new_password_problem, unavailable, user_words};
use super::viewer::done;
use super::{layout, render};
use crate::app::{App, SharedApp};
use crate::events;
use crate::middleware::PageError;
use crate::passwords::Password;
use crate::peer::ClientNetwork;
use crate::ui::forms::Secret;
use crate::ui::notice::Notice;
use crate::ui::setup::PasswordLinkPage;

#[derive(Deserialize)]
pub(super) struct Choice {
    code: String,
    password: Password,
    repeat: Password,
}

pub(super) async fn show(State(app): State<SharedApp>) -> Result<Response, PageError> {
    Ok(render(&blank(&app))?.into_response())
}

pub(super) async fn send(
    State(app): State<SharedApp>,
    session: Session,
    ClientNetwork(from): ClientNetwork,
    Form(form): Form<Choice>,
) -> Result<Response, PageError> {
    let now = app.cloakroom.sessions().now();
    let Some(user) = app.users.code_owner(&form.code, now).await? else { return bad_code(&app) };
    let mut page = blank(&app);
    if let Some(problem) = new_password_problem(&app, &form.password, &user_words(&user)) {
        page.password = Secret::wrong(problem);
        return again(&page);
    }
    if !form.password.matches(&form.repeat) {
        page.repeat = Secret::wrong("The two passwords differ.");
        return again(&page);
    }
    let hash = app.hash(form.password).await.map_err(unavailable)?;
    let redeemed = app.redeem_code(&form.code, hash, from).await?;
    let Some(proven) = redeemed else { return bad_code(&app) };
    if proven.user.disabled {
        return Ok(done(&app, "login", Notice::PasswordChanged).into_response());
    }
    let login = proven.login().map_err(Error::from)?;
    let id = session.log_in(login).await?;
    events::signed_in(&proven.user.id, id);
    Ok(done(&app, "account", Notice::PasswordChanged).into_response())
}

fn bad_code(app: &App) -> Result<Response, PageError> {
    let mut page = blank(app);
    page.code = Secret::wrong(
        "This code is not right, was used, or is too old. Ask an administrator for a new link.",
    );
    again(&page)
}

fn again(page: &PasswordLinkPage) -> Result<Response, PageError> {
    Ok((StatusCode::UNPROCESSABLE_ENTITY, render(page)?).into_response())
}

fn blank(app: &App) -> PasswordLinkPage {
    PasswordLinkPage {
        layout: layout(app),
        min_length: app.password_policy.min_length,
        code: Secret::default(),
        password: Secret::default(),
        repeat: Secret::default(),
    }
}
