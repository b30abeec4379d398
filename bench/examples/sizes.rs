use axum::body::Body;
use axum::handler::Handler;
use axum::http::Request;
use cloakroom::*;
async fn who(user: CurrentUser) -> String {
    user.id.into()
}
async fn sess(session: Session) -> String {
    session.user().await.unwrap().map(|u| u.id.into()).unwrap_or_default()
}
async fn ins(session: Session) -> Result<String, Error> {
    session.insert("n", 0).await?;
    Ok("x".into())
}
async fn upd(session: Session) -> Result<String, Error> {
    session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1).await?;
    Ok("x".into())
}
async fn none() -> String {
    "x".into()
}
fn main() {
    let r = || Request::new(Body::empty());
    println!("none {}", size_of_val(&*Handler::<((),), ()>::call(none, r(), ())));
    println!("who {}", size_of_val(&*Handler::<_, ()>::call(who, r(), ())));
    println!("sess {}", size_of_val(&*Handler::<_, ()>::call(sess, r(), ())));
    println!("ins {}", size_of_val(&*Handler::<_, ()>::call(ins, r(), ())));
    println!("upd {}", size_of_val(&*Handler::<_, ()>::call(upd, r(), ())));
    println!("Request {}", size_of::<Request<Body>>());
}
