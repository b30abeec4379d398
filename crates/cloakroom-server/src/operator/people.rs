//! Orders about users.

use cloakroom::{StoreError, UserId};

use super::refusal::Refusal;
use super::reply::Link;
use super::{NewPerson, OPERATOR, PersonLink, Reply};
use crate::app::App;
use crate::events;
use crate::users::{self, NameError, NewUser, Role, UserRow};

/// Users on a page.
const PAGE: u32 = 100;
/// Users among whom a misspelt one is looked for.
const LOOKED_THROUGH: u32 = 500;

/// The one spelling of a login name.
pub(super) fn spelled(name: &str) -> Result<String, NameError> {
    users::login_name(name)
}

/// The user of this name.
pub(super) async fn known(app: &App, name: &str) -> Result<UserRow, Refusal> {
    let name = spelled(name)?;
    match app.users.by_name(&name).await? {
        Some(user) => Ok(user),
        None => Err(Refusal::NotFound(missing(&name, meant(app, &name).await?))),
    }
}

fn missing(name: &str, meant: Option<String>) -> String {
    match meant {
        Some(meant) => format!("there is no user {name:?}; did you mean {meant}?"),
        None => format!("there is no user {name:?}; `cloakroom user list` shows who there is"),
    }
}

/// A user whose name is one slip away and begins with the same letter.
async fn meant(app: &App, wrong: &str) -> Result<Option<String>, StoreError> {
    let page = app.users.page(wrong.get(..1), LOOKED_THROUGH).await?;
    let near = page.items.into_iter().filter_map(|user| Some((slips(wrong, &user.name)?, user)));
    Ok(near.min_by_key(|(slips, _)| *slips).map(|(_, user)| user.name))
}

/// How much lies between what two names have in common at both ends, if it is at most a
/// letter too many, too few or wrong, or two letters that changed places.
fn slips(one: &str, other: &str) -> Option<usize> {
    let longer = one.len().max(other.len());
    let start = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    let rest = one[start..].bytes().rev().zip(other[start..].bytes().rev());
    let end = rest.take_while(|(one, other)| one == other).count();
    let between = longer - start - end;
    (start > 0 && between <= 2).then_some(between)
}

pub(super) async fn add(app: &App, new: NewPerson) -> Result<Reply, Refusal> {
    let new = checked(app, new)?;
    let (id, name) = (new.id.clone(), new.name.clone());
    match app.add_user(new).await? {
        Some((user, link)) => {
            Ok(Reply::Added(PersonLink { id: user.id, name: user.name, link: Link::new(link) }))
        }
        None => Err(Refusal::Failed(taken(app, &id, &name).await?)),
    }
}

fn checked(app: &App, new: NewPerson) -> Result<NewUser, Refusal> {
    let role = if new.admin { Role::Admin } else { Role::User };
    let mut user = app.new_user(spelled(&new.name)?, role)?;
    if let Some(id) = new.id {
        user.id = UserId::new(id)?;
    }
    if let Some(shown) = new.display_name {
        user.display_name = users::display_name(&shown)?;
    }
    user.email = users::email(new.email.as_deref().unwrap_or_default())?;
    user.groups = users::typed_groups(&new.groups.join(","))?;
    Ok(user)
}

async fn taken(app: &App, id: &UserId, name: &str) -> Result<String, StoreError> {
    Ok(match app.users.by_id(id).await? {
        Some(other) if other.name != name => {
            format!("the id {id} is that of user {} already", other.name)
        }
        _ => format!(
            "there is a user {name} already; `cloakroom user passwd {name}` makes a new link"
        ),
    })
}

pub(super) async fn list(app: &App, after: Option<&str>) -> Result<Reply, Refusal> {
    let page = app.users.page(after, PAGE).await?;
    let items = page.items.into_iter().map(Into::into).collect();
    Ok(Reply::People { items, next: page.next })
}

pub(super) async fn disable(app: &App, name: &str) -> Result<Reply, Refusal> {
    let user = known(app, name).await?;
    // Also when it is so already: an end that failed half-way is then made good.
    app.disable(&user.id, OPERATOR).await?;
    Ok(Reply::Disabled { name: user.name, already: user.disabled })
}

pub(super) async fn enable(app: &App, name: &str) -> Result<Reply, Refusal> {
    let user = known(app, name).await?;
    if user.disabled {
        app.enable(&user.id).await?;
    }
    Ok(Reply::Enabled { name: user.name, already: !user.disabled })
}

pub(super) async fn unlock(app: &App, name: &str) -> Result<Reply, Refusal> {
    let user = known(app, name).await?;
    let failures = app.guesses.release(&user.name, app.cloakroom.sessions().now()).await?;
    events::user_updated(&user.id, "unlocked");
    Ok(Reply::Unlocked { name: user.name, failures })
}

pub(super) async fn password_link(app: &App, name: &str) -> Result<Reply, Refusal> {
    let user = known(app, name).await?;
    let link = Link::new(app.password_link(&user.id).await?);
    let person = PersonLink { id: user.id, name: user.name, link };
    Ok(Reply::PasswordLink { person, disabled: user.disabled })
}

pub(super) async fn set_up_link(app: &App) -> Result<Reply, Refusal> {
    match app.set_up_link().await? {
        Some((link, _)) => Ok(Reply::SetUp { link: Link::new(link) }),
        None => Err(Refusal::Failed(
            "the set-up is done: there are users already; `cloakroom user add NAME --admin` adds \
             another administrator"
                .to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slip_is_near_and_another_name_is_not() {
        for near in ["alice", "alic", "alicee", "alica", "alcie"] {
            assert!(slips(near, "alice").is_some(), "{near}");
        }
        for far in ["bob", "blice", "al", "anton", "alexander"] {
            assert!(slips(far, "alice").is_none(), "{far}");
        }
    }
}
