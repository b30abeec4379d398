use super::*;

async fn names(scene: &Scene, after: Option<&str>) -> (Vec<String>, Option<String>) {
    match scene.order(Order::UserList { after: after.map(str::to_owned) }).await {
        Reply::People { items, next } => {
            (items.into_iter().map(|person| person.name).collect(), next)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_user_is_added_with_what_was_given_and_a_link() {
    let scene = Scene::new().await;
    let new = NewPerson {
        name: named("Alice"),
        id: Some(named("17")),
        display_name: Some(named(" Alice A. ")),
        email: Some(named("alice@example.org")),
        groups: vec![named("staff"), named("admins")],
        admin: true,
    };
    let Reply::Added(added) = scene.order(Order::UserAdd(new)).await else { panic!("not added") };
    assert_eq!((added.id.as_str(), added.name.as_str()), ("17", "alice"));
    assert!(added.link.reveal().contains("/cloakroom/password-link#"));
    let Reply::People { items, .. } = scene.order(Order::UserList { after: None }).await else {
        panic!("no list")
    };
    let alice = &items[0];
    assert_eq!(alice.display_name, "Alice A.");
    assert_eq!(alice.groups, ["admins", "staff"]);
    assert_eq!((alice.role.as_str(), alice.disabled, alice.has_password), ("admin", false, false));
}

#[tokio::test]
async fn what_cannot_be_added_is_refused_with_what_is_allowed() {
    let scene = Scene::new().await;
    scene.order(Order::UserAdd(NewPerson { id: Some(named("17")), ..person("alice") })).await;
    let bad = |new| scene.order(Order::UserAdd(new));
    failed(&bad(person("al ice")).await, "a login name has 1 to 64");
    failed(&bad(person("alice")).await, "there is a user alice already");
    let taken = NewPerson { id: Some(named("17")), ..person("bob") };
    failed(&bad(taken).await, "the id 17 is that of user alice already");
    let with = |change: fn(&mut NewPerson)| {
        let mut new = person("bob");
        change(&mut new);
        new
    };
    failed(&bad(with(|new| new.id = Some(named("a b")))).await, "a user id must be");
    failed(&bad(with(|new| new.email = Some(named("bob")))).await, "an e-mail address");
    failed(&bad(with(|new| new.groups = vec![named("a/b")])).await, "a group has");
    failed(&bad(with(|new| new.display_name = Some(named("a\nb")))).await, "on one line");
    assert_eq!(names(&scene, None).await.0, ["alice"]);
}

#[tokio::test]
async fn users_are_listed_page_by_page_each_once() {
    let scene = Scene::new().await;
    for number in 0..101 {
        scene.add(&format!("user{number:03}")).await;
    }
    let (first, next) = names(&scene, None).await;
    let (second, end) = names(&scene, next.as_deref()).await;
    assert_eq!((first.len(), second.as_slice(), end), (100, &[named("user100")][..], None));
}

#[tokio::test]
async fn disabling_ends_the_sessions_and_enabling_brings_none_back() {
    let scene = Scene::new().await;
    scene.add("alice").await;
    let session = scene.log_in("alice").await;
    let disable = || scene.order(Order::UserDisable { name: named("ALICE") });
    assert_eq!(disable().await, Reply::Disabled { name: named("alice"), already: false });
    assert!(!scene.is_live(session).await);
    assert_eq!(disable().await, Reply::Disabled { name: named("alice"), already: true });
    let enable = || scene.order(Order::UserEnable { name: named("alice") });
    assert_eq!(enable().await, Reply::Enabled { name: named("alice"), already: false });
    assert_eq!(enable().await, Reply::Enabled { name: named("alice"), already: true });
    assert!(!scene.is_live(session).await);
    let Reply::Past(past) = scene.why(session).await else { panic!("live") };
    assert_eq!((past.reason.as_str(), past.ended_by), ("user_disabled", Some(named("operator"))));
}

#[tokio::test]
async fn a_new_password_link_voids_the_one_before() {
    let scene = Scene::new().await;
    scene.add("alice").await;
    let link = || async {
        match scene.order(Order::UserPasswd { name: named("alice") }).await {
            Reply::PasswordLink { person, disabled: false } => person.link,
            other => panic!("{other:?}"),
        }
    };
    let (first, second) = (link().await, link().await);
    let good = async |link: &crate::operator::Link| {
        let code = link.reveal().rsplit('#').next().unwrap();
        let now = scene.app.cloakroom.sessions().now();
        scene.app.users.code_owner(code, now).await.unwrap().is_some()
    };
    assert!(!good(&first).await && good(&second).await);
    assert_eq!(format!("{second:?}"), "Link");
}

#[tokio::test]
async fn a_misspelt_user_is_not_found_and_a_near_one_named() {
    let scene = Scene::new().await;
    scene.add("alice").await;
    scene.add("anton").await;
    let end = |name| scene.order(Order::EndUser { name: named(name) });
    failed(&end("alcie").await, "did you mean alice?");
    failed(&end("zoe").await, "`cloakroom user list` shows who there is");
    assert!(matches!(end("zoe").await, Reply::NotFound { .. }));
}

#[tokio::test]
async fn a_set_up_link_is_made_only_while_there_is_nobody() {
    let scene = Scene::new().await;
    let Reply::SetUp { link } = scene.order(Order::SetUpLink).await else { panic!("no link") };
    assert!(link.reveal().contains("/cloakroom/setup#"));
    scene.add("alice").await;
    failed(&scene.order(Order::SetUpLink).await, "the set-up is done");
}

/// Alice's own epoch is ahead of the store's, as after a crash of a store that loses its epochs,
/// or between the two steps that disable a user.
async fn scene_with_an_epoch_ahead() -> (Scene, UserId, SessionId) {
    let scene = Scene::new().await;
    scene.add("alice").await;
    let live = scene.log_in("alice").await;
    let users = &scene.app.users;
    let alice = users.by_name("alice").await.unwrap().unwrap().id;
    users.set_disabled(&alice, true, 8).await.unwrap();
    assert_eq!(scene.app.cloakroom.sessions().epoch(&alice).await.unwrap(), 0);
    (scene, alice, live)
}

#[tokio::test]
async fn a_login_first_finishes_the_end_that_a_crash_left_half_done() {
    let (scene, alice, half_ended) = scene_with_an_epoch_ahead().await;
    let (_, epoch) = scene.app.begin_login(&alice).await.unwrap();
    assert_eq!(epoch, 9);
    assert!(!scene.is_live(half_ended).await);
    let why = format!("{:?}", scene.why(half_ended).await);
    assert!(why.contains("UserDisabled"), "{why}");

    scene.app.users.set_disabled(&alice, false, 0).await.unwrap();
    let live = scene.log_in("alice").await;
    let (_, again) = scene.app.begin_login(&alice).await.unwrap();
    assert_eq!(again, 9, "there is nothing to finish any more");
    assert!(scene.is_live(live).await);
}

#[tokio::test]
async fn a_login_begun_before_an_end_is_refused_where_the_epoch_was_ahead_of_the_store() {
    for everyone in [false, true] {
        let (scene, alice, _) = scene_with_an_epoch_ahead().await;
        scene.app.users.set_disabled(&alice, false, 0).await.unwrap();
        let (user, epoch) = scene.app.begin_login(&alice).await.unwrap();
        let sessions = scene.app.cloakroom.sessions();
        let ended = match everyone {
            true => sessions.end_everyone(EndReason::Admin, None).await,
            false => sessions.end_user(&alice, EndReason::Admin, None).await,
        };
        ended.unwrap();
        let late = Proven { epoch, user: user.unwrap() }.login().unwrap();
        let late = sessions.log_in(late, ClientInfo::default(), None).await;
        assert!(matches!(late, Err(SessionError::Superseded)), "{everyone}");
    }
}

/// Law 9: also where whoever began it has hung up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_logins_that_find_an_end_half_done_one_finishes_it() {
    for hang_up in [false, true] {
        let (scene, alice, _) = scene_with_an_epoch_ahead().await;
        let begin = || {
            let (app, alice) = (scene.app.clone(), alice.clone());
            tokio::spawn(async move { app.begin_login(&alice).await.unwrap().1 })
        };
        let logins: Vec<_> = (0..16).map(|_| begin()).collect();
        for (number, login) in logins.into_iter().enumerate() {
            if hang_up && number % 2 == 0 {
                login.abort();
            } else {
                assert_eq!(login.await.unwrap(), 9);
            }
        }
        assert_eq!(begin().await.unwrap(), 9);
    }
}
