use std::time::Duration;

/// A pair of timeouts that hold together, on the server's clock (law 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// A session unused for this long has ended.
    pub idle: Duration,
    /// A session this old has ended, used or not.
    pub absolute: Duration,
}

impl Lifetime {
    /// A pair of timeouts.
    pub const fn new(idle: Duration, absolute: Duration) -> Self {
        Self { idle, absolute }
    }
}

/// How exactly "last seen" is kept for an idle timeout `idle`: the smaller of 60 s and a twentieth.
///
/// A session unused for `idle` is always refused; one used within `idle - granularity` never is.
pub fn granularity(idle: Duration) -> Duration {
    (idle / 20).min(Duration::from_secs(60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn granularity_is_a_twentieth_up_to_a_minute() {
        assert_eq!(granularity(Duration::from_secs(60)), Duration::from_secs(3));
        assert_eq!(granularity(Duration::from_secs(86_400)), Duration::from_secs(60));
    }
}
