//! What a server says of itself, and what that means for sessions.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use cloakroom_core::Durability;

/// Which program the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Product {
    /// Redis, or what calls itself so.
    Redis,
    /// Valkey.
    Valkey,
}

impl fmt::Display for Product {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Redis => "Redis",
            Self::Valkey => "Valkey",
        })
    }
}

/// What was found of a server when it was last connected to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerFacts {
    /// Redis or Valkey.
    pub product: Product,
    /// Its version.
    pub version: String,
    /// The life of the process: another one after each start.
    pub run_id: String,
    /// What its crash can take.
    pub durability: Durability,
    /// What speaks against keeping sessions there, for logs and pages.
    pub warnings: Vec<String>,
    /// The line of data that it has: another one after it followed another server.
    pub(crate) replication_id: String,
    pub(crate) is_replica: bool,
    pub(crate) is_old: bool,
    /// Whether it still reads its data after a start, and refuses all else.
    pub(crate) is_loading: bool,
}

/// How far the disk may be behind with `appendfsync everysec`: Redis waits up to two seconds for
/// a sync before it blocks.
const EVERY_SECOND: Duration = Duration::from_secs(2);

/// Settings; `None` where the server does not tell them.
pub(crate) type Settings = Option<HashMap<String, String>>;

impl ServerFacts {
    /// From the text of `INFO` and the settings.
    pub(crate) fn of(info: &str, settings: &Settings) -> Self {
        let facts = facts(info);
        let value = |name: &str| facts.get(name).copied().unwrap_or_default();
        let product = match value("valkey_version") {
            "" => Product::Redis,
            _ => Product::Valkey,
        };
        let version = match product {
            Product::Redis => value("redis_version"),
            Product::Valkey => value("valkey_version"),
        };
        let (mut durability, mut warnings) = durability(settings.as_ref());
        if let Some((warning, bounded)) = eviction(settings.as_ref(), &facts) {
            warnings.push(warning);
            // What may be dropped at any moment is safe from no crash either.
            if bounded {
                durability = Durability::LostOnRestart;
            }
        }
        Self {
            product,
            version: version.to_owned(),
            run_id: value("run_id").to_owned(),
            replication_id: value("master_replid").to_owned(),
            durability,
            warnings,
            is_replica: matches!(value("role"), "slave" | "replica"),
            is_old: !is_new_enough(value("redis_version")),
            is_loading: value("loading") == "1",
        }
    }
}

fn facts(info: &str) -> HashMap<&str, &str> {
    info.lines().filter_map(|line| line.trim_end().split_once(':')).collect()
}

/// Valkey tells the version of Redis whose commands it has, 7.2.4.
fn is_new_enough(version: &str) -> bool {
    let major = version.split('.').next().and_then(|part| part.parse::<u32>().ok());
    major.is_some_and(|major| major >= 7)
}

fn durability(settings: Option<&HashMap<String, String>>) -> (Durability, Vec<String>) {
    let Some(settings) = settings else {
        let warning = "the server does not tell its settings (CONFIG GET is not allowed), so \
                       everything may be lost by a crash";
        return (Durability::LostOnRestart, vec![warning.to_owned()]);
    };
    let setting = |name: &str| settings.get(name).map_or("", String::as_str);
    if setting("appendonly") == "yes" {
        if setting("no-appendfsync-on-rewrite") == "yes" {
            let warning = "no-appendfsync-on-rewrite yes: while the file is rewritten the kernel \
                           decides what a crash takes; set it to no";
            return (Durability::LostOnRestart, vec![warning.to_owned()]);
        }
        return match setting("appendfsync") {
            "always" => (Durability::Lossless, Vec::new()),
            "everysec" => (
                Durability::UpTo(EVERY_SECOND),
                vec![format!("appendfsync everysec: a crash can take the last {EVERY_SECOND:?}")],
            ),
            other => (
                Durability::LostOnRestart,
                vec![format!("appendfsync {other}: the kernel decides what a crash takes")],
            ),
        };
    }
    match time_to_save(setting("save")) {
        Some(interval) => (
            Durability::UpTo(interval),
            vec![format!(
                "no append-only file: a crash takes what came since the last snapshot, \
                          up to {interval:?}; set appendonly yes"
            )],
        ),
        None => (
            Durability::LostOnRestart,
            vec![
                "not every change is written to disk: a restart can lose every session; set \
                 appendonly yes"
                    .to_owned(),
            ],
        ),
    }
}

/// How long a single change stays unsaved by `save 3600 1 300 100 60 10000`: the rules of more
/// changes may never come to pass. One that comes while a snapshot is written waits for the next,
/// which is taken to be done within an interval too.
fn time_to_save(save: &str) -> Option<Duration> {
    let words: Vec<u64> = save.split_whitespace().map_while(|word| word.parse().ok()).collect();
    let of_one = words.chunks_exact(2).filter(|rule| rule[1] <= 1).map(|rule| rule[0]);
    of_one.min().map(|seconds| 2 * Duration::from_secs(seconds))
}

