use anyhow::Result;

use super::import;
use super::output::Output;
use super::pages::{Page, Pages};
use super::table::Table;
use super::told;
use crate::cli::{UserAdd, UserCommand};
use crate::operator::client::{Operator, unexpected};
use crate::operator::{NewPerson, Order, Person, PersonLink, Reply};

pub(super) async fn run(
    operator: &Operator,
    command: UserCommand,
    output: &mut Output,
) -> Result<()> {
    match command {
        UserCommand::Add(add) => self::add(operator, add, output).await?,
        UserCommand::Disable { name } => disable(operator, name, output).await?,
        UserCommand::Enable { name } => enable(operator, name, output).await?,
        UserCommand::Import(asked) => import::run(operator, asked, output).await?,
        UserCommand::List { json } => list(operator, json, output).await?,
        UserCommand::Passwd { name, json } => passwd(operator, name, json, output).await?,
        UserCommand::Unlock { name } => unlock(operator, name, output).await?,
    }
    output.flush()
}

async fn add(operator: &Operator, add: UserAdd, output: &mut Output) -> Result<()> {
    let json = add.json;
    match operator.order(Order::UserAdd(person(add))).await? {
        Reply::Added(person) if json => output.json(&person),
        Reply::Added(person) => {
            let done = format!("added {}; the link is for choosing a password", person.name);
            link(output, &person, &done)
        }
        other => Err(unexpected(&other)),
    }
}

fn person(add: UserAdd) -> NewPerson {
    NewPerson {
        name: add.name,
        id: add.id,
        display_name: add.display_name,
        email: add.email,
        groups: add.groups,
        admin: add.admin,
    }
}

async fn passwd(operator: &Operator, name: String, json: bool, output: &mut Output) -> Result<()> {
    let (person, disabled) = match operator.order(Order::UserPasswd { name }).await? {
        Reply::PasswordLink { person, disabled } => (person, disabled),
        other => return Err(unexpected(&other)),
    };
    if json {
        return output.json(&person);
    }
    let name = &person.name;
    link(output, &person, &format!("made a link with which {name} can choose a new password"))?;
    if disabled {
        let hint = format!("{name} is disabled; `cloakroom user enable {name}` lets them sign in");
        output.line(&hint)?;
    }
    Ok(())
}

/// The link stands alone on its line, to be copied.
fn link(output: &mut Output, person: &PersonLink, done: &str) -> Result<()> {
    output.line(person.link.reveal())?;
    output.line(&format!("{done}; good once, for 3 days"))
}

async fn disable(operator: &Operator, name: String, output: &mut Output) -> Result<()> {
    match operator.order(Order::UserDisable { name }).await? {
        Reply::Disabled { name, already: true } => {
            output.line(&format!("{name} was disabled already"))
        }
        Reply::Disabled { name, already: false } => {
            output.line(&format!("disabled {name}; all their sessions are ended"))
        }
        other => Err(unexpected(&other)),
    }
}

async fn enable(operator: &Operator, name: String, output: &mut Output) -> Result<()> {
    match operator.order(Order::UserEnable { name }).await? {
        Reply::Enabled { name, already: true } => {
            output.line(&format!("{name} was enabled already"))
        }
        Reply::Enabled { name, already: false } => {
            output.line(&format!("enabled {name}; they can sign in again"))
        }
        other => Err(unexpected(&other)),
    }
}

async fn unlock(operator: &Operator, name: String, output: &mut Output) -> Result<()> {
    match operator.order(Order::UserUnlock { name }).await? {
        Reply::Unlocked { name, failures: 0 } => {
            output.line(&format!("{name} was not locked; no wrong password was counted"))
        }
        Reply::Unlocked { name, failures } => {
            let counted = told::counted(failures.into(), "wrong password");
            output.line(&format!("unlocked {name}; {counted} had been counted"))
        }
        other => Err(unexpected(&other)),
    }
}

async fn list(operator: &Operator, json: bool, output: &mut Output) -> Result<()> {
    let people = Pages { operator, order: |after| Order::UserList { after }, page };
    if json {
        return people.write_json(output).await;
    }
    let table = Table::new(["NAME", "DISPLAY NAME", "ROLE", "STATE", "GROUPS", "E-MAIL", "ID"]);
    let count = people.write_table(table, row, output).await?;
    output.line(&match count {
        0 => "no users yet; `cloakroom setup-link` makes a link for the first one".to_owned(),
        count => told::counted(count, "user"),
    })
}

fn page(reply: Reply) -> Result<Page<Person>> {
    match reply {
        Reply::People { items, next } => Ok((items, next)),
        other => Err(unexpected(&other)),
    }
}

fn row(person: Person) -> [String; 7] {
    let state = match (person.disabled, person.has_password) {
        (true, _) => "disabled",
        (false, false) => "no password yet",
        (false, true) => "active",
    };
    [
        person.name,
        person.display_name,
        person.role,
        state.to_owned(),
        person.groups.join(","),
        person.email.unwrap_or_default(),
        person.id.to_string(),
    ]
}
