use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::error::Problem;
use super::kind::Kind;
use super::load::Loading;
use super::value::{Raw, quoted};
use super::{Config, Source};

/// A password of a server that this one uses. Neither `Debug` nor `config check` shows it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Option<Zeroizing<String>>);

impl Secret {
    /// The password; `None` when there is none.
    pub fn reveal(&self) -> Option<&str> {
        self.0.as_deref().map(String::as_str)
    }

    pub(super) fn new(text: &str) -> Self {
        Self((!text.is_empty()).then(|| Zeroizing::new(text.to_owned())))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// A secret, which only a variable gives.
pub(super) struct Hidden;

impl Kind for Hidden {
    type Value = Secret;

    fn allowed(&self) -> String {
        "a text in the environment, nowhere else".to_owned()
    }

    fn read(&self, raw: &Raw) -> Result<Secret, String> {
        match raw {
            Raw::Text(text) => Ok(Secret::new(text)),
            _ => Err("not a text".to_owned()),
        }
    }

    fn show(&self, value: &Secret) -> String {
        quoted(if value.0.is_some() { "(set)" } else { "" })
    }
}

/// Whether a value of this key is never to be shown.
pub(super) fn is_secret(key: &str) -> bool {
    key.ends_with(".password")
}

/// A file that holds a secret; none when the text is empty.
pub(super) fn secret_file(text: &str) -> Result<Option<PathBuf>, String> {
    Ok((!text.is_empty()).then(|| PathBuf::from(text)))
}

pub(super) fn show_file(path: &Option<PathBuf>) -> String {
    path.as_ref().map_or_else(String::new, |path| path.display().to_string())
}

struct InFile {
    key: &'static str,
    path: fn(&Config) -> Option<PathBuf>,
    set: fn(&mut Config, Secret),
    has: fn(&Config) -> bool,
    other: &'static str,
}

static IN_FILES: [InFile; 2] = [
    InFile {
        key: "database.password_file",
        path: |config| config.database.password_file.clone(),
        set: |config, secret| config.database.password = secret,
        has: |config| config.database.password.reveal().is_some(),
        other: "database.password",
    },
    InFile {
        key: "redis.password_file",
        path: |config| config.redis.password_file.clone(),
        set: |config, secret| config.redis.password = secret,
        has: |config| config.redis.password.reveal().is_some(),
        other: "redis.password",
    },
];

/// Refuses secrets in the file and reads those that files of their own hold.
pub(super) fn settle(loading: &mut Loading) {
    for each in &IN_FILES {
        if let Source::File { .. } | Source::Flag(_) = loading.source(each.other) {
            let message = format!(
                "a secret is not written there; allowed: {} naming a file of mode 0600 that holds \
                 it, or the variable {}",
                each.key,
                super::table::variable(each.other)
            );
            let source = Some(loading.source(each.other));
            loading.problems.push(Problem::new(each.other, source, message));
        }
        let Some(path) = (each.path)(&loading.config) else { continue };
        if (each.has)(&loading.config) {
            let variable = super::table::variable(each.other);
            let message = format!("{variable} is set too, and one of them would be ignored");
            let source = Some(loading.source(each.key));
            loading.problems.push(Problem::new(each.key, source, message));
            continue;
        }
        match read(&path) {
            Ok(secret) => (each.set)(&mut loading.config, secret),
            Err(reason) => {
                let (value, source) = (quoted(&show_file(&Some(path))), loading.source(each.key));
                loading.problems.push(Problem::with_value(each.key, value, source, reason));
            }
        }
    }
}

fn read(path: &Path) -> Result<Secret, String> {
    let text = std::fs::read_to_string(path).map(Zeroizing::new);
    let text = text.map_err(|error| format!("cannot be read: {error}"))?;
    let secret = Secret::new(text.trim_end_matches(['\r', '\n']));
    secret.0.is_some().then_some(secret).ok_or_else(|| "is empty".to_owned())
}

#[cfg(test)]
mod tests {
    use cloakroom_testkit::servers::TempDir;

    use super::super::{Inputs, check_report, load};

    fn inputs(dir: &TempDir, file: &str, variables: &[(&str, &str)]) -> Inputs {
        dir.write("cloakroom.toml", file);
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Inputs {
            directory: dir.path().to_owned(),
            environment: variables.iter().map(pair).collect(),
            ..Inputs::default()
        }
    }

    #[test]
    fn a_password_comes_from_the_environment_or_a_file_of_its_own() {
        let dir = TempDir::new("config");
        let variable = [("CLOAKROOM_DATABASE_PASSWORD", "hidden")];
        let config = load(&inputs(&dir, "", &variable)).unwrap().config;
        assert_eq!(config.database.password.reveal(), Some("hidden"));
        assert!(!format!("{config:?}").contains("hidden"));
        let path = dir.write("password", "in a file\n");
        let file = format!("redis.password_file = '{}'", path.display());
        let config = load(&inputs(&dir, &file, &[])).unwrap().config;
        assert_eq!(config.redis.password.reveal(), Some("in a file"));
    }

    #[test]
    fn a_password_that_is_given_twice_is_refused() {
        let dir = TempDir::new("config");
        let path = dir.write("password", "in a file\n");
        let file = format!("redis.password_file = '{}'", path.display());
        let twice = [("CLOAKROOM_REDIS_PASSWORD", "hidden")];
        let error = load(&inputs(&dir, &file, &twice)).unwrap_err().to_string();
        assert!(error.contains("CLOAKROOM_REDIS_PASSWORD is set too"), "{error}");
        assert!(!error.contains("hidden"), "{error}");
    }

    #[test]
    fn a_password_in_the_configuration_file_is_refused_and_not_repeated() {
        let dir = TempDir::new("config");
        for file in [
            "database.password = 'hidden'",
            "database.url = 'postgres://me:hidden@host/db'",
            "redis.url = 'redis://:hidden@host'",
            "redis.url = 'unix:///run/redis.sock?pass=hidden'",
            "database.password = ['hidden']",
        ] {
            let error = load(&inputs(&dir, file, &[])).unwrap_err().to_string();
            assert!(!error.contains("hidden"), "{error}");
        }
        let urls = [
            ("CLOAKROOM_DATABASE_URL", "postgres://me:hidden@host/db"),
            ("CLOAKROOM_REDIS_URL", "redis://:hidden@host"),
        ];
        let loaded = load(&inputs(&dir, "", &urls)).unwrap();
        for text in [format!("{:?}", loaded.config), check_report(&loaded)] {
            assert!(text.contains("@host") && !text.contains("hidden"), "{text}");
        }
    }

    #[test]
    fn a_password_file_that_is_missing_or_empty_is_named() {
        let dir = TempDir::new("config");
        dir.write("empty", "\n");
        for name in ["missing", "empty"] {
            let file = format!("database.password_file = '{}'", dir.join(name).display());
            let error = load(&inputs(&dir, &file, &[])).unwrap_err().to_string();
            assert!(error.contains("database.password_file") && error.contains(name), "{error}");
        }
    }

    #[test]
    fn sessions_in_memory_and_a_shared_database_contradict_each_other() {
        let dir = TempDir::new("config");
        let file = "strategy = 'memory'\ndatabase.url = 'postgres://host/db'";
        let error = load(&inputs(&dir, file, &[])).unwrap_err().to_string();
        assert!(error.contains("SQLite"), "{error}");
    }
}
