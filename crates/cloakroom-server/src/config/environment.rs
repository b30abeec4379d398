use super::apps::APP_SETTINGS;
use super::load::Given;
use super::value::Raw;
use super::{Inputs, Source, discover, table};

const START: &str = "CLOAKROOM_";

/// The values of the variables that begin with `CLOAKROOM_`, by name.
pub(super) fn read(inputs: &Inputs) -> Vec<Given> {
    let mut found: Vec<Given> = inputs
        .environment
        .iter()
        .filter(|(name, _)| name.starts_with(START) && name != discover::CONFIG_VARIABLE)
        .map(|(name, value)| Given {
            segments: segments(name),
            raw: raw(value),
            source: Source::Environment(name.clone()),
        })
        .collect();
    found.sort_by_key(Given::key);
    found
}

fn segments(name: &str) -> Vec<String> {
    let setting = table::SETTINGS.iter().find(|setting| table::variable(setting.key) == name);
    match setting {
        Some(setting) => setting.key.split('.').map(str::to_owned).collect(),
        None => app_segments(name).unwrap_or_else(|| vec![name.to_owned()]),
    }
}

/// `CLOAKROOM_APP_DATA_MANAGER_ORIGIN` is `app.data-manager.origin`: ids have no underscores.
fn app_segments(name: &str) -> Option<Vec<String>> {
    let (id, field) = name.strip_prefix("CLOAKROOM_APP_")?.rsplit_once('_')?;
    let field = field.to_ascii_lowercase();
    let known = APP_SETTINGS.iter().any(|setting| setting.key == field);
    let id = id.to_ascii_lowercase().replace('_', "-");
    known.then(|| vec!["app".to_owned(), id, field])
}

fn raw(value: &str) -> Raw {
    // What `to_string_lossy` leaves behind where bytes were no text.
    if value.contains('\u{FFFD}') {
        return Raw::Other("bytes that are not UTF-8");
    }
    Raw::Text(value.to_owned())
}
