use std::time::Duration;

use super::*;
use crate::sql::testing::{TestDatabase, on_every_database};

const NOW: Timestamp = Timestamp::from_unix_millis(1_767_225_600_000);

async fn node(database: &TestDatabase) -> Users {
    // Many at once, on a machine that has other things to do.
    Users::open(database.node().await.patience(Duration::from_secs(60))).await.unwrap()
}

fn new(id: &str, name: &str) -> NewUser {
    NewUser {
        id: UserId::new(id).unwrap(),
        name: name.to_owned(),
        display_name: name.to_owned(),
        email: None,
        groups: vec!["staff".to_owned()],
        role: Role::User,
        created_at: NOW,
    }
}

fn code() -> Code {
    Code::generate(NOW).unwrap()
}

/// How many of the answers to acts begun at once, half of them at each node, are yes.
async fn yes<F>(nodes: &[Users; 2], act: impl Fn(Users, usize) -> F) -> usize
where
    F: Future<Output = bool> + Send + 'static,
{
    let begun: Vec<_> =
        (0..10).map(|number| tokio::spawn(act(nodes[number % 2].clone(), number))).collect();
    let mut count = 0;
    for task in begun {
        count += usize::from(task.await.unwrap());
    }
    count
}

async fn of_ten_users_of_one_name_added_at_two_nodes_one_is_there(database: &TestDatabase) {
    let nodes = [node(database).await, node(database).await];
    let added = yes(&nodes, |users, number| async move {
        users.add(new(&format!("u{number}"), "ann"), &code()).await.unwrap().is_some()
    });
    assert_eq!(added.await, 1);
    assert_eq!(nodes[0].page(None, 100).await.unwrap().items.len(), 1);
}

async fn a_one_time_code_is_redeemed_once_at_two_nodes(database: &TestDatabase) {
    let nodes = [node(database).await, node(database).await];
    let link = code();
    let added = nodes[0].add(new("u1", "ann"), &link).await.unwrap().unwrap();
    let text = link.reveal().to_owned();
    let redeemed = yes(&nodes, move |users, number| {
        let text = text.clone();
        async move {
            let redeemed = users.redeem(&text, format!("hash{number}"), 7, NOW).await.unwrap();
            matches!(redeemed, Redeemed::Done(user) if user.epoch == 8)
        }
    });
    assert_eq!(redeemed.await, 1);
    let user = nodes[1].by_id(&added.id).await.unwrap().unwrap();
    assert_eq!((user.epoch, user.has_password), (8, true));
}

async fn the_first_administrator_is_made_once_at_two_nodes(database: &TestDatabase) {
    let nodes = [node(database).await, node(database).await];
    let link = code();
    assert!(nodes[0].offer_set_up(&link).await.unwrap());
    assert!(nodes[1].may_set_up(link.reveal(), NOW).await.unwrap());
    let text = link.reveal().to_owned();
    let made = yes(&nodes, move |users, number| {
        let (text, admin) = (text.clone(), new(&format!("u{number}"), &format!("n{number}")));
        async move {
            let made = users.set_up(&text, admin, "hash".to_owned(), NOW).await.unwrap();
            matches!(made, SetUp::Done(_))
        }
    });
    assert_eq!(made.await, 1);
    assert_eq!(nodes[0].page(None, 100).await.unwrap().items.len(), 1);
    assert!(!nodes[1].offer_set_up(&code()).await.unwrap());
}

async fn of_ten_changes_of_one_password_the_first_wins(database: &TestDatabase) {
    let nodes = [node(database).await, node(database).await];
    let id = nodes[0].add(new("u1", "ann"), &code()).await.unwrap().unwrap().id;
    let kept = SessionId::new(Some(&id), NOW);
    let changed = yes(&nodes, move |users, number| {
        let id = id.clone();
        let change =
            PasswordChange { hash: format!("hash{number}"), kept, as_of: 0, store_epoch: 0 };
        async move { users.set_password(&id, change).await.unwrap().is_some() }
    });
    assert_eq!(changed.await, 1);
    assert_eq!(nodes[0].by_name("ann").await.unwrap().unwrap().epoch_except, Some(kept));
}

