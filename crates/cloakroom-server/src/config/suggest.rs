//! What an unknown key was probably meant to be.

use super::apps::APP_SETTINGS;
use super::table::{SETTINGS, variable};

/// What is wrong with the unknown `key`, with the closest known one.
pub(super) fn for_key(key: &str) -> String {
    let inside: Vec<&str> = SETTINGS
        .iter()
        .map(|setting| setting.key)
        .filter(|known| known.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
        .collect();
    if !inside.is_empty() {
        return format!("a section; its settings are {}", inside.join(", "));
    }
    phrase(closest(key, known_keys(key), '.'))
}

/// What is wrong with the unknown variable `name`; `None` when it is like none of ours.
///
/// Others use the same beginning: tests, applications, and Kubernetes for a service of that name.
pub(super) fn for_variable(name: &str) -> Option<String> {
    let own = |name: &str| name.strip_prefix("CLOAKROOM_").unwrap_or(name).to_owned();
    let names = SETTINGS.iter().map(|setting| own(&variable(setting.key)));
    let wrong = own(name);
    let names = names.chain(app_names(&wrong));
    let near = closest(&wrong, names, '_').map(|near| format!("CLOAKROOM_{near}"));
    let sections = SETTINGS.iter().filter_map(|setting| setting.key.split_once('.'));
    let mut sections = sections.map(|(section, _)| format!("{}_", section.to_ascii_uppercase()));
    (near.is_some() || sections.any(|section| wrong.starts_with(&section))).then(|| phrase(near))
}

fn app_names(wrong: &str) -> impl Iterator<Item = String> {
    let id = wrong.strip_prefix("APP_").and_then(|rest| rest.rsplit_once('_')).map(|(id, _)| id);
    let of_app = id.into_iter().flat_map(|id| {
        APP_SETTINGS.iter().map(move |setting| format!("APP_{id}_{}", setting.key.to_uppercase()))
    });
    // Only a slip in the last part is told from somebody else's name.
    of_app.filter(|known| distance(last(known, '_'), last(wrong, '_')) <= 2)
}

fn phrase(closest: Option<String>) -> String {
    match closest {
        Some(known) => format!("not a setting; did you mean {known}?"),
        None => "not a setting; `cloakroom config check` lists them all".to_owned(),
    }
}

fn known_keys(key: &str) -> impl Iterator<Item = String> {
    let id = match key.split('.').collect::<Vec<_>>().as_slice() {
        [app, id, ..] if distance(app, "app") <= 1 => Some((*id).to_owned()),
        _ => None,
    };
    let of_app = id
        .into_iter()
        .flat_map(|id| APP_SETTINGS.iter().map(move |setting| format!("app.{id}.{}", setting.key)));
    SETTINGS.iter().map(|setting| setting.key.to_owned()).chain(of_app)
}

fn closest(wrong: &str, known: impl Iterator<Item = String>, separator: char) -> Option<String> {
    let most = (wrong.chars().count() / 3).clamp(1, 4);
    known
        .map(|known| (nearness(wrong, &known, separator), known))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, known)| known)
}

/// A key in the wrong section is near too: `idle_timeout` to `session.idle_timeout`.
fn nearness(wrong: &str, known: &str, separator: char) -> usize {
    let whole = distance(wrong, known);
    if separator != '.' {
        return whole;
    }
    let (wrong, known) = (last(wrong, separator), last(known, separator));
    let moved = if wrong.len() < 4 { usize::MAX } else { 1 + distance(wrong, known) };
    whole.min(moved)
}

fn last(key: &str, separator: char) -> &str {
    key.rsplit(separator).next().unwrap_or(key)
}

/// How many characters must be inserted, removed or replaced to make `one` into `other`.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, char) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, known) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(char != *known);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_single_edits() {
        for (one, other, edits) in [
            ("", "abc", 3),
            ("abc", "", 3),
            ("abc", "abc", 0),
            ("listne", "listen", 2),
            ("ab", "ac", 1),
        ] {
            assert_eq!(distance(one, other), edits, "{one} {other}");
        }
    }

    #[test]
    fn the_closest_setting_is_suggested() {
        for (wrong, meant) in [
            ("listn", "listen"),
            ("publicurl", "public_url"),
            ("sesion.idle_timeout", "session.idle_timeout"),
            ("session.idletimeout", "session.idle_timeout"),
            ("idle_timeout", "session.idle_timeout"),
            ("cookies.name", "cookie.name"),
            ("app.files.orgin", "app.files.origin"),
            ("apps.files.origin", "app.files.origin"),
            ("server.public_url", "public_url"),
        ] {
            let message = for_key(wrong);
            assert!(message.ends_with(&format!("did you mean {meant}?")), "{wrong}: {message}");
        }
        let of_app = for_variable("CLOAKROOM_APP_FILES_ORGIN").unwrap();
        assert!(of_app.ends_with("did you mean CLOAKROOM_APP_FILES_ORIGIN?"), "{of_app}");
    }

    #[test]
    fn nothing_is_suggested_for_something_else_altogether() {
        assert!(for_key("quantum.xyzzy").contains("lists them all"));
        assert!(for_key("x").contains("lists them all"));
    }

    #[test]
    fn a_section_is_explained_by_its_settings() {
        let message = for_key("sweep");
        assert!(message.contains("sweep.interval, sweep.batch"), "{message}");
    }
}
