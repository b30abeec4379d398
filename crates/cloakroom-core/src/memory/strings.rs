use std::collections::HashMap;
use std::sync::Arc;

use super::account::{allocation, in_tree};

/// Texts that many rows share, such as user agents: each is kept once, with how many rows use it.
#[derive(Default)]
pub(super) struct Strings {
    slots: Vec<Slot>,
    known: HashMap<Arc<[u8]>, u32>,
    free: Vec<u32>,
}

#[derive(Default)]
struct Slot {
    bytes: Option<Arc<[u8]>>,
    uses: u32,
}

impl Strings {
    /// The number of a text for one more use of it, and how much memory it takes that was not
    /// taken before.
    pub(super) fn keep(&mut self, bytes: &[u8]) -> (u32, usize) {
        if let Some(index) = self.known.get(bytes) {
            self.slots[*index as usize].uses += 1;
            return (*index, 0);
        }
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            // There are fewer texts than bytes of memory, and far fewer than rows fit.
            u32::try_from(self.slots.len() - 1).expect("fewer than four billion texts")
        });
        let bytes: Arc<[u8]> = bytes.into();
        let cost = cost(&bytes);
        self.known.insert(Arc::clone(&bytes), index);
        self.slots[index as usize] = Slot { bytes: Some(bytes), uses: 1 };
        (index, cost)
    }

    /// One use less; how much memory that frees.
    pub(super) fn release(&mut self, index: u32) -> usize {
        let Some(slot) = self.slots.get_mut(index as usize) else { return 0 };
        slot.uses = slot.uses.saturating_sub(1);
        if slot.uses > 0 {
            return 0;
        }
        let Some(bytes) = slot.bytes.take() else { return 0 };
        self.known.remove(&bytes);
        self.free.push(index);
        cost(&bytes)
    }

    pub(super) fn bytes(&self, index: u32) -> Option<&[u8]> {
        self.slots.get(index as usize)?.bytes.as_deref()
    }

    pub(super) fn text(&self, index: u32) -> Option<&str> {
        std::str::from_utf8(self.bytes(index)?).ok()
    }

    /// All slots by number, free ones too.
    pub(super) fn slots(&self) -> impl ExactSizeIterator<Item = Option<&[u8]>> {
        self.slots.iter().map(|slot| slot.bytes.as_deref())
    }

    /// The next slot as a file has it, without a use yet; what it costs. False where the same
    /// text is there already.
    pub(super) fn restore(&mut self, bytes: Option<&[u8]>) -> Option<usize> {
        let index = u32::try_from(self.slots.len()).ok()?;
        let bytes: Option<Arc<[u8]>> = bytes.map(Into::into);
        let mut taken = 0;
        match &bytes {
            Some(bytes) if self.known.insert(Arc::clone(bytes), index).is_some() => return None,
            Some(bytes) => taken = cost(bytes),
            None => self.free.push(index),
        }
        self.slots.push(Slot { bytes, uses: 0 });
        Some(taken)
    }

    /// One more use of a restored text; false if there is none of that number.
    pub(super) fn use_again(&mut self, index: u32) -> bool {
        match self.slots.get_mut(index as usize) {
            Some(slot) if slot.bytes.is_some() => {
                slot.uses += 1;
                true
            }
            _ => false,
        }
    }

    /// Drops restored texts that nothing uses; what that frees.
    pub(super) fn drop_unused(&mut self) -> usize {
        let unused = self.slots.iter().zip(0..).filter(|(slot, _)| slot.uses == 0);
        let unused: Vec<u32> = unused.map(|(_, index)| index).collect();
        unused.into_iter().map(|index| self.release(index)).sum()
    }
}

fn cost(bytes: &[u8]) -> usize {
    allocation(bytes.len() + 16) + in_tree(56)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_once_and_goes_with_its_last_use() {
        let mut strings = Strings::default();
        let (first, cost) = strings.keep(b"one");
        assert_eq!(strings.keep(b"one"), (first, 0));
        let (second, _) = strings.keep(b"two");
        assert_ne!(first, second);
        assert_eq!(strings.release(first), 0);
        assert_eq!(strings.text(first), Some("one"));
        assert_eq!(strings.release(first), cost);
        assert_eq!((strings.text(first), strings.text(second)), (None, Some("two")));
        assert_eq!(strings.keep(b"three").0, first, "its place is used again");
    }
}
