//! What handlers ask for: who is logged in, how recently, in which group, and their own row.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::OriginalUri;
use axum::http::Method;
use axum::routing::{get, post};
use cloakroom::{
    AppUser, CurrentUser, Error, LoadUser, RecentLogin, Session, User, UserId, require_group,
    require_login,
};

use crate::support::{Browser, Reply, Scene, on_every_store};

on_every_store!(
    a_current_user_is_who_logged_in,
    a_browser_without_a_login_is_sent_to_the_login_page_with_the_way_back,
    the_way_back_never_names_another_host,
    programs_without_a_login_get_a_problem_document,
    without_a_login_page_everybody_gets_a_problem_document,
    an_optional_user_is_none_for_visitors,
    required_logins_guard_whole_routes,
    required_groups_guard_whole_routes,
    a_sensitive_act_needs_a_recent_login,
    the_applications_own_row_comes_with_the_user,
    a_user_whose_row_is_gone_is_not_logged_in,
    a_row_that_cannot_be_loaded_is_a_fault_and_no_logout,
);

const NAVIGATION: [(&str, &str); 2] =
    [("accept", "text/html,application/xhtml+xml"), ("sec-fetch-mode", "navigate")];

async fn navigate(browser: &Browser, path: &str) -> Reply {
    browser.with(Method::GET, path, &NAVIGATION).await
}

async fn a_current_user_is_who_logged_in(scene: Scene) {
    let mut browser = scene.browser();
    let log_in = async |session: Session| {
        let user = User::new("id-42")?.name("alice")?.groups(["staff", "admin"])?;
        session.log_in(user).await.map(|id| id.to_string())
    };
    let id = browser.act(log_in).await.body;
    let user = browser.look(async |session: Session, user: CurrentUser| {
        assert_eq!(session.user().await.unwrap().as_ref(), Some(&user));
        assert_eq!(user.authenticated_at, session.sessions().now());
        assert!(user.is_in("staff") && !user.is_in("sta"));
        format!("{} {} {:?} {}", user.id, user.name, user.groups, user.session)
    });
    assert_eq!(user.await.body, format!("id-42 alice [\"staff\", \"admin\"] {id}"));
}

async fn a_browser_without_a_login_is_sent_to_the_login_page_with_the_way_back(scene: Scene) {
    let browser = scene.browser();
    let home = navigate(&browser, "/home").await;
    assert_eq!((home.status.as_u16(), home.location()), (303, Some("/login?next=%2Fhome")));
    let search = navigate(&browser, "/home?q=a%20b&next=/x#part").await;
    let way_back = "/login?next=%2Fhome%3Fq%3Da%2520b%26next%3D%2Fx";
    assert_eq!(search.location(), Some(way_back));

    let nested = Router::new().nest("/shop", Router::new().route("/cart", get(user_name)));
    let nested = navigate(&browser.at_routes(nested), "/shop/cart").await;
    assert_eq!(nested.location(), Some("/login?next=%2Fshop%2Fcart"));

    let asked = scene.builder().login_page("/sign-in?lang=en").open().await.unwrap();
    let asked = navigate(&Browser::at(&asked), "/home").await;
    assert_eq!(asked.location(), Some("/sign-in?lang=en&next=%2Fhome"));
}

async fn user_name(user: CurrentUser) -> String {
    user.name
}

async fn the_way_back_never_names_another_host(scene: Scene) {
    let routes = Router::new().fallback(async |_: CurrentUser, uri: OriginalUri| uri.0.to_string());
    let browser = scene.browser().at_routes(routes);
    for path in ["//evil.example/x", "///evil.example/x", "http://evil.example//evil.example/x"] {
        let location = navigate(&browser, path).await.location().unwrap().to_owned();
        assert!(
            ["/login?next=%2Fevil%2Eexample%2Fx", "/login?next=%2Fx"].contains(&location.as_str()),
            "{path} became {location}"
        );
    }
}

async fn programs_without_a_login_get_a_problem_document(scene: Scene) {
    let browser = scene.browser();
    let json = ("accept", "application/json");
    let script = [("accept", "text/html"), ("sec-fetch-mode", "cors")];
    for headers in [&[json][..], &script, &[]] {
        let reply = browser.with(Method::GET, "/home", headers).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (401, "not-logged-in".into()));
        assert_eq!((reply.location(), reply.credential()), (None, None));
    }
    let form = Router::new().route("/form", post(user_name));
    let reply = browser.at_routes(form).with(Method::POST, "/form", &NAVIGATION).await;
    assert_eq!(reply.status, 401, "what a form sends cannot be repeated from a login page");
}

async fn without_a_login_page_everybody_gets_a_problem_document(scene: Scene) {
    let cloakroom = cloakroom::Cloakroom::store(scene.probe.store()).open().await.unwrap();
    let reply = navigate(&Browser::at(&cloakroom), "/home").await;
    assert_eq!((reply.status.as_u16(), reply.code()), (401, "not-logged-in".into()));
}

async fn an_optional_user_is_none_for_visitors(scene: Scene) {
    let mut browser = scene.browser();
    assert_eq!(browser.who().await, "nobody");
    browser.post("/data/cart/book").await;
    assert_eq!(browser.who().await, "nobody", "an anonymous session is nobody's");
    browser.log_in("alice").await;
    assert_eq!(browser.who().await, "alice");
}

