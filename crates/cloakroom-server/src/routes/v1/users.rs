use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use cloakroom::UserId;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::body::{Body, Nothing, OptionalBody};
use super::holder::{Holder, SessionsRead, UsersRead, UsersWrite};
use super::named::Named;
use super::problem::{ApiError, ProblemDetails};
use super::query::{Paging, Params, rows, short};
use crate::app::{App, SharedApp};
use crate::users::{self, Profile, Role, UserRow};

/// A user that this server keeps.
#[derive(Serialize, ToSchema)]
pub(super) struct User {
    /// The application's own id; never changes.
    id: String,
    /// The login name.
    name: String,
    /// The name as people see it.
    display_name: String,
    /// The e-mail address.
    #[schema(required)]
    email: Option<String>,
    /// The groups.
    groups: Vec<String>,
    /// What the user may do on Cloakroom's own pages.
    #[schema(value_type = RoleName)]
    role: Role,
    /// Whether sign-in is refused.
    disabled: bool,
    /// Whether a password was chosen.
    has_password: bool,
}

/// What a user may do on Cloakroom's own pages.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "only the document is made from it")]
pub(super) enum RoleName {
    Admin,
    User,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            id: row.id.to_string(),
            name: row.name,
            display_name: row.display_name,
            email: row.email,
            groups: row.groups,
            role: row.role,
            disabled: row.disabled,
            has_password: row.has_password,
        }
    }
}

/// A page of users.
#[derive(Serialize, ToSchema)]
pub(super) struct UserPage {
    /// In order of their login names.
    items: Vec<User>,
    /// What to send as `after` for the next page; null on the last one.
    #[schema(required)]
    next: Option<String>,
}

/// List the users that this server keeps, in order of their login names.
#[utoipa::path(
    operation_id = "list_users", get, path = "/v1/users", tag = "users", security(("api_key" = ["users:read"])),
    params(Paging), responses((status = 200, description = "A page", body = UserPage))
)]
pub(super) async fn list(
    State(app): State<SharedApp>,
    _: Holder<UsersRead>,
    Params(paging): Params<Paging>,
) -> Result<Json<UserPage>, ApiError> {
    short("after", paging.after.as_deref())?;
    let page = app.users.page(paging.after.as_deref(), rows(paging.limit)?).await?;
    let items = page.items.into_iter().map(Into::into).collect();
    Ok(Json(UserPage { items, next: page.next }))
}

/// Look up a user by id.
#[utoipa::path(
    operation_id = "read_user", get, path = "/v1/users/{id}", tag = "users", security(("api_key" = ["users:read"])),
    params(("id" = String, Path, description = "The user's id")),
    responses(
        (status = 200, description = "The user", body = User),
        (status = 404, description = "`unknown-user`", body = ProblemDetails),
    )
)]
pub(super) async fn show(
    State(app): State<SharedApp>,
    _: Holder<UsersRead>,
    Named(id): Named,
) -> Result<Json<User>, ApiError> {
    let user = app.users.by_id(&user_id(id)?).await?;
    Ok(Json(user.ok_or_else(ApiError::unknown_user)?.into()))
}

/// What is no user id is the id of nobody.
fn user_id(id: String) -> Result<UserId, ApiError> {
    UserId::new(id).map_err(|_| ApiError::unknown_user())
}

/// How often all sessions of a user were ended.
#[derive(Serialize, ToSchema)]
pub(super) struct Epoch {
    /// The user's id.
    user: String,
    /// What `as_of_epoch` of a new session takes.
    epoch: u64,
}

/// Read a user's epoch, before the password is checked: a login as of it is refused if all
/// sessions of the user are ended meanwhile. Works for any id. An end that a crash left half done is
/// finished first.
#[utoipa::path(
    operation_id = "read_epoch", get, path = "/v1/users/{id}/epoch", tag = "users", security(("api_key" = ["sessions:read"])),
    params(("id" = String, Path, description = "The user's id")),
    responses(
        (status = 200, description = "The epoch", body = Epoch),
        (status = 404, description = "`unknown-user`: this can be nobody's id", body = ProblemDetails),
    )
)]
pub(super) async fn epoch(
    State(app): State<SharedApp>,
    _: Holder<SessionsRead>,
    Named(id): Named,
) -> Result<Json<Epoch>, ApiError> {
    let id = user_id(id)?;
    let (_, epoch) = app.begin_login(&id).await?;
    Ok(Json(Epoch { user: id.to_string(), epoch }))
}

