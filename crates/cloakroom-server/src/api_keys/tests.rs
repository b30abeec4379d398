use super::*;
use crate::sql::testing::{TestDatabase, on_every_database};

const NOW: Timestamp = Timestamp::from_unix_millis(1_767_225_600_000);

async fn node(database: &TestDatabase) -> ApiKeys {
    let patience = std::time::Duration::from_secs(60);
    ApiKeys::open(database.node().await.patience(patience)).await.unwrap()
}

async fn a_key_is_good_at_every_node_until_it_is_removed_at_one(database: &TestDatabase) {
    let (one, other) = (node(database).await, node(database).await);
    let key = ApiKey::generate().unwrap();
    let scopes = vec![Scope::SessionsRead, Scope::UsersRead];
    let added = one.add(&key, "records".to_owned(), scopes.clone(), NOW).await.unwrap();
    assert!(matches!(added, Added::Done(_)));
    let found = other.check(key.reveal(), NOW).await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.scopes), ("records", scopes));
    assert!(other.check(ApiKey::generate().unwrap().reveal(), NOW).await.unwrap().is_none());
    assert!(other.remove("records").await.unwrap().is_some());
    assert!(other.remove("records").await.unwrap().is_none());
    assert!(one.check(key.reveal(), NOW).await.unwrap().is_none());
}

async fn of_ten_keys_of_one_name_added_at_two_nodes_one_is_there(database: &TestDatabase) {
    let nodes = [node(database).await, node(database).await];
    let begun: Vec<_> = (0..10)
        .map(|number| {
            let keys = nodes[number % 2].clone();
            tokio::spawn(async move {
                let key = ApiKey::generate().unwrap();
                let scopes = vec![Scope::SessionsRead];
                let added = keys.add(&key, "records".to_owned(), scopes, NOW).await.unwrap();
                matches!(added, Added::Done(_))
            })
        })
        .collect();
    let mut count = 0;
    for task in begun {
        count += usize::from(task.await.unwrap());
    }
    assert_eq!(count, 1);
    assert_eq!(nodes[0].list().await.unwrap().len(), 1);
}

async fn what_is_noted_of_its_use_never_goes_back(database: &TestDatabase) {
    let keys = node(database).await;
    let key = ApiKey::generate().unwrap();
    keys.add(&key, "records".to_owned(), vec![Scope::UsersRead], NOW).await.unwrap();
    for (now, changed) in [(5, 1), (5, 0), (4, 0), (6, 1)] {
        let values = vec![(&key.id()).into(), Timestamp::from_unix_millis(now).into()];
        assert_eq!(keys.sql.write_one("note", rows::USED, values).await.unwrap(), changed);
    }
    let used = keys.list().await.unwrap()[0].last_used_at;
    assert_eq!(used, Some(Timestamp::from_unix_millis(6)));
}

on_every_database!(
    a_key_is_good_at_every_node_until_it_is_removed_at_one,
    of_ten_keys_of_one_name_added_at_two_nodes_one_is_there,
    what_is_noted_of_its_use_never_goes_back,
);
