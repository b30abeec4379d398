use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use cloakroom::LoginOutcome;
use serde::Deserialize;

use super::password::{retry_after, unavailable};
use super::render;
use super::viewer::Viewer;
use crate::accounts::{Claim, SignInError};
use crate::app::{App, SharedApp};
use crate::events;
use crate::middleware::PageError;
use crate::passwords::Password;
use crate::peer::ClientNetwork;
use crate::ui::account::ConfirmPage;
use crate::ui::forms::Secret;
use crate::ui::tries::too_many_tries;

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
    ClientNetwork(from): ClientNetwork,
    Form(form): Form<Confirmation>,
) -> Result<Response, PageError> {
    let claim = Claim { name: &viewer.identity.user.name, password: form.password, from };
    match app.prove(claim).await {
        Ok(_) => viewer.session.reauthenticated().await?,
        Err(SignInError::Refused) => {
            let user = &viewer.identity.user.id;
            events::sign_in_refused(&app, Some(user), LoginOutcome::Refused);
            let wrong = Secret::wrong("This is not your password.");
            return page(&app, &viewer, StatusCode::UNAUTHORIZED, wrong, form.to);
        }
        Err(SignInError::TooManyTries(wait)) => {
            let wrong = Secret::wrong(too_many_tries(wait));
            let page = page(&app, &viewer, StatusCode::TOO_MANY_REQUESTS, wrong, form.to)?;
            return Ok((retry_after(wait), page).into_response());
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
