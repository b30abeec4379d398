//! An update of several keys is decided on one state. On several threads: the closure of an
//! update waits for another write, whose store may need the runtime.

use cloakroom::Session;

use crate::support::{Scene, on_every_store};

on_every_store!(
    threads: an_update_of_several_keys_sees_one_state_and_notices_changes_of_what_it_only_read,
);

/// Law 3: what an update decided on must still hold when it commits.
async fn an_update_of_several_keys_sees_one_state_and_notices_changes_of_what_it_only_read(
    scene: Scene,
) {
    let mut browser = scene.logged_in("alice").await;
    browser.post("/data/allowed/yes").await;
    let (live, sessions) = {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let sender = std::sync::Arc::new(std::sync::Mutex::new(Some(sender)));
        let steal = async move |session: Session| {
            let live = session.live().await.unwrap().unwrap();
            let _ = sender.lock().unwrap().take().unwrap().send(live);
        };
        browser.act(steal).await;
        (receiver.await.unwrap(), browser.cloakroom.sessions().clone())
    };
    let tries = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counted = tries.clone();
    let decide = async move |session: Session| {
        let withdraw = move || {
            let change = cloakroom_core::DataChange {
                key: "allowed".to_owned(),
                expect: cloakroom_core::Expect::Any,
                json: Some("\"no\"".to_owned()),
            };
            let (sessions, live) = (sessions.clone(), live.clone());
            let write = async move { sessions.write(&live, vec![change]).await.map(drop) };
            let handle = tokio::runtime::Handle::current();
            std::thread::scope(|scope| {
                scope.spawn(|| handle.block_on(write)).join().unwrap().unwrap();
            });
        };
        let update = session.update_many(&["allowed", "done"], |values| {
            let allowed: Option<String> = values.get("allowed")?;
            if counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 {
                withdraw();
            }
            if allowed.as_deref() == Some("yes") {
                values.set("done", &true)?;
            }
            Ok(())
        });
        update.await
    };
    assert_eq!(browser.act(decide).await.status, 200);
    assert_eq!(tries.load(std::sync::atomic::Ordering::SeqCst), 2, "it looked again");
    let done =
        async |session: Session| session.get::<bool>("done").await.map(|done| format!("{done:?}"));
    assert_eq!(browser.look(done).await.body, "None");
}
