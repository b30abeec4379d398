/// Most groups of one user or login, as they are given.
pub const MOST_GROUPS: usize = 256;

/// A name that cannot be used. The text says what is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The e-mail address.
    #[error(
        "an e-mail address looks like name@example.org, has at most 254 characters and no spaces or commas"
    )]
    Email,
    /// The name as people see it.
    #[error("a display name has 1 to 128 characters and stands on one line")]
    Display,
    /// A group.
    #[error("a group has 1 to 64 letters, digits, '.', '_', '-' or ':'")]
    Group,
    /// More groups than [`MOST_GROUPS`].
    #[error("there are at most {MOST_GROUPS} groups")]
    Groups,
    /// The login name.
    #[error(
        "a login name has 1 to 64 lower-case letters, digits, '.', '_', '-', '+' or '@', and begins with a letter or digit"
    )]
    Login,
}

/// The one spelling of a login name: lower case, from an alphabet that can stand in any header
/// (`a`-`z`, `0`-`9`, `.`, `_`, `-`, `+`, `@`). Upper case is folded, nothing else is changed.
///
/// # Errors
/// [`NameError::Login`].
pub fn login_name(text: &str) -> Result<String, NameError> {
    let name = text.to_ascii_lowercase();
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-+@".contains(&byte);
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if begins && name.len() <= 64 && name.bytes().all(allowed) {
        Ok(name)
    } else {
        Err(NameError::Login)
    }
}

/// A name as people see it, without spaces around it.
///
/// # Errors
/// [`NameError::Display`].
pub fn display_name(text: &str) -> Result<String, NameError> {
    let text = text.trim();
    let fits = (1..=128).contains(&text.chars().count());
    if fits && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(NameError::Display)
    }
}

/// What a person typed as their login name, in the one spelling under which it is looked up and
/// counted: without spaces around it, upper case folded. It need not be a login name.
pub fn typed_name(text: &str) -> String {
    text.trim().to_ascii_lowercase()
}

fn group(text: &str) -> Result<String, NameError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte);
    if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err(NameError::Group)
    }
}

/// Groups in order, each once.
///
/// # Errors
/// [`NameError::Group`] for any of them, [`NameError::Groups`] for too many.
pub fn groups<'a>(given: impl IntoIterator<Item = &'a str>) -> Result<Vec<String>, NameError> {
    let mut groups = given.into_iter().map(group).collect::<Result<Vec<_>, _>>()?;
    if groups.len() > MOST_GROUPS {
        return Err(NameError::Groups);
    }
    groups.sort();
    groups.dedup();
    Ok(groups)
}

/// Groups as they are typed, separated by commas or spaces.
///
/// # Errors
/// As [`groups`].
pub fn typed_groups(text: &str) -> Result<Vec<String>, NameError> {
    groups(text.split([',', ' ']).filter(|group| !group.is_empty()))
}

/// An e-mail address, loosely: whether mail arrives only sending it can tell. Empty means none.
///
/// # Errors
/// [`NameError::Email`].
pub fn email(text: &str) -> Result<Option<String>, NameError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let visible = |byte: u8| byte.is_ascii_graphic() && byte != b',';
    let sides = text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@')
    });
    if sides && text.len() <= 254 && text.bytes().all(visible) {
        Ok(Some(text.to_owned()))
    } else {
        Err(NameError::Email)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_login_name_has_one_spelling() {
        assert_eq!(login_name("Alice@Example.org"), Ok("alice@example.org".to_owned()));
    }

    #[test]
    fn a_name_is_looked_up_without_the_spaces_and_capitals_it_was_typed_with() {
        assert_eq!(typed_name("\u{a0} \tAlice@Example.ORG\u{3000}\r\n"), "alice@example.org");
        assert_eq!(typed_name("ALÏCE"), "alÏce");
    }

    #[test]
    fn names_that_could_break_a_header_or_a_list_are_refused() {
        for bad in
            ["", " alice", "al ice", "alice,bob", "alïce", "a\nb", "-a", "a/b", &"a".repeat(65)]
        {
            assert_eq!(login_name(bad), Err(NameError::Login), "{bad:?}");
        }
        assert!(group("a,b").is_err() && group("").is_err());
        for bad in ["a", "@b", "a@", "a@b@c", "a b@c", "é@b"] {
            assert_eq!(email(bad), Err(NameError::Email), "{bad:?}");
        }
    }

    #[test]
    fn groups_are_sorted_and_named_once() {
        assert_eq!(typed_groups("staff, admins staff").unwrap(), ["admins", "staff"]);
        assert_eq!(groups(["staff"; MOST_GROUPS]).unwrap(), ["staff"]);
        assert_eq!(groups(["staff"; MOST_GROUPS + 1]), Err(NameError::Groups));
    }
}
