//! An application that keeps its own data with sqlx and its sessions with Cloakroom, each in a
//! SQLite file of its own, in one program. It checks that both work and says so.

use std::error::Error;
use std::path::Path;

use cloakroom::{ClientInfo, Cloakroom, EndReason, User, Verdict};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::temp_dir().join(format!("beside-sqlx-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let checked = check(&dir).await;
    std::fs::remove_dir_all(&dir)?;
    checked?;
    println!("sqlx and Cloakroom work in one program");
    Ok(())
}

async fn check(dir: &Path) -> Result<(), Box<dyn Error>> {
    let records = open_records(&dir.join("records.db")).await?;
    let cloakroom = Cloakroom::database(dir.join("sessions.db")).open().await?;
    let sessions = cloakroom.sessions();

    let alice = User::new("alice")?;
    let login = sessions.log_in(alice, ClientInfo::default(), None).await?;
    let Verdict::Valid(session) = sessions.verify(login.token.reveal()).await? else {
        return Err("the session just issued is not accepted".into());
    };
    assert_eq!(session.id(), login.id);
    assert_eq!(titles_of(&records, "alice").await?, ["first record"]);

    sessions.end(login.id, EndReason::Logout, None).await?;
    let after = sessions.verify(login.token.reveal()).await?;
    assert!(!matches!(after, Verdict::Valid(_)), "the session outlived its end");

    records.close().await;
    cloakroom.close().await?;
    Ok(())
}

async fn open_records(path: &Path) -> Result<SqlitePool, sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let pool = SqlitePool::connect_with(options).await?;
    sqlx::query("CREATE TABLE record (owner TEXT, title TEXT)").execute(&pool).await?;
    sqlx::query("INSERT INTO record VALUES ('alice', 'first record')").execute(&pool).await?;
    Ok(pool)
}

async fn titles_of(records: &SqlitePool, owner: &str) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT title FROM record WHERE owner = ?")
        .bind(owner)
        .fetch_all(records)
        .await
}
