//! Heads of requests: too large, with odd hosts, with a stranger's word about the way.

use cloakroom_testkit::servers::http::{Request, escape};

use crate::support::{ADMIN, COOKIE, PASSWORD, RECORDS, Site, send_login};
use crate::wire::{IMPATIENT, check_unharmed, exchange, statuses};

#[test]
fn a_head_that_is_too_large_is_refused_with_what_to_do() {
    let (site, mut ada) = Site::with_admin(IMPATIENT);
    for (case, status, says, request) in [
        (
            "an address of 9 KiB",
            414,
            "This address is too long",
            Request::get(&format!("/cloakroom/login?x={}", "x".repeat(9 * 1024))),
        ),
        (
            "headers of 33 KiB",
            431,
            "Delete the cookies of this site",
            Request::get("/cloakroom/login").header("X", "x".repeat(33 * 1024)),
        ),
        (
            "five hundred cookies of 100 bytes",
            431,
            "Delete the cookies of this site",
            Request::get("/cloakroom/account")
                .header("Cookie", format!("a={}; ", "x".repeat(100)).repeat(500)),
        ),
        (
            "a program's address",
            414,
            "\"code\":\"address-too-long\"",
            Request::get(&format!("/healthz?{}", "x".repeat(9 * 1024))),
        ),
        (
            "a program's headers",
            431,
            "\"code\":\"head-too-large\"",
            Request::get("/auth/nginx/records").header("X", "x".repeat(33 * 1024)),
        ),
        ("a header of 64 KiB", 431, "", Request::get("/healthz").header("X", "x".repeat(65_536))),
        (
            "an address of 60 KB",
            414,
            "This address is too long",
            Request::get(&format!("/{}", "x".repeat(60_000))),
        ),
        ("an address of 200 KB", 431, "", Request::get(&format!("/{}", "x".repeat(200_000)))),
        (
            "a cookie of 1 MiB",
            431,
            "",
            Request::get("/cloakroom/account")
                .header("Cookie", "a=".to_owned() + &"x".repeat(1 << 20)),
        ),
        ("a name of 64 KiB", 431, "", Request::get("/healthz").header(&"x".repeat(65_536), "y")),
        (
            "a thousand headers",
            431,
            "",
            (0..1_000).fold(Request::get("/healthz"), |it, at| it.header(&format!("X-{at}"), "y")),
        ),
    ] {
        let answers = exchange(&site, &request.to_bytes(site.server.address()));
        let [answer] = &answers[..] else { panic!("{case}: {answers:?}") };
        assert_eq!(answer.status, status, "{case}: {answer:?}");
        assert!(answer.text().contains(says), "{case}: {answer:?}");
        assert!(answer.headers("Set-Cookie").is_empty(), "{case}");
        check_unharmed(&site, &mut ada, case);
    }
}

#[test]
fn as_much_as_nginx_lets_through_is_taken() {
    let (_site, mut ada) = Site::with_admin("");
    let cookies = format!("{}; {COOKIE}={}", "x".repeat(7_900), ada.cookie(COOKIE).expect("one"));
    let request = Request::get(&format!("/cloakroom/account?{}", "x".repeat(8_000)))
        .header("Cookie", cookies)
        .header("Referer", "x".repeat(8_000))
        .header("X", "x".repeat(7_500));
    assert_eq!(ada.send(request).status, 200);
}

