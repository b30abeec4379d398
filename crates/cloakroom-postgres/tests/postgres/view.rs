use cloakroom_core::Touch;
use cloakroom_testkit::Subject;
use cloakroom_testkit::fixtures::Draft;

use super::support::{Place, runtime};

#[test]
fn the_view_joins_who_is_logged_in_to_the_application_and_holds_no_secret() {
    let Some(place) = Place::start() else { return };
    let schema = runtime().block_on(async {
        let store = place.store().await;
        let schema = store.database().schema().to_owned();
        let store = Subject::new(store);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = i64::try_from(now.expect("it is after 1970").as_millis()).expect("it is today");
        let now = cloakroom_core::Timestamp::from_unix_millis(now);
        let live = store.add(Draft::of("ada").at(now)).await;
        store.touch(now, vec![Touch { id: live, seen_at: now }]).await;
        store.add(Draft::of("bob")).await;
        schema
    });
    place.server.run(
        "postgres",
        "CREATE TABLE app_user (id text PRIMARY KEY, email text);
        INSERT INTO app_user VALUES ('ada', 'ada@example.org'), ('bob', 'bob@example.org')",
    );
    let rows = place.server.run(
        "postgres",
        &format!(
            "SELECT email, now() - created_at < interval '1 minute', user_name
            FROM {schema}.active_sessions JOIN app_user ON app_user.id = user_id"
        ),
    );
    assert_eq!(rows, [["ada@example.org", "t", "ada"]], "bob's session ended long ago");
    let columns = place.ask(&format!(
        "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = '{schema}.active_sessions'::regclass AND attnum > 0"
    ));
    assert_eq!(
        columns,
        "id user_id user_name groups created_at authenticated_at last_seen_at idle_deadline \
        absolute_deadline remembered client_address user_agent"
    );
}
