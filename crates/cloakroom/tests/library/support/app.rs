use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use cloakroom::{Carry, Cloakroom, CurrentUser, Error, Login, Session, User};

/// An application with a route for each act.
pub(crate) fn app(cloakroom: &Cloakroom) -> Router {
    Router::new()
        .route("/public", get(async || "public"))
        .route("/who", get(who))
        .route("/home", get(async |user: CurrentUser| user.name))
        .route("/login/{user}", post(log_in))
        .route("/remember/{user}", post(remember))
        .route("/keep/{user}", post(log_in_and_keep_all))
        .route("/logout", post(async |session: Session| session.log_out().await))
        .route("/rotate", post(async |session: Session| session.rotate().await))
        .route("/again", post(async |session: Session| session.reauthenticated().await))
        .route("/end-all", post(end_all))
        .route("/data/{key}", get(read))
        .route("/data/{key}/{value}", post(write))
        .route("/count/{key}", post(count))
        .layer(cloakroom.layer())
}

async fn who(user: Option<CurrentUser>) -> String {
    user.map_or_else(|| "nobody".to_owned(), |user| user.id.to_string())
}

async fn log_in(session: Session, Path(user): Path<String>) -> Result<String, Error> {
    Ok(session.log_in(User::new(user)?).await?.to_string())
}

async fn remember(session: Session, Path(user): Path<String>) -> Result<String, Error> {
    let login = Login::new(User::new(user)?).remember(true);
    Ok(session.log_in(login).await?.to_string())
}

async fn log_in_and_keep_all(session: Session, Path(user): Path<String>) -> Result<String, Error> {
    let login = Login::new(User::new(user)?).carry(Carry::Everything);
    Ok(session.log_in(login).await?.to_string())
}

async fn end_all(session: Session) -> Result<String, Error> {
    Ok(session.end_all_own().await?.to_string())
}

async fn read(session: Session, Path(key): Path<String>) -> Result<String, Error> {
    Ok(session.get::<String>(&key).await?.unwrap_or_default())
}

async fn write(
    session: Session,
    Path((key, value)): Path<(String, String)>,
) -> Result<&'static str, Error> {
    session.insert(&key, value).await?;
    Ok("written")
}

async fn count(session: Session, Path(key): Path<String>) -> Result<String, Error> {
    let next = session.update(&key, |count: Option<u64>| count.unwrap_or(0) + 1).await?;
    Ok(next.to_string())
}
