//! Signing in and out.

use std::borrow::Cow;

use askama::Template;

use super::forms::{Field, Mistake, Secret, mistakes};
use super::layout::Layout;
use super::tries;
use crate::guesses::Wait;

/// Why a sign-in did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginProblem {
    /// Unknown name, wrong password or disabled account: one answer for all three.
    Refused,
    /// Too many sign-ins wait for their turn.
    Busy,
    /// The browser did not keep the cookie of the sign-in before.
    CookieDropped,
    /// The session the person had is over.
    SessionOver,
    /// Too many passwords were wrong; this one was not checked.
    TooManyTries(Wait),
    /// The account is signed in on as many devices as allowed.
    TooManySessions,
}

impl LoginProblem {
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Refused => "We could not sign you in",
            Self::Busy => "Many people are signing in right now",
            Self::CookieDropped => "Your browser did not keep the sign-in",
            Self::SessionOver => "Your session has ended",
            Self::TooManyTries(_) => "Too many tries",
            Self::TooManySessions => "You are signed in on too many devices",
        }
    }

    pub(super) fn advice(self) -> Cow<'static, str> {
        let advice = match self {
            Self::TooManyTries(wait) => return tries::advice(wait).into(),
            Self::Refused => {
                "Check the name and the password and try again. If it keeps failing, ask your \
                 administrator."
            }
            Self::Busy => "Your password was not checked. Wait a few seconds and try again.",
            Self::CookieDropped => {
                "The password was right, but the cookie did not come back. Allow cookies for this \
                 site, open it over https, and try again."
            }
            Self::SessionOver => "Sign in again to go on where you were.",
            Self::TooManySessions => {
                "The password was right. Sign out on another device first, or ask your \
                 administrator to end one of your sessions."
            }
        };
        advice.into()
    }

    /// Whether the person asked for something that failed, rather than merely being told.
    pub(super) fn is_failure(self) -> bool {
        self != Self::SessionOver
    }
}

/// Where a person signs in.
#[derive(Debug, Template)]
#[template(path = "login.html")]
pub struct LoginPage {
    /// The frame.
    pub layout: Layout,
    /// The application the person comes from.
    pub app_name: Option<String>,
    /// Why the last attempt did not work.
    pub problem: Option<LoginProblem>,
    /// The login name.
    pub name: Field,
    /// The password.
    pub password: Secret,
    /// Whether "keep me signed in" is ticked.
    pub remember: bool,
    /// The application's id, or empty.
    pub app: String,
    /// The address to return to, or empty.
    pub to: String,
}

impl LoginPage {
    fn mistakes(&self) -> Vec<Mistake<'_>> {
        mistakes([("name", &self.name.error), ("password", &self.password.error)])
    }

    fn failed(&self) -> bool {
        let failure = self.problem.is_some_and(LoginProblem::is_failure);
        failure || !self.mistakes().is_empty()
    }
}

/// Asks whether to sign out: a visit alone changes nothing.
#[derive(Debug, Template)]
#[template(path = "logout.html")]
pub struct LogoutPage {
    /// The frame.
    pub layout: Layout,
}

/// Says that the person is signed out.
#[derive(Debug, Template)]
#[template(path = "logged_out.html")]
pub struct LoggedOutPage {
    /// The frame.
    pub layout: Layout,
}