async fn every_field_of_a_user_comes_back_and_changes(database: &TestDatabase) {
    let users = node(database).await;
    let id = users.add(new("u1", "ann"), &code()).await.unwrap().unwrap().id;
    let profile = Profile {
        display_name: Some("Ann \u{1f9e5}".to_owned()),
        email: Some(Some("ann@example.org".to_owned())),
        groups: Some(vec!["a".to_owned(), "b".to_owned()]),
    };
    users.set_profile(&id, profile).await.unwrap();
    let user = users.set_profile(&id, Profile::default()).await.unwrap().unwrap();
    assert_eq!(user.display_name, "Ann \u{1f9e5}");
    assert_eq!(user.email.as_deref(), Some("ann@example.org"));
    assert_eq!(user.groups, ["a", "b"]);
    let without = Profile { email: Some(None), ..Profile::default() };
    assert_eq!(users.set_profile(&id, without).await.unwrap().unwrap().email, None);
    let disabled = users.set_disabled(&id, true, 5).await.unwrap().unwrap();
    assert!(disabled.disabled && disabled.epoch == 6);
    let enabled = users.set_disabled(&id, false, 0).await.unwrap().unwrap();
    assert!(!enabled.disabled && enabled.epoch == 6);
    assert!(users.set_disabled(&UserId::new("u2").unwrap(), true, 0).await.unwrap().is_none());
}

async fn users_are_paged_in_the_order_of_the_bytes_of_their_names(database: &TestDatabase) {
    let users = node(database).await;
    for name in ["b", "a_b", "ab", "a-b", "a.b", "a"] {
        users.add(new(&format!("id-{name}"), name), &code()).await.unwrap().unwrap();
    }
    let first = users.page(None, 4).await.unwrap();
    let names = |page: &UserPage| -> Vec<String> {
        page.items.iter().map(|user| user.name.clone()).collect()
    };
    assert_eq!(names(&first), ["a", "a-b", "a.b", "a_b"]);
    let second = users.page(first.next.as_deref(), 4).await.unwrap();
    assert_eq!(names(&second), ["ab", "b"]);
    assert_eq!(second.next, None);
    let ids: Vec<_> = first.items.into_iter().map(|user| user.id).collect();
    assert_eq!(users.display_names(&ids).await.unwrap().len(), 4);
    assert!(users.display_names(&[]).await.unwrap().is_empty());
    // What people type as a name may be anything.
    assert!(users.by_name("a\0b").await.unwrap().is_none());
}

async fn an_import_is_done_as_a_whole_or_not_at_all(database: &TestDatabase) {
    let users = node(database).await;
    let person = |number: usize| ImportedUser {
        user: new(&format!("u{number}"), &format!("n{number}")),
        disabled: number == 1,
        password_hash: (number == 2).then(|| "hash".to_owned()),
    };
    assert!(users.import((0..450).map(person).collect()).await.unwrap());
    assert!(!users.import((449..900).map(person).collect()).await.unwrap());
    assert!(users.by_name("n450").await.unwrap().is_none());
    assert!(users.by_name("n1").await.unwrap().unwrap().disabled);
    assert!(users.by_name("n2").await.unwrap().unwrap().has_password);
    let wanted = |id: Option<&str>, name: &str| Wanted {
        id: id.map(|id| UserId::new(id).unwrap()),
        name: name.to_owned(),
    };
    let asked = [
        wanted(Some("u5"), "n5"),
        wanted(None, "n6"),
        wanted(Some("u7"), "other"),
        wanted(Some("other"), "n8"),
        wanted(None, "new"),
    ];
    let told = users.conflicts(&asked).await.unwrap();
    let expected = [
        (0, Conflict::Same),
        (1, Conflict::Same),
        (2, Conflict::Id { name: "n7".to_owned() }),
        (3, Conflict::Name { name: "n8".to_owned(), id: UserId::new("u8").unwrap() }),
    ];
    assert_eq!(told, expected);
}

on_every_database!(
    a_one_time_code_is_redeemed_once_at_two_nodes,
    an_import_is_done_as_a_whole_or_not_at_all,
    every_field_of_a_user_comes_back_and_changes,
    of_ten_changes_of_one_password_the_first_wins,
    of_ten_users_of_one_name_added_at_two_nodes_one_is_there,
    the_first_administrator_is_made_once_at_two_nodes,
    users_are_paged_in_the_order_of_the_bytes_of_their_names,
);
