use cloakroom::{postgres, sqlite};

/// The tables of one concern, as each engine makes them.
#[derive(Clone, Copy, Debug)]
pub struct Tables {
    /// The key under which their version is kept.
    pub component: &'static str,
    /// On SQLite: what leads from one version to the next.
    pub sqlite: &'static [&'static str],
    /// On SQLite: the version that a file begins with, and how.
    pub sqlite_begin: Option<(u32, &'static str)>,
    /// On PostgreSQL: what leads from one version to the next. Texts compare byte by byte, as
    /// they do on SQLite: `COLLATE "C"`.
    pub postgres: &'static [&'static str],
}

impl Tables {
    pub(super) fn of_sqlite(&self) -> sqlite::Migrations {
        let (component, begin) = (self.component, self.sqlite_begin);
        sqlite::Migrations { component, steps: self.sqlite, begin }
    }

    pub(super) fn of_postgres(&self) -> postgres::Migrations {
        postgres::Migrations { component: self.component, steps: self.postgres }
    }
}
