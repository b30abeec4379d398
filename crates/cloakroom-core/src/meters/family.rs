use std::fmt;

/// Numbers of one name. Its `Display` is the Prometheus text format, version 0.0.4.
///
/// The value of a label is a word of the program, by its type: neither a secret nor a name that
/// somebody chose can be one, and there are only so many (laws 4 and 13).
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// The name, with its unit.
    pub name: &'static str,
    /// How the numbers move.
    pub kind: FamilyKind,
    /// What they mean, in a sentence.
    pub help: &'static str,
    /// The names of the labels that each sample has.
    pub labels: &'static [&'static str],
    /// The numbers. None when nothing is known at present.
    pub samples: Vec<Sample>,
}

/// How the numbers of a [`Family`] move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamilyKind {
    /// Only upwards, from zero at the start of the process.
    Counter,
    /// Up and down.
    Gauge,
    /// A distribution in buckets.
    Histogram,
}

/// One number, or one distribution.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The value of each label, in the order of [`Family::labels`].
    pub labels: Vec<&'static str>,
    /// What was measured.
    pub value: SampleValue,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq)]
pub enum SampleValue {
    /// A whole number.
    Whole(u64),
    /// Any other number.
    Real(f64),
    /// A distribution.
    Spread(Spread),
}

/// How often what took how long.
#[derive(Clone, Debug, PartialEq)]
pub struct Spread {
    /// Upper bounds in seconds, and how many took at most that.
    pub buckets: Vec<(f64, u64)>,
    /// How many there were.
    pub count: u64,
    /// What they took together, in seconds.
    pub sum: f64,
}

impl FamilyKind {
    /// The word of the Prometheus text format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl Family {
    /// A family without samples yet.
    pub fn new(
        name: &'static str,
        kind: FamilyKind,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self { name, kind, help, labels, samples: Vec::new() }
    }

    /// With one sample more.
    #[must_use]
    pub fn with<const N: usize>(
        mut self,
        labels: [&'static str; N],
        value: impl Into<SampleValue>,
    ) -> Self {
        self.samples.push(Sample { labels: labels.into(), value: value.into() });
        self
    }
}

impl From<u64> for SampleValue {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<f64> for SampleValue {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<Spread> for SampleValue {
    fn from(value: Spread) -> Self {
        Self::Spread(value)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "# HELP {} {}", self.name, self.help)?;
        writeln!(formatter, "# TYPE {} {}", self.name, self.kind.as_str())?;
        self.samples.iter().try_for_each(|sample| self.write(formatter, sample))
    }
}

impl Family {
    fn write(&self, formatter: &mut fmt::Formatter<'_>, sample: &Sample) -> fmt::Result {
        let name = self.name;
        let pairs = self.labels.iter().zip(&sample.labels);
        let labels: Vec<_> = pairs.map(|(label, value)| format!("{label}=\"{value}\"")).collect();
        match &sample.value {
            SampleValue::Whole(value) => writeln!(formatter, "{name}{} {value}", braced(&labels)),
            SampleValue::Real(value) => writeln!(formatter, "{name}{} {value}", braced(&labels)),
            SampleValue::Spread(spread) => {
                let bounds = spread.buckets.iter().map(|(bound, count)| (bound.to_string(), count));
                for (bound, count) in bounds.chain([("+Inf".to_owned(), &spread.count)]) {
                    let bounded = [&labels[..], &[format!("le=\"{bound}\"")]].concat();
                    writeln!(formatter, "{name}_bucket{} {count}", braced(&bounded))?;
                }
                writeln!(formatter, "{name}_sum{} {}", braced(&labels), spread.sum)?;
                writeln!(formatter, "{name}_count{} {}", braced(&labels), spread.count)
            }
        }
    }
}

fn braced(labels: &[String]) -> String {
    if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_written_as_prometheus_reads_it() {
        let family = Family::new("a_total", FamilyKind::Counter, &["kind"], "How many.");
        let spread = Spread { buckets: vec![(0.000_005, 1), (5.0, 2)], count: 3, sum: 7.5 };
        let times = Family::new("b_seconds", FamilyKind::Histogram, &[], "How long.");
        assert_eq!(
            family.with(["x"], 3).with(["y"], 0.25).to_string(),
            "# HELP a_total How many.\n# TYPE a_total counter\n\
             a_total{kind=\"x\"} 3\na_total{kind=\"y\"} 0.25\n"
        );
        assert_eq!(
            times.with([], spread).to_string(),
            "# HELP b_seconds How long.\n# TYPE b_seconds histogram\n\
             b_seconds_bucket{le=\"0.000005\"} 1\nb_seconds_bucket{le=\"5\"} 2\n\
             b_seconds_bucket{le=\"+Inf\"} 3\nb_seconds_sum 7.5\nb_seconds_count 3\n"
        );
    }
}