/// A user to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUser {
    /// The login name; upper case is folded.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9][A-Za-z0-9._+@-]{0,63}$")]
    name: String,
    /// The application's own id; a fresh one unless given.
    #[schema(min_length = 1, max_length = 128, pattern = "^(?!\\.{1,2}$)[!-+\\--~]{1,128}$")]
    id: Option<String>,
    /// The name as people see it; the login name unless given.
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*[^\\s\\u0000-\\u001f\\u007f-\\u009f][^\\u0000-\\u001f\\u007f-\\u009f]*$"
    )]
    display_name: Option<String>,
    /// The e-mail address.
    #[schema(format = "email", max_length = 254)]
    email: Option<String>,
    /// The groups.
    #[serde(default)]
    #[schema(value_type = Vec<UserGroup>, max_items = 256)]
    groups: Vec<String>,
}

/// A group of a user that this server keeps.
#[derive(ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._:-]{1,64}$")]
#[expect(dead_code, reason = "only the document is made from it")]
pub(super) struct UserGroup(String);

/// A user just added.
#[derive(Serialize, ToSchema)]
pub(super) struct AddedUser {
    /// The user.
    user: User,
    /// A one-time link with which the person chooses a password, good for three days. Hand it to
    /// nobody else.
    password_link: String,
}

/// Add a user, who chooses a password by a one-time link; nobody else ever knows it.
#[utoipa::path(
    operation_id = "add_user", post, path = "/v1/users", tag = "users", security(("api_key" = ["users:write"])),
    request_body = NewUser,
    responses(
        (status = 201, description = "Added", body = AddedUser),
        (status = 409, description = "`user-taken`: the id or the name is another user's", body = ProblemDetails),
    )
)]
pub(super) async fn add(
    State(app): State<SharedApp>,
    _: Holder<UsersWrite>,
    Body { value: new, .. }: Body<NewUser>,
) -> Result<(StatusCode, Json<AddedUser>), ApiError> {
    let mut user = app.new_user(users::login_name(&new.name)?, Role::User)?;
    if let Some(id) = new.id {
        user.id = UserId::new(id)?;
    }
    if let Some(shown) = new.display_name {
        user.display_name = users::display_name(&shown)?;
    }
    user.email = new.email.as_deref().map(email).transpose()?;
    user.groups = groups(&new.groups)?;
    let added = app.add_user(user).await?.ok_or_else(|| {
        let detail = "A user of this id or name is there already.";
        ApiError::new(StatusCode::CONFLICT, "user-taken", detail)
    })?;
    let (user, password_link) = (added.0.into(), added.1);
    Ok((StatusCode::CREATED, Json(AddedUser { user, password_link })))
}

/// No text is not the same as an empty one.
fn email(text: &str) -> Result<String, ApiError> {
    Ok(users::email(text)?.ok_or(users::NameError::Email)?)
}

fn groups(given: &[String]) -> Result<Vec<String>, ApiError> {
    Ok(users::groups(given.iter().map(String::as_str))?)
}

/// Changes of a user; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UserChange {
    /// The name as people see it.
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*[^\\s\\u0000-\\u001f\\u007f-\\u009f][^\\u0000-\\u001f\\u007f-\\u009f]*$"
    )]
    display_name: Option<String>,
    /// The e-mail address; null takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, format = "email", max_length = 254)]
    email: Option<Option<String>>,
    /// All groups. Live sessions have them from now on.
    #[schema(value_type = Option<Vec<UserGroup>>, max_items = 256)]
    groups: Option<Vec<String>>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Change a user. Groups bite at once, in live sessions too.
