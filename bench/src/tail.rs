use std::fmt;

use crate::measure::quantile;

/// How long each of many things took, in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Tail {
    pub count: usize,
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
    pub most: f64,
}

impl Tail {
    pub fn of(micros: &[f64]) -> Self {
        if micros.is_empty() {
            return Self { count: 0, p50: f64::NAN, p99: f64::NAN, p999: f64::NAN, most: f64::NAN };
        }
        Self {
            count: micros.len(),
            p50: quantile(micros, 0.5),
            p99: quantile(micros, 0.99),
            p999: quantile(micros, 0.999),
            most: quantile(micros, 1.0),
        }
    }

    /// The columns of [`Tail`]'s text.
    pub fn head() -> String {
        format!("{:>9} {:>10} {:>10} {:>10} {:>10}", "count", "p50", "p99", "p99.9", "max")
    }
}

impl fmt::Display for Tail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, p50, p99, p999, most } = self;
        write!(formatter, "{count:>9} {p50:>10.1} {p99:>10.1} {p999:>10.1} {most:>10.1}")
    }
}

/// The ratios of some rounds as text: their median, and the quartiles.
pub fn ratios(each: &[f64]) -> String {
    let at = |part| quantile(each, part);
    format!("{:.2} ({:.2}-{:.2})", at(0.5), at(0.25), at(0.75))
}
