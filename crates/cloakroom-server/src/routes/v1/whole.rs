use serde::{Deserialize, Deserializer};

/// A whole number from 0 to 2^63 - 1. JSON does not tell `3` from `3.0`, and some languages write
/// the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole(pub(super) u64);

/// The largest number below which every whole number has a floating-point form of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        let whole = number.as_i64().or_else(|| number.as_f64().and_then(exactly));
        let whole = whole.and_then(|whole| u64::try_from(whole).ok());
        let wrong = "a number must be whole, and from 0 to 9223372036854775807";
        whole.map(Self).ok_or_else(|| serde::de::Error::custom(wrong))
    }
}

fn exactly(number: f64) -> Option<i64> {
    let exact = number.fract() == 0.0 && number.abs() < EXACT;
    exact.then(|| format!("{number:.0}").parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<u64> {
        serde_json::from_str::<Whole>(text).ok().map(|Whole(number)| number)
    }

    #[test]
    fn whole_numbers_are_read_however_they_are_written() {
        let most = "9223372036854775807";
        assert_eq!([read("0"), read("3.0"), read("3e2")], [Some(0), Some(3), Some(300)]);
        assert_eq!(read(most), Some(9_223_372_036_854_775_807));
        for bad in ["-1", "0.5", "9223372036854775808", "1e300", "\"3\"", "null"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
