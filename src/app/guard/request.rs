//! A request to the API server, read as the API server reads it; what could be read in two ways is refused.
//!
//! The order of the steps is that of `RequestInfoFactory` in k8s.io/apiserver, `endpoints/request/requestinfo.go`.

use std::fmt::Write as _;

/// Longest request target, in bytes.
const LONGEST: usize = 16 << 10;

/// What a client wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET, or HEAD.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

impl Method {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "GET" | "HEAD" => Self::Get,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            _ => return None,
        })
    }
}

/// Verbs that stand in the path, from before there were query parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Legacy {
    /// `/api/v1/watch/…`
    Watch,
    /// `/api/v1/proxy/…`
    Proxy,
}

/// What of the API a path stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestedResource {
    /// Its group; empty for the core.
    pub group: String,
    /// The version of the group.
    pub version: String,
    /// The namespace.
    pub namespace: Option<String>,
    /// Its plural name.
    pub name: String,
    /// The object.
    pub object: Option<String>,
    /// A part of the object, or something done with it, with all that stands behind it.
    pub subresource: Option<String>,
    /// A verb in the path.
    pub legacy: Option<Legacy>,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is to be done.
    pub method: Method,
    /// The segments of the path, decoded.
    pub path: Vec<String>,
    /// The pairs of the query, decoded, in order.
    pub query: Vec<(String, String)>,
    /// What it is about; none for paths that are no resource.
    pub resource: Option<RequestedResource>,
}

/// Why a request is not even looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Refusal {
    /// Status of HTTP.
    pub code: u16,
    /// What is wrong with it.
    pub why: String,
}

fn refuse<T>(code: u16, why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { code, why: why.into() })
}

impl Request {
    /// Reads a method and a target.
    ///
    /// # Errors
    /// Where it can be read in more than one way, or not at all.
    pub fn read(method: &str, target: &str) -> Result<Self, Refusal> {
        let Some(method) = Method::of(method) else {
            let name: String = method.chars().take(20).collect();
            return refuse(405, format!("the method {name} is not known here"));
        };
        if target.len() > LONGEST {
            return refuse(414, format!("the target is longer than {LONGEST} bytes"));
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = segments(path)?;
        let query = pairs(query)?;
        let resource = resource(&path)?;
        Ok(Self { method, path, query, resource })
    }

    /// The only value of a parameter; none where it is not there, or more than once.
    #[must_use]
    pub fn only(&self, key: &str) -> Option<&str> {
        let mut values = self.query.iter().filter(|(name, _)| name == key);
        let (_, first) = values.next()?;
        values.next().is_none().then_some(first.as_str())
    }

    /// All values of a parameter.
    pub fn values<'r>(&'r self, key: &'r str) -> impl Iterator<Item = &'r str> {
        self.query.iter().filter(move |(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Sets a parameter.
    pub fn set(&mut self, key: &str, value: &str) {
        self.query.retain(|(name, _)| name != key);
        self.query.push((key.to_owned(), value.to_owned()));
    }

    /// The target, written anew.
    #[must_use]
    pub fn target(&self) -> String {
        let mut out = String::new();
        for segment in &self.path {
            out.push('/');
            encode(segment, b"!$&'()*+,;=:@", &mut out);
        }
        if out.is_empty() {
            out.push('/');
        }
        for (number, (key, value)) in self.query.iter().enumerate() {
            out.push(if number == 0 { '?' } else { '&' });
            encode(key, b"", &mut out);
            out.push('=');
            encode(value, b"", &mut out);
        }
        out
    }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn encode(text: &str, also: &[u8], out: &mut String) {
    for byte in text.bytes() {
        if is_unreserved(byte) || also.contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// Decodes `%XX`; none where that is not two digits, or the bytes are no UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, tail @ ..] = rest else { return None };
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        bytes.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

/// The segments of a path that means the same to everyone who reads it.
fn segments(path: &str) -> Result<Vec<String>, Refusal> {
    let ambiguous = |why: &str| refuse(403, format!("the path can be read in more than one way: {why}"));
    let Some(rest) = path.strip_prefix('/') else { return ambiguous("it does not begin with /") };
    if rest.is_empty() {
        return Ok(Vec::new());
    }
    let mut out = Vec::new();
    for segment in rest.split('/') {
        if !segment.bytes().all(|b| is_unreserved(b) || b"!$&'()*+,;=:@%".contains(&b)) {
            return ambiguous("it has a character that has to be encoded");
        }
        let Some(text) = decoded(segment) else { return ambiguous("an encoded character is not complete") };
        if text.is_empty() {
            return ambiguous("it has an empty segment");
        }
        if text == "." || text == ".." {
            return ambiguous("it has a segment of dots");
        }
        let odd = |c: char| matches!(c, '/' | '\\' | '%') || !c.is_ascii() || c.is_ascii_control();
        if text.contains(odd) {
            return ambiguous("it has a character that no name has");
        }
        // What needs no encoding and is encoded all the same, is so to hide.
        let needless = segment.split('%').skip(1).filter_map(|after| after.get(..2));
        if needless.filter_map(|two| u8::from_str_radix(two, 16).ok()).any(is_unreserved) {
            return ambiguous("it encodes a character that needs none");
        }
        out.push(text);
    }
    Ok(out)
}

/// The pairs of a query as `net/url` reads them; what it would drop in silence is refused.
fn pairs(query: &str) -> Result<Vec<(String, String)>, Refusal> {
    let wrong = |why: &str| refuse(400, format!("the query cannot be read: {why}"));
    if query.is_empty() {
        return Ok(Vec::new());
    }
    if query.contains(';') {
        return wrong("it has a semicolon, which separates for some and not for others");
    }
    if !query.bytes().all(|b| b.is_ascii_graphic() && b != b'#') {
        return wrong("it has a character that has to be encoded");
    }
    let mut out = Vec::new();
    for pair in query.split('&') {
        if pair.is_empty() {
            continue;
        }
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decode = |text: &str| decoded(&text.replace('+', " "));
        match (decode(key), decode(value)) {
            (Some(key), Some(value)) => out.push((key, value)),
            _ => return wrong("an encoded character is not complete"),
        }
    }
    Ok(out)
}

/// What a path stands for.
fn resource(path: &[String]) -> Result<Option<RequestedResource>, Refusal> {
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    let (group, version, rest) = match parts.as_slice() {
        ["api", version, rest @ ..] if !rest.is_empty() => ("", *version, rest),
        ["apis", group, version, rest @ ..] if !rest.is_empty() => (*group, *version, rest),
        _ => return Ok(None),
    };
    let (legacy, rest) = match rest {
        ["watch" | "proxy"] => return refuse(400, "the path names a verb and no resource"),
        ["watch", rest @ ..] => (Some(Legacy::Watch), rest),
        ["proxy", rest @ ..] => (Some(Legacy::Proxy), rest),
        rest => (None, rest),
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, next, ..] if !matches!(*next, "status" | "finalize") => {
            (Some(*namespace), rest.get(2..).unwrap_or_default())
        }
        // A namespace is in itself.
        ["namespaces", namespace, ..] => (Some(*namespace), rest),
        rest => (None, rest),
    };
    let part = |at: usize| rest.get(at).map(|part| (*part).to_owned());
    Ok(Some(RequestedResource {
        group: group.to_owned(),
        version: version.to_owned(),
        namespace: namespace.map(str::to_owned),
        name: part(0).unwrap_or_default(),
        object: part(1),
        subresource: rest.get(2..).filter(|more| !more.is_empty()).map(|more| more.join("/")),
        legacy,
    }))
}
