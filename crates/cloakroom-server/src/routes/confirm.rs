use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use cloakroom::LoginOutcome;
use serde::Deserialize;

use super::password::unavailable;
use super::render;
use super::viewer::Viewer;
use crate::accounts::SignInError;
use crate::app::{App, SharedApp};
use crate::events;
use crate::middleware::PageError;
use crate::passwords::Password;
use crate::ui::account::ConfirmPage;
use crate::ui::forms::Secret;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Way {
    to: String,
}

#[derive(Deserialize)]
pub(super) struct Confirmation {
    password: Password,
    #[serde(default)]
    to: String,
}

pub(super) async fn show(
    State(app): State<SharedApp>,
    viewer: Viewer,
    Query(way): Query<Way>,
) -> Result<Response, PageError> {
    page(&app, &viewer, StatusCode::OK, Secret::default(), way.to)
}

pub(super) async fn send(
    State(app): State<SharedApp>,
    viewer: Viewer,
    Form(form): Form<Confirmation>,
) -> Result<Response, PageError> {
    match app.prove(&viewer.identity.user.name, form.password).await {
        Ok(_) => viewer.session.reauthenticated().await?,
        Err(SignInError::Refused) => {
            let user = &viewer.identity.user.id;
            events::sign_in_refused(&app, Some(user), LoginOutcome::Refused);
            let wrong = Secret::wrong("This is not your password.");
            return page(&app, &viewer, StatusCode::UNAUTHORIZED, wrong, form.to);
        }
        Err(error) => return Err(unavailable(error)),
    }
    let account = format!("{}/account", app.config.server.prefix);
    let to = app.returns.accept(&form.to).unwrap_or(&account);
    Ok(Redirect::to(to).into_response())
}

fn page(
    app: &App,
    viewer: &Viewer,
    status: StatusCode,
    password: Secret,
    to: String,
) -> Result<Response, PageError> {
    let name = viewer.identity.user.name.clone();
    let page = ConfirmPage { layout: viewer.layout(app, None, None), name, password, to };
    Ok((status, render(&page)?).into_response())
}
