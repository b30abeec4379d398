use super::{Order, Reply, api_keys, import, people, sessions};
use crate::app::SharedApp;

/// Does what the operator asks. Never fails: what goes wrong is a [`Reply::Failed`] or
/// [`Reply::NotFound`], in words for people.
///
/// Memory is bounded: lists come in pages.
pub async fn carry_out(app: &SharedApp, order: Order) -> Reply {
    let outcome = match order {
        Order::ApiKeyAdd { name, scopes } => api_keys::add(app, &name, &scopes).await,
        Order::ApiKeyList => api_keys::list(app).await,
        Order::ApiKeyRemove { key } => api_keys::remove(app, &key).await,
        Order::EndEveryone => sessions::end_everyone(app).await,
        Order::EndSession { id } => sessions::end_one(app, &id).await,
        Order::EndUser { name } => sessions::end_user(app, &name).await,
        Order::EndUserId { id } => sessions::end_user_id(app, &id).await,
        Order::Ping => Ok(Reply::Pong { version: env!("CARGO_PKG_VERSION").to_owned() }),
        Order::SetUpLink => people::set_up_link(app).await,
        Order::UserAdd(new) => people::add(app, new).await,
        Order::UserDisable { name } => people::disable(app, &name).await,
        Order::UserEnable { name } => people::enable(app, &name).await,
        Order::UserImport(import) => import::import(app, import).await,
        Order::UserList { after } => people::list(app, after.as_deref()).await,
        Order::UserPasswd { name } => people::password_link(app, &name).await,
        Order::UserUnlock { name } => people::unlock(app, &name).await,
        Order::Who { name, after } => sessions::who(app, name.as_deref(), after.as_deref()).await,
        Order::Why { id } => sessions::why(app, &id).await,
    };
    outcome.unwrap_or_else(Reply::from)
}
