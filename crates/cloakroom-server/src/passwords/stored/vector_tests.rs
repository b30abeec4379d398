//! Hashes made by the libraries themselves: Werkzeug 3.1.9, Django 5.2.19, bcrypt 5.0.0,
//! argon2-cffi 25.1.0 and passlib 1.7.4, with low costs so that the tests are quick.

use super::StoredHash;

const PASSWORD: &str = "Grüße, tulip engine 57";

/// What made each, and the hash of [`PASSWORD`].
#[rustfmt::skip]
pub(super) const VECTORS: &[(&str, &str)] = &[
    ("Werkzeug scrypt", "scrypt:32768:8:1$gxB1YFnnr9hOdEx7$1c20272e282782943a5775dccd21c8b43c47d11906550a84ee2a93562e26032e4aa3111a3e0bdbe5cd752f01c590aab445362074a575433b2bc2fa67b340237b"),
    ("Werkzeug scrypt", "scrypt:1024:4:2$DtFCNiCt$5f9cdb9eb845ea8d98586cdc99777e4ac72d59a2760a9828039751bdcee39c8f4593eea4cecb1a23f06ec93f087061933a260d5f461f5850ed56564f0516b5c5"),
    ("Werkzeug pbkdf2:sha256", "pbkdf2:sha256:1000$mkmfLSUqCy1x2hOR$febd428f771b5af0499eeb2e32eeffa8fc42ab1b45c1d5868b5025bd4986ff65"),
    ("Werkzeug pbkdf2:sha512", "pbkdf2:sha512:1000$Q8h7fMniS9MCKmYy$c3fe13e875dc0493317ae6687d14145187780d2b88c98746b26a07cafcaa81edae2acc9c1f3b7af5954198c15701109cf5802ffafbebea2e258ed1a484082179"),
    ("Werkzeug pbkdf2:sha1", "pbkdf2:sha1:1000$nHoIsPAA$7dcbbe813a33b4dc86bb9f08d7e59134f6211ab3"),
    ("Django pbkdf2_sha256", "pbkdf2_sha256$1000$QsCfRtBoKACRmEreRdhjaE$okphmlygQpIG240Nygu1xgGocIE59a1MgdrwE4RyIEQ="),
    ("Django pbkdf2_sha1", "pbkdf2_sha1$1000$iBwRXU1YJdR4M6baxx803n$bIklVy7XeTIMZvhB4jKjjBt8JEk="),
    ("Django scrypt", "scrypt$16384$eQtdfqt3xUhmdTyw5ZNv4a$8$5$W7xfI8XdMoGsnNVL47OAuSUMO+/B9K+XVFpg+X4pY6FC4DOR214+M5IVGj6CythybYZArx+md8lcI++IRyWXtw=="),
    ("Django argon2", "argon2$argon2id$v=19$m=512,t=2,p=8$SmJPYllIZVBmTDBVa1hITXpRRkV4eg$h3UroQherjqHlBh4tuD2Xo67JJZZLIqxC8AYerOcFZU"),
    ("Django bcrypt_sha256", "bcrypt_sha256$$2b$04$cP36dGCi2kwsJsX.XwZk..ISJzSqZkW52LD24FGKWODvJ8.bTETAy"),
    ("Django bcrypt", "bcrypt$$2b$04$WcfVKcqaxSG1sohuhGzVUeqoKyAtY5xkrqDL1tNC0UpBdKnl7Qo8a"),
    ("bcrypt", "$2b$04$GTkOd7Alzj9cf00J0FACCOTxS6A4BObI/wZFyURXjOCFskQ70mo/K"),
    ("bcrypt", "$2a$04$pI3CKBe7924qYI0uRP0bN.MC0g2dHy46b5eq/Ke9zIHgZW/QOB4w2"),
    ("bcrypt", "$2y$04$ENiO8E4WoqpECqddhgzOP.E81pcjjugNq0R1OGch0IR0XoBTSHgIm"),
    ("argon2id", "$argon2id$v=19$m=1024,t=3,p=4$jig5rd0VjOttwirlal+qeg$TgJYlAr8E3UdFbViPZ8Q2bxEFPmp+L0lK2J1gqr/SBE"),
    ("argon2i", "$argon2i$v=19$m=256,t=2,p=2$c29tZXNhbHRzb21lc2FsdA$LXV2kIhB2QVEAZ+0WdcioAjnD3n7SUP4GF67dPWO02w"),
    ("argon2d", "$argon2d$v=19$m=256,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$QXUVyw3jw9FIYfV30stC/Q"),
    ("argon2i", "$argon2i$v=16$m=256,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$eE9ofBqO77Lr2Ed6xWPb0WOTb0nIWYD/Z4+yziom6SU"),
    ("passlib pbkdf2-sha256", "$pbkdf2-sha256$1000$.v//XwuB8J7TmvN.T6kVog$r5s1OeH29FalPl3nmPnvGsRmL66rEHt8TFrjW/5AYX4"),
    ("passlib pbkdf2-sha512", "$pbkdf2-sha512$1000$SOm9l7LWWqu1FoLQmpNybg$VEE.mb7SCuopMm9XmpDSS1JTPdCU1Z1p8QMp4V2XUZgsU2WIsIKN2qc6LbLG7x7INKzk5zJazEZDIJpf4zQnHQ"),
    ("passlib pbkdf2-sha1", "$pbkdf2$1000$HQOAMAagVCqltPYeo3SOMQ$TvOL6Pj.oUJavx3IBpVzBGK2FAI"),
];

