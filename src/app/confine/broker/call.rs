//! What a confined session and the git broker outside of it say to each other, over a socket in the session's folder.
//!
//! Inside, git's own client speaks git's protocol to a remote. What stands in ssh's place, or in that of git's helper for HTTP, sends a call first:
//! which service of which remote is meant. From then on its bytes go out as they are, and frames come back.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

/// Longest call, in bytes.
const LONGEST_CALL: u32 = 16 << 10;
/// Longest frame, in bytes.
const LONGEST_FRAME: u32 = 1 << 20;

/// git's service that sends objects to the client.
pub(super) const UPLOAD_PACK: &str = "git-upload-pack";
/// git's service that takes objects from the client.
pub(super) const RECEIVE_PACK: &str = "git-receive-pack";
/// Only whether the broker reaches the remote: the exit status is 0 where it does.
pub(super) const IS_REACHED: &str = "is-reached";

/// What a session asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BrokerCall {
    /// git's service.
    pub(super) service: String,
    /// The remote, as git inside resolved it.
    pub(super) url: String,
    /// Version of the protocol that is wished for (`GIT_PROTOCOL`); empty where none is.
    pub(super) protocol: String,
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// For git.
    Data(Vec<u8>),
    /// For people: standard error.
    Told(Vec<u8>),
    /// It is over, with this exit status.
    Ended(u8),
}

/// Sends a call.
///
/// # Errors
/// Where it cannot be sent.
pub(super) fn write_call(to: &mut impl Write, call: &BrokerCall) -> io::Result<()> {
    let bytes = serde_json::to_vec(call)?;
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    to.write_all(&[&length.to_be_bytes()[..], &bytes].concat())
}

/// Reads a call.
///
/// # Errors
/// Where there is none, or it is too long.
pub(super) fn read_call(from: &mut impl Read) -> io::Result<BrokerCall> {
    let bytes = sized(from, LONGEST_CALL)?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// Sends a frame; a long one in parts.
///
/// # Errors
/// Where it cannot be sent.
pub(super) fn write_frame(to: &mut impl Write, frame: &Frame) -> io::Result<()> {
    let (kind, bytes) = match frame {
        Frame::Data(bytes) => (1, bytes.as_slice()),
        Frame::Told(bytes) => (2, bytes.as_slice()),
        Frame::Ended(code) => (3, std::slice::from_ref(code)),
    };
    for part in bytes.chunks(1 << 16) {
        let length = u32::try_from(part.len()).map_err(io::Error::other)?;
        to.write_all(&[&[kind][..], &length.to_be_bytes(), part].concat())?;
    }
    Ok(())
}

/// Reads a frame.
///
/// # Errors
/// Where the other end is gone, or what it sends is no frame.
pub(super) fn read_frame(from: &mut impl Read) -> io::Result<Frame> {
    let mut kind = [0];
    from.read_exact(&mut kind)?;
    let bytes = sized(from, LONGEST_FRAME)?;
    match (kind, bytes.first()) {
        ([1], _) => Ok(Frame::Data(bytes)),
        ([2], _) => Ok(Frame::Told(bytes)),
        ([3], Some(code)) => Ok(Frame::Ended(*code)),
        _ => Err(io::Error::other("this is not a frame")),
    }
}

/// Hands on bytes as they come, until there are no more. It reads and writes: `io::copy` would have the kernel splice pipes and sockets, and of small
/// pieces that pass through several of them, some arrived only with the next.
pub(super) fn pour(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut bytes = vec![0; 1 << 16];
    loop {
        let read = from.read(&mut bytes)?;
        let Some(part) = bytes.get(..read).filter(|part| !part.is_empty()) else { return Ok(()) };
        to.write_all(part)?;
        to.flush()?;
    }
}

fn sized(from: &mut impl Read, longest: u32) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > longest {
        return Err(io::Error::other("this is too long"));
    }
    let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_read() {
        let call = BrokerCall {
            service: UPLOAD_PACK.to_owned(),
            url: "git@host:r".to_owned(),
            protocol: String::new(),
        };
        let mut bytes = Vec::new();
        write_call(&mut bytes, &call).unwrap();
        let frames = [Frame::Data(vec![7; 10]), Frame::Told(b"said\n".to_vec()), Frame::Ended(3)];
        frames.iter().for_each(|frame| write_frame(&mut bytes, frame).unwrap());
        let mut rest = bytes.as_slice();
        assert_eq!(read_call(&mut rest).unwrap(), call);
        frames.iter().for_each(|frame| assert_eq!(read_frame(&mut rest).unwrap(), *frame));
        assert!(read_frame(&mut rest).is_err());
        assert!(
            read_call(&mut [0xff; 8].as_slice()).is_err() && read_frame(&mut [9; 20].as_slice()).is_err()
        );
    }
}
