use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use super::error::{ConfigErrors, Problem};
use super::value::Raw;
use super::{
    Config, Listen, Origin, apps, discover, environment, file, rules, secret, stores, suggest,
    table,
};

/// What the layers are read from.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The file named by `--config`; it must exist.
    pub config_file: Option<PathBuf>,
    /// Flags that were given: the setting's key (`public_url` for `--public-url`) and its value.
    pub flags: Vec<(&'static str, String)>,
    /// The environment; variables that do not begin with `CLOAKROOM_` are ignored.
    pub environment: Vec<(String, String)>,
    /// Where `cloakroom.toml` is looked for; empty means the working directory.
    pub directory: PathBuf,
}

impl Inputs {
    /// Reads this process's environment. A value that is not UTF-8 is refused when loaded.
    pub fn from_process(config_file: Option<PathBuf>, flags: Vec<(&'static str, String)>) -> Self {
        let environment = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into(), value.to_string_lossy().into()))
            .collect();
        Self { config_file, flags, environment, directory: PathBuf::new() }
    }
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nothing set it.
    Default,
    /// A line of the file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// An environment variable, by name.
    Environment(String),
    /// A flag of the command, with its dashes.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File { path, line } => write!(formatter, "file {}:{line}", path.display()),
            Self::Environment(name) => write!(formatter, "environment {name}"),
            Self::Flag(name) => write!(formatter, "flag {name}"),
        }
    }
}

/// The configuration and where each of its values came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The file that was read, if any.
    pub file: Option<PathBuf>,
    /// Variables that begin with `CLOAKROOM_` but are like no setting: to be mentioned in the log.
    pub ignored: Vec<String>,
    sources: BTreeMap<String, Source>,
}

impl Loaded {
    /// Where the value of `key` came from; `Default` also for a key that does not exist.
    pub fn source(&self, key: &str) -> &Source {
        self.sources.get(key).unwrap_or(&Source::Default)
    }
}

/// Reads every layer, later ones over earlier ones: defaults, file, environment, flags.
///
/// # Errors
/// All problems of all layers at once: unknown keys, wrong values, values that contradict another.
pub fn load(inputs: &Inputs) -> Result<Loaded, ConfigErrors> {
    let mut loading = Loading::default();
    let path = discover::find(inputs).unwrap_or_else(|problem| loading.fail(problem));
    let from_file = path.as_deref().map(|path| file::read(inputs, path)).unwrap_or(Ok(Vec::new()));
    let mut given = from_file.unwrap_or_else(|problems| loading.fail_all(problems));
    given.extend(environment::read(inputs));
    given.extend(inputs.flags.iter().map(from_flag));
    given.iter().for_each(|given| loading.apply(given));
    loading.derive_public_url();
    rules::check(&mut loading);
    loading.finish(path)
}

fn from_flag((key, value): &(&'static str, String)) -> Given {
    Given::new(key, Raw::Text(value.clone()), Source::Flag(table::flag(key)))
}

/// One value that one layer gave.
pub(super) struct Given {
    pub(super) segments: Vec<String>,
    pub(super) raw: Raw,
    pub(super) source: Source,
}

impl Given {
    pub(super) fn new(key: &str, raw: Raw, source: Source) -> Self {
        Self { segments: key.split('.').map(str::to_owned).collect(), raw, source }
    }

    pub(super) fn key(&self) -> String {
        self.segments.join(".")
    }

    pub(super) fn is_table(&self) -> bool {
        self.raw == Raw::Other(file::TABLE)
    }
}

/// The configuration while its layers are being applied.
#[derive(Default)]
pub(super) struct Loading {
    pub(super) config: Config,
    pub(super) problems: Vec<Problem>,
    ignored: Vec<String>,
    sources: BTreeMap<String, Source>,
    /// Keys whose value was refused: rules about them would only confuse.
    refused: BTreeSet<String>,
    /// Whether a whole layer is missing, so that no rule says anything.
    incomplete: bool,
}

impl Loading {
    /// Notes that a value was taken.
    pub(super) fn settle(&mut self, given: &Given) {
        self.sources.insert(given.key(), given.source.clone());
    }

    /// Notes that a value was refused.
    pub(super) fn refuse(&mut self, given: &Given, reason: &str, allowed: &str) {
        let key = given.key();
        let message = format!("{reason}; allowed: {allowed}");
        let value = match secret::is_secret(&key) {
            true => "(a secret)".to_owned(),
            false => stores::without_password(&given.raw.to_string()),
        };
        let source = given.source.clone();
        self.problems.push(Problem::with_value(&key, value, source, message));
        self.refused.insert(key);
    }

    /// Notes that there is no such setting; a variable unlike any of ours is not meant for us.
    pub(super) fn unknown(&mut self, given: &Given) {
        let (key, message) = match &given.source {
            Source::Environment(name) => match suggest::for_variable(name) {
                Some(message) => (String::new(), message),
                None => return self.ignored.push(name.clone()),
            },
            _ => (given.key(), suggest::for_key(&given.key())),
        };
        self.problems.push(Problem::new(&key, Some(given.source.clone()), message));
    }

    /// Whether any layer gave this key, rightly or wrongly.
    pub(super) fn was_given(&self, key: &str) -> bool {
        self.incomplete || self.refused.contains(key) || self.sources.contains_key(key)
    }

    /// Whether both keys hold what the layers meant, so that they can be compared.
    pub(super) fn comparable(&self, keys: [&str; 2]) -> bool {
        !self.incomplete && !keys.iter().any(|key| self.refused.contains(*key))
    }

    pub(super) fn source(&self, key: &str) -> Source {
        self.sources.get(key).cloned().unwrap_or(Source::Default)
    }

    fn apply(&mut self, given: &Given) {
        if let Some(key) = apps::app_key(&given.segments) {
            return apps::apply(self, &key, given);
        }
        let Some(setting) = table::find(&given.key()) else {
            return self.unknown(given);
        };
        match (setting.set)(&mut self.config, &given.raw) {
            Ok(()) => self.settle(given),
            Err(reason) => self.refuse(given, &reason, &(setting.allowed)()),
        }
    }

    /// With only another port given, the address printed at the start should still work.
    fn derive_public_url(&mut self) {
        if let (false, Listen::Tcp(address)) =
            (self.was_given("public_url"), &self.config.server.listen)
            && address.port() != 0
        {
            self.config.server.public_url = Origin::localhost(address.port());
        }
    }

    fn fail<T: Default>(&mut self, problem: Problem) -> T {
        self.fail_all(vec![problem])
    }

    fn fail_all<T: Default>(&mut self, problems: Vec<Problem>) -> T {
        self.incomplete = true;
        self.problems.extend(problems);
        T::default()
    }

    fn finish(self, file: Option<PathBuf>) -> Result<Loaded, ConfigErrors> {
        if self.problems.is_empty() {
            let Self { config, ignored, sources, .. } = self;
            return Ok(Loaded { config, file, ignored, sources });
        }
        Err(ConfigErrors(self.problems))
    }
}
