use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::request::Parts;
use axum::response::Redirect;
use cloakroom::Session;

use crate::app::{App, SharedApp};
use crate::events;
use crate::identity::{Identity, identify};
use crate::middleware::PageError;
use crate::ui::error::ErrorKind;
use crate::ui::layout::{Layout, Nav, Viewer as Shown};
use crate::ui::notice::Notice;
use crate::users::Role;

use super::layout;

/// A person who is signed in; others are sent to sign in and come back.
pub(super) struct Viewer {
    pub(super) session: Session,
    pub(super) identity: Identity,
}

/// An administrator who is signed in; others are told that the page is not for them.
pub(super) struct Admin(pub(super) Viewer);

impl FromRequestParts<SharedApp> for Viewer {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, PageError> {
        let session = <Session as FromRequestParts<SharedApp>>::from_request_parts(parts, app);
        let session = session.await?;
        match identify(app, &session).await? {
            Some(identity) => {
                events::acting(&identity.user.name);
                Ok(Self { session, identity })
            }
            None => Err(sign_in_first(app, parts)),
        }
    }
}

impl FromRequestParts<SharedApp> for Admin {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, PageError> {
        let viewer = Viewer::from_request_parts(parts, app).await?;
        if viewer.identity.user.role == Role::Admin {
            Ok(Self(viewer))
        } else {
            events::access_refused(Some(&viewer.identity.user.id), "administration");
            Err(ErrorKind::NotAdmin.into())
        }
    }
}

/// Reading is continued after signing in; a form is not sent twice, so it leads to the account.
fn sign_in_first(app: &App, parts: &Parts) -> PageError {
    let prefix = &app.config.server.prefix;
    let asked_for = parts.extensions.get::<OriginalUri>();
    let asked_for = asked_for.and_then(|uri| uri.0.path_and_query()).map(|path| path.as_str());
    let reads = parts.method == axum::http::Method::GET;
    let to = asked_for.filter(|_| reads).map_or_else(|| format!("{prefix}/account"), str::to_owned);
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("over", if reads { "" } else { "1" }), ("to", &to)])
        .finish();
    PageError::Elsewhere(Redirect::to(&format!("{prefix}/login?{query}")))
}

impl Viewer {
    /// The frame of a page for this person.
    pub(super) fn layout(&self, app: &App, nav: Option<Nav>, done: Option<&str>) -> Layout {
        let user = &self.identity.user;
        let shown = Shown { name: user.display_name.clone(), is_admin: user.role == Role::Admin };
        let frame = layout(app).seen_by(shown).noting(done.and_then(Notice::named));
        match nav {
            Some(nav) => frame.at(nav),
            None => frame,
        }
    }

    /// Sends the person to confirm the password first, if the last time was too long ago
    /// (ASVS 5.0 7.5.1, 7.5.2). `to` is the page to come back to.
    pub(super) fn check_recent(&self, app: &App, to: &str) -> Result<(), PageError> {
        let sessions = app.cloakroom.sessions();
        let proven = self.identity.live.record.authenticated_at;
        let recent =
            proven.is_some_and(|proven| sessions.now().since(proven) < sessions.policy().step_up);
        if recent {
            return Ok(());
        }
        let prefix = &app.config.server.prefix;
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("to", &format!("{prefix}/{to}"))
            .finish();
        Err(PageError::Elsewhere(Redirect::to(&format!("{prefix}/confirm?{query}"))))
    }
}

/// Back to a page, with a word on what was done.
pub(super) fn done(app: &App, page: &str, notice: Notice) -> Redirect {
    let separator = if page.contains('?') { '&' } else { '?' };
    let prefix = &app.config.server.prefix;
    Redirect::to(&format!("{prefix}/{page}{separator}done={}", notice.code()))
}
