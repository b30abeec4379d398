use super::*;
use crate::accounts::Claim;
use crate::operator::ImportSummary;
use crate::passwords::Password;

async fn ask(scene: &Scene, people: Vec<ImportedPerson>) -> Reply {
    scene.order(Order::UserImport(Import { people, ..Import::default() })).await
}

#[track_caller]
fn summary(reply: Reply) -> ImportSummary {
    match reply {
        Reply::Imported(summary) => summary,
        other => panic!("not imported: {other:?}"),
    }
}

#[track_caller]
fn faults(reply: Reply) -> Vec<(u64, String)> {
    match reply {
        Reply::ImportRefused { faults, .. } => {
            faults.into_iter().map(|fault| (fault.line, fault.text)).collect()
        }
        other => panic!("not refused: {other:?}"),
    }
}

async fn stored(scene: &Scene, name: &str) -> String {
    let account = scene.app.users.account(name).await.unwrap().unwrap();
    account.password_hash.unwrap()
}

async fn prove(scene: &Scene, name: &str, password: &str) -> bool {
    let claim = Claim { name, password: Password::new(password.to_owned()), from: None };
    scene.app.prove(claim).await.is_ok()
}

const PASSWORD: &str = "tulip engine 57";

#[tokio::test]
async fn an_imported_hash_is_replaced_at_the_first_right_password_and_no_session_ends() {
    let scene = Scene::new().await;
    let done = summary(ask(&scene, vec![imported(2, "bob")]).await);
    assert_eq!((done.imported, done.with_password, done.without_password), (1, 1, 0));
    assert_eq!(done.hashes["Werkzeug pbkdf2:sha256"], 1);
    let session = scene.log_in("bob").await;
    assert!(!prove(&scene, "bob", "tulip engine 58").await);
    assert_eq!(stored(&scene, "bob").await, HASH);
    assert!(prove(&scene, "bob", PASSWORD).await);
    let ours = stored(&scene, "bob").await;
    assert!(ours.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{ours}");
    assert!(prove(&scene, "bob", PASSWORD).await && !prove(&scene, "bob", "x").await);
    assert_eq!(stored(&scene, "bob").await, ours);
    assert!(scene.is_live(session).await);
    let bob = scene.app.users.by_name("bob").await.unwrap().unwrap();
    assert_eq!((bob.epoch, bob.id.as_str()), (0, "id-bob"));
}

#[tokio::test]
async fn a_password_that_was_changed_meanwhile_is_not_replaced_by_the_old_one() {
    let scene = Scene::new().await;
    summary(ask(&scene, vec![imported(2, "bob")]).await);
    let bob = scene.app.users.by_name("bob").await.unwrap().unwrap().id;
    let renew =
        |old: &str, new: &str| scene.app.users.renew_hash(&bob, old.to_owned(), new.to_owned());
    assert!(renew(HASH, "changed").await.unwrap());
    assert!(!renew(HASH, "of the old password").await.unwrap());
    assert_eq!(stored(&scene, "bob").await, "changed");
}

#[tokio::test]
async fn a_sign_in_brings_the_store_to_the_epoch_of_its_user() {
    let scene = Scene::new().await;
    summary(ask(&scene, vec![imported(2, "bob")]).await);
    let users = &scene.app.users;
    let bob = users.by_name("bob").await.unwrap().unwrap().id;
    users.set_disabled(&bob, true, 8).await.unwrap();
    users.set_disabled(&bob, false, 0).await.unwrap();
    let password = Password::new(PASSWORD.to_owned());
    let proven = scene.app.prove(Claim { name: "bob", password, from: None }).await.unwrap();
    assert_eq!(proven.epoch, 9);
    assert_eq!(scene.app.cloakroom.sessions().epoch(&bob).await.unwrap(), 9);
}

#[tokio::test]
async fn a_disabled_user_stays_out_and_keeps_the_hash() {
    let scene = Scene::new().await;
    let disabled = ImportedPerson { disabled: true, ..imported(2, "bob") };
    summary(ask(&scene, vec![disabled]).await);
    assert!(!prove(&scene, "bob", PASSWORD).await);
    assert_eq!(stored(&scene, "bob").await, HASH);
}

#[tokio::test]
async fn one_wrong_line_and_nobody_is_imported_and_all_is_told() {
    let scene = Scene::new().await;
    scene.add("alice").await;
    let hash = |text: &str| Some(ForeignHash::new(text.to_owned()));
    let people = vec![
        imported(2, "bob"),
        ImportedPerson { email: Some("x".to_owned()), ..imported(3, "al ice") },
        ImportedPerson { password_hash: hash("md5$salt$50c7765407f3"), ..imported(4, "eve") },
        ImportedPerson { id: Some("a b".to_owned()), ..imported(5, "dan") },
        imported(6, "BOB"),
        imported(7, "alice"),
        ImportedPerson { groups: vec!["a b".to_owned()], ..imported(8, "fay") },
        ImportedPerson { id: Some("id-bob".to_owned()), ..imported(9, "gus") },
    ];
    let told = faults(ask(&scene, people).await);
    let lines: Vec<u64> = told.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [3, 3, 3, 4, 5, 6, 7, 8, 9], "{told:?}");
    assert!(!format!("{told:?}").contains("50c776"), "{told:?}");
    assert_eq!(told[5].1, "name: bob is on line 2 too");
    assert!(told[6].1.contains("there is a user alice already, with another id"), "{told:?}");
    assert!(scene.app.users.by_name("bob").await.unwrap().is_none());
}

