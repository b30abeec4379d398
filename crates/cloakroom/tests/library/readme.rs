//! The example of the README: it does what it says, and it is the one that is compiled.

use std::fs;
use std::path::Path;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{Request, Response};
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use axum::{Form, Router};
use cloakroom::{Builder, Cloakroom, CurrentUser, Error, Session, User};
#[cfg(feature = "postgres")]
use cloakroom_testkit::servers::SharedPostgres;
use cloakroom_testkit::servers::TempDir;
#[cfg(feature = "redis")]
use cloakroom_testkit::servers::{Flavor, Redis};
use http_body_util::BodyExt;
use tower::ServiceExt;

/// Lines of the example, blank ones and its header comment left out.
const MOST_LINES: usize = 30;

#[derive(serde::Deserialize)]
struct Login {
    name: String,
    password: String,
}

async fn log_in(session: Session, Form(login): Form<Login>) -> Result<Redirect, Error> {
    if login.password == "correct horse" {
        session.log_in(User::new(login.name)?).await?;
    }
    Ok(Redirect::to("/"))
}

async fn app(store: Builder) -> Router {
    let cloakroom = store.login_page("/login").open().await.unwrap();
    Router::new()
        .route("/", get(async |user: CurrentUser| format!("Hello {}!", user.id)))
        .route("/login", get(Html("<form></form>")).post(log_in))
        .route("/logout", post(async |session: Session| session.log_out().await))
        .layer(cloakroom.layer())
}

async fn send(app: &Router, method: &str, path: &str, cookie: &str, form: &str) -> Response<Body> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("accept", "text/html")
        .header("sec-fetch-site", "same-origin")
        .header(COOKIE, cookie)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form.to_owned()))
        .unwrap();
    app.clone().oneshot(request).await.unwrap()
}

fn location(response: &Response<Body>) -> &str {
    response.headers()[LOCATION].to_str().unwrap()
}

async fn text(response: Response<Body>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The one line of the example that chooses the store, and nothing else.
macro_rules! the_example_runs_on {
    ($($name:ident: $server:expr, $feature:literal, |$at:ident| $line:expr;)*) => {$(
        #[cfg(feature = $feature)]
        #[tokio::test]
        async fn $name() {
            let Some($at) = $server else { return };
            let key = TempDir::new("readme");
            the_example_works(app($line.key_file(key.join("key"))).await).await;
        }
    )*};
}

the_example_runs_on! {
    the_example_runs_on_memory: Some(()), "axum", |_at| Cloakroom::memory();
    the_example_runs_on_sqlite: Some(TempDir::new("readme")), "sqlite",
        |at| Cloakroom::database(at.join("sessions.db"));
    the_example_runs_on_postgresql: SharedPostgres::database(), "postgres",
        |at| Cloakroom::database(at.url());
    the_example_runs_on_redis: Redis::start(Flavor::Redis), "redis",
        |at| Cloakroom::redis(at.url());
    the_example_runs_on_valkey: Redis::start(Flavor::Valkey), "redis",
        |at| Cloakroom::redis(at.url());
}

/// Logs in, shows a protected page and logs out.
async fn the_example_works(app: Router) {
    assert_eq!(location(&send(&app, "GET", "/", "", "").await), "/login?next=%2F");
    assert!(text(send(&app, "GET", "/login", "", "").await).await.contains("<form"));
    let wrong = send(&app, "POST", "/login", "", "name=alice&password=x").await;
    assert_eq!((location(&wrong), wrong.headers().get(SET_COOKIE)), ("/", None));

    let right = send(&app, "POST", "/login", "", "name=alice&password=correct+horse").await;
    assert_eq!(location(&right), "/");
    let set = right.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    let cookie = set.split(';').next().unwrap();
    assert!(text(send(&app, "GET", "/", cookie, "").await).await.starts_with("Hello alice!"));

    let logout = send(&app, "POST", "/logout", cookie, "").await;
    assert!(logout.headers()[SET_COOKIE].to_str().unwrap().ends_with("Max-Age=0"));
    assert_eq!(location(&send(&app, "GET", "/", cookie, "").await), "/login?next=%2F");
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The example without its header comment.
fn code(text: &str) -> String {
    let lines = text.lines().skip_while(|line| line.starts_with("//!") || line.is_empty());
    lines.map(|line| format!("{line}\n")).collect()
}

fn example() -> String {
    code(&fs::read_to_string(root().join("crates/cloakroom/examples/login.rs")).unwrap())
}

#[test]
fn the_readme_shows_the_example_that_is_compiled() {
    let readme = fs::read_to_string(root().join("README.md")).expect("the project has a README");
    let marker = "<!-- example: crates/cloakroom/examples/login.rs -->\n```rust\n";
    let (_, rest) = readme.split_once(marker).expect("the README has the example, marked as such");
    let (block, _) = rest.split_once("\n```").expect("the block is closed");
    assert_eq!(code(&format!("{block}\n")), example());
}

#[test]
fn the_example_is_short_and_uses_one_crate_of_ours() {
    let example = example();
    let lines = example.lines().filter(|line| !line.trim().is_empty()).count();
    assert!(lines <= MOST_LINES, "{lines} lines");
    let ours = example.lines().filter(|line| line.trim_start().starts_with("use cloakroom"));
    assert!(ours.clone().count() == 1 && ours.clone().all(|line| line.contains("cloakroom::")));
}
