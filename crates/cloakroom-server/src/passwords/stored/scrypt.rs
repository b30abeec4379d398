use scrypt::Params;
use zeroize::Zeroizing;

use super::format::{Kind, UnusableHash, base64, hex, number, salt};
use super::{Recipe, StoredHash, same};

/// Bytes of a digest.
const DIGEST: usize = 64;
/// Most N times r: 128 bytes of memory each.
const MOST_MEMORY: u64 = 1 << 20;
/// Most N times r times p.
const MOST_WORK: u64 = 1 << 22;
/// Most r times p: 128 bytes of memory each, too.
const MOST_BLOCKS: u64 = 1 << 10;
const MOST: &str = "128 MiB of memory (N·r of 2^20), N·r·p of 2^22, and r·p of 1,024";

/// `scrypt:32768:8:1$salt$hex`, of which the first part is `method`.
pub(super) fn read_werkzeug(method: &str, rest: &str) -> Result<StoredHash, UnusableHash> {
    const KIND: Kind = "Werkzeug scrypt";
    let (costs, digest): (Vec<_>, _) = (method.split(':').collect(), rest.split_once('$'));
    let ([_, n, r, p], Some((text, digest))) = (costs.as_slice(), digest) else {
        return UnusableHash::damaged(KIND, "parts are missing: scrypt:N:r:p$salt$digest");
    };
    let expected = hex(KIND, digest, DIGEST)?;
    made(KIND, [*n, *r, *p], salt(KIND, text)?, expected)
}

/// `scrypt$16384$salt$8$5$base64`, without its first part.
pub(super) fn read_django(rest: &str) -> Result<StoredHash, UnusableHash> {
    const KIND: Kind = "Django scrypt";
    let parts: Vec<_> = rest.split('$').collect();
    let [n, text, r, p, digest] = parts.as_slice() else {
        return UnusableHash::damaged(KIND, "parts are missing: scrypt$N$salt$r$p$digest");
    };
    let expected = base64(KIND, digest, DIGEST)?;
    made(KIND, [*n, *r, *p], salt(KIND, text)?, expected)
}

fn made(
    kind: Kind,
    costs: [&str; 3],
    salt: Vec<u8>,
    expected: Vec<u8>,
) -> Result<StoredHash, UnusableHash> {
    let [n, r, p] = costs.map(|cost| number(kind, cost));
    let (n, r, p) = (n?, r?, p?);
    let (memory, blocks) = (u64::from(n) * u64::from(r), u64::from(r) * u64::from(p));
    let work = memory.saturating_mul(u64::from(p));
    if memory > MOST_MEMORY || blocks > MOST_BLOCKS || work > MOST_WORK {
        return Err(UnusableHash::Costly { kind, most: MOST });
    }
    let log_n = u8::try_from(n.trailing_zeros()).ok().filter(|_| n > 1 && n.is_power_of_two());
    match log_n.and_then(|log_n| Params::new(log_n, r, p).ok()) {
        Some(params) => {
            Ok(StoredHash { kind, recipe: Box::new(Scrypt { params, salt, expected }) })
        }
        None => UnusableHash::damaged(kind, "N is a power of two above 1, r and p at least 1"),
    }
}

struct Scrypt {
    params: Params,
    salt: Vec<u8>,
    expected: Vec<u8>,
}

impl Recipe for Scrypt {
    fn fits(&self, password: &[u8]) -> bool {
        let mut derived = Zeroizing::new(vec![0; self.expected.len()]);
        let done = scrypt::scrypt(password, &self.salt, &self.params, &mut derived);
        done.is_ok() && same(&derived, &self.expected)
    }
}
