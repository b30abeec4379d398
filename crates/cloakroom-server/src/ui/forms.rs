//! What goes back into a form that could not be accepted.

/// A field whose value may be shown again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// What was typed, shown again so that nobody types it twice.
    pub value: String,
    /// What is wrong with it: one sentence that says what to do.
    pub error: Option<String>,
}

impl Field {
    /// A field that holds a value and has nothing wrong with it.
    pub fn with(value: impl Into<String>) -> Self {
        Self { value: value.into(), error: None }
    }

    /// The same field with something wrong.
    #[must_use]
    pub fn wrong(mut self, error: impl Into<String>) -> Self {
        self.error = Some(error.into());
        self
    }
}

/// A password or a one-time code: a page never gets its value back, only what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secret {
    /// What is wrong with it: one sentence that says what to do.
    pub error: Option<String>,
}

impl Secret {
    /// A field for a secret with something wrong.
    pub fn wrong(error: impl Into<String>) -> Self {
        Self { error: Some(error.into()) }
    }
}

/// One line of the summary above a form: the field it leads to, and its error.
pub(super) type Mistake<'a> = (&'static str, &'a str);

/// The errors of a form in the order of its fields.
pub(super) fn mistakes<'a, const N: usize>(
    fields: [(&'static str, &'a Option<String>); N],
) -> Vec<Mistake<'a>> {
    let wrong = |(id, error): (&'static str, &'a Option<String>)| Some((id, error.as_deref()?));
    fields.into_iter().filter_map(wrong).collect()
}

/// What a new password must be, in words.
pub(super) fn password_hint(min_length: usize) -> String {
    format!("At least {min_length} characters. A few words in a row are good.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_lists_wrong_fields_in_order() {
        let (name, email) = (Field::with("alice").wrong("Taken."), Field::with("a@b"));
        let password = Secret::wrong("Too short.");
        let summary = mistakes([
            ("name", &name.error),
            ("email", &email.error),
            ("password", &password.error),
        ]);
        assert_eq!(summary, [("name", "Taken."), ("password", "Too short.")]);
    }
}
