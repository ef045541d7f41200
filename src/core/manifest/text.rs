//! Bytes of a repository → text, whatever wrote them.

/// Bytes that say that a file lies in Git LFS and not here (git-lfs, docs/spec.md).
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/";

/// What bytes hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// Text.
    Text(String),
    /// No text in an encoding that is read.
    Binary,
    /// The pointer to a file that lies elsewhere.
    LargeFile,
}

/// Reads UTF-8 and, where a byte order mark says so, UTF-16; line ends stay as they are.
#[must_use]
pub fn decode(bytes: &[u8]) -> Decoded {
    if bytes.starts_with(LFS) {
        return Decoded::LargeFile;
    }
    let wide = |read: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).skip(1).map(|pair| match pair {
            [a, b] => read([*a, *b]),
            _ => 0,
        });
        char::decode_utf16(units).collect::<Result<String, _>>().map_or(Decoded::Binary, Decoded::Text)
    };
    match bytes {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        _ if bytes.contains(&0) => Decoded::Binary,
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => Decoded::Text(text.to_owned()),
            // Text in an old encoding: what is not UTF-8 is no secret's and no key's.
            Err(_) => Decoded::Text(String::from_utf8_lossy(bytes).into_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_read() {
        assert_eq!(decode(b"a: 1\r\n"), Decoded::Text("a: 1\r\n".into()));
        assert_eq!(decode(b"\xff\xfea\0:\0"), Decoded::Text("a:".into()));
        assert_eq!(decode(b"\xfe\xff\0a\0:"), Decoded::Text("a:".into()));
        assert_eq!(decode(b"a\0b"), Decoded::Binary);
        assert_eq!(decode(b"\xff\xfe\x00\xd8"), Decoded::Binary);
        assert_eq!(decode(b"caf\xe9"), Decoded::Text("caf\u{fffd}".into()));
        assert_eq!(decode(b"version https://git-lfs.github.com/spec/v1\noid x"), Decoded::LargeFile);
    }
}
