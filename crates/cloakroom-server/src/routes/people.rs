use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use cloakroom::UserId;
use serde::Deserialize;

use super::admin::{ROWS, Search};
use super::render;
use super::setup::{display_name, sentence};
use super::viewer::{Admin, Viewer, done};
use crate::app::{App, SharedApp};
use crate::middleware::PageError;
use crate::ui::error::ErrorKind;
use crate::ui::forms::Field;
use crate::ui::layout::Nav;
use crate::ui::moment::Moment;
use crate::ui::notice::Notice;
use crate::ui::paging::Paging;
use crate::ui::users::{AddUser, OneTimeLink, UserRow as Shown, UsersPage};
use crate::users::{CodePurpose, NewUser, Role, UserRow, email, login_name, typed_groups};

#[derive(Deserialize)]
pub(super) struct Addition {
    name: String,
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    groups: String,
    #[serde(default)]
    role: String,
}

pub(super) async fn show(
    State(app): State<SharedApp>,
    Admin(viewer): Admin,
    Query(search): Query<Search>,
) -> Result<Response, PageError> {
    page(&app, &viewer, StatusCode::OK, &search, AddUser::default(), None).await
}

pub(super) async fn add(
    State(app): State<SharedApp>,
    Admin(viewer): Admin,
    Form(form): Form<Addition>,
) -> Result<Response, PageError> {
    viewer.check_recent(&app, "admin/users")?;
    let (search, wrong) = (Search::default(), StatusCode::UNPROCESSABLE_ENTITY);
    let new = match checked(&app, &form) {
        Ok(new) => new,
        Err(form) => return page(&app, &viewer, wrong, &search, *form, None).await,
    };
    match app.add_user(new).await? {
        Some((user, url)) => {
            let link = Some(link(&app, user.name, url));
            page(&app, &viewer, StatusCode::OK, &search, AddUser::default(), link).await
        }
        None => {
            let mut form = filled(&form);
            form.name = form.name.wrong("There is a user of this name already.");
            page(&app, &viewer, wrong, &search, form, None).await
        }
    }
}

pub(super) async fn password_link(
    State(app): State<SharedApp>,
    Admin(viewer): Admin,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    viewer.check_recent(&app, "admin/users")?;
    let user = find(&app, id).await?;
    let url = app.password_link(&user.id).await?;
    let link = Some(link(&app, user.name, url));
    page(&app, &viewer, StatusCode::OK, &Search::default(), AddUser::default(), link).await
}

pub(super) async fn disable(
    State(app): State<SharedApp>,
    Admin(viewer): Admin,
    Path(id): Path<String>,
) -> Result<Redirect, PageError> {
    viewer.check_recent(&app, "admin/users")?;
    let user = find(&app, id).await?;
    if user.id == viewer.identity.user.id {
        return Ok(done(&app, "admin/users", Notice::NotYourself));
    }
    app.disable(&user.id, &viewer.identity.user.name).await?;
    Ok(done(&app, "admin/users", Notice::UserDisabled))
}

pub(super) async fn enable(
    State(app): State<SharedApp>,
    Admin(viewer): Admin,
    Path(id): Path<String>,
) -> Result<Redirect, PageError> {
    viewer.check_recent(&app, "admin/users")?;
    let user = find(&app, id).await?;
    app.enable(&user.id).await?;
    Ok(done(&app, "admin/users", Notice::UserEnabled))
}

async fn find(app: &App, id: String) -> Result<UserRow, PageError> {
    let id = UserId::new(id).map_err(|_| ErrorKind::NotFound)?;
    app.users.by_id(&id).await?.ok_or_else(|| ErrorKind::NotFound.into())
}

/// The user the form describes, or the form with what is wrong.
fn checked(app: &App, form: &Addition) -> Result<NewUser, Box<AddUser>> {
    let mut again = filled(form);
    let name = login_name(form.name.trim());
    let (email, groups) = (email(&form.email), typed_groups(&form.groups));
    if let Err(error) = &name {
        again.name = again.name.wrong(sentence(error));
    }
    if let Err(error) = &email {
        again.email = again.email.wrong(sentence(error));
    }
    if let Err(error) = &groups {
        again.groups = again.groups.wrong(sentence(error));
    }
    let (Ok(name), Ok(email), Ok(groups)) = (name, email, groups) else {
        return Err(Box::new(again));
    };
    let role = if form.role == "admin" { Role::Admin } else { Role::User };
    let Ok(new) = app.new_user(name, role) else { return Err(Box::new(again)) };
    let shown = display_name(&form.display_name).unwrap_or_else(|| new.name.clone());
    Ok(NewUser { email, groups, display_name: shown, ..new })
}

fn filled(form: &Addition) -> AddUser {
    AddUser {
        name: Field::with(form.name.as_str()),
        display_name: Field::with(form.display_name.as_str()),
        email: Field::with(form.email.as_str()),
        groups: Field::with(form.groups.as_str()),
        is_admin: form.role == "admin",
    }
}

fn link(app: &App, name: String, url: String) -> OneTimeLink {
    let now = app.cloakroom.sessions().now();
    let expires = now.after(CodePurpose::Password.lifetime());
    OneTimeLink { name, url, expires: Moment::new(expires.unix_millis(), now.unix_millis()) }
}

async fn page(
    app: &App,
    viewer: &Viewer,
    status: StatusCode,
    search: &Search,
    add: AddUser,
    link: Option<OneTimeLink>,
) -> Result<Response, PageError> {
    let found = app.users.page(search.after.as_deref(), ROWS).await?;
    let own = &viewer.identity.user.id;
    let page = UsersPage {
        layout: viewer.layout(app, Some(Nav::Users), search.done.as_deref()),
        users: found.items.iter().map(|user| row(user, own)).collect(),
        add,
        link,
        paging: Paging { after: search.after.clone(), next: found.next },
    };
    Ok((status, render(&page)?).into_response())
}

fn row(user: &UserRow, own: &UserId) -> Shown {
    Shown {
        key: user.id.to_string(),
        name: user.name.clone(),
        display_name: user.display_name.clone(),
        email: user.email.clone(),
        groups: user.groups.clone(),
        is_admin: user.role == Role::Admin,
        disabled: user.disabled,
        invited: !user.has_password,
        is_viewer: user.id == *own,
    }
}
