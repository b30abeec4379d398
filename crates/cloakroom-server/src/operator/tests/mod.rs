mod import;
mod people;
mod sessions;
mod socket;

use cloakroom::{ClientInfo, EndReason, SessionError, SessionId, UserId};
use cloakroom_testkit::servers::TempDir;

use super::{ForeignHash, Import, ImportedPerson, NewPerson, Order, Reply, carry_out};
use crate::accounts::Proven;
use crate::app::{App, SharedApp};
use crate::config::Config;

/// A hash of "tulip engine 57", by Werkzeug 3.1.9.
const HASH: &str = "pbkdf2:sha256:1000$1RpzOySXcl1ymx2R$0cab1c580c7c89e52ab67430b0fab953bcb56676a2b09c434ff9ecc811570c43";

/// An open server in a directory of its own.
struct Scene {
    app: SharedApp,
    /// Removes the directory in the end.
    _dir: TempDir,
}

impl Scene {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(configure: impl FnOnce(&mut Config)) -> Self {
        let dir = TempDir::new("operator");
        let mut config = Config::default();
        config.server.data = dir.join("data");
        configure(&mut config);
        Self { app: App::open(config).await.unwrap(), _dir: dir }
    }

    async fn order(&self, order: Order) -> Reply {
        carry_out(&self.app, order).await
    }

    async fn add(&self, name: &str) {
        let added = self.order(Order::UserAdd(person(name))).await;
        assert!(matches!(added, Reply::Added(_)), "{added:?}");
    }

    async fn log_in(&self, name: &str) -> SessionId {
        let user = self.app.users.by_name(name).await.unwrap().unwrap();
        let sessions = self.app.cloakroom.sessions();
        let (user, epoch) = self.app.begin_login(&user.id).await.unwrap();
        let login = Proven { epoch, user: user.unwrap() }.login().unwrap();
        let client = ClientInfo {
            address: Some("192.0.2.7".to_owned()),
            user_agent: Some("curl/8.14.1".to_owned()),
        };
        sessions.log_in(login, client, None).await.unwrap().id
    }

    async fn is_live(&self, id: SessionId) -> bool {
        let sessions = self.app.cloakroom.sessions();
        sessions.store().load(id, sessions.now()).await.unwrap().is_some()
    }

    async fn why(&self, id: SessionId) -> Reply {
        self.order(Order::Why { id: id.to_string() }).await
    }
}

fn person(name: &str) -> NewPerson {
    NewPerson { name: name.to_owned(), ..NewPerson::default() }
}

fn imported(line: u64, name: &str) -> ImportedPerson {
    ImportedPerson {
        line,
        name: name.to_owned(),
        id: Some(format!("id-{name}")),
        password_hash: Some(ForeignHash::new(HASH.to_owned())),
        ..ImportedPerson::default()
    }
}

fn named(name: &str) -> String {
    name.to_owned()
}

#[track_caller]
fn failed(reply: &Reply, part: &str) {
    let (Reply::Failed { message } | Reply::NotFound { message }) = reply else {
        panic!("done: {reply:?}")
    };
    assert!(message.contains(part), "{part:?} in {message:?}");
}

#[test]
fn every_order_survives_its_line_of_json() {
    let (name, id) = (named("a"), named("b"));
    for order in [
        Order::EndEveryone,
        Order::EndSession { id: id.clone() },
        Order::EndUser { name: name.clone() },
        Order::Ping,
        Order::SetUpLink,
        Order::UserAdd(NewPerson { id: Some(id.clone()), ..person("a") }),
        Order::UserDisable { name: name.clone() },
        Order::UserEnable { name: name.clone() },
        Order::UserImport(Import { people: vec![imported(3, "a")], ..Import::default() }),
        Order::UserList { after: None },
        Order::UserPasswd { name: name.clone() },
        Order::UserUnlock { name: name.clone() },
        Order::Who { name: Some(name), after: None },
        Order::Why { id },
    ] {
        let line = serde_json::to_string(&order).unwrap();
        assert_eq!(serde_json::from_str::<Order>(&line).unwrap(), order, "{line}");
    }
}

#[test]
fn a_field_that_this_version_does_not_know_is_refused() {
    for line in [
        r#"{"order":"end_user","name":"a","since":"yesterday"}"#,
        r#"{"order":"user_add","name":"a","groups":[],"admin":false,"expires":1}"#,
    ] {
        let error = serde_json::from_str::<Order>(line).unwrap_err().to_string();
        assert!(error.contains("unknown field"), "{error}");
    }
}
