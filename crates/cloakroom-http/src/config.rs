use crate::{ClientAddress, CookiePolicy, client::peer_address};

/// How sessions meet HTTP.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// The session cookie.
    pub cookie: CookiePolicy,
    /// Where browsers are sent to log in; without it they get 401 like everybody else.
    pub login_page: Option<String>,
    /// The query parameter of the login page that gets the address asked for.
    pub return_parameter: String,
    /// Further origins whose pages may send state-changing requests, such as
    /// `https://admin.example.org`.
    pub trusted_origins: Vec<String>,
    /// Weaker: whether logins, logouts and other changes of credentials are allowed on GET. Only
    /// for the callback of an identity provider, which arrives by GET.
    pub credential_changes_on_get: bool,
    /// Whether answers may carry a renewed credential. Not where they do not reach the browser,
    /// as behind a proxy that only asks.
    pub renewal: bool,
    /// Where the address of a client comes from.
    pub client_address: ClientAddress,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            cookie: CookiePolicy::default(),
            login_page: None,
            return_parameter: "next".to_owned(),
            trusted_origins: Vec::new(),
            credential_changes_on_get: false,
            renewal: true,
            client_address: peer_address,
        }
    }
}
