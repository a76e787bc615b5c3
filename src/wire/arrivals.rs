use std::io::{self, Read};

/// Bytes that have come and are still to be used.
///
/// The room that they are read into is cleared once, and not each time that some come.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    room: Vec<u8>,
    /// What is still to be used ends here in the room, and begins at `used`.
    end: usize,
    used: usize,
}

impl Arrivals {
    /// Gives what is still to be used.
    pub(super) fn rest(&self) -> &[u8] {
        self.room.get(self.used..self.end).unwrap_or_default()
    }

    /// Takes so many bytes for used.
    pub(super) fn advance(&mut self, count: usize) {
        self.used = self.end.min(self.used.saturating_add(count));
    }

    /// Reads once, so many bytes at most, and tells how many came: none at the stream's end.
    pub(super) fn read(&mut self, stream: &mut impl Read, most: usize) -> io::Result<usize> {
        self.room.copy_within(self.used..self.end, 0);
        self.end -= self.used;
        self.used = 0;
        let room = self.end + most;
        if self.room.len() < room {
            self.room.resize(room, 0);
        }
        let count = stream.read(self.room.get_mut(self.end..room).unwrap_or_default())?;
        self.end = room.min(self.end.saturating_add(count));
        Ok(count)
    }

    /// Takes out what is still to be used.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let rest = self.rest().to_vec();
        *self = Self::default();
        rest
    }
}

impl From<Vec<u8>> for Arrivals {
    fn from(room: Vec<u8>) -> Self {
        let end = room.len();
        Self { room, end, used: 0 }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::io::{Cursor, Read as _};

    use super::Arrivals;

    #[test]
    fn what_comes_in_pieces_is_used_in_others() {
        let mut arrivals = Arrivals::from(b"ab".to_vec());
        let mut stream = Cursor::new(b"cdefghij");
        assert_eq!(arrivals.read(&mut stream, 3).unwrap(), 3);
        assert_eq!(arrivals.rest(), b"abcde");
        arrivals.advance(4);
        assert_eq!(arrivals.read(&mut stream, 2).unwrap(), 2);
        assert_eq!(arrivals.rest(), b"efg");
        arrivals.advance(9);
        assert_eq!(arrivals.rest(), b"");
        assert_eq!(arrivals.read(&mut stream, 100).unwrap(), 3);
        assert_eq!(arrivals.read(&mut stream, 100).unwrap(), 0);
        assert_eq!(arrivals.take(), b"hij");
        assert_eq!(arrivals.rest(), b"");
        assert_eq!(arrivals.read(&mut b"k".chain(&b"l"[..]), 5).unwrap(), 1);
        assert_eq!(arrivals.rest(), b"k");
    }
}
