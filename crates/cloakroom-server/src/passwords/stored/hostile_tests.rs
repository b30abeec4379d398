//! Hashes that are weak, cut, too costly, or made up.

use super::vector_tests::VECTORS;
use super::{StoredHash, UnusableHash};

const SALT: &str = "c29tZXNhbHRzb21lc2FsdA";
const DIGEST: &str = "LXV2kIhB2QVEAZ+0WdcioAjnD3n7SUP4GF67dPWO02w";

fn refused(text: &str) -> UnusableHash {
    match StoredHash::read(text) {
        Err(error) => error,
        Ok(hash) => panic!("{text} was read as {hash:?}"),
    }
}

#[test]
fn what_protects_nobody_and_what_is_not_known_is_refused_with_what_is_allowed() {
    for weak in [
        "md5$hKW23lwt9b92AoL4d7jANT$50c7765407f3b44f0efacfb28f33ba7f",
        "sha1$salt$b85621991cf14806474282a1c13bd5c41dbb22ce",
        "plain$$secret",
        "sha256$salt$1230d66b97be6d9de90a60f2839eef4b",
        "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
    ] {
        assert!(matches!(refused(weak), UnusableHash::Weak(_)), "{weak}");
    }
    for unknown in ["secret", "5f4dcc3b5aa765d61d8327deb882cf99", "$5$a$b", "{SSHA}x", "a$b", "$"] {
        assert_eq!(refused(unknown), UnusableHash::Unknown, "{unknown}");
    }
    let said = UnusableHash::Unknown.to_string();
    assert!(said.contains("$argon2id$") && said.contains("pbkdf2_sha256$"), "{said}");
}

#[test]
fn what_costs_more_than_a_sign_in_may_is_refused() {
    let hex = "ab".repeat(64);
    let base64 = format!("{}==", "A".repeat(86));
    let bcrypt = "sf5XGXybc7F8gWnZJLm9eO8j2ELWq.DOFQshD5.HJXhvcYq5gzZe6";
    for costly in [
        format!("$argon2id$v=19$m=16777216,t=1,p=1${SALT}${DIGEST}"),
        format!("$argon2id$v=19$m=262144,t=5,p=1${SALT}${DIGEST}"),
        format!("argon2$argon2id$v=19$m=8,t=4294967295,p=1${SALT}${DIGEST}"),
        format!("$2b$16${bcrypt}"),
        format!("bcrypt_sha256$$2b$31${bcrypt}"),
        format!("scrypt:1073741824:8:1$salt${hex}"),
        format!("scrypt:131072:8:5$salt${hex}"),
        format!("scrypt:2:1:2097152$salt${hex}"),
        format!("scrypt:4294967296:4294967296:4294967296$salt${hex}"),
        format!("scrypt$16384$salt$8$4294967295${base64}"),
        format!("pbkdf2:sha512:1000000000$salt${hex}"),
        format!("pbkdf2_sha256$5000001$salt${}=", "A".repeat(43)),
        format!("$pbkdf2-sha256$9999999999$c2FsdA${}", "A".repeat(43)),
    ] {
        assert!(matches!(refused(&costly), UnusableHash::Costly { .. }), "{costly}");
    }
    assert!(refused(&format!("$2b$16${bcrypt}")).to_string().contains("at most cost 15"));
}

#[test]
fn what_is_the_most_that_is_allowed_is_read() {
    let hex = "ab".repeat(64);
    for allowed in [
        format!("$argon2id$v=19$m=262144,t=4,p=1${SALT}${DIGEST}"),
        "$2b$15$sf5XGXybc7F8gWnZJLm9eO8j2ELWq.DOFQshD5.HJXhvcYq5gzZe6".to_owned(),
        format!("scrypt:131072:8:4$salt${hex}"),
        format!("pbkdf2:sha512:5000000$salt${hex}"),
    ] {
        assert!(StoredHash::read(&allowed).is_ok(), "{allowed}");
    }
}

#[test]
fn what_is_cut_or_changed_is_refused_as_such() {
    for (kind, text) in VECTORS {
        let cut = &text[..text.len() - 2];
        // Argon2 has digests of many lengths.
        if !kind.contains("argon2") {
            let error = refused(cut);
            assert!(matches!(error, UnusableHash::Damaged { .. }), "{cut}: {error}");
        }
    }
    for text in [
        "scrypt:32768:8:1$$00",
        "pbkdf2:sha256$salt$00",
        "pbkdf2:sha256:0$salt$00",
        "scrypt:3:8:1$s$00",
        "pbkdf2:md5:1000$salt$00",
        "bcrypt$2b$04$x",
        "pbkdf2_sha256$1000$$x",
        "$argon2id$",
        "argon2$x",
        "$2x$04$sf5XGXybc7F8gWnZJLm9eO8j2ELWq.DOFQshD5.HJXhvcYq5gzZe6",
        "scrypt$16384$salt$8$5$",
    ] {
        refused(text);
    }
}

/// A small generator, so that a failing round can be run again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit.max(1)
    }

    fn mutated(&mut self, text: &str) -> String {
        const SPICE: &[&str] =
            &["$", ":", "=", ",", "é", "\0", "0", "9999999999", "-1", "%", "", "$$"];
        let mut chars: Vec<String> = text.chars().map(String::from).collect();
        for _ in 0..=self.below(4) {
            let at = self.below(chars.len());
            match self.below(4) {
                0 => drop(chars.drain(at..)),
                1 => chars.insert(at, SPICE[self.below(SPICE.len())].to_owned()),
                2 => chars.swap(at, 0),
                _ => chars[at] = SPICE[self.below(SPICE.len())].to_owned(),
            }
            if chars.is_empty() {
                break;
            }
        }
        chars.concat()
    }
}

#[test]
fn made_up_hashes_never_panic_and_never_fit() {
    let seed = std::env::var("CLOAKROOM_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("seed {seed}: CLOAKROOM_SEED={seed} runs this round again");
    let mut random = Random(seed);
    let mut fitted = 0;
    for round in 0..20_000 {
        let (_, whole) = VECTORS[random.below(VECTORS.len())];
        let text = random.mutated(whole);
        let read = StoredHash::read(&text);
        // Checking is slow, and only what can be read is ever checked.
        if let Ok(hash) = read
            && round % 400 == 0
        {
            fitted += usize::from(hash.fits(b"not the password"));
        }
    }
    assert_eq!(fitted, 0);
}
