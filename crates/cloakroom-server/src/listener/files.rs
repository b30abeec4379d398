use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are open besides connections: database, keys, log, operators, and some to spare.
const OTHERS: u64 = 128;

/// How many of the wanted connections fit into the files this process may open, after raising
/// that limit as far as it may. Says so in the log when it is fewer.
pub fn room_for(wanted: u32) -> usize {
    let needed = u64::from(wanted) + OTHERS;
    let limit = raise(getrlimit(Resource::Nofile), needed);
    let room = room_within(limit.unwrap_or(u64::MAX), wanted);
    if room < wanted as usize {
        tracing::warn!(
            open_files = limit,
            connections = room,
            wanted,
            "this process may not open enough files for limits.connections; raise its limit of \
             open files (LimitNOFILE in systemd)"
        );
    }
    room
}

/// The limit of open files in force afterwards; `None` when there is none.
fn raise(found: Rlimit, needed: u64) -> Option<u64> {
    let current = found.current?;
    if current >= needed {
        return Some(current);
    }
    let wanted = found.maximum.map_or(needed, |most| most.min(needed));
    let raised = Rlimit { current: Some(wanted), maximum: found.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => Some(wanted),
        Err(_) => Some(current),
    }
}

fn room_within(files: u64, wanted: u32) -> usize {
    // With very few files at least half of them are for connections.
    let room = files.saturating_sub(OTHERS).max(files / 2).min(u64::from(wanted));
    usize::try_from(room).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_never_take_the_files_that_all_else_needs() {
        assert_eq!(room_within(u64::MAX, 4_096), 4_096);
        assert_eq!(room_within(1_024, 4_096), 896);
        assert_eq!(room_within(64, 4_096), 32);
    }
}
