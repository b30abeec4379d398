use std::sync::Arc;

use cloakroom_core::{Carry, Keys, LimitPolicy, NameMatch, Selector, SessionStore, Touch};
use cloakroom_testkit::Subject;
use cloakroom_testkit::fixtures::{
    Draft, START, at, guard, logout, offer, promote, rotation, sweep, user, write,
};
use cloakroom_testkit::servers::Postgres;

use super::support::{patient, runtime};

/// Every duty of the store, some in several ways; with the statements each may take.
async fn every_duty(store: &Subject, mut done: impl AsyncFnMut(&'static str, usize)) {
    let visitor = store.add(Draft::anonymous().data("cart", "1")).await;
    done("insert a visitor", 1).await;
    let login = || Draft::of("ada").limit(1, LimitPolicy::EndOldest).data("k", "1");
    let old = store.add(login().replacing(visitor, Carry::Everything)).await;
    done("log in", 1).await;
    let id = store.add(login()).await;
    done("log in at the limit", 1).await;
    store.load(id, START).await;
    done("load", 1).await;
    store.read(id, START, Keys::All).await;
    done("read all", 1).await;
    store.value(id, START, "k").await;
    done("read one", 1).await;
    store.update(guard(id, START), vec![write("k", "2"), write("l", "3")]).await;
    done("update", 1).await;
    store.renew(guard(id, START), offer(0, "next")).await;
    done("offer", 1).await;
    store.renew(guard(id, START), promote("next")).await;
    done("promote", 1).await;
    store.rotate(guard(id, START), rotation(2, "new")).await;
    done("rotate", 1).await;
    store.touch(at(9), [id, old].map(|id| Touch { id, seen_at: at(9) }).to_vec()).await;
    done("touch", 1).await;
    store.regroup(user("ada"), vec!["a".to_owned()], START).await;
    done("regroup", 1).await;
    store.epoch(user("ada")).await;
    done("epoch", 1).await;
    for name in [None, Some(NameMatch::Exact("ada".into())), Some(NameMatch::Prefix("a".into()))] {
        store.listed(name, 10, START).await;
        done("list", 1).await;
    }
    store.sessions_of(user("ada"), START).await;
    done("list a user's", 1).await;
    store.counts(START).await;
    done("count", 1).await;
    store.end_session(id, at(9)).await;
    done("end", 1).await;
    store.end(logout(Selector::UserExcept(user("ada"), id), at(9))).await;
    done("end a user", 1).await;
    store.ended(id).await;
    done("look up an end", 1).await;
    store.sweep(sweep(at(9), 10)).await;
    done("sweep", 1).await;
    store.store().log_after(None, 10).await.expect("it answers");
    done("read the log", 1).await;
    store.end(logout(Selector::Everyone, at(9))).await;
    done("end everyone", 3).await;
}

/// How many statements the server has been sent.
fn statements(server: &Postgres) -> usize {
    let log = server.log();
    log.matches("LOG:  execute ").count() + log.matches("LOG:  statement: ").count()
}

/// Each statement is one round trip once it is prepared, and behind a pooler always.
#[test]
fn every_duty_is_one_statement() {
    let server = Postgres::builder().setting("log_statement", "all").start();
    let Some(server) = server else { return };
    runtime().block_on(async {
        for is_pooled in [false, true] {
            let mut options = patient();
            options.pooler = is_pooled;
            options.schema = format!("trips_{is_pooled}");
            let database = options.connect(&server.url()).await.expect("it opens");
            let store = cloakroom_postgres::PostgresStore::within(database).await;
            let store: Arc<dyn SessionStore> = Arc::new(store.expect("the schema is made"));
            let store = Subject::from(store);
            let mut before = statements(&server);
            let server = &server;
            every_duty(&store, async |what, most| {
                let now = statements(server);
                // The end of everyone is a transaction of several statements on purpose, some
                // of which are sent together.
                let fits = if most == 1 { now - before == 1 } else { now - before <= 5 };
                assert!(fits, "to {what} took {} statements", now - before);
                before = now;
            })
            .await;
        }
    });
}
