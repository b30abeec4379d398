use super::http::{Address, Request, Response};
use super::jar::Jar;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0";

/// A browser on one site, without a window: keeps its cookies, sends the headers browsers send,
/// follows no redirect unless told to.
#[derive(Clone, Debug)]
pub struct Client {
    address: Address,
    origin: String,
    user_agent: String,
    jar: Jar,
}

impl Client {
    /// A browser with an empty jar; `origin` is what its address bar shows, as in
    /// `http://localhost:7070`.
    pub fn new(address: Address, origin: &str) -> Self {
        let (origin, user_agent) = (origin.to_owned(), FIREFOX.to_owned());
        Self { address, origin, user_agent, jar: Jar::default() }
    }

    /// The same with another `User-Agent`.
    #[must_use]
    pub fn with_user_agent(mut self, user_agent: &str) -> Self {
        user_agent.clone_into(&mut self.user_agent);
        self
    }

    /// Opens a page as a person does who types its address.
    #[track_caller]
    pub fn get(&mut self, path: &str) -> Response {
        self.send(navigation(Request::get(path), "none"))
    }

    /// Sends a form of a page of this site.
    #[track_caller]
    pub fn post_form(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        let form = Request::post_form(path, fields).header("Origin", &self.origin);
        self.send(navigation(form, "same-origin"))
    }

    /// Opens where a redirect leads. Panics when the answer is none, or leads to another site.
    #[track_caller]
    pub fn follow(&mut self, redirect: &Response) -> Response {
        let location = redirect.header("Location");
        let location = location.unwrap_or_else(|| panic!("not a redirect: {redirect:?}"));
        let path = location.strip_prefix(&self.origin).unwrap_or(&location).to_owned();
        assert!(path.starts_with('/') && !path.starts_with("//"), "leads elsewhere: {location}");
        self.send(navigation(Request::get(&path), "same-origin"))
    }

    /// Sends any request with the cookies that fit, unless it brings a `Cookie` header of its
    /// own, and keeps the cookies of the answer.
    #[track_caller]
    pub fn send(&mut self, mut request: Request) -> Response {
        let brings = |name: &str| request.headers.iter().any(|(it, _)| it == name);
        let (own_cookies, own_agent) = (brings("Cookie"), brings("User-Agent"));
        if let Some(cookies) = self.jar.header_for(&request.target).filter(|_| !own_cookies) {
            request = request.header("Cookie", cookies);
        }
        if !own_agent {
            request = request.header("User-Agent", &self.user_agent);
        }
        if !request.headers.iter().any(|(it, _)| it == "Host") {
            let host = self.origin.split("://").nth(1).unwrap_or_default().to_owned();
            request = request.header("Host", host);
        }
        let response = request.send(&self.address);
        for set_cookie in response.headers("Set-Cookie") {
            self.jar.take(&set_cookie);
        }
        response
    }

    /// The origin whose pages it opens.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The value of a cookie it holds.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.jar.value(name)
    }

    /// Puts a cookie for the whole site into its jar.
    pub fn set_cookie(&mut self, name: &str, value: &str) {
        self.jar.set(name, value);
    }

    /// Throws all its cookies away.
    pub fn clear_cookies(&mut self) {
        self.jar = Jar::default();
    }
}

fn navigation(request: Request, site: &str) -> Request {
    request
        .header("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
        .header("Sec-Fetch-Site", site)
        .header("Sec-Fetch-Mode", "navigate")
        .header("Sec-Fetch-Dest", "document")
        .header("Sec-Fetch-User", "?1")
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Answers each connection with a cookie and a redirect, and the request in the body.
    fn echo() -> Client {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut seen = [0; 4096];
                let read = stream.read(&mut seen).unwrap();
                let head = b"HTTP/1.1 303 See Other\r\nLocation: /next\r\n\
                    Set-Cookie: __Host-s=1; Path=/; Secure; HttpOnly\r\n\r\n";
                stream.write_all(&[head, &seen[..read]].concat()).unwrap();
            }
        });
        Client::new(Address::Port(port), "http://site.test:80")
    }

    #[test]
    fn a_secure_cookie_comes_back_over_plain_loopback() {
        let mut client = echo();
        assert!(!client.get("/").text().contains("Cookie:"));
        assert_eq!(client.cookie("__Host-s"), Some("1"));
        assert!(client.get("/").text().contains("\r\nCookie: __Host-s=1\r\n"));
        client.clear_cookies();
        assert!(!client.get("/").text().contains("Cookie:"));
    }

    #[test]
    fn a_form_says_which_site_it_is_of() {
        let sent = echo().post_form("/f", &[("a", "1")]).text();
        assert!(sent.contains("\r\nOrigin: http://site.test:80\r\n"), "{sent}");
        assert!(sent.contains("\r\nSec-Fetch-Site: same-origin\r\n"), "{sent}");
        assert!(sent.contains("\r\nHost: site.test:80\r\n"), "{sent}");
    }

    #[test]
    fn a_redirect_is_followed_only_when_told() {
        let mut client = echo();
        let redirect = client.get("/first");
        assert!(redirect.text().starts_with("GET /first "));
        assert!(client.follow(&redirect).text().starts_with("GET /next "));
    }

    #[test]
    fn a_cookie_header_of_the_request_replaces_the_jar() {
        let mut client = echo();
        client.set_cookie("kept", "1");
        let sent = client.send(Request::get("/").header("Cookie", "mine=2")).text();
        assert!(sent.contains("Cookie: mine=2") && !sent.contains("kept"), "{sent}");
    }
}
