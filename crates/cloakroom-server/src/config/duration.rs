use std::time::Duration;

const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Reads `90s`, `30m`, `24h`, `30d`, `1h30m`: whole numbers with units, largest unit first.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds = 0_u64;
    let mut units = UNITS.iter();
    while !rest.is_empty() {
        let end = rest.find(|char: char| !char.is_ascii_digit())?;
        let number: u64 = rest[..end].parse().ok()?;
        let unit = rest[end..].chars().next()?;
        // Searching onwards refuses a unit that is repeated or out of order.
        let (_, each) = units.find(|(name, _)| *name == unit)?;
        seconds = seconds.checked_add(number.checked_mul(*each)?)?;
        rest = &rest[end + unit.len_utf8()..];
    }
    (!text.is_empty()).then(|| Duration::from_secs(seconds))
}

/// Writes what [`parse`] reads, in the units people use: `24h` but `2d`, `90s` but `2m`.
pub(super) fn show(duration: Duration) -> String {
    const SMALLEST_SHOWN: [u64; 4] = [2 * 86_400, 3_600, 120, 0];
    let whole = duration.as_secs();
    let mut rest = whole;
    let mut out = String::new();
    for ((unit, each), least) in UNITS.iter().zip(SMALLEST_SHOWN) {
        let shown = whole >= least && rest >= *each;
        if shown {
            out.push_str(&format!("{}{unit}", rest / each));
            rest %= each;
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_units_largest_first() {
        for (text, seconds) in [
            ("0s", 0),
            ("90s", 90),
            ("30m", 1_800),
            ("24h", 86_400),
            ("30d", 2_592_000),
            ("1h30m", 5_400),
            ("1d2h3m4s", 93_784),
        ] {
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_duration() {
        for text in [
            "",
            "90",
            "s",
            "-5s",
            "+5s",
            "1.5h",
            "5 m",
            "5M",
            "30m1h",
            "1m1m",
            "5ms",
            "1w",
            "٣s",
            "99999999999999999999d",
            "999999999999999999d",
            "1h ",
            "5µ",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn durations_are_shown_as_people_write_them() {
        for text in ["0s", "60s", "90s", "2m", "10m", "1h", "1h30m", "24h", "36h", "30d", "2d12h"] {
            assert_eq!(show(parse(text).unwrap()), text);
        }
    }
}
