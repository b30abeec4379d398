use super::apps::{APP_ID, APP_SETTINGS};
use super::secret::is_secret;
use super::table::{SETTINGS, variable};
use super::{Config, Loaded};

/// Every setting with its value and where it came from, as TOML that would say the same again.
pub fn check_report(loaded: &Loaded) -> String {
    let lines: Vec<(String, String)> = assignments(&loaded.config)
        .into_iter()
        .map(|(key, value)| (format!("{key} = {value}"), loaded.source(&key).to_string()))
        .collect();
    let width = lines.iter().map(|(line, _)| line.chars().count()).max().unwrap_or(0);
    let values = lines.iter().map(|(line, source)| format!("{line:width$}  # {source}\n"));
    let ignored = loaded.ignored.iter().map(|name| format!("# {name} is not a setting: ignored\n"));
    values.chain(ignored).collect()
}

/// The table of settings in Markdown, for `docs/operations.md`.
pub fn settings_markdown() -> String {
    let config = Config::default();
    let mut rows = vec![
        "| Setting | Default | Allowed | Meaning | Variable |".to_owned(),
        "|---|---|---|---|---|".to_owned(),
    ];
    for setting in SETTINGS {
        let default = code(&(setting.show)(&config));
        rows.push(row(setting.key, &default, &(setting.allowed)(), setting.doc));
    }
    for setting in APP_SETTINGS {
        let key = format!("app.<id>.{}", setting.key);
        rows.push(row(&key, "none", &(setting.allowed)(), setting.doc));
    }
    rows.push(String::new());
    rows.push(format!("`<id>` is {APP_ID}; in a variable its dashes are underscores.\n"));
    rows.join("\n")
}

fn assignments(config: &Config) -> Vec<(String, String)> {
    // A secret is not shown, and a file may not hold one.
    let shown = SETTINGS.iter().filter(|setting| !is_secret(setting.key));
    let settings = shown.map(|setting| (setting.key.to_owned(), (setting.show)(config)));
    let of_apps = config.apps.values().flat_map(|app| {
        APP_SETTINGS
            .iter()
            .map(move |setting| (format!("app.{}.{}", app.id, setting.key), (setting.show)(app)))
    });
    settings.chain(of_apps).collect()
}

fn row(key: &str, default: &str, allowed: &str, doc: &str) -> String {
    let variable = variable(key).replace("<ID>", "<id>");
    format!("| `{key}` | {default} | {allowed} | {doc} | `{variable}` |")
}

fn code(text: &str) -> String {
    format!("`{text}`")
}
