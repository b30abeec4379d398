use std::rc::Rc;

use anyhow::{Context, Result};

use crate::case::{Act, Case, check};
use crate::disk::Scratch;
use crate::options::Options;
use crate::peers::{self, Peer};
use crate::random::Random;

/// Who takes part.
#[derive(Clone, Copy, Debug)]
enum Entrant {
    Bare,
    CloakroomMemory,
    CloakroomSqlite,
    TowerSessionsMemory,
}

/// Everybody, in the order of the table.
const ENTRANTS: [Entrant; 4] = [
    Entrant::Bare,
    Entrant::CloakroomMemory,
    Entrant::TowerSessionsMemory,
    Entrant::CloakroomSqlite,
];

/// Seeds and checks all that a wanted case needs, and lists the cases.
pub async fn cases(
    options: &Options,
    scratch: &Scratch,
    random: &mut Random,
) -> Result<Vec<Rc<Case>>> {
    let mut cases = Vec::new();
    for entrant in ENTRANTS {
        let acts = entrant.acts().iter().copied();
        let wanted: Vec<Act> = acts.filter(|act| options.wants(&entrant.case(*act))).collect();
        if wanted.is_empty() {
            continue;
        }
        let peer = Rc::new(entrant.seed(options, scratch).await?);
        if !matches!(entrant, Entrant::Bare) {
            check(&peer, random).await.context(entrant.name())?;
        }
        cases.extend(wanted.into_iter().map(|act| {
            Rc::new(Case {
                name: entrant.case(act),
                act,
                peer: Rc::clone(&peer),
                waits: entrant.waits(act),
                requests: entrant.requests(act, options),
                most: entrant.most(act),
            })
        }));
    }
    Ok(cases)
}

impl Entrant {
    fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare axum handler",
            Self::CloakroomMemory => "cloakroom memory",
            Self::CloakroomSqlite => "cloakroom SQLite",
            Self::TowerSessionsMemory => "tower-sessions memory",
        }
    }

    fn case(self, act: Act) -> String {
        match self {
            Self::Bare => self.name().to_owned(),
            _ => format!("{}: {}", self.name(), act.name()),
        }
    }

    fn acts(self) -> &'static [Act] {
        match self {
            Self::Bare => &[Act::Untouched],
            Self::TowerSessionsMemory => &[Act::Untouched, Act::Verify, Act::Insert, Act::Update],
            Self::CloakroomMemory | Self::CloakroomSqlite => {
                &[Act::Untouched, Act::Verify, Act::Insert, Act::Update, Act::VerifyFirst]
            }
        }
    }

    /// The targets of this stage of the project, as multiples of bare.
    fn most(self, act: Act) -> Option<f64> {
        match (self, act) {
            (Self::CloakroomMemory, Act::Verify) => Some(6.0),
            (Self::CloakroomSqlite, Act::Verify) => Some(63.0),
            _ => None,
        }
    }

    fn waits(self, act: Act) -> bool {
        matches!(self, Self::CloakroomSqlite) && act.writes()
    }

    /// Fewer where each takes longer.
    fn requests(self, act: Act, options: &Options) -> usize {
        match self {
            Self::CloakroomSqlite if self.waits(act) => options.requests / 64,
            Self::CloakroomSqlite => options.requests / 2,
            _ => options.requests,
        }
    }

    async fn seed(self, options: &Options, scratch: &Scratch) -> Result<Peer> {
        match self {
            Self::Bare => Ok(peers::bare_peer()),
            Self::CloakroomMemory => peers::memory(options.sessions).await,
            Self::CloakroomSqlite => peers::sqlite(scratch.path(), options.sessions).await,
            Self::TowerSessionsMemory => peers::tower_sessions(options.sessions).await,
        }
    }
}
