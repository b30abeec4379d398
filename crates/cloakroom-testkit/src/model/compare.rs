use cloakroom_core::{HistoryQuery, Keys, NameMatch, SessionId, Timestamp};

use super::act::USERS;
use super::play::Play;
use crate::fixtures::{portrait, user};
use crate::subject::Subject;

/// Compares everything that both stores show of the recent sessions, of all users, and in lists.
pub(super) async fn everything(play: &mut Play) -> Result<(), String> {
    for id in play.recent().to_vec() {
        data(play, id).await?;
    }
    let expected = view(&play.reference, play.now, play.recent()).await;
    let found = view(&play.store, play.now, play.recent()).await;
    for (expected, found) in expected.iter().zip(&found) {
        if expected != found {
            return Err(format!("what is seen\n  reference: {expected}\n  store:     {found}"));
        }
    }
    if expected.len() == found.len() { Ok(()) } else { Err("lists of another length".to_owned()) }
}

async fn data(play: &mut Play, id: SessionId) -> Result<(), String> {
    let expected = play.reference.read(id, play.now, Keys::All).await;
    let found = play.store.read(id, play.now, Keys::All).await;
    let shown = |entries: &Option<Vec<cloakroom_core::Entry>>| {
        let entries = entries.as_ref()?.iter();
        Some(entries.map(|entry| (entry.key.clone(), entry.json.clone())).collect::<Vec<_>>())
    };
    if shown(&expected) != shown(&found) {
        return Err(format!("data of {id}\n  reference: {expected:?}\n  store:     {found:?}"));
    }
    for (ours, theirs) in expected.iter().flatten().zip(found.iter().flatten()) {
        play.versions.note(id, &ours.key, (ours.version, theirs.version))?;
    }
    Ok(())
}

/// All that a store shows but data, a line for each thing.
async fn view(store: &Subject, now: Timestamp, ids: &[SessionId]) -> Vec<String> {
    let mut lines = Vec::new();
    for id in ids {
        let record = store.load(*id, now).await.map(|record| portrait(&record));
        lines.push(format!("load {id}: {record:?}"));
        lines.push(format!("ended {id}: {:?}", store.ended(*id).await));
    }
    for name in USERS {
        lines.push(format!("epoch of {name}: {}", store.epoch(user(name)).await));
        let sessions = store.sessions_of(user(name), now).await;
        lines.push(format!("sessions of {name}: {sessions:?}"));
        let exact = store.listed(Some(NameMatch::Exact(name.to_owned())), 3, now).await;
        lines.push(format!("sessions named {name}: {exact:?}"));
        let history = history(store, Some(name), 2).await;
        lines.push(format!("history of {name}: {history:?}"));
    }
    let prefix = store.listed(Some(NameMatch::Prefix("ad".to_owned())), 2, now).await;
    lines.push(format!("sessions named ad…: {prefix:?}"));
    lines.push(format!("all sessions: {:?}", store.live_ids(now).await));
    lines.push(format!("all history: {:?}", history(store, None, 7).await));
    let counts = store.counts(now).await;
    lines.push(format!("counts: {} and {}", counts.sessions, counts.anonymous));
    lines
}

async fn history(store: &Subject, name: Option<&str>, limit: u32) -> Vec<SessionId> {
    let mut query = HistoryQuery { name: name.map(str::to_owned), after: None, limit };
    let mut ids = Vec::new();
    loop {
        let page = store.history(query.clone()).await;
        ids.extend(page.items.iter().map(|ended| ended.id));
        match page.next {
            Some(next) => query.after = Some(next),
            None => return ids,
        }
    }
}