#[utoipa::path(
    operation_id = "change_user", patch, path = "/v1/users/{id}", tag = "users", security(("api_key" = ["users:write"])),
    params(("id" = String, Path, description = "The user's id")), request_body = UserChange,
    responses(
        (status = 200, description = "The user as changed", body = User),
        (status = 403, description = "`administrator`, `insufficient-scope`", body = ProblemDetails),
        (status = 404, description = "`unknown-user`", body = ProblemDetails),
    )
)]
pub(super) async fn change(
    State(app): State<SharedApp>,
    _: Holder<UsersWrite>,
    Named(id): Named,
    Body { value: asked, .. }: Body<UserChange>,
) -> Result<Json<User>, ApiError> {
    let profile = Profile {
        display_name: asked.display_name.as_deref().map(users::display_name).transpose()?,
        email: asked
            .email
            .map(|email| email.as_deref().map(self::email).transpose())
            .transpose()?,
        groups: asked.groups.as_deref().map(groups).transpose()?,
    };
    let changed = app.change_profile(&changeable(&app, id).await?, profile).await?;
    Ok(Json(changed.ok_or_else(ApiError::unknown_user)?.into()))
}

/// Disable a user: sign-in is refused and all sessions end at once.
#[utoipa::path(
    operation_id = "disable_user", post, path = "/v1/users/{id}/disable", tag = "users", security(("api_key" = ["users:write"])),
    params(("id" = String, Path, description = "The user's id")),
    responses(
        (status = 200, description = "Disabled", body = User),
        (status = 403, description = "`administrator`, `insufficient-scope`", body = ProblemDetails),
        (status = 404, description = "`unknown-user`", body = ProblemDetails),
    )
)]
pub(super) async fn disable(
    State(app): State<SharedApp>,
    holder: Holder<UsersWrite>,
    Named(id): Named,
    _: OptionalBody<Nothing>,
) -> Result<Json<User>, ApiError> {
    let disabled = app.disable(&changeable(&app, id).await?, &holder.name()).await?;
    Ok(Json(disabled.ok_or_else(ApiError::unknown_user)?.into()))
}

/// Let a user sign in again.
#[utoipa::path(
    operation_id = "enable_user", post, path = "/v1/users/{id}/enable", tag = "users", security(("api_key" = ["users:write"])),
    params(("id" = String, Path, description = "The user's id")),
    responses(
        (status = 200, description = "Enabled", body = User),
        (status = 403, description = "`administrator`, `insufficient-scope`", body = ProblemDetails),
        (status = 404, description = "`unknown-user`", body = ProblemDetails),
    )
)]
pub(super) async fn enable(
    State(app): State<SharedApp>,
    _: Holder<UsersWrite>,
    Named(id): Named,
    _: OptionalBody<Nothing>,
) -> Result<Json<User>, ApiError> {
    let enabled = app.enable(&changeable(&app, id).await?).await?;
    Ok(Json(enabled.ok_or_else(ApiError::unknown_user)?.into()))
}

/// A one-time link.
#[derive(Serialize, ToSchema)]
pub(super) struct PasswordLink {
    /// With it the person chooses a new password; good once, for three days. Earlier ones are
    /// void.
    password_link: String,
}

/// Make a one-time link with which a person chooses a new password.
#[utoipa::path(
    operation_id = "make_password_link", post, path = "/v1/users/{id}/password-link", tag = "users",
    security(("api_key" = ["users:write"])),
    params(("id" = String, Path, description = "The user's id")),
    responses(
        (status = 200, description = "Made", body = PasswordLink),
        (status = 403, description = "`administrator`, `insufficient-scope`", body = ProblemDetails),
        (status = 404, description = "`unknown-user`", body = ProblemDetails),
    )
)]
pub(super) async fn password_link(
    State(app): State<SharedApp>,
    _: Holder<UsersWrite>,
    Named(id): Named,
    _: OptionalBody<Nothing>,
) -> Result<Json<PasswordLink>, ApiError> {
    let id = changeable(&app, id).await?;
    Ok(Json(PasswordLink { password_link: app.password_link(&id).await? }))
}

/// The id of a user whom applications may change.
async fn changeable(app: &App, id: String) -> Result<UserId, ApiError> {
    let user = app.users.by_id(&user_id(id)?).await?.ok_or_else(ApiError::unknown_user)?;
    ordinary(&user).map(|()| user.id)
}

/// Refuses administrators: an API key must not become one, by a session, a link or otherwise.
pub(super) fn ordinary(user: &UserRow) -> Result<(), ApiError> {
    if user.role == Role::User {
        return Ok(());
    }
    let detail = "This user is an administrator of Cloakroom, whom only commands and \
                  administrators can log in, change or disable.";
    Err(ApiError::new(StatusCode::FORBIDDEN, "administrator", detail))
}
