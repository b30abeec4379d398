use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// Base64url without padding (RFC 4648 section 5).
pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Appends the encoded bytes to `text`.
pub(crate) fn append(bytes: impl AsRef<[u8]>, text: &mut String) {
    URL_SAFE_NO_PAD.encode_string(bytes, text);
}

/// The bytes of canonical text: no padding, no other alphabet, no space, unused bits zero. So
/// every value has one text only.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// As [`decode`], erased when dropped.
pub(crate) fn decode_secret(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    // Never shorter than the bytes, so that no part of them stays behind in a buffer outgrown.
    let mut bytes = Zeroizing::new(vec![0; text.len()]);
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    bytes.truncate(length);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_text_is_read() {
        assert_eq!(decode("AA").unwrap(), [0]);
        for wrong in ["AB", "AA==", "A", "A A", "AA\n", "+/", "AAA=", "AA\u{e9}"] {
            assert!(decode(wrong).is_none(), "{wrong:?}");
            assert!(decode_secret(wrong).is_none(), "{wrong:?}");
        }
        assert_eq!(*decode_secret("-_8").unwrap(), decode("-_8").unwrap());
    }
}
