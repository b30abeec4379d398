//! The commands and their flags. Exit codes: 0 done, 1 failed, 2 wrong usage (clap's own).

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::Inputs;

const AFTER: &str = "\
Settings come from flags, then CLOAKROOM_… variables, then cloakroom.toml in the data directory or
here, then defaults. `cloakroom config check` shows every one and where it came from.
Exit codes: 0 done, 1 failed, 2 wrong usage.";

/// Sign-in, devices and administration for the applications behind one server.
#[derive(Debug, Parser)]
#[command(name = "cloakroom", version, after_help = AFTER, arg_required_else_help = true)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// What the configuration is to be read from: these flags and this process's environment.
    pub fn inputs(&self) -> Inputs {
        Inputs::from_process(self.global.config.clone(), self.flags())
    }

    /// The flags that set a setting, by its key.
    pub fn flags(&self) -> Vec<(&'static str, String)> {
        let mut flags = vec![("data", self.global.data.clone())];
        if let Command::Serve(serve) = &self.command {
            flags.push(("listen", serve.listen.clone()));
            flags.push(("public_url", serve.public_url.clone()));
            flags.push(("log.level", serve.log_level.clone()));
        }
        flags.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }
}

/// Flags of every command.
#[derive(Args, Debug)]
pub struct Global {
    /// Directory of the database and keys [default: ./cloakroom-data]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<String>,
    /// Configuration file to read instead of looking for one
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server
    Serve(Serve),
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Make, list and remove the keys with which applications use /v1
    #[command(subcommand)]
    ApiKey(ApiKeyCommand),
    /// Print the OpenAPI document of /v1
    Openapi,
    /// Print a fresh link for setting up the first administrator
    SetupLink,
    /// Keys that several servers share
    #[command(subcommand)]
    Key(KeyCommand),
    /// How sessions are kept
    #[command(subcommand)]
    Strategy(StrategyCommand),
    /// Add, import, list, disable, enable and unlock users
    #[command(subcommand)]
    User(UserCommand),
    /// Show who is logged in
    Who(Who),
    /// End sessions at once
    End(End),
    /// Tell why a session ended
    Why {
        /// The session's id, as `who` shows it
        session: String,
    },
    /// Print the version
    Version,
}

/// Flags of `serve`.
#[derive(Args, Debug)]
pub struct Serve {
    /// Address and port, or unix:/path [default: 127.0.0.1:7070]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Origin at which browsers reach the server [default: http://localhost:7070]
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// error, warn, info, debug or trace [default: info]
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
}

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check it, and print every value and where it came from
    Check,
}

/// What to do with the keys that several servers share.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make the keys in this data directory those of all servers, and those that are missing
    Adopt,
}

/// What to do with the strategy that several servers share.
#[derive(Debug, Subcommand)]
pub enum StrategyCommand {
    /// Make the strategy of this configuration that of all servers; everybody has to sign in again
    Adopt,
}

/// What to do with API keys.
#[derive(Debug, Subcommand)]
pub enum ApiKeyCommand {
    /// Make an API key and print it, this once
    Add {
        /// What to call it; the history shows it as who ended a session
        name: String,
        /// sessions:read, sessions:write, sessions:end, users:read or users:write; may be given
        /// several times
        #[arg(long = "scope", value_name = "SCOPE", required = true)]
        scopes: Vec<String>,
        /// Print JSON: id, name, scopes and key
        #[arg(long)]
        json: bool,
    },
    /// List API keys, and when each was last used
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove an API key: it is refused from then on
    Remove {
        /// Its id or name
        key: String,
    },
}

/// What to do with users.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add a user and print a one-time link for choosing a password
    Add(UserAdd),
    /// Import the users of an application with their ids and password hashes
    Import(UserImport),
    /// List users
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Refuse a user's sign-in and end all their sessions
    Disable {
        /// Login name
        name: String,
    },
    /// Let a disabled user sign in again
    Enable {
        /// Login name
        name: String,
    },
    /// Print a one-time link for choosing a new password
    Passwd {
        /// Login name
        name: String,
        /// Print JSON: the user's id and name, and the link
        #[arg(long)]
        json: bool,
    },
    /// Forget a user's wrong passwords, so that nobody has to wait
    Unlock {
        /// Login name
        name: String,
    },
}

