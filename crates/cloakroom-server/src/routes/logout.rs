use axum::extract::State;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use cloakroom::{Error, Session};

use super::{layout, render};
use crate::app::SharedApp;
use crate::identity::identify;
use crate::middleware::PageError;
use crate::ui::layout::Viewer as Shown;
use crate::ui::login::{LoggedOutPage, LogoutPage};
use crate::users::Role;

/// Changes nothing: a link or an image must not sign anybody out.
pub(super) async fn show(
    State(app): State<SharedApp>,
    session: Session,
) -> Result<Response, PageError> {
    let identity = match identify(&app, &session).await {
        // Signing out is the way out of it.
        Err(Error::Ambiguous) => None,
        identity => identity?,
    };
    let frame = match identity {
        Some(identity) => layout(&app).seen_by(Shown {
            name: identity.user.display_name,
            is_admin: identity.user.role == Role::Admin,
        }),
        None => layout(&app),
    };
    Ok(render(&LogoutPage { layout: frame })?.into_response())
}

/// Ends the session. Only when that is certain does the answer take the cookie away.
pub(super) async fn send(
    State(app): State<SharedApp>,
    session: Session,
) -> Result<Response, PageError> {
    session.log_out().await?;
    let mut response = render(&LoggedOutPage { layout: layout(&app) })?.into_response();
    let cached = HeaderValue::from_static("\"cache\"");
    response.headers_mut().insert(HeaderName::from_static("clear-site-data"), cached);
    Ok(response)
}
