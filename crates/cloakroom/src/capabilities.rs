//! What does not apply everywhere: one table, which the server, its pages and its documents show.

/// Where sessions are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Keeping {
    /// In the memory of one process.
    Memory,
    /// In an SQLite file.
    Sqlite,
    /// In PostgreSQL.
    Postgres,
    /// In Redis or Valkey alone.
    Redis,
    /// In an SQL database, with Redis or Valkey as its cache.
    RedisBacked,
}

impl Keeping {
    /// All of them, in the order of the table's columns.
    pub const ALL: [Self; 5] =
        [Self::Memory, Self::Sqlite, Self::Postgres, Self::Redis, Self::RedisBacked];

    /// Its name in lists and addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::RedisBacked => "redis-backed",
        }
    }

    /// Its name for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::Redis => "Redis",
            Self::RedisBacked => "Redis with a backing database",
        }
    }
}

/// Whether something applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// Always.
    Yes,
    /// Under a condition.
    If(&'static str),
    /// Never, and why.
    No(&'static str),
}

/// Something that does not apply everywhere.
#[derive(Clone, Copy, Debug)]
pub struct Capability {
    /// Its stable name.
    pub name: &'static str,
    /// One sentence on what it means.
    pub meaning: &'static str,
    supports: [Support; 5],
}

impl Capability {
    /// Whether it applies to sessions kept there.
    pub fn of(&self, keeping: Keeping) -> Support {
        self.supports[keeping as usize]
    }
}

use Support::{If, No, Yes};

/// The table. What is not in it (lists, search, history, limits, data, ending one, one user's or
/// all) applies everywhere.
pub const CAPABILITIES: &[Capability] = &[
    Capability {
        name: "survives_restart",
        meaning: "Sessions outlive an orderly restart of the server.",
        supports: [If("`memory.snapshot` is not `off`"), Yes, Yes, Yes, Yes],
    },
    Capability {
        name: "survives_crash",
        meaning: "Nothing acknowledged is lost when the server or the store is killed.",
        supports: [
            No("sessions since the last snapshot are gone; ends hold if snapshots are periodic"),
            Yes,
            Yes,
            If("Redis has `appendonly yes` and `appendfsync always`"),
            Yes,
        ],
    },
    Capability {
        name: "several_nodes",
        meaning: "Several servers can share the sessions.",
        supports: [
            No("they are in one process"),
            If("they are on one machine and `database.url` names the file"),
            Yes,
            If("`database.url` is PostgreSQL, for the users"),
            If("`database.url` is PostgreSQL"),
        ],
    },
    Capability {
        name: "offline_commands",
        meaning: "Commands such as `cloakroom user add` work while no server runs.",
        supports: [No("only the server can end their sessions"), Yes, Yes, Yes, Yes],
    },
    Capability {
        name: "store_outage",
        meaning: "The store can be out of reach while the server runs; then requests get 503.",
        supports: [No("they are in the same process"), Yes, Yes, Yes, Yes],
    },
    Capability {
        name: "sql_view",
        meaning: "Live sessions can be joined to the application's tables in SQL.",
        supports: [No("there is no table"), Yes, Yes, No("there is no table"), Yes],
    },
    Capability {
        name: "atomic_login",
        meaning: "A login and the end of the visitor's session it replaces are one step.",
        supports: [
            Yes,
            Yes,
            Yes,
            No("they are in different buckets: the login is first, then the end"),
            Yes,
        ],
    },
];

/// The table in Markdown.
pub fn capabilities_markdown() -> String {
    let mut lines = vec![
        format!("| | {} |", Keeping::ALL.map(Keeping::title).join(" | ")),
        format!("|---|{}", "---|".repeat(Keeping::ALL.len())),
    ];
    lines.extend(CAPABILITIES.iter().map(|capability| {
        let cells = Keeping::ALL.map(|keeping| match capability.of(keeping) {
            Yes => "yes".to_owned(),
            If(condition) => format!("if {condition}"),
            No(why) => format!("no: {why}"),
        });
        let meaning = capability.meaning.trim_end_matches('.');
        format!("| {meaning} (`{}`) | {} |", capability.name, cells.join(" | "))
    }));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_in_the_order_of_the_kinds() {
        for (index, keeping) in Keeping::ALL.into_iter().enumerate() {
            assert_eq!(keeping as usize, index);
        }
    }

    #[test]
    fn every_row_says_something_that_does_not_apply_somewhere() {
        for capability in CAPABILITIES {
            assert!(capability.supports.iter().any(|support| *support != Yes));
            assert!(capability.meaning.ends_with('.'));
        }
    }
}
