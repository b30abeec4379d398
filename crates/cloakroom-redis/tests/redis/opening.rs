use cloakroom_core::{Carry, Durability, LimitPolicy, Selector, Store};
use cloakroom_redis::{OpenError, Options, Product, RedisStore};
use cloakroom_testkit::fixtures::{Draft, at, logout, sweep};
use cloakroom_testkit::servers::{Flavor, Redis, free_port};
use cloakroom_testkit::{Subject, eventually};

use crate::support::options;

const DURABLE: [(&str, &str); 3] =
    [("appendonly", "yes"), ("appendfsync", "always"), ("maxmemory-policy", "noeviction")];

fn durable(flavor: Flavor) -> Option<Redis> {
    let builder = Redis::builder(flavor);
    DURABLE.iter().fold(builder, |builder, (name, value)| builder.option(name, value)).start()
}

async fn refused(options: Options) -> OpenError {
    RedisStore::open(options).await.expect_err("it must be refused")
}

#[tokio::test]
async fn the_server_and_what_it_keeps_are_told() {
    for (flavor, product) in [(Flavor::Redis, Product::Redis), (Flavor::Valkey, Product::Valkey)] {
        let Some(redis) = durable(flavor) else { return };
        let store = RedisStore::open(options(&redis).require_durable(true)).await.unwrap();
        let facts = store.server();
        assert_eq!((facts.product, facts.durability), (product, Durability::Lossless));
        assert_eq!(facts.warnings, [] as [String; 0]);
        assert_eq!(store.durability(), Durability::Lossless);
    }
}

#[tokio::test]
async fn a_server_that_keeps_nothing_is_warned_of_and_refused_where_that_is_asked_for() {
    let builder = Redis::builder(Flavor::Redis).option("maxmemory-policy", "allkeys-lru");
    let Some(redis) = builder.option("maxmemory", "100mb").start() else { return };
    let store = RedisStore::open(options(&redis)).await.unwrap();
    assert_eq!(store.durability(), Durability::LostOnRestart);
    assert_eq!(store.server().warnings.len(), 2);
    let text = refused(options(&redis).require_durable(true)).await.to_string();
    for word in ["appendonly yes", "allkeys-lru", "noeviction"] {
        assert!(text.contains(word), "{text}");
    }
}

#[tokio::test]
async fn a_server_that_keeps_less_than_before_is_told_and_refused_where_that_is_asked_for() {
    let Some(redis) = durable(Flavor::Redis) else { return };
    let strict = RedisStore::open(options(&redis).require_durable(true)).await.unwrap();
    let lenient = RedisStore::open(options(&redis)).await.unwrap();
    redis.run(&["CONFIG", "SET", "appendfsync", "everysec"]);
    redis.run(&["CLIENT", "KILL", "TYPE", "normal"]);
    let id = Draft::of("ada").build().record.id;
    let refused = || async {
        let error = strict.load(id, at(1)).await.err();
        error.is_some_and(|error| format!("{error:?}").contains("appendfsync everysec"))
    };
    eventually("it is refused", refused).await;
    eventually("it is told", || async { lenient.durability() != Durability::Lossless }).await;
    assert!(lenient.load(id, at(1)).await.is_ok());
    redis.run(&["CONFIG", "SET", "appendfsync", "always"]);
    eventually("it is used again", || async { strict.load(id, at(1)).await.is_ok() }).await;
}

#[tokio::test]
async fn a_replica_is_refused() {
    let Some(redis) = Redis::start(Flavor::Redis) else { return };
    let replica = redis.replica().unwrap();
    assert!(matches!(refused(options(&replica)).await, OpenError::Replica { .. }));
}

#[tokio::test]
async fn no_refusal_tells_the_password() {
    let Some(redis) = Redis::builder(Flavor::Redis).password("right-one").start() else { return };
    let url = |login: &str| format!("redis://{login}127.0.0.1:{}/0", redis.port());
    let nobody = format!("redis://:wrong-one@127.0.0.1:{}", free_port());
    let nonsense = "redis://:wrong-one@127.0.0.1:port-one";
    let cases = [
        (Options::new(url("")), "asks for a password"),
        (Options::new(url(":wrong-one@")), "refuses the login"),
        (Options::new(nobody), "cannot be used"),
        (Options::new(nonsense), "not the URL"),
    ];
    for (options, expected) in cases {
        let shown = format!("{options:?}");
        let error = refused(options).await;
        let all = format!("{error} {error:?} {shown}");
        assert!(!all.contains("-one"), "{all}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    RedisStore::open(Options::new(url("")).password("right-one")).await.unwrap();
    RedisStore::open(url(":right-one@")).await.unwrap();
}

#[tokio::test]
async fn a_server_that_hides_its_settings_is_taken_for_the_worst() {
    let builder = Redis::builder(Flavor::Redis).option("rename-command", "CONFIG \"\"");
    let Some(redis) = builder.start() else { return };
    let store = RedisStore::open(options(&redis)).await.unwrap();
    assert_eq!(store.durability(), Durability::LostOnRestart);
    assert!(store.server().warnings[0].contains("CONFIG GET"));
}

#[tokio::test]
async fn a_prefix_with_braces_is_refused() {
    for prefix in ["", "a{b}", "a b", "ä"] {
        let options = Options::new("redis://127.0.0.1:1").prefix(prefix);
        assert!(matches!(refused(options).await, OpenError::Prefix), "{prefix:?}");
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let Some(redis) = Redis::builder(Flavor::Redis).tls().start() else { return };
    let (url, _) = redis.tls().unwrap();
    let text = refused(Options::new(url)).await.to_string();
    assert!(text.contains("cannot be used"), "{text}");
}

/// The rights that docs/operations.md names are enough.
#[tokio::test]
async fn a_user_of_few_rights_suffices() {
    let guide = include_str!("../../../../docs/operations.md").split_whitespace();
    let guide = guide.collect::<Vec<_>>().join(" ");
    let rights = guide.split("needs `~cloakroom").nth(1).unwrap().split('`').next().unwrap();
    let user = format!("cloakroom on >right-one ~cloakroom{rights} +config|get");
    for flavor in [Flavor::Redis, Flavor::Valkey] {
        let Some(redis) = Redis::builder(flavor).option("user", &user).start() else { return };
        let url = format!("redis://cloakroom:right-one@127.0.0.1:{}/0", redis.port());
        let store = Subject::new(RedisStore::open(url).await.unwrap());
        let visitor = store.add(Draft::anonymous().data("k", "1")).await;
        let login = Draft::of("ada").at(at(1)).replacing(visitor, Carry::Everything);
        let id = store.add(login.limit(1, LimitPolicy::EndOldest)).await;
        assert_eq!(store.value(id, at(1), "k").await.as_deref(), Some("1"));
        store.end_session(id, at(2)).await;
        store.end(logout(Selector::Everyone, at(3))).await;
        store.sweep(sweep(at(4), 10)).await;
        assert!(store.live_ids(at(4)).await.is_empty());
        store.log_after(None, 10).await;
    }
}
