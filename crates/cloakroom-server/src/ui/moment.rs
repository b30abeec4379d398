//! Points in time, as people say them.

use jiff::Timestamp;

/// A point in time, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// ISO 8601 in UTC, to the second: the `datetime` of a `time` element.
    pub iso: String,
    /// Relative to now: "just now", "3 minutes ago", "yesterday", or a date past a week.
    pub text: String,
    /// The exact time in UTC, shown on hover.
    pub exact: String,
}

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;
/// Below this many seconds a time is "just now".
const NOW: i64 = 5;

impl Moment {
    /// The time `unix_ms` (milliseconds since 1970), told from `now_unix_ms`. A time that no
    /// calendar holds is shown as an unknown time.
    pub fn new(unix_ms: i64, now_unix_ms: i64) -> Self {
        let Ok(time) = Timestamp::from_millisecond(unix_ms) else {
            return Self::unknown();
        };
        let age_s = now_unix_ms.saturating_sub(unix_ms) / 1000;
        Self {
            iso: time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            text: relative(age_s).unwrap_or_else(|| date(time)),
            exact: time.strftime("%-d %B %Y, %H:%M:%S UTC").to_string(),
        }
    }

    fn unknown() -> Self {
        let text = "at an unknown time".to_owned();
        Self { iso: String::new(), exact: text.clone(), text }
    }
}

/// The same words as `ago` in app.js, which keeps them fresh.
fn relative(age_s: i64) -> Option<String> {
    let distance = age_s.saturating_abs();
    let past = age_s >= 0;
    match distance {
        0..NOW => Some("just now".to_owned()),
        DAY..=WEEK if distance < 2 * DAY => Some(neighbour(past).to_owned()),
        _ => amount(distance).map(|amount| directed(&amount, past)),
    }
}

fn neighbour(past: bool) -> &'static str {
    if past { "yesterday" } else { "tomorrow" }
}

fn directed(amount: &str, past: bool) -> String {
    if past { format!("{amount} ago") } else { format!("in {amount}") }
}

fn amount(distance: i64) -> Option<String> {
    let (count, unit) = match distance {
        ..MINUTE => (distance, "second"),
        MINUTE..HOUR => (distance / MINUTE, "minute"),
        HOUR..DAY => (distance / HOUR, "hour"),
        DAY..WEEK => (distance / DAY, "day"),
        _ => return None,
    };
    let plural = if count == 1 { "" } else { "s" };
    Some(format!("{count} {unit}{plural}"))
}

fn date(time: Timestamp) -> String {
    time.strftime("%-d %b %Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-12 14:03:05 UTC.
    const NOW_MS: i64 = 1_773_324_185_000;

    fn told(age_s: i64) -> String {
        Moment::new(NOW_MS - age_s * 1000, NOW_MS).text
    }

    #[test]
    fn past_times_are_told_in_the_largest_whole_unit() {
        let told = [0, 4, 5, 59, 60, 150, 3600, 2 * HOUR, DAY, 3 * DAY].map(told);
        let expected = [
            "just now",
            "just now",
            "5 seconds ago",
            "59 seconds ago",
            "1 minute ago",
            "2 minutes ago",
            "1 hour ago",
            "2 hours ago",
            "yesterday",
            "3 days ago",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_week_ago_becomes_a_date() {
        assert_eq!(told(WEEK), "5 Mar 2026");
    }

    #[test]
    fn future_times_are_told_as_such() {
        assert_eq!(told(-3600), "in 1 hour");
        assert_eq!(told(-DAY), "tomorrow");
        assert_eq!(told(-6 * DAY), "in 6 days");
        assert_eq!(told(-3), "just now");
    }

    #[test]
    fn the_exact_time_is_kept_in_utc() {
        let moment = Moment::new(NOW_MS, NOW_MS);
        assert_eq!(moment.iso, "2026-03-12T14:03:05Z");
        assert_eq!(moment.exact, "12 March 2026, 14:03:05 UTC");
    }

    #[test]
    fn a_time_beyond_the_calendar_is_unknown() {
        assert_eq!(Moment::new(i64::MAX, NOW_MS).text, "at an unknown time");
        assert_eq!(Moment::new(i64::MIN, NOW_MS).iso, "");
    }
}
