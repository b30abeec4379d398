//! What is counted and timed. Always on, in memory, without locks and without names to look up.

mod cells;
mod family;
mod measured;
mod words;

use std::time::{Duration, Instant};

use cells::{Counter, Histogram, Sampler};
pub use family::{Family, FamilyKind, Sample, SampleValue, Spread};
pub(crate) use measured::Measured;
pub use words::LoginOutcome;
use words::{OPERATIONS, Operation, VERDICTS};

use crate::{Counts, EndReason, Happening, StoreError, SweepReport, Swept, Timestamp, Verdict};

const KINDS_OF_FAULTS: [&str; 2] = ["failed", "unknown"];

/// Counters since the start of the process.
#[derive(Debug, Default)]
pub struct Meters {
    logins: [Counter; LoginOutcome::ALL.len()],
    begun: [Counter; 2],
    verifications: [Counter; VERDICTS.len()],
    verification: Histogram,
    verified: Sampler,
    ends: [Counter; EndReason::ALL.len()],
    rotations: Counter,
    renewals: Counter,
    store: [Histogram; OPERATIONS.len()],
    read: Sampler,
    faults: [[Counter; KINDS_OF_FAULTS.len()]; OPERATIONS.len()],
}

impl Meters {
    /// Counts a try to log in that ended before there was anything to record: refused, limited or
    /// busy. [`Sessions::log_in`](crate::Sessions::log_in) counts what it sees itself.
    pub fn login(&self, outcome: LoginOutcome) {
        self.logins[outcome as usize].add(1);
    }

    /// How many tries to log in came to this.
    pub fn logins(&self, outcome: LoginOutcome) -> u64 {
        self.logins[outcome as usize].value()
    }

    /// How many sessions ended for this reason.
    pub fn ends(&self, reason: EndReason) -> u64 {
        self.ends[reason as usize].value()
    }

    /// The moment from which a verification is timed, if it is.
    pub(crate) fn verification(&self) -> Option<Instant> {
        self.verified.start()
    }

    pub(crate) fn verified(&self, verdict: &Result<Verdict, StoreError>, start: Option<Instant>) {
        self.verifications[words::verdict(verdict)].add(1);
        if let Some(start) = start {
            self.verification.note(start.elapsed());
        }
    }

    /// Nothing was looked at, so there is nothing to time.
    pub(crate) fn absent(&self) {
        self.verifications[0].add(1);
    }

    pub(crate) fn swept(&self, swept: &Swept) {
        self.ends[EndReason::Idle as usize].add(swept.idle);
        self.ends[EndReason::Absolute as usize].add(swept.sessions.saturating_sub(swept.idle));
    }

    pub(crate) fn note(&self, happening: &Happening<'_>) {
        match happening {
            Happening::Began { record } if record.user.is_some() => {
                self.login(LoginOutcome::Success);
                self.begun[0].add(1);
            }
            Happening::Began { .. } => self.begun[1].add(1),
            Happening::LoginRefused { outcome, .. } => self.login(*outcome),
            Happening::Ended { reason, count, .. } => self.ends[*reason as usize].add(*count),
            Happening::Renewed { .. } => self.renewals.add(1),
            Happening::Rotated { .. } => self.rotations.add(1),
            // Counted batch by batch, and with the verdict of their request.
            Happening::Expired { .. } | Happening::Rejected { .. } => {}
        }
    }

    /// The moment from which an operation is timed, if it is.
    fn store_asked(&self, operation: Operation) -> Option<Instant> {
        match operation {
            Operation::Load | Operation::Read => self.read.start(),
            _ => Some(Instant::now()),
        }
    }

    fn store_answered(
        &self,
        operation: Operation,
        took: Option<Duration>,
        fault: Option<&StoreError>,
    ) {
        if let Some(took) = took {
            self.store[operation as usize].note(took);
        }
        if let Some(fault) = fault {
            let kind = usize::from(matches!(fault, StoreError::Unknown { .. }));
            self.faults[operation as usize][kind].add(1);
        }
    }

    pub(crate) fn families(&self) -> Vec<Family> {
        let reasons = EndReason::ALL.map(|(_, name)| name);
        let outcomes = LoginOutcome::ALL.map(LoginOutcome::as_str);
        let kinds = ["user", "anonymous"];
        vec![
            counted(
                "cloakroom_logins_total",
                &["outcome"],
                "Tries to log in.",
                &outcomes,
                &self.logins,
            ),
            counted(
                "cloakroom_sessions_begun_total",
                &["kind"],
                "Sessions that began.",
                &kinds,
                &self.begun,
            ),
            counted(
                "cloakroom_verifications_total",
                &["verdict"],
                "Requests whose credentials were asked for, by what they were worth.",
                &VERDICTS,
                &self.verifications,
            ),
            Family::new(
                "cloakroom_verification_seconds",
                FamilyKind::Histogram,
                &[],
                "How long it took to judge the credentials of a request that had any; one in sixteen.",
            )
            .with([], self.verification.spread()),
            counted(
                "cloakroom_ends_total",
                &["reason"],
                "Sessions that ended; expired ones when they are swept.",
                &reasons,
                &self.ends,
            ),
            Family::new(
                "cloakroom_rotations_total",
                FamilyKind::Counter,
                &[],
                "Fresh credentials because of a change of privilege.",
            )
            .with([], self.rotations.value()),
            Family::new(
                "cloakroom_renewals_total",
                FamilyKind::Counter,
                &[],
                "Presentations of a renewed credential that put it into force.",
            )
            .with([], self.renewals.value()),
            self.store_times(),
            self.store_faults(),
        ]
    }