async fn required_logins_guard_whole_routes(scene: Scene) {
    let routes = Router::new()
        .route("/inside", get(async || "inside"))
        .route_layer(require_login())
        .route("/outside", get(async || "outside"));
    let mut browser = scene.browser().at_routes(routes);
    assert_eq!(browser.get("/outside").await.body, "outside");
    assert_eq!(browser.get("/inside").await.code(), "not-logged-in");
    let location = navigate(&browser, "/inside?a=1").await.location().unwrap().to_owned();
    assert_eq!(location, "/login?next=%2Finside%3Fa%3D1");
    assert_eq!(browser.get("/nowhere").await.status, 404);
    browser.cookie = scene.logged_in("alice").await.cookie;
    assert_eq!(browser.get("/inside").await.body, "inside");
}

async fn required_groups_guard_whole_routes(scene: Scene) {
    let routes =
        Router::new().route("/inside", get(async || "inside")).route_layer(require_group("admin"));
    let mut browser = scene.browser().at_routes(routes);
    assert_eq!(browser.get("/inside").await.code(), "not-logged-in");
    browser.cookie = scene.logged_in("alice").await.cookie;
    let refused = browser.get("/inside").await;
    assert_eq!((refused.status.as_u16(), refused.code()), (403, "forbidden".into()));
    let refused = navigate(&browser, "/inside").await;
    assert_eq!(refused.status, 403, "logging in again would not help");
    let admin = User::new("alice").unwrap().groups(["staff", "admin"]).unwrap();
    browser.cloakroom.sessions().regroup(&admin).await.unwrap();
    assert_eq!(browser.get("/inside").await.body, "inside");
}

async fn a_sensitive_act_needs_a_recent_login(scene: Scene) {
    let routes = Router::new()
        .route("/pay", get(async |user: RecentLogin<10>| user.name.clone()))
        .route("/again", post(async |session: Session| session.reauthenticated().await));
    let mut browser = scene.browser().at_routes(routes);
    assert_eq!(browser.get("/pay").await.code(), "not-logged-in");
    browser.cookie = scene.logged_in("alice").await.cookie;
    assert_eq!(browser.get("/pay").await.body, "alice");
    scene.advance(std::time::Duration::from_millis(10 * 60_000 - 1));
    assert_eq!(browser.get("/pay").await.body, "alice");
    scene.advance(std::time::Duration::from_millis(1));
    let late = browser.get("/pay").await;
    assert_eq!((late.status.as_u16(), late.code()), (401, "recent-login-required".into()));
    let page = navigate(&browser, "/pay?sum=5").await;
    assert_eq!(page.location(), Some("/login?next=%2Fpay%3Fsum%3D5"));
    browser.post("/again").await;
    assert_eq!(browser.get("/pay").await.body, "alice");
}

/// An application's table of users.
#[derive(Clone, Default)]
struct Table(Arc<Mutex<Rows>>);

#[derive(Default)]
struct Rows {
    titles: HashMap<String, String>,
    is_down: bool,
}

#[derive(Debug)]
struct TableDown;

impl std::fmt::Display for TableDown {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("host db-7 refused the connection")
    }
}

impl std::error::Error for TableDown {}

impl LoadUser for Table {
    type User = String;
    type Error = TableDown;

    async fn load_user(&self, id: &UserId) -> Result<Option<String>, TableDown> {
        let rows = self.0.lock().unwrap();
        if rows.is_down { Err(TableDown) } else { Ok(rows.titles.get(id.as_str()).cloned()) }
    }
}

/// A browser in which alice is logged in, at an application with a table of its own.
async fn with_a_table(scene: &Scene) -> (Browser, Table) {
    let table = Table::default();
    table.0.lock().unwrap().titles.insert("alice".to_owned(), "Dr Alice".to_owned());
    let routes = Router::new()
        .route("/title", get(async |AppUser(title): AppUser<String>| title))
        .with_state(table.clone());
    (scene.logged_in("alice").await.at_routes(routes), table)
}

async fn the_applications_own_row_comes_with_the_user(scene: Scene) {
    let (mut browser, _table) = with_a_table(&scene).await;
    assert_eq!(browser.get("/title").await.body, "Dr Alice");
    browser.cookie = None;
    assert_eq!(browser.get("/title").await.code(), "not-logged-in");
}

async fn a_user_whose_row_is_gone_is_not_logged_in(scene: Scene) {
    let (mut browser, table) = with_a_table(&scene).await;
    table.0.lock().unwrap().titles.clear();
    let reply = browser.get("/title").await;
    assert_eq!((reply.status.as_u16(), reply.code()), (401, "not-logged-in".into()));
}

/// Law 5: a fault never looks like a logout.
async fn a_row_that_cannot_be_loaded_is_a_fault_and_no_logout(scene: Scene) {
    let (mut browser, table) = with_a_table(&scene).await;
    table.0.lock().unwrap().is_down = true;
    let reply = browser.get("/title").await;
    assert_eq!((reply.status.as_u16(), reply.code()), (503, "sessions-unavailable".into()));
    assert_eq!((reply.header("retry-after"), reply.credential()), (Some("2"), None));
    assert!(!reply.body.contains("db-7"), "{}", reply.body);
    table.0.lock().unwrap().is_down = false;
    assert_eq!(browser.get("/title").await.body, "Dr Alice");
}

#[tokio::test]
async fn a_missing_layer_is_an_error_that_says_what_to_do() {
    use tower::ServiceExt;
    let routes = Router::new()
        .route("/session", get(async |_: Session| ()))
        .route("/user", get(async |_: CurrentUser| ()))
        .route("/optional", get(async |_: Option<CurrentUser>| ()))
        .route("/inside", get(async || ()).route_layer(require_login()));
    for path in ["/session", "/user", "/optional", "/inside"] {
        let request = axum::http::Request::get(path).body(axum::body::Body::empty()).unwrap();
        let response = routes.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 500, "{path}");
    }
    let advice = Error::NoLayer.to_string();
    assert!(advice.contains("no session layer") && advice.contains(".layer("), "{advice}");
}