/// A user to add.
#[derive(Args, Debug)]
pub struct UserAdd {
    /// Login name
    pub name: String,
    /// Your application's own id of the user [default: a fresh one]
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// Name as people see it [default: the login name]
    #[arg(long, value_name = "TEXT")]
    pub display_name: Option<String>,
    /// E-mail address
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<String>,
    /// A group; may be given several times
    #[arg(long = "group", value_name = "GROUP")]
    pub groups: Vec<String>,
    /// Make the user an administrator
    #[arg(long)]
    pub admin: bool,
    /// Print JSON: the user's id and name, and the link
    #[arg(long)]
    pub json: bool,
}

/// Users to import.
#[derive(Args, Debug)]
pub struct UserImport {
    /// File of users; - for standard input
    pub file: PathBuf,
    /// What the file is [default: what its ending says]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<ImportFormat>,
    /// Pass over users who are here already with the same id and name
    #[arg(long)]
    pub skip_existing: bool,
    /// Check everything and tell what would happen, but change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON: the counts
    #[arg(long)]
    pub json: bool,
}

/// What a file of users is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ImportFormat {
    /// Comma-separated values with a header line.
    Csv,
    /// An array of objects, or an object a line.
    Json,
}

/// What of those logged in to show.
#[derive(Args, Debug)]
pub struct Who {
    /// Only this login name; a trailing * matches what begins so
    pub name: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Which sessions to end: exactly one of these.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub struct End {
    /// The session's id, as `who` shows it
    pub session: Option<String>,
    /// All sessions of this user
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// All sessions of the user with this id
    #[arg(long, value_name = "ID")]
    pub user_id: Option<String>,
    /// All sessions of everyone
    #[arg(long)]
    pub everyone: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_flags_may_stand_before_and_after_the_command() {
        for line in
            ["cloakroom --data d serve", "cloakroom serve --data d", "cloakroom who --data d"]
        {
            assert_eq!(parse(line).unwrap().flags(), [("data", "d".to_owned())], "{line}");
        }
        let cli = parse("cloakroom config check --config f.toml").unwrap();
        assert_eq!(cli.inputs().config_file, Some("f.toml".into()));
    }

    #[test]
    fn flags_of_serve_are_settings() {
        let line = "cloakroom serve --listen 127.0.0.1:1 --public-url http://localhost:1 --log-level debug";
        let keys: Vec<&str> = parse(line).unwrap().flags().iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, ["listen", "public_url", "log.level"]);
    }

    #[test]
    fn every_command_is_understood() {
        for line in [
            "cloakroom api-key add ldm --scope sessions:read --scope sessions:write --json",
            "cloakroom api-key list --json",
            "cloakroom api-key remove ldm",
            "cloakroom openapi",
            "cloakroom setup-link",
            "cloakroom user add anna --display-name Anna --email a@b.example --group a --group b --admin",
            "cloakroom user list --json",
            "cloakroom user import users.csv --skip-existing --dry-run --json",
            "cloakroom user import - --format json",
            "cloakroom user disable anna",
            "cloakroom user enable anna",
            "cloakroom user add anna --id 17 --json",
            "cloakroom user passwd anna",
            "cloakroom user passwd anna --json",
            "cloakroom user unlock anna",
            "cloakroom who",
            "cloakroom who ann* --json",
            "cloakroom end 0198",
            "cloakroom end --user anna",
            "cloakroom end --user-id crm|17",
            "cloakroom end --everyone",
            "cloakroom why 0198",
            "cloakroom version",
        ] {
            assert!(parse(line).is_ok(), "{line}");
        }
    }

    #[test]
    fn wrong_usage_exits_with_two_and_help_with_zero() {
        for line in [
            "cloakroom serv",
            "cloakroom end",
            "cloakroom end 0198 --everyone",
            "cloakroom end --user anna --everyone",
            "cloakroom why",
            "cloakroom api-key add ldm",
            "cloakroom user add",
            "cloakroom user import",
            "cloakroom user import users.xml --format xml",
            "cloakroom who --listen 127.0.0.1:1",
            "cloakroom",
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
        let help = parse("cloakroom --help").unwrap_err();
        assert_eq!((help.kind(), help.exit_code()), (ErrorKind::DisplayHelp, 0));
    }
}
