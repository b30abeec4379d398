//! Pages for what cannot be shown or done.

use askama::Template;

use super::layout::Layout;

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// There is no such page.
    NotFound,
    /// The application named in the address is not configured.
    UnknownApp,
    /// The page is for administrators.
    NotAdmin,
    /// The form was sent from another site.
    OtherSite,
    /// The form was incomplete or not a form.
    BadForm,
    /// The form took too long to arrive.
    TooSlow,
    /// The address is too long.
    AddressTooLong,
    /// The head of the request is too large, by its cookies most likely.
    TooMuchSent,
    /// The form is too old, or its session is over.
    FormExpired,
    /// The browser did not keep the cookie.
    CookieDropped,
    /// Two live sessions came with one request.
    TwoSessions,
    /// The one-time link was used or is too old.
    LinkOver,
    /// There is an administrator already.
    AlreadySetUp,
    /// The store of sessions cannot be reached.
    Unavailable,
    /// An act may or may not have happened.
    OutcomeUnknown,
    /// The store holds as many sessions as it may.
    NoRoom,
    /// A fault of the server.
    Fault,
}

/// A title, and what it means for the reader.
type Words = (&'static str, &'static str);

impl ErrorKind {
    /// The status to answer with.
    pub fn status(self) -> u16 {
        match self {
            Self::BadForm | Self::CookieDropped | Self::TwoSessions => 400,
            Self::NotAdmin | Self::OtherSite | Self::FormExpired => 403,
            Self::NotFound | Self::UnknownApp => 404,
            Self::AlreadySetUp => 409,
            Self::TooSlow => 408,
            Self::LinkOver => 410,
            Self::AddressTooLong => 414,
            Self::TooMuchSent => 431,
            Self::Fault => 500,
            Self::Unavailable | Self::OutcomeUnknown | Self::NoRoom => 503,
        }
    }

    fn words(self) -> Words {
        match self {
            Self::NotFound | Self::UnknownApp | Self::NotAdmin => self.absence(),
            Self::Unavailable | Self::OutcomeUnknown | Self::NoRoom | Self::Fault => self.fault(),
            Self::TooSlow | Self::AddressTooLong | Self::TooMuchSent => self.excess(),
            _ => self.refusal(),
        }
    }

    fn absence(self) -> Words {
        match self {
            Self::UnknownApp => (
                "We do not know this application",
                "The link that brought you here names an application that is not set up. Ask the \
                 person who runs it.",
            ),
            Self::NotAdmin => (
                "This page is for administrators",
                "Your account may not open it. If it should, ask an administrator for the role.",
            ),
            _ => (
                "There is nothing here",
                "The address may be misspelled, or what it showed is gone.",
            ),
        }
    }

    fn refusal(self) -> Words {
        match self {
            Self::OtherSite => (
                "We stopped a form from another site",
                "The request did not come from one of our own pages, so nothing was changed. Open \
                 the page here and send the form again.",
            ),
            Self::FormExpired => (
                "This form is too old",
                "You were signed out, or somebody else signed in, since it was opened. Nothing \
                 was changed.",
            ),
            Self::CookieDropped => (
                "Your browser did not keep the sign-in",
                "The password was right, but the cookie did not come back. Allow cookies for this \
                 site and open it over https, then sign in again.",
            ),
            Self::TwoSessions => (
                "Your browser sent two sessions at once",
                "We cannot tell which one is yours, so we used neither. Delete the cookies of \
                 this site, then sign in again.",
            ),
            Self::LinkOver => (
                "This link no longer works",
                "It was used already, or it is too old. Ask an administrator for a new one.",
            ),
            Self::AlreadySetUp => (
                "Cloakroom is already set up",
                "There is an administrator. Sign in, or ask them for an account.",
            ),
            _ => (
                "We could not read that form",
                "Something in it was missing or not as expected. Nothing was changed.",
            ),
        }
    }

    fn excess(self) -> Words {
        match self {
            Self::TooSlow => (
                "The form took too long to arrive",
                "Nothing was changed. Open the page again and send it once more.",
            ),
            Self::AddressTooLong => (
                "This address is too long",
                "Open the page you were looking for from its beginning.",
            ),
            _ => (
                "Your browser sent too much at once",
                "Most likely it keeps very many cookies for this site. Delete the cookies of this \
                 site, then try again.",
            ),
        }
    }

    fn fault(self) -> Words {
        match self {
            Self::Unavailable => (
                "We cannot check your sign-in right now",
                "This is a fault on our side. You have not been signed out and nothing is lost. \
                 Try again in a moment.",
            ),
            Self::OutcomeUnknown => (
                "We do not know whether that worked",
                "The connection to our storage broke while it answered. Look before you try again.",
            ),
            Self::NoRoom => (
                "There is no room for another sign-in right now",
                "As many people are signed in as this server can hold. Try again later, or tell \
                 your administrator.",
            ),
            _ => (
                "Something went wrong on our side",
                "You have not been signed out. If it happens again, tell your administrator when \
                 it did.",
            ),
        }
    }

    fn title(self) -> &'static str {
        self.words().0
    }

    fn meaning(self) -> &'static str {
        self.words().1
    }

    /// The words on the link onwards when the way back is known.
    fn way(self) -> &'static str {
        match self {
            Self::CookieDropped | Self::TwoSessions | Self::FormExpired => "Sign in again",
            Self::AlreadySetUp => "Sign in",
            Self::Unavailable | Self::Fault => "Try again",
            Self::OutcomeUnknown => "Look again",
            _ => "Go back",
        }
    }
}

/// Says what went wrong, what it means, and where to go.
#[derive(Debug, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// The frame.
    pub layout: Layout,
    /// What went wrong.
    pub kind: ErrorKind,
    /// Where its button leads: a path on this host. Without one it leads to the account page.
    pub way_on: Option<String>,
    /// What to quote to an administrator: the id of the request.
    pub reference: Option<String>,
}

impl ErrorPage {
    fn home(&self) -> String {
        format!("{}account", self.layout.prefix)
    }
}
