use std::time::Duration;

use cloakroom_core::{Clock, SystemClock};
use cloakroom_tokens::itsdangerous::{Options, UrlSafeTimed};
use serde_json::json;

use crate::answer;

const SCRIPT: &str = include_str!("flask_session.py");
const OLD: &str = "hUq7bTz1kQpW9xvLr3mYc5Ns-old-4b";
const NEW: &str = "Zt8yXw2GfPq0LkVn6sRbJd3M-new-9c";

#[test]
fn flask_reads_our_session_cookie_and_we_read_that_of_flask() {
    let now = SystemClock::new().now();
    let ours = |secrets: &[&str]| UrlSafeTimed::new(secrets, Options::flask()).unwrap();
    let payload = json!({"user": "alice", "visits": 3, "path": "/\u{fc}"});
    let tokens = [ours(&[OLD, NEW]), ours(&[OLD])].map(|it| it.sign(&payload, now).unwrap());
    let given = json!({"secret": NEW, "fallbacks": [OLD], "tokens": tokens, "payload": payload});
    let Some(answer) = answer(SCRIPT, &given) else { return };
    assert_eq!(answer["read"], json!([payload, payload]));
    let token = answer["token"].as_str().unwrap();
    let read = ours(&[OLD, NEW]).read(token, Some(Duration::from_secs(60)), now).unwrap();
    assert_eq!(read.json().unwrap(), payload);
}
