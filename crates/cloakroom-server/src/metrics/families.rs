use cloakroom::{Family, FamilyKind};

use crate::app::App;
use crate::events;

/// Everything that is measured. Costs a look at the store's counters.
pub async fn families(app: &App) -> Vec<Family> {
    let mut families = app.cloakroom.sessions().metrics().await;
    families.extend(passwords(app));
    families.push(unwritten());
    families.extend(process(app));
    families
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds fit until the year 287,396")]
fn process(app: &App) -> [Family; 2] {
    let started = app.started_at.unix_millis() as f64 / 1000.0;
    [
        gauge("cloakroom_build_info", &["version"], "Always 1; the label says which version runs.")
            .with([env!("CARGO_PKG_VERSION")], 1),
        gauge("process_start_time_seconds", &[], "When the server started, in seconds since 1970.")
            .with([], started),
    ]
}

fn passwords(app: &App) -> [Family; 5] {
    let load = app.passwords.load();
    let (admitted, capacity) = (load.admitted as u64, load.capacity as u64);
    [
        gauge("cloakroom_password_queue", &[], "Passwords being hashed or waiting for it.")
            .with([], admitted),
        gauge("cloakroom_password_queue_capacity", &[], "Most of them at once; more get 503.")
            .with([], capacity),
        gauge("cloakroom_password_hash_seconds", &[], "What one hash takes at present.")
            .with([], load.average.as_secs_f64()),
        counter("cloakroom_password_hashes_total", &[], "Passwords hashed.").with([], load.hashed),
        counter("cloakroom_password_refusals_total", &[], "Refused because the queue was full.")
            .with([], load.refused),
    ]
}

fn unwritten() -> Family {
    let family = counter(
        "cloakroom_log_unwritten_total",
        &["event"],
        "Events that were counted but not logged, because there were too many at once.",
    );
    events::unwritten().fold(family, |family, (event, count)| family.with([event], count))
}

fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Family {
    Family::new(name, FamilyKind::Gauge, labels, help)
}

fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Family {
    Family::new(name, FamilyKind::Counter, labels, help)
}

/// A table of families in Markdown, for `docs/operations.md`.
pub fn metrics_markdown(families: &[Family]) -> String {
    let mut rows =
        vec!["| Metric | Kind | Labels | Meaning |".to_owned(), "|---|---|---|---|".to_owned()];
    rows.extend(families.iter().map(|family| {
        let labels = family.labels.iter().map(|label| format!("`{label}`"));
        let labels = labels.collect::<Vec<_>>().join(", ");
        format!("| `{}` | {} | {labels} | {} |", family.name, family.kind.as_str(), family.help)
    }));
    rows.join("\n") + "\n"
}
