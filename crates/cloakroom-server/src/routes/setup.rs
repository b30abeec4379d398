use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cloakroom::{Error, Session};
use serde::Deserialize;

use super::password::{new_password_problem, unavailable};
use super::viewer::done;
use super::{layout, render};
use crate::app::{App, SharedApp};
use crate::events;
use crate::middleware::PageError;
use crate::passwords::Password;
use crate::serve::SET_UP_FILE;
use crate::ui::error::ErrorKind;
use crate::ui::forms::{Field, Secret};
use crate::ui::notice::Notice;
use crate::ui::setup::SetupPage;
use crate::users::{NewUser, Role, SetUp, email, login_name};

#[derive(Deserialize)]
pub(super) struct Administrator {
    code: String,
    name: String,
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    email: String,
    password: Password,
    repeat: Password,
}

pub(super) async fn show(State(app): State<SharedApp>) -> Result<Response, PageError> {
    check_open(&app).await?;
    Ok(render(&blank(&app))?.into_response())
}

pub(super) async fn send(
    State(app): State<SharedApp>,
    session: Session,
    Form(form): Form<Administrator>,
) -> Result<Response, PageError> {
    check_open(&app).await?;
    let now = app.cloakroom.sessions().now();
    let admin = match checked(&app, &form) {
        Ok(admin) => admin,
        Err(page) => return again(&page),
    };
    if !app.users.may_set_up(&form.code, now).await? {
        return bad_code(&app, &form);
    }
    let hash = app.hash(form.password.clone()).await.map_err(unavailable)?;
    match app.set_up(&form.code, admin, hash).await? {
        Ok(proven) => {
            let id = session.log_in(proven.login().map_err(Error::from)?).await?;
            events::signed_in(&proven.user.id, id);
            // The link in it is used up.
            let _ = std::fs::remove_file(app.config.server.data.join(SET_UP_FILE));
            Ok(done(&app, "admin", Notice::SetUp).into_response())
        }
        Err(SetUp::AlreadyDone) => Err(ErrorKind::AlreadySetUp.into()),
        Err(_) => bad_code(&app, &form),
    }
}

async fn check_open(app: &App) -> Result<(), PageError> {
    if app.users.is_empty().await? { Ok(()) } else { Err(ErrorKind::AlreadySetUp.into()) }
}

/// The administrator the form describes, or the form with what is wrong.
fn checked(app: &App, form: &Administrator) -> Result<NewUser, Box<SetupPage>> {
    let mut page = filled(app, form);
    let name = login_name(form.name.trim());
    let email = email(&form.email);
    if let Err(error) = &name {
        page.name = page.name.wrong(sentence(error));
    }
    if let Err(error) = &email {
        page.email = page.email.wrong(sentence(error));
    }
    let about = [form.name.as_str(), form.display_name.as_str(), form.email.as_str()];
    if let Some(problem) = new_password_problem(app, &form.password, &about) {
        page.password = Secret::wrong(problem);
    } else if !form.password.matches(&form.repeat) {
        page.repeat = Secret::wrong("The two passwords differ.");
    }
    let sound = page.password.error.is_none() && page.repeat.error.is_none();
    match (name, email) {
        (Ok(name), Ok(email)) if sound => {
            let new = app.new_user(name, Role::Admin);
            let mut new = new.map_err(|error| {
                let mut page = filled(app, form);
                page.name = page.name.wrong(error.to_string());
                Box::new(page)
            })?;
            new.email = email;
            if let Some(shown) = display_name(&form.display_name) {
                new.display_name = shown;
            }
            Ok(new)
        }
        _ => Err(Box::new(page)),
    }
}

/// A name for people: anything but control characters, at most 100 characters.
pub(super) fn display_name(text: &str) -> Option<String> {
    let shown: String = text.chars().filter(|one| !one.is_control()).take(100).collect();
    let shown = shown.trim();
    (!shown.is_empty()).then(|| shown.to_owned())
}

/// An error as the sentence beside a field.
pub(super) fn sentence(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).chain(['.']).collect()
}

fn bad_code(app: &App, form: &Administrator) -> Result<Response, PageError> {
    let mut page = filled(app, form);
    page.code = Secret::wrong(
        "This code is not right, was used, or is over an hour old. `cloakroom setup-link` prints \
         another.",
    );
    again(&page)
}

fn again(page: &SetupPage) -> Result<Response, PageError> {
    Ok((StatusCode::UNPROCESSABLE_ENTITY, render(page)?).into_response())
}

fn blank(app: &App) -> SetupPage {
    SetupPage {
        layout: layout(app),
        min_length: app.password_policy.min_length,
        code: Secret::default(),
        name: Field::default(),
        display_name: Field::default(),
        email: Field::default(),
        password: Secret::default(),
        repeat: Secret::default(),
    }
}

fn filled(app: &App, form: &Administrator) -> SetupPage {
    SetupPage {
        name: Field::with(form.name.as_str()),
        display_name: Field::with(form.display_name.as_str()),
        email: Field::with(form.email.as_str()),
        ..blank(app)
    }
}
