//! git's packets: four digits of length, then what they hold (gitprotocol-common(5)).

use std::io::{self, Read, Write};

/// Longest packet, its length counted (LARGE_PACKET_MAX of git's).
pub(super) const LONGEST: usize = 65_520;

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Packet {
    /// Something.
    Data(Vec<u8>),
    /// `0000`: the end of a list.
    Flush,
    /// `0001`: the end of a part.
    Delimiter,
    /// `0002`: the end of an answer, where each is alone.
    ResponseEnd,
}

/// Reads a packet; none at the end.
///
/// # Errors
/// What is no packet, or ends in the middle of one.
pub(super) fn read(from: &mut impl Read) -> io::Result<Option<Packet>> {
    let mut digits = [0; 4];
    let first = from.read(&mut digits)?;
    if first == 0 {
        return Ok(None);
    }
    from.read_exact(digits.get_mut(first..).unwrap_or_default())?;
    let text = std::str::from_utf8(&digits).map_err(io::Error::other)?;
    let length = usize::from_str_radix(text, 16).map_err(io::Error::other)?;
    Ok(Some(match length {
        0 => Packet::Flush,
        1 => Packet::Delimiter,
        2 => Packet::ResponseEnd,
        4..=LONGEST => {
            let mut bytes = vec![0; length - 4];
            from.read_exact(&mut bytes)?;
            Packet::Data(bytes)
        }
        _ => return Err(io::Error::other("this is not a packet of git's")),
    }))
}

/// A packet as bytes.
pub(super) fn bytes(packet: &Packet) -> Vec<u8> {
    match packet {
        Packet::Data(data) => [format!("{:04x}", data.len() + 4).as_bytes(), data].concat(),
        Packet::Flush => b"0000".to_vec(),
        Packet::Delimiter => b"0001".to_vec(),
        Packet::ResponseEnd => b"0002".to_vec(),
    }
}

/// A line as a packet.
pub(super) fn line(text: &str) -> Vec<u8> {
    bytes(&Packet::Data(text.as_bytes().to_vec()))
}

/// Sends bytes on a band of the side band (1 for git, 2 for people), in as many packets as they need.
///
/// # Errors
/// Where they cannot be sent.
pub(super) fn on_band(to: &mut impl Write, band: u8, data: &[u8]) -> io::Result<()> {
    for part in data.chunks(LONGEST - 5) {
        to.write_all(&bytes(&Packet::Data([&[band][..], part].concat())))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_read_as_they_are_written() {
        let all = [Packet::Data(b"want x\n".to_vec()), Packet::Delimiter, Packet::Flush, Packet::ResponseEnd];
        let written: Vec<u8> = all.iter().flat_map(bytes).collect();
        assert!(written.starts_with(b"000bwant x\n0001"));
        let mut rest = written.as_slice();
        all.iter().for_each(|packet| assert_eq!(read(&mut rest).unwrap().as_ref(), Some(packet)));
        assert_eq!(read(&mut rest).unwrap(), None);
        for wrong in [&b"0003"[..], b"xyzw", b"00", b"0009ab", b"ffffx"] {
            assert!(read(&mut &*wrong).is_err(), "{wrong:?}");
        }
    }
}