    fn store_times(&self) -> Family {
        let mut family = Family::new(
            "cloakroom_store_seconds",
            FamilyKind::Histogram,
            &["operation"],
            "How long the session store took to answer, faults included; of load and read that \
             need not wait, one in sixteen.",
        );
        for (operation, times) in OPERATIONS.iter().zip(&self.store) {
            family = family.with([operation], times.spread());
        }
        family
    }

    fn store_faults(&self) -> Family {
        let mut family = Family::new(
            "cloakroom_store_errors_total",
            FamilyKind::Counter,
            &["operation", "kind"],
            "Faults of the session store; of unknown ones nobody can tell whether it was done.",
        );
        for (operation, faults) in OPERATIONS.iter().zip(&self.faults) {
            for (kind, counter) in KINDS_OF_FAULTS.iter().zip(faults) {
                family = family.with([*operation, *kind], counter.value());
            }
        }
        family
    }
}

fn counted(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    words: &[&'static str],
    counters: &[Counter],
) -> Family {
    let family = Family::new(name, FamilyKind::Counter, labels, help);
    let samples = words.iter().zip(counters);
    samples.fold(family, |family, (word, counter)| family.with([*word], counter.value()))
}

/// How many sessions there are; without samples when the store could not tell.
pub(crate) fn live_sessions(counts: Option<Counts>) -> [Family; 2] {
    let live = Family::new(
        "cloakroom_sessions_live",
        FamilyKind::Gauge,
        &["kind"],
        "Sessions in the store; expired ones count until they are swept. Absent while the store \
         is down.",
    );
    let counted = Family::new(
        "cloakroom_sessions_counted_timestamp_seconds",
        FamilyKind::Gauge,
        &[],
        "When the live sessions were counted, in seconds since 1970.",
    );
    match counts {
        Some(Counts { sessions, anonymous, as_of }) => [
            live.with(["user"], sessions).with(["anonymous"], anonymous),
            counted.with([], seconds(as_of)),
        ],
        None => [live, counted],
    }
}

/// What the sweeper has done and left.
pub(crate) fn sweeper(report: &SweepReport, now: Timestamp) -> Vec<Family> {
    let gauge = |name, help| Family::new(name, FamilyKind::Gauge, &[], help);
    let total = |name, help| Family::new(name, FamilyKind::Counter, &[], help);
    let oldest = report.oldest.map_or(0.0, |oldest| now.since(oldest).as_secs_f64());
    let last = gauge(
        "cloakroom_sweeper_last_success_timestamp_seconds",
        "When the last batch of a sweep succeeded, in seconds since 1970; absent before the first.",
    );
    vec![
        gauge(
            "cloakroom_sweeper_backlog",
            "Expired sessions left after the last batch, counted up to ten batches.",
        )
        .with([], report.backlog),
        gauge(
            "cloakroom_sweeper_oldest_seconds",
            "How long the longest expired of them has been so; 0 when none is left.",
        )
        .with([], oldest),
        total("cloakroom_sweeper_sessions_total", "Expired sessions removed.")
            .with([], report.sessions),
        total("cloakroom_sweeper_history_total", "Entries of the history dropped.")
            .with([], report.history),
        total("cloakroom_sweeper_errors_total", "Sweeps that failed.").with([], report.errors),
        match report.last_success {
            Some(moment) => last.with([], seconds(moment)),
            None => last,
        },
    ]
}

/// Seconds since 1970, with milliseconds.
#[expect(clippy::cast_precision_loss, reason = "milliseconds fit until the year 287,396")]
fn seconds(moment: Timestamp) -> f64 {
    moment.unix_millis() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_stands_for_the_counter_of_its_place() {
        for (index, outcome) in LoginOutcome::ALL.iter().enumerate() {
            assert_eq!(*outcome as usize, index);
        }
        for (index, (reason, _)) in EndReason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, index);
        }
        assert_eq!(Operation::Log as usize, OPERATIONS.len() - 1);
        assert_eq!(OPERATIONS[Operation::SessionsOf as usize], "sessions_of");
    }

    #[test]
    fn names_follow_the_conventions_and_each_sample_has_every_label() {
        let report = SweepReport::default();
        let mut families = Meters::default().families();
        families.extend(live_sessions(None));
        families.extend(sweeper(&report, Timestamp::from_unix_millis(0)));
        for family in families {
            let is_total = family.name.ends_with("_total");
            assert_eq!(is_total, family.kind == FamilyKind::Counter, "{}", family.name);
            assert!(family.name.starts_with("cloakroom_") && family.help.ends_with('.'));
            let whole = family.samples.iter().all(|one| one.labels.len() == family.labels.len());
            assert!(whole, "{}", family.name);
        }
    }
}
