use cloakroom_core::Timestamp;

/// Milliseconds since 1970 in 48 bits, which is enough until the year 10889.
const DATE_BYTES: usize = 6;

/// Writes the parts of claims, each in its only spelling.
#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// `None` where the moment is before 1970 or too far ahead.
    pub(super) fn date(&mut self, date: Timestamp) -> Option<()> {
        let bytes = u64::try_from(date.unix_millis()).ok()?.to_be_bytes();
        let (high, low) = bytes.split_at(8 - DATE_BYTES);
        self.bytes(low);
        high.iter().all(|byte| *byte == 0).then_some(())
    }

    /// Seven bits in each byte, the lowest first; the last byte has no top bit.
    pub(super) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.byte(number as u8 | 0x80);
            number >>= 7;
        }
        self.byte(number as u8);
    }

    /// The length in one byte, then the text, which has at most 255 bytes.
    pub(super) fn text(&mut self, text: &str) {
        self.byte(text.len() as u8);
        self.bytes(text.as_bytes());
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads what [`Writer`] writes, and no other spelling of it.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn array<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn date(&mut self) -> Option<Timestamp> {
        let mut bytes = [0; 8];
        bytes[8 - DATE_BYTES..].copy_from_slice(&self.array::<DATE_BYTES>()?);
        Some(Timestamp::from_unix_millis(i64::from_be_bytes(bytes)))
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number: u64 = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return None;
            }
            number |= bits << shift;
            if byte < 0x80 {
                // A zero at the end says nothing, so it makes a second spelling.
                return (byte != 0 || shift == 0).then_some(number);
            }
        }
        None
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        let length = usize::from(self.byte()?);
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    pub(super) fn texts(&mut self) -> Option<Vec<String>> {
        let count = self.number()?;
        (0..count).map(|_| self.text().map(str::to_owned)).collect()
    }

    pub(super) fn rest(self) -> &'a [u8] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_spelling() {
        for number in [0, 1, 0x7f, 0x80, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut writer = Writer::default();
            writer.number(number);
            let bytes = writer.finish();
            assert_eq!(Reader::new(&bytes).number(), Some(number));
        }
        for other in [&[0x80, 0][..], &[0x81, 0x80, 0], &[0x80], &[], &[0xff; 11]] {
            assert_eq!(Reader::new(other).number(), None, "{other:?}");
        }
        let mut too_large = [0xff; 10];
        too_large[9] = 2;
        assert_eq!(Reader::new(&too_large).number(), None);
    }

    #[test]
    fn dates_outside_of_48_bits_are_not_written() {
        for millis in [-1, 1 << 48, i64::MAX, i64::MIN] {
            let date = Timestamp::from_unix_millis(millis);
            assert_eq!(Writer::default().date(date), None);
        }
        let last = Timestamp::from_unix_millis((1 << 48) - 1);
        let mut writer = Writer::default();
        writer.date(last).unwrap();
        assert_eq!(Reader::new(&writer.finish()).date(), Some(last));
    }
}
