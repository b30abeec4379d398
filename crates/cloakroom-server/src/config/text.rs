//! Readers of settings that are plain text with an alphabet.

use std::path::PathBuf;

const HOST_PREFIX: &str = "__Host-";

/// First path segments that the server itself answers.
const TAKEN: [&str; 5] = ["auth", "healthz", "metrics", "readyz", "v1"];

/// A cookie name that browsers bind to this exact host.
pub(super) fn cookie_name(text: &str) -> Result<String, String> {
    let Some(own) = text.strip_prefix(HOST_PREFIX) else {
        return Err(format!(
            "without {HOST_PREFIX} a sibling host could overwrite it; write {HOST_PREFIX}{text}"
        ));
    };
    if own.is_empty() || text.len() > 64 || !own.bytes().all(is_token_byte) {
        return Err("not a valid cookie name".to_owned());
    }
    Ok(text.to_owned())
}

/// The path the pages are mounted under.
pub(super) fn prefix(text: &str) -> Result<String, String> {
    let segments: Vec<&str> = match text.strip_prefix('/') {
        Some(path) => path.split('/').collect(),
        None => return Err("it must begin with a slash".to_owned()),
    };
    if segments.iter().any(|segment| segment.is_empty()) {
        return Err("it must name a path and not end with a slash".to_owned());
    }
    if !segments.iter().all(|segment| segment.bytes().all(is_segment_byte)) {
        return Err("it contains other characters".to_owned());
    }
    if TAKEN.contains(&segments[0]) {
        return Err(format!("/{} is answered by the server itself", segments[0]));
    }
    Ok(text.to_owned())
}

/// A directory.
pub(super) fn directory(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() || text.contains('\0') {
        return Err("not a directory name".to_owned());
    }
    Ok(PathBuf::from(text))
}

/// The name of an application as people see it.
pub(super) fn display_name(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.trim() != text {
        return Err("it is empty or has spaces around it".to_owned());
    }
    if text.chars().count() > 64 || text.chars().any(char::is_control) {
        return Err("it is too long or has control characters".to_owned());
    }
    Ok(text.to_owned())
}

/// Whether `id` can be an application's id: it is part of addresses and of variable names.
pub(super) fn is_app_id(id: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&id.len())
        && id.bytes().all(valid)
        && id.starts_with(|char: char| char.is_ascii_lowercase())
        && !id.ends_with('-')
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_segment_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_name_is_bound_to_its_host() {
        assert!(cookie_name("__Host-cloakroom-demo").is_ok());
        for name in ["__Host-", "__Host-a b", "__Host-a;b", "__Host-a=b", "__Host-ä"] {
            assert!(cookie_name(name).is_err(), "{name}");
        }
        assert!(cookie_name("sid").unwrap_err().contains("__Host-sid"));
        assert!(cookie_name("__host-sid").is_err());
        assert!(cookie_name("__Secure-sid").is_err());
    }

    #[test]
    fn a_prefix_is_a_plain_path_of_its_own() {
        for path in ["/cloakroom", "/a/b-c_1"] {
            assert!(prefix(path).is_ok(), "{path}");
        }
        for path in
            ["", "/", "cloakroom", "/a/", "//a", "/a//b", "/A", "/..", "/a?b", "/auth", "/v1/x"]
        {
            assert!(prefix(path).is_err(), "{path}");
        }
    }

    #[test]
    fn an_app_id_fits_addresses_and_variables() {
        for id in ["files", "legacy-data-manager", "a1"] {
            assert!(is_app_id(id), "{id}");
        }
        for id in ["", "Files", "a_b", "a.b", "1a", "-a", "a-", "a/b", "ä", &"x".repeat(33)] {
            assert!(!is_app_id(id), "{id}");
        }
    }

    #[test]
    fn a_display_name_is_one_trimmed_line() {
        assert!(display_name("Legacy Data Manager").is_ok());
        for name in ["", " ", " a", "a ", "a\nb", &"x".repeat(65)] {
            assert!(display_name(name).is_err(), "{name:?}");
        }
    }
}
