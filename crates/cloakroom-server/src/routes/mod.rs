//! Every address the server answers.

mod account;
mod admin;
mod api_guide;
mod auth_nginx;
mod confirm;
mod ended;
mod health;
mod jwks;
mod login;
mod logout;
mod metrics;
mod password;
mod password_link;
mod people;
mod setup;
mod static_files;
pub mod v1;
mod viewer;

use askama::Template;
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use cloakroom::Chain;

use crate::app::{App, SharedApp};
use crate::events::within_request;
use crate::middleware::{
    PageError, bounded_head, check_host, draw_errors, finish, in_time, secure, survive, whole_body,
};
use crate::peer::find_client;
use crate::ui::error::ErrorKind;
use crate::ui::layout::Layout;

/// The whole server.
pub fn router(app: SharedApp) -> Router {
    let home = format!("{}/account", app.config.server.prefix);
    let home = get(move || async move { Redirect::to(&home) });
    let pages = Router::new()
        .nest(&app.config.server.prefix, pages())
        .route("/", home.clone())
        .route(&app.config.server.prefix, home.clone())
        .route(&format!("{}/", app.config.server.prefix), home)
        .fallback(|| async { PageError::from(ErrorKind::NotFound) })
        .layer(app.cloakroom.layer())
        .layer(from_fn_with_state(app.clone(), whole_body))
        .layer(from_fn(finish))
        .layer(from_fn_with_state(app.clone(), in_time))
        .layer(from_fn(bounded_head))
        .layer(from_fn(survive))
        .layer(from_fn_with_state(app.clone(), draw_errors))
        .layer(from_fn_with_state(app.clone(), check_host))
        .layer(from_fn_with_state(app.clone(), secure));
    let machines = Router::new()
        .route(
            "/auth/nginx/{app}",
            get(auth_nginx::verify).layer(app.cloakroom.layer_without_renewal()),
        )
        .route("/.well-known/jwks.json", get(jwks::show))
        .route("/metrics", get(metrics::show))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready));
    bounded(machines, &app)
        .merge(pages)
        .layer(from_fn(known_methods))
        .merge(bounded(v1::router(), &app))
        .layer(from_fn(within_request))
        .layer(from_fn_with_state(app.clone(), find_client))
        .layer(from_fn(survive))
        .with_state(app)
}

/// What programs ask for, within the limits of every request.
fn bounded(routes: Router<SharedApp>, app: &SharedApp) -> Router<SharedApp> {
    routes.layer(from_fn_with_state(app.clone(), in_time)).layer(from_fn(bounded_head))
}

fn pages() -> Router<SharedApp> {
    Router::new()
        .route("/login", get(login::show).post(login::send))
        .route("/logout", get(logout::show).post(logout::send))
        .route("/confirm", get(confirm::show).post(confirm::send))
        .route("/api", get(api_guide::show))
        .route("/api/openapi.json", get(v1::show_document))
        .route("/setup", get(setup::show).post(setup::send))
        .route("/password-link", get(password_link::show).post(password_link::send))
        .route("/static/{name}", get(static_files::show))
        .merge(own_pages())
        .nest("/admin", admin_pages())
}

fn own_pages() -> Router<SharedApp> {
    Router::new()
        .route("/account", get(account::show))
        .route("/account/sessions/end-others", post(account::end_others))
        .route("/account/sessions/{id}/end", post(account::end))
        .route("/account/password", get(password::show).post(password::send))
}

fn admin_pages() -> Router<SharedApp> {
    Router::new()
        .route("/", get(admin::show))
        .route("/end-everyone", post(admin::end_everyone))
        .route("/sessions/{id}/end", post(admin::end))
        .route("/ended", get(ended::show))
        .route("/users", get(people::show).post(people::add))
        .route("/users/{id}/end", post(admin::end_user))
        .route("/users/{id}/disable", post(people::disable))
        .route("/users/{id}/enable", post(people::enable))
        .route("/users/{id}/password-link", post(people::password_link))
}

/// Only methods that some route has (ASVS 5.0 4.1.4).
async fn known_methods(
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> axum::response::Response {
    use axum::http::header::ALLOW;
    use axum::http::{Method, StatusCode};
    use axum::response::IntoResponse;
    match *request.method() {
        Method::GET | Method::HEAD | Method::POST | Method::OPTIONS => next.run(request).await,
        _ => (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD, POST")]).into_response(),
    }
}

/// The frame of every page.
pub fn layout(app: &App) -> Layout {
    let now = app.cloakroom.sessions().now().unix_millis();
    Layout::new(format!("{}/", app.config.server.prefix), now)
}

/// A rendered page, or the page that says something went wrong.
fn render(page: &impl Template) -> Result<Html<String>, PageError> {
    page.render().map(Html).map_err(|error| {
        tracing::error!(error = %Chain(&error), "a page could not be drawn");
        PageError::from(ErrorKind::Fault)
    })
}
