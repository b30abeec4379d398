//! A whole application: login, a protected page and logout. Run it with
//! `cargo run -p cloakroom --example login` and open <http://localhost:3000>.

use axum::response::{Html, Redirect};
use axum::{Form, Router, routing::get, routing::post};
use cloakroom::{Cloakroom, CurrentUser, Error, Session, User};

const LOGIN: &str = r#"<form method="post">
  <label>Name <input name="name"></label>
  <label>Password <input name="password" type="password"></label>
  <button>Log in</button> <button formaction="/logout">Log out</button>
</form>"#;

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

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cloakroom = Cloakroom::database("sessions.db").login_page("/login").open().await?;
    let app = Router::new()
        .route("/", get(async |user: CurrentUser| format!("Hello {}!", user.id)))
        .route("/login", get(Html(LOGIN)).post(log_in))
        .route("/logout", post(async |session: Session| session.log_out().await))
        .layer(cloakroom.layer());
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await?;
    Ok(())
}