/// More than the 72 bytes that bcrypt sees, and what was hashed of it.
const LONG: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxyz and what bcrypt does not see";
const LONG_BY_BCRYPT: &str = "$2b$04$VE7nTklvxZGnlwc2Um/XFePmLbV9v5TOcrwpmDw5ZUAppZ16twH3q";
const LONG_BY_BCRYPT_SHA256: &str =
    "bcrypt_sha256$$2b$04$AykjRRNpfJa0Tldt2y2VLeLWt5JEVQhBLEPfpU9lndjAxSA6znTS2";

fn read(text: &str) -> StoredHash {
    StoredHash::read(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn hashes_of_every_kind_fit_their_password_alone() {
    for (kind, text) in VECTORS {
        let hash = read(text);
        assert_eq!(hash.kind(), *kind, "{text}");
        assert!(hash.fits(PASSWORD.as_bytes()), "{text}");
        for wrong in
            ["", "Grüße, tulip engine 58", "Grüße, tulip engine 57 ", "grüße, tulip engine 57"]
        {
            assert!(!hash.fits(wrong.as_bytes()), "{wrong:?}: {text}");
        }
    }
}

#[test]
fn bcrypt_sees_72_bytes_and_djangos_bcrypt_sha256_all_of_them() {
    assert!(read(LONG_BY_BCRYPT).fits(LONG.as_bytes()));
    assert!(read(LONG_BY_BCRYPT).fits(&LONG.as_bytes()[..72]));
    assert!(!read(LONG_BY_BCRYPT).fits(&LONG.as_bytes()[..71]));
    assert!(read(LONG_BY_BCRYPT_SHA256).fits(LONG.as_bytes()));
    assert!(!read(LONG_BY_BCRYPT_SHA256).fits(&LONG.as_bytes()[..72]));
}

#[test]
fn debug_shows_the_kind_and_nothing_of_the_hash() {
    let hash = read(VECTORS[0].1);
    assert_eq!(format!("{hash:?}"), "StoredHash(\"Werkzeug scrypt\")");
}

#[test]
fn no_password_is_said_by_nothing_or_by_an_exclamation_mark() {
    for text in ["", "!", "!ekwV23adIGDUWAqcK7ANjuhaa2F9nMuxRPDtu5jr"] {
        assert!(StoredHash::read_usable(text).unwrap().is_none(), "{text}");
    }
    assert!(StoredHash::read_usable(VECTORS[0].1).unwrap().is_some());
    assert!(StoredHash::read_usable("secret").is_err());
}
