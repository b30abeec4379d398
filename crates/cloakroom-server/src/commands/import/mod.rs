//! `user import`: reads a file of users and has them added, all or none.

mod column;
mod csv;
mod file;
mod json;

use anyhow::{Result, anyhow, bail};

use super::output::Output;
use super::told;
use crate::cli::UserImport;
use crate::operator::client::{Operator, unexpected};
use crate::operator::{
    Import, ImportFault, ImportSummary, ImportedPerson, MOST_FAULTS, Order, Reply,
};

/// What was read of a file: who is in it, and what of it cannot be read.
#[derive(Debug, Default)]
struct Table {
    people: Vec<ImportedPerson>,
    faults: Vec<ImportFault>,
}

impl Table {
    fn add(&mut self, line: u64, person: Result<ImportedPerson, Vec<String>>) {
        match person {
            Ok(person) => self.people.push(person),
            Err(texts) => texts.into_iter().for_each(|text| self.fault(line, text)),
        }
    }

    fn fault(&mut self, line: u64, text: String) {
        self.faults.push(ImportFault { line, text });
    }
}

pub(super) async fn run(operator: &Operator, asked: UserImport, output: &mut Output) -> Result<()> {
    let Table { people, faults } = file::read(&asked.file, asked.format)?;
    let shown = asked.file.display();
    if people.is_empty() && faults.is_empty() {
        bail!("there are no users in {shown}");
    }
    let known = faults.len();
    // With a fault in the file, the rest is only checked, so that all is told at once.
    let (skip_existing, dry_run) = (asked.skip_existing, asked.dry_run || known > 0);
    let order = Order::UserImport(Import { people, skip_existing, dry_run });
    match operator.order(order).await? {
        Reply::Imported(summary) if known == 0 => tell(&summary, asked.json, output),
        Reply::Imported(_) => Err(refused(faults, known as u64, &shown.to_string())),
        Reply::ImportRefused { faults: more, count } => {
            let faults = [faults, more].concat();
            Err(refused(faults, known as u64 + count, &shown.to_string()))
        }
        other => Err(unexpected(&other)),
    }
}

fn refused(mut faults: Vec<ImportFault>, count: u64, file: &str) -> anyhow::Error {
    faults.sort_by_key(|fault| fault.line);
    let shown = faults.iter().take(MOST_FAULTS);
    let mut lines: Vec<_> =
        shown.map(|fault| format!("\n  line {}: {}", fault.line, fault.text)).collect();
    if count > lines.len() as u64 {
        lines.push(format!("\n  and {} more", count - lines.len() as u64));
    }
    let problems = told::counted(count, "problem");
    anyhow!("{problems} in {file}; nothing was imported{}", lines.concat())
}

fn tell(summary: &ImportSummary, json: bool, output: &mut Output) -> Result<()> {
    if json {
        return output.json(summary);
    }
    output.line(&in_words(summary))?;
    if summary.skipped > 0 {
        let who = told::counted(summary.skipped, "user");
        output.line(&format!("passed over {who} who had been here with the same id and name"))?;
    }
    if summary.without_password > 0 {
        output.line("`cloakroom user passwd NAME` makes a link for who is without a password")?;
    }
    Ok(())
}

fn in_words(summary: &ImportSummary) -> String {
    let done = if summary.dry_run { "nothing was changed; would import" } else { "imported" };
    let kinds = summary.hashes.iter().map(|(kind, count)| format!("{count} {kind}"));
    let kinds = kinds.collect::<Vec<_>>().join(", ");
    let (with, without) = (summary.with_password, summary.without_password);
    let with = match with {
        0 => "0 with a password".to_owned(),
        with => format!("{with} with a password: {kinds}"),
    };
    format!("{done} {} ({with}; {without} without)", told::counted(summary.imported, "user"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_tells_the_kinds_of_hashes() {
        let hashes = [("Django pbkdf2_sha256".to_owned(), 2), ("Werkzeug scrypt".to_owned(), 1)];
        let summary = ImportSummary {
            imported: 4,
            with_password: 3,
            without_password: 1,
            hashes: hashes.into(),
            ..ImportSummary::default()
        };
        assert_eq!(
            in_words(&summary),
            "imported 4 users (3 with a password: 2 Django pbkdf2_sha256, 1 Werkzeug scrypt; 1 without)"
        );
        let none = ImportSummary {
            dry_run: true,
            imported: 1,
            without_password: 1,
            ..ImportSummary::default()
        };
        assert_eq!(
            in_words(&none),
            "nothing was changed; would import 1 user (0 with a password; 1 without)"
        );
    }

    #[test]
    fn of_many_problems_the_first_twenty_are_told_and_the_rest_counted() {
        let fault = |line| ImportFault { line, text: "wrong".to_owned() };
        let told = refused((1..=30).rev().map(fault).collect(), 45, "users.csv").to_string();
        assert!(
            told.starts_with("45 problems in users.csv; nothing was imported\n  line 1: wrong\n")
        );
        assert!(told.ends_with("\n  line 20: wrong\n  and 25 more"), "{told}");
        let told = refused(vec![fault(7)], 1, "-").to_string();
        assert_eq!(told, "1 problem in -; nothing was imported\n  line 7: wrong");
    }
}