#[test]
fn a_host_is_named_once_and_is_one_of_ours() {
    let (site, mut ada) = Site::with_admin(IMPATIENT);
    let own = format!("localhost:{}", site.server.port());
    let cookie = format!("{COOKIE}={}", ada.cookie(COOKIE).expect("a cookie"));
    for hosts in [
        vec![],
        vec![own.clone(), own.clone()],
        vec![own.clone(), "evil.example".to_owned()],
        vec!["evil.example".to_owned(), own.clone()],
    ] {
        let lines: String = hosts.iter().map(|host| format!("Host: {host}\r\n")).collect();
        let request = format!(
            "GET /cloakroom/account HTTP/1.1\r\n{lines}Cookie: {cookie}\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(statuses(&site, request.as_bytes()), [400], "{hosts:?}");
    }
    for host in [
        "evil.example".to_owned(),
        format!("evil@{own}"),
        format!("{own}@evil.example"),
        format!("{own},evil.example"),
        format!("{own} evil.example"),
        format!("{own}/evil"),
        format!("{own}#"),
        format!("{own}?"),
        format!("{own}."),
        format!("http://{own}"),
        format!("localhost:0{}", site.server.port()),
        format!("localhost.:{}", site.server.port()),
        format!("127.0.0.1:{}", site.server.port()),
        format!("[::1]:{}", site.server.port()),
        "localhost:".to_owned(),
        "\"localhost\"".to_owned(),
    ] {
        let request = Request::get("/cloakroom/account").header("Host", &host);
        let answers =
            exchange(&site, &request.header("Cookie", &cookie).to_bytes(site.server.address()));
        let [answer] = &answers[..] else { panic!("{host}: {answers:?}") };
        let to = answer.header("Location").unwrap_or_default();
        assert_eq!(answer.status, 307, "{host}: {answer:?}");
        assert_eq!(to, format!("{}/cloakroom/account", site.server.url()), "{host}");
    }
    check_unharmed(&site, &mut ada, "odd hosts");
}

#[test]
fn no_header_about_the_way_changes_where_pages_lead() {
    let (site, _ada) = Site::with_admin(RECORDS);
    let forged = [
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Server", "evil.example"),
        ("X-Forwarded-Proto", "evil"),
        ("X-Forwarded-Port", "666"),
        ("X-Forwarded-Prefix", "/evil"),
        ("X-Forwarded-Path", "/evil"),
        ("X-Forwarded-Uri", "https://evil.example/"),
        ("X-Original-URL", "https://evil.example/"),
        ("X-Original-URI", "/evil"),
        ("X-Rewrite-URL", "/evil"),
        ("X-Script-Name", "/evil"),
        ("X-Host", "evil.example"),
        ("Forwarded", "for=evil;host=evil.example;proto=evil"),
        ("Via", "1.1 evil.example"),
        ("Referer", "https://evil.example/"),
    ];
    let with_all = |request: Request| {
        forged.iter().fold(request, |request, (name, value)| request.header(name, value))
    };
    let mut visitor = site.server.client();
    for path in [
        "/",
        "/cloakroom/account",
        "/cloakroom/admin",
        "/cloakroom/login",
        "/cloakroom/login?app=records",
        "/cloakroom/setup",
        "/nothing",
        "/.well-known/jwks.json",
        "/auth/nginx/records",
    ] {
        let request = Request::get(path).header("Accept", "text/html");
        let answer = visitor.send(with_all(request.header("X-Original-Method", "GET")));
        assert!(answer.status < 500, "{answer:?}");
        assert!(!format!("{answer:?}").contains("evil"), "{path}: {answer:?}");
    }
    let form = [("name", ADMIN), ("password", PASSWORD)];
    let login = Request::post_form("/cloakroom/login", &form).header("Origin", site.server.url());
    let answer = visitor.send(with_all(login));
    assert_eq!(answer.status, 303, "{answer:?}");
    assert!(!format!("{answer:?}").contains("evil"), "{answer:?}");
}

#[test]
fn a_sign_in_with_an_endless_address_to_return_to_still_works() {
    let (site, _) = Site::with_admin(RECORDS);
    for to in ["/cloakroom/".to_owned() + &"x".repeat(9_000), "/?".to_owned() + &"&".repeat(4_000)]
    {
        let mut browser = site.server.client();
        let fields = [("name", ADMIN), ("password", PASSWORD), ("to", &to)];
        let answer = browser.post_form("/cloakroom/login", &fields);
        assert_eq!(answer.status, 303, "{answer:?}");
        let answer = browser.follow(&answer);
        assert_eq!(answer.header("Location").as_deref(), Some("/cloakroom/account"), "{to}");
        assert_eq!(
            browser.get(&format!("/cloakroom/login?to={}", escape(&to[..2_000]))).status,
            303
        );
    }
    assert_eq!(send_login(&mut site.server.client(), ADMIN, PASSWORD).status, 303);
}