/// What is wrong with the settings of memory, if anything, and whether it has an effect.
fn eviction(
    settings: Option<&HashMap<String, String>>,
    facts: &HashMap<&str, &str>,
) -> Option<(String, bool)> {
    let of = |setting: &str, fact: &str| {
        let told = settings.and_then(|settings| settings.get(setting)).map(String::as_str);
        told.or_else(|| facts.get(fact).copied())
    };
    let policy = of("maxmemory-policy", "maxmemory_policy").unwrap_or("unknown");
    let bounded = of("maxmemory", "maxmemory").is_none_or(|most| most != "0");
    let warning = match policy {
        "noeviction" => return None,
        // Only what has a time to live: sessions and their data, not the log and the history.
        policy if policy.starts_with("volatile-") => format!(
            "maxmemory-policy {policy}{}: sessions would be dropped to make room; set noeviction",
            unless_bounded(bounded)
        ),
        policy => format!(
            "maxmemory-policy {policy}{}: sessions and the record of ended ones would be dropped \
             to make room; set noeviction",
            unless_bounded(bounded)
        ),
    };
    Some((warning, bounded))
}

fn unless_bounded(bounded: bool) -> &'static str {
    if bounded { "" } else { " (without effect while maxmemory is 0)" }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &str = "# Server\r\nredis_version:7.0.15\r\nrun_id:abc\r\n# Memory\r\n\
                        maxmemory:0\r\nmaxmemory_policy:noeviction\r\n# Persistence\r\n\
                        aof_enabled:0\r\nrole:master\r\n";

    fn with(settings: &[(&str, &str)]) -> ServerFacts {
        let all = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        ServerFacts::of(INFO, &Some(all.collect()))
    }

    #[test]
    fn durability_follows_from_the_settings() {
        let quiet = [("maxmemory-policy", "noeviction"), ("save", "3600 1 300 100 60 10000")];
        let cases = [
            (("yes", "always"), Durability::Lossless),
            (("yes", "everysec"), Durability::UpTo(Duration::from_secs(2))),
            (("yes", "no"), Durability::LostOnRestart),
            (("no", "always"), Durability::UpTo(Duration::from_secs(7200))),
        ];
        for ((append, sync), expected) in cases {
            let settings = [&quiet[..], &[("appendonly", append), ("appendfsync", sync)]].concat();
            let facts = with(&settings);
            assert_eq!(facts.durability, expected, "{settings:?}");
            assert_eq!(facts.warnings.is_empty(), expected == Durability::Lossless);
        }
        let during_rewrites = [
            ("appendonly", "yes"),
            ("appendfsync", "always"),
            ("no-appendfsync-on-rewrite", "yes"),
        ];
        assert_eq!(with(&during_rewrites).durability, Durability::LostOnRestart);
        for (most, expected) in [("0", Durability::Lossless), ("1000", Durability::LostOnRestart)] {
            let evicting = [
                ("appendonly", "yes"),
                ("appendfsync", "always"),
                ("maxmemory-policy", "allkeys-lru"),
                ("maxmemory", most),
            ];
            assert_eq!(with(&evicting).durability, expected, "{most}");
        }
    }

    #[test]
    fn only_rules_that_save_a_single_change_bound_what_is_lost() {
        let hours = Durability::UpTo(Duration::from_secs(7_200));
        let cases = [
            ("", Durability::LostOnRestart),
            ("300 100 60 10000", Durability::LostOnRestart),
            ("7200 1 300 100 3600 1", hours),
            ("60 10000 3600 0", hours),
        ];
        for (save, expected) in cases {
            assert_eq!(with(&[("save", save)]).durability, expected, "{save:?}");
        }
    }

    #[test]
    fn settings_that_are_not_told_are_taken_for_the_worst() {
        let facts = ServerFacts::of(INFO, &None);
        assert_eq!(facts.durability, Durability::LostOnRestart);
        assert!(facts.warnings[0].contains("CONFIG GET"), "{:?}", facts.warnings);
        let with_file = ServerFacts::of(&INFO.replace("aof_enabled:0", "aof_enabled:1"), &None);
        assert_eq!(with_file.durability, Durability::LostOnRestart);
    }

    #[test]
    fn each_policy_that_evicts_is_warned_of() {
        let lossless = [("appendonly", "yes"), ("appendfsync", "always")];
        for policy in ["allkeys-lru", "volatile-ttl", "volatile-lru", "allkeys-random"] {
            let settings = [&lossless[..], &[("maxmemory-policy", policy)]].concat();
            assert!(with(&settings).warnings[0].contains(policy));
        }
    }

    #[test]
    fn product_and_version_are_told() {
        let facts = ServerFacts::of(INFO, &None);
        assert_eq!((facts.product, facts.version.as_str()), (Product::Redis, "7.0.15"));
        let info =
            INFO.replace("redis_version:7.0.15", "redis_version:7.2.4\r\nvalkey_version:9.1.2");
        let facts = ServerFacts::of(&info, &None);
        assert_eq!((facts.product, facts.version.as_str()), (Product::Valkey, "9.1.2"));
        assert!(ServerFacts::of(&INFO.replace("7.0.15", "6.2.14"), &None).is_old);
        assert!(ServerFacts::of(&INFO.replace("role:master", "role:slave"), &None).is_replica);
    }
}
