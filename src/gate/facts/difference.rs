//! An object that a pack stores as a difference from another one (gitformat-pack(5)).

/// A number in as many bytes as it needs, seven bits in each, the smallest first.
fn long(bytes: &mut &[u8]) -> Option<usize> {
    let (mut value, mut shift) = (0_usize, 0);
    loop {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= usize::from(byte & 0x7f).checked_shl(shift).filter(|_| shift < 57)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
        shift += 7;
    }
}

/// What a difference makes of its base.
pub(super) fn applied(base: &[u8], difference: &[u8], largest: usize) -> Option<Vec<u8>> {
    let mut rest = difference;
    let (before, after) = (long(&mut rest)?, long(&mut rest)?);
    if before != base.len() || after > largest {
        return None;
    }
    let mut out = Vec::with_capacity(after);
    while let Some((&code, tail)) = rest.split_first() {
        rest = tail;
        if code & 0x80 == 0 {
            let literal = rest.split_at_checked(usize::from(code)).filter(|_| code != 0)?;
            out.extend_from_slice(literal.0);
            rest = literal.1;
            continue;
        }
        // The bits say which bytes of a place and a length follow.
        let mut parts = [0_usize; 7];
        for (bit, part) in parts.iter_mut().enumerate().filter(|(bit, _)| code >> bit & 1 == 1) {
            let (&byte, tail) = rest.split_first()?;
            *part = usize::from(byte) << (bit % 4 * 8);
            rest = tail;
        }
        let [a, b, c, d, length @ ..] = parts;
        let from = a | b | c | d;
        let length = length.into_iter().fold(0, |all, part| all | part);
        let length = if length == 0 { 0x1_0000 } else { length };
        out.extend_from_slice(base.get(from..from.checked_add(length)?)?);
        if out.len() > after {
            return None;
        }
    }
    (out.len() == after).then_some(out)
}
