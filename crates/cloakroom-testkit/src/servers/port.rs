use std::collections::hash_map::RandomState;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

/// Below the range the kernel hands out for outgoing connections, so that no connection of a test
/// takes a port between its choice and its use.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A TCP port nobody listens on at 127.0.0.1, not given to any other test while this process lives.
///
/// A lock on a file named after the port keeps other test processes away, also before the server
/// listens and while it is restarted.
#[track_caller]
pub fn free_port() -> u16 {
    let start = RandomState::new().build_hasher().finish();
    let offset = u16::try_from(start % u64::from(COUNT)).expect("less than COUNT");
    (0..COUNT)
        .map(|step| FIRST + (offset + step) % COUNT)
        .find(|port| is_free(*port) && reserve(*port))
        .expect("one of twelve thousand ports is free")
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn reserve(port: u16) -> bool {
    static HELD: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let user = rustix::process::getuid().as_raw();
    let locks = std::env::temp_dir().join(format!("cloakroom-test-ports-{user}"));
    fs::create_dir_all(&locks).unwrap_or_else(|e| panic!("cannot make {}: {e}", locks.display()));
    let path = locks.join(port.to_string());
    let lock =
        File::create(&path).unwrap_or_else(|e| panic!("cannot open {}: {e}", path.display()));
    let ours = lock.try_lock().is_ok();
    if ours {
        HELD.lock().unwrap_or_else(PoisonError::into_inner).push(lock);
    }
    ours
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_port_is_given_twice_though_nobody_listens_yet() {
        let ports: HashSet<u16> = (0..50).map(|_| free_port()).collect();
        assert_eq!(ports.len(), 50);
        assert!(ports.into_iter().all(is_free));
    }
}
