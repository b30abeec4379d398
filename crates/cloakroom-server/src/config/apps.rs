use super::Origin;
use super::error::Problem;
use super::kind::{Text, shown};
use super::load::{Given, Loading};
use super::setting::{Setting, setting};
use super::text::{display_name, is_app_id};

/// An application behind this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Its id: part of addresses, and the audience of its assertions.
    pub id: String,
    /// Its name as people see it; the id unless set.
    pub name: String,
    /// Where browsers reach it.
    pub origin: Origin,
}

/// The settings of each application; the key is what follows `app.<id>.`.
pub(super) static APP_SETTINGS: &[Setting<App>] = &[
    setting!(
        "name",
        "",
        Text { allowed: "a text of 1 to 64 characters", read: display_name, show: Clone::clone },
        name,
        "The application's name as the sign-in page shows it; its id unless set."
    ),
    setting!(
        "origin",
        "",
        Text { allowed: APP_ORIGIN, read: secure_origin, show: shown },
        origin,
        "Where browsers reach the application; required. A login returns to such origins only."
    ),
];

const APP_ORIGIN: &str =
    "an exact origin such as \"https://files.example.org\", or http on localhost";

pub(super) const APP_ID: &str =
    "an id of 1 to 32 lower-case letters, digits and inner dashes, a letter first";

/// What `app.<id>.<field>` says.
pub(super) struct AppKey<'a> {
    pub(super) id: &'a str,
    pub(super) field: Option<&'a str>,
}

/// Splits `["app", id]` and `["app", id, field]`.
pub(super) fn app_key(segments: &[String]) -> Option<AppKey<'_>> {
    match segments {
        [app, id] if app == "app" => Some(AppKey { id, field: None }),
        [app, id, field] if app == "app" => Some(AppKey { id, field: Some(field) }),
        _ => None,
    }
}

/// Applies one value to the application `key` speaks of, which comes into being by it.
pub(super) fn apply(loading: &mut Loading, key: &AppKey<'_>, given: &Given) {
    if !is_app_id(key.id) {
        loading.refuse(given, "not an application's id", APP_ID);
        return;
    }
    let known = APP_SETTINGS.iter().find(|setting| Some(setting.key) == key.field);
    let apps = &mut loading.config.apps;
    let app = apps.entry(key.id.to_owned()).or_insert_with(|| unnamed(key.id));
    match (known, key.field) {
        (Some(setting), _) => match (setting.set)(app, &given.raw) {
            Ok(()) => loading.settle(given),
            Err(reason) => loading.refuse(given, &reason, &(setting.allowed)()),
        },
        // `[app.files]` with nothing in it: the missing origin is reported below.
        (None, None) if given.is_table() => {}
        (None, _) => loading.unknown(given),
    }
}

/// Every application needs an origin.
pub(super) fn check(loading: &mut Loading) {
    let ids: Vec<String> = loading.config.apps.keys().cloned().collect();
    for id in ids {
        let key = format!("app.{id}.origin");
        if !loading.was_given(&key) {
            loading.problems.push(Problem::new(
                &key,
                None,
                format!("missing; allowed: {APP_ORIGIN}"),
            ));
        }
    }
}

fn unnamed(id: &str) -> App {
    App { id: id.to_owned(), name: id.to_owned(), origin: Origin::localhost(0) }
}

pub(super) fn secure_origin(text: &str) -> Result<Origin, String> {
    Origin::parse_secure(text).map_err(|error| error.to_string())
}