#[tokio::test]
async fn no_more_than_twenty_faults_are_told_and_all_are_counted() {
    let scene = Scene::new().await;
    let people = (2..102).map(|line| imported(line, "al ice")).collect();
    let Reply::ImportRefused { faults, count } = ask(&scene, people).await else {
        panic!("not refused")
    };
    assert_eq!((faults.len(), count), (20, 200));
}

#[tokio::test]
async fn those_who_are_here_are_passed_over_only_when_asked_to_and_when_they_are_the_same() {
    let scene = Scene::new().await;
    summary(ask(&scene, vec![imported(2, "bob")]).await);
    let again = || vec![imported(2, "bob"), imported(3, "eve")];
    let told = faults(ask(&scene, again()).await);
    assert!(told[0].1.contains("--skip-existing"), "{told:?}");
    let skip = |people| Order::UserImport(Import { people, skip_existing: true, dry_run: false });
    let done = summary(scene.order(skip(again())).await);
    assert_eq!((done.imported, done.skipped), (1, 1));
    let other = ImportedPerson { id: Some("another".to_owned()), ..imported(2, "bob") };
    let told = faults(scene.order(skip(vec![other])).await);
    assert!(told[0].1.contains("with another id (id-bob)"), "{told:?}");
    let taken = ImportedPerson { name: "zoe".to_owned(), ..imported(2, "bob") };
    let told = faults(scene.order(skip(vec![taken])).await);
    assert_eq!(told[0].1, "the id is that of user bob already");
    let any_id = ImportedPerson { id: None, ..imported(2, "bob") };
    assert_eq!(summary(scene.order(skip(vec![any_id])).await).skipped, 1);
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let scene = Scene::new().await;
    let import = Import { people: vec![imported(2, "bob")], dry_run: true, ..Import::default() };
    let done = summary(scene.order(Order::UserImport(import)).await);
    assert_eq!((done.dry_run, done.imported), (true, 1));
    assert!(scene.app.users.is_empty().await.unwrap());
}

#[test]
fn debug_shows_no_imported_hash() {
    let order = Order::UserImport(Import { people: vec![imported(2, "bob")], ..Import::default() });
    let shown = format!("{order:?}");
    assert!(shown.contains("ForeignHash") && !shown.contains("pbkdf2"), "{shown}");
}
