//! Numbers and texts as bytes: how rows are packed, in memory and in files.

use crate::Timestamp;

/// The bytes are not what this module writes.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("malformed bytes")]
pub(super) struct Malformed;

/// What is read.
pub(super) type Read<T> = Result<T, Malformed>;

/// Bytes under way.
#[derive(Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    /// Seven bits to a byte, the least first.
    pub(super) fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// How far `value` is from `base`, in either direction; small when it is near.
    pub(super) fn near(&mut self, value: Timestamp, base: Timestamp) {
        let distance = value.unix_millis().wrapping_sub(base.unix_millis());
        self.number((distance << 1 ^ distance >> 63) as u64);
    }

    pub(super) fn fixed(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// With their length before them.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.fixed(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(super) fn optional(&mut self, text: Option<&str>) {
        self.fixed(&[u8::from(text.is_some())]);
        if let Some(text) = text {
            self.text(text);
        }
    }
}

/// Bytes not read yet. Nothing is allocated, and no length is believed that they do not have.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn fixed(&mut self, count: usize) -> Read<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count).ok_or(Malformed)?;
        self.0 = tail;
        Ok(head)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        self.fixed(N)?.try_into().map_err(|_| Malformed)
    }

    pub(super) fn byte(&mut self) -> Read<u8> {
        let (first, tail) = self.0.split_first().ok_or(Malformed)?;
        self.0 = tail;
        Ok(*first)
    }

    pub(super) fn number(&mut self) -> Read<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err(Malformed);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    pub(super) fn small(&mut self) -> Read<u32> {
        u32::try_from(self.number()?).map_err(|_| Malformed)
    }

    pub(super) fn near(&mut self, base: Timestamp) -> Read<Timestamp> {
        let folded = self.number()?;
        let distance = (folded >> 1) as i64 ^ -((folded & 1) as i64);
        Ok(Timestamp::from_unix_millis(base.unix_millis().wrapping_add(distance)))
    }

    pub(super) fn bytes(&mut self) -> Read<&'a [u8]> {
        let count = usize::try_from(self.number()?).map_err(|_| Malformed)?;
        self.fixed(count)
    }

    pub(super) fn text(&mut self) -> Read<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed)
    }

    pub(super) fn optional(&mut self) -> Read<Option<&'a str>> {
        match self.byte()? {
            0 => Ok(None),
            1 => self.text().map(Some),
            _ => Err(Malformed),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Read<()> {
        if self.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_moments_survive() {
        let base = Timestamp::from_unix_millis(1_767_225_600_000);
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut writer = Writer::default();
            writer.number(value);
            assert_eq!(Reader(&writer.0).number().unwrap(), value);
            let moment = Timestamp::from_unix_millis(value as i64);
            let mut writer = Writer::default();
            writer.near(moment, base);
            let mut reader = Reader(&writer.0);
            assert_eq!(reader.near(base).unwrap(), moment);
            reader.end().unwrap();
        }
    }

    #[test]
    fn what_is_cut_or_too_large_is_refused() {
        let mut writer = Writer::default();
        writer.text("hello");
        for end in 0..writer.0.len() {
            assert!(Reader(&writer.0[..end]).text().is_err());
        }
        assert!(Reader(&[0xff; 11]).number().is_err());
        assert!(
            Reader(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]).number().is_err()
        );
        assert!(Reader(&[0xff, 0xff, 0xff, 0xff, 0x7f, 1]).text().is_err(), "a length of 32 GiB");
        assert!(Reader(&[2, 0xff, 0xff]).text().is_err(), "not UTF-8");
        assert!(Reader(&[2]).optional().is_err());
    }
}
