//! As much of PEM and X.509 as it takes to say which certificate one is, and whose.

/// The bytes of a text in base64, whatever white space it has; none where it is something else.
pub(super) fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    Some(out)
}

/// The subject of the first certificate of a PEM text, as its bytes.
pub(super) fn subject(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let der = decoded(rest.split_once("-----END CERTIFICATE-----")?.0)?;
    let ((_, certificate), _) = element(&der)?;
    let ((_, mut fields), _) = element(certificate)?;
    // Version where it is given, serial number, algorithm, issuer, validity; then the subject.
    let ((tag, _), behind) = element(fields)?;
    if tag == 0xa0 {
        fields = behind;
    }
    for _ in 0..4 {
        fields = element(fields)?.1;
    }
    let (_, after) = element(fields)?;
    fields.get(..fields.len() - after.len()).map(<[u8]>::to_vec)
}

/// A tag and its content.
type DerElement<'d> = (u8, &'d [u8]);

/// The first element of DER: its tag and content, and what stands behind it.
fn element(der: &[u8]) -> Option<(DerElement<'_>, &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (short, rest) = rest.split_first()?;
    let (length, rest) = match short {
        0..=0x7f => (usize::from(*short), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some(((*tag, content), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_as_it_is_written() {
        assert_eq!(decoded("aGVs\nbG8=").as_deref(), Some(b"hello".as_slice()));
        assert_eq!(decoded("-_-_").as_deref(), decoded("+/+/").as_deref());
        assert_eq!((decoded(""), decoded("a.b")), (Some(Vec::new()), None));
    }

    #[test]
    fn what_is_no_certificate_has_no_subject() {
        for text in [
            "",
            "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
            "-----BEGIN CERTIFICATE-----\nMIT///8=\n-----END CERTIFICATE-----",
        ] {
            assert_eq!(subject(text), None, "{text}");
        }
    }
}
