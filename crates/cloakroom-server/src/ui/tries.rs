//! What people are told whose tries were too many.

use crate::guesses::Wait;

/// What stands above the field of the password.
pub fn too_many_tries(wait: Wait) -> String {
    format!("Too many tries. {}", advice(wait))
}

/// What to do about it.
pub(super) fn advice(wait: Wait) -> String {
    let on = match wait {
        Wait::For(_) => format!("Try again in {}.", in_words(wait.seconds())),
        Wait::UntilReleased => "Sign in from a network where you did before, or ask your \
                                administrator for a link to choose a new one."
            .to_owned(),
    };
    format!("Your password was not checked. {on}")
}

fn in_words(seconds: u64) -> String {
    match seconds {
        0 | 1 => "1 second".to_owned(),
        2..=90 => format!("{seconds} seconds"),
        91..=5_400 => format!("{} minutes", seconds.div_ceil(60)),
        _ => format!("{} hours", seconds.div_ceil(3_600)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_wait_is_told_in_words_that_are_never_too_short() {
        for (seconds, words) in [
            (1, "1 second"),
            (40, "40 seconds"),
            (91, "2 minutes"),
            (900, "15 minutes"),
            (5_401, "2 hours"),
        ] {
            let told = too_many_tries(Wait::For(Duration::from_secs(seconds)));
            assert!(told.ends_with(&format!("Try again in {words}.")), "{told}");
        }
        assert!(too_many_tries(Wait::UntilReleased).contains("ask your administrator"));
    }
}
