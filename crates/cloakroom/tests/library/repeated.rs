//! A login that is sent more than once.

use cloakroom::{
    ClientInfo, Cloakroom, EndReason, Issued, Once, SessionError, SessionId, User, UserId,
};
use cloakroom_testkit::{Random, rounds, seeds};

use crate::support::{Scene, on_every_store};

on_every_store!(
    a_login_that_is_repeated_gives_the_same_session_and_credential,
    a_login_is_not_repeated_once_its_session_ended_or_its_credential_was_replaced,
    law_1_a_repeated_login_and_an_end_revive_nothing,
);

fn once(app: &Cloakroom, user: &str, seed: u8) -> Once {
    let user = UserId::new(user).unwrap();
    Once::new(SessionId::new(Some(&user), app.sessions().now()), [seed; 32])
}

async fn log_in(app: &Cloakroom, user: &str, once: &Once) -> Result<Issued, SessionError> {
    let user = User::new(user).unwrap();
    app.sessions().log_in_once(user, ClientInfo::default(), None, once.clone()).await
}

async fn a_login_that_is_repeated_gives_the_same_session_and_credential(scene: Scene) {
    let app = scene.open();
    let once = once(&app, "anna", 1);
    let first = log_in(&app, "anna", &once).await.unwrap();
    let again = log_in(&app, "anna", &once).await.unwrap();
    assert_eq!((first.id, first.repeated), (once.id, false));
    assert_eq!((again.id, again.repeated), (once.id, true));
    assert_eq!(again.token.reveal(), first.token.reveal());
    let other = Once::new(once.id, [2; 32]);
    let stranger = log_in(&app, "anna", &other).await.unwrap_err();
    assert!(matches!(stranger, SessionError::Replaced), "{stranger}");
}

async fn a_login_is_not_repeated_once_its_session_ended_or_its_credential_was_replaced(
    scene: Scene,
) {
    let app = scene.open();
    let (rotated, ended) = (once(&app, "anna", 1), once(&app, "anna", 2));
    let live = log_in(&app, "anna", &rotated).await.unwrap().live;
    app.sessions().rotate(&live, false).await.unwrap();
    let error = log_in(&app, "anna", &rotated).await.unwrap_err();
    assert!(matches!(error, SessionError::Replaced), "{error}");
    log_in(&app, "anna", &ended).await.unwrap();
    app.sessions().end(ended.id, EndReason::Logout, None).await.unwrap();
    let error = log_in(&app, "anna", &ended).await.unwrap_err();
    assert!(matches!(error, SessionError::Gone), "{error}");
}

/// 5 000 interleavings with `CLOAKROOM_TORTURE=1`.
async fn law_1_a_repeated_login_and_an_end_revive_nothing(scene: Scene) {
    let app = scene.open();
    for seed in seeds(rounds(150, 5_000)) {
        let mut random = Random::new(seed);
        let name = format!("user-{seed}");
        let login = once(&app, &name, 7);
        let tries: Vec<_> = (0..4)
            .map(|_| {
                let (app, name, login) = (app.clone(), name.clone(), login.clone());
                let pause = random.below(6);
                tokio::spawn(async move {
                    yield_times(pause).await;
                    log_in(&app, &name, &login).await
                })
            })
            .collect();
        yield_times(random.below(8)).await;
        let user = UserId::new(name.as_str()).unwrap();
        if random.once_in(2) {
            app.sessions().end_user(&user, EndReason::Admin, None).await.unwrap();
        } else {
            app.sessions().end(login.id, EndReason::Admin, None).await.unwrap();
        }
        let ended = app.sessions().store().ended(login.id).await.unwrap().is_some();
        check(&app, &login, ended, tries, seed).await;
    }
}

async fn yield_times(times: usize) {
    for _ in 0..times {
        tokio::task::yield_now().await;
    }
}

/// One try at most has made the session; once its end was acknowledged none is handed out live.
async fn check(
    app: &Cloakroom,
    login: &Once,
    ended: bool,
    tries: Vec<tokio::task::JoinHandle<Result<Issued, SessionError>>>,
    seed: u64,
) {
    let mut made = 0;
    for attempt in tries {
        match attempt.await.unwrap() {
            Ok(issued) => {
                assert_eq!(issued.id, login.id, "seed {seed}");
                made += usize::from(!issued.repeated);
            }
            Err(SessionError::Gone | SessionError::Superseded) => {}
            Err(error) => panic!("seed {seed}: {error}"),
        }
    }
    assert!(made <= 1, "seed {seed}: made {made} times");
    let store = app.sessions().store();
    let live = store.load(login.id, app.sessions().now()).await.unwrap().is_some();
    assert!(!(live && ended), "seed {seed}: it came back");
}
