use super::JwkError;

const BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
const EXPONENTS: std::ops::RangeInclusive<u64> = 65_537..=0xffff_ffff;

/// The odd primes up to 167. Of a ROCA modulus, the rest by each of them is a power of 65537.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Checks a public RSA key: size, exponent, no leading zero, no ROCA fingerprint.
pub(super) fn check(n: &[u8], e: &[u8]) -> Result<(), JwkError> {
    let canonical = |bytes: &[u8]| bytes.first().is_some_and(|first| *first != 0);
    if !canonical(n) {
        return Err(JwkError::Wrong("n"));
    }
    if !canonical(e) || e.len() > 8 {
        return Err(JwkError::Wrong("e"));
    }
    let exponent = e.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
    let bits = n.len() * 8 - n[0].leading_zeros() as usize;
    let odd = n[n.len() - 1] % 2 == 1 && exponent % 2 == 1;
    if !BITS.contains(&bits) || !EXPONENTS.contains(&exponent) || !odd {
        return Err(JwkError::RsaSize);
    }
    if PRIMES.iter().all(|prime| is_power_of_65537(rest(n, *prime), *prime)) {
        return Err(JwkError::Roca);
    }
    Ok(())
}

fn rest(n: &[u8], prime: u32) -> u32 {
    n.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime)
}

fn is_power_of_65537(number: u32, prime: u32) -> bool {
    let mut power = 1;
    for _ in 0..prime {
        if power == number {
            return true;
        }
        power = power * (65_537 % prime) % prime;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modulus(bytes: usize) -> Vec<u8> {
        let mut n: Vec<u8> = (0..bytes).map(|at| (at * 37 + 11) as u8 | 1).collect();
        n[0] = 0x80;
        n
    }

    #[test]
    fn sizes_and_exponents_have_bounds() {
        let e = [1, 0, 1];
        assert_eq!(check(&modulus(256), &e), Ok(()));
        assert_eq!(check(&modulus(1024), &e), Ok(()));
        assert_eq!(check(&modulus(255), &e), Err(JwkError::RsaSize));
        assert_eq!(check(&modulus(1025), &e), Err(JwkError::RsaSize));
        for e in [&[1][..], &[3], &[1, 0, 0], &[0xff, 0xff], &[1, 0, 0, 0, 1]] {
            assert_eq!(check(&modulus(256), e), Err(JwkError::RsaSize), "{e:?}");
        }
        assert_eq!(check(&modulus(256), &[0, 1, 0, 1]), Err(JwkError::Wrong("e")));
        assert_eq!(check(&modulus(256), &[]), Err(JwkError::Wrong("e")));
        assert_eq!(check(&[], &e), Err(JwkError::Wrong("n")));
        let mut even = modulus(256);
        even[255] = 2;
        assert_eq!(check(&even, &e), Err(JwkError::RsaSize));
    }
}
