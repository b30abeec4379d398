use cloakroom_postgres::{Database, OpenError, Options, Password, PostgresStore};
use cloakroom_testkit::servers::{Postgres, free_port};

use super::support::{Place, patient, runtime};

const SECRET: &str = "hunter2 of the test";

/// What an attempt to open `url` is refused with. No text says the password.
fn refused(options: Options, url: &str) -> OpenError {
    let opened = runtime().block_on(async {
        PostgresStore::within(options.connect(url).await?).await.map(|store| format!("{store:?}"))
    });
    let error = opened.expect_err("it opens");
    let mut texts = format!("{error} {error:?}");
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        texts.push_str(&cause.to_string());
        source = cause.source();
    }
    assert!(!texts.contains(SECRET), "{texts}");
    error
}

fn with_password(password: &str) -> Options {
    let mut options = patient();
    options.password = Some(Password::new(password));
    options
}

#[test]
fn what_is_not_there_is_said_by_name() {
    let Some(place) = Place::start() else { return };
    let error = refused(with_password(SECRET), "postgres://ada@no-such-host.invalid/app");
    assert!(matches!(error, OpenError::NoHost { .. }), "{error:?}");
    let error = refused(patient(), &format!("postgres://ada@127.0.0.1:{}/app", free_port()));
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error:?}");
    let error = refused(patient(), &place.server.url_of("nothing"));
    assert!(matches!(error, OpenError::NoDatabase { .. }), "{error:?}");
    assert!(error.to_string().contains("/nothing"), "{error}");
}

#[test]
fn a_wrong_password_is_refused_and_not_told() {
    let Some(server) = Postgres::builder().password("right").start() else { return };
    for url in [server.url(), server.url().replace("cloakroom@", "cloakroom:wrong@")] {
        let error = refused(with_password(SECRET), &url);
        assert!(matches!(error, OpenError::Refused { .. }), "{error:?}");
    }
    let opened = runtime().block_on(with_password("right").connect(&server.url()));
    let text = format!("{:?} {:?}", opened.expect("it is right"), with_password("right"));
    assert!(!text.contains("right"), "{text}");
}

#[test]
fn without_the_right_to_make_a_schema_the_remedy_is_told() {
    let Some(place) = Place::start() else { return };
    place.server.run("postgres", "CREATE ROLE guest LOGIN");
    let url = place.url().replace("cloakroom@", "guest@");
    let error = refused(patient(), &url);
    assert!(error.to_string().contains("CREATE SCHEMA cloakroom AUTHORIZATION guest"), "{error}");
    place.server.run("postgres", "CREATE SCHEMA cloakroom");
    let error = refused(patient(), &url);
    let remedy = "GRANT USAGE, CREATE ON SCHEMA cloakroom TO guest";
    assert!(error.to_string().contains(remedy), "{error}");
    place.server.run("postgres", remedy);
    let opened = runtime().block_on(PostgresStore::open(&url));
    assert!(opened.is_ok(), "{opened:?}");
}

#[test]
fn a_standby_is_refused_as_read_only() {
    let Some(place) = Place::start() else { return };
    let standby = place.server.standby();
    let error = refused(patient(), &standby.url());
    assert!(matches!(error, OpenError::ReadOnly { .. }), "{error:?}");
    let (one, other) = (standby.port(), place.server.port());
    let both = format!("postgres://cloakroom@127.0.0.1:{one},127.0.0.1:{other}/postgres");
    let opened = runtime().block_on(PostgresStore::open(&both));
    assert!(opened.is_ok(), "of several, the primary is meant: {opened:?}");
}

#[test]
fn a_database_that_could_not_keep_what_we_write_is_refused() {
    let Some(place) = Place::start() else { return };
    place.server.run("postgres", "CREATE DATABASE plain ENCODING 'SQL_ASCII' TEMPLATE template0");
    let error = refused(patient(), &place.server.url_of("plain"));
    assert!(matches!(error, OpenError::Encoding { .. }), "{error:?}");
}

#[test]
fn another_isolation_of_the_role_matters_behind_a_pooler_only() {
    let Some(place) = Place::start() else { return };
    let setting = "ALTER ROLE cloakroom SET default_transaction_isolation = 'serializable'";
    place.server.run("postgres", setting);
    let mut options = patient();
    options.pooler = true;
    let error = refused(options, &place.url());
    assert!(matches!(error, OpenError::Isolation { .. }), "{error:?}");
    assert!(runtime().block_on(Database::connect(&place.url())).is_ok());
}

#[test]
fn a_name_of_a_schema_is_harmless_or_refused() {
    let mut options = patient();
    options.schema = "x\"; DROP".to_owned();
    let error = refused(options, "postgres://ada@127.0.0.1/app");
    assert!(matches!(error, OpenError::Schema(_)), "{error:?}");
}

#[test]
fn tls_is_as_strict_as_the_url_says() {
    let Some(server) = Postgres::builder().tls().start() else { return };
    let (url, ca) = (server.url(), server.authority().expect("it has TLS").display().to_string());
    for mode in ["prefer", "require", &format!("verify-full&sslrootcert={ca}")] {
        let opened = runtime().block_on(patient().connect(&format!("{url}?sslmode={mode}")));
        assert!(opened.is_ok(), "{mode}: {opened:?}");
    }
    let error = refused(patient(), &format!("{url}?sslmode=disable"));
    assert!(matches!(error, OpenError::Refused { .. }), "{error:?}");
    let error = refused(patient(), &format!("{url}?sslmode=verify-full"));
    assert!(matches!(error, OpenError::Tls { .. }), "the system does not know the root: {error:?}");
    let other = url.replace("localhost", "db.example");
    let other = format!("{other}?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert={ca}");
    let error = refused(patient(), &other);
    assert!(matches!(error, OpenError::Tls { .. }), "it is for another name: {error:?}");
    let error = refused(patient(), &format!("{url}?sslmode=verify-full&sslrootcert=/nothing"));
    assert!(matches!(error, OpenError::Certificates { .. }), "{error:?}");
}

#[test]
fn a_server_without_tls_is_refused_where_it_is_required() {
    let Some(place) = Place::start() else { return };
    let error = refused(patient(), &format!("{}?sslmode=require", place.url()));
    assert!(matches!(error, OpenError::Tls { .. }), "{error:?}");
}
