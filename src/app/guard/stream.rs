//! Answers that are changed on the way, so that they show no Secret's values: one JSON value per line, as the API server writes lists and
//! watches.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body as HttpBody, Bytes, Frame};

use super::reply::Error;

/// Longest line that is taken apart, in bytes.
const LONGEST: usize = 32 << 20;

/// A body of which every value is changed.
pub(super) struct Masked<B> {
    inner: B,
    change: fn(&mut serde_json::Value),
    held: Vec<u8>,
    ended: bool,
}

impl<B> Masked<B> {
    pub(super) fn new(inner: B, change: fn(&mut serde_json::Value)) -> Self {
        Self { inner, change, held: Vec::new(), ended: false }
    }

    /// What of the held bytes can be given out: whole lines, and at the end the rest.
    fn give(&mut self) -> Option<Result<Frame<Bytes>, Error>> {
        let end = if self.ended {
            Some(self.held.len())
        } else {
            self.held.iter().rposition(|b| *b == b'\n').map(|at| at + 1)
        };
        let rest = self.held.split_off(end?);
        let whole = std::mem::replace(&mut self.held, rest);
        let mut out = Vec::with_capacity(whole.len());
        for line in whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice::<serde_json::Value>(line) {
                Ok(mut value) => {
                    (self.change)(&mut value);
                    out.extend(value.to_string().into_bytes());
                    out.push(b'\n');
                }
                // What cannot be read is not shown.
                Err(error) => return Some(Err(format!("the answer is not JSON: {error}").into())),
            }
        }
        (!out.is_empty()).then(|| Ok(Frame::data(out.into())))
    }
}

impl<B> HttpBody for Masked<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<Error>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        loop {
            if self.ended {
                return Poll::Ready(self.give());
            }
            match Pin::new(&mut self.inner).poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error.into()))),
                Poll::Ready(None) => self.ended = true,
                Poll::Ready(Some(Ok(frame))) => {
                    let Ok(data) = frame.into_data() else { continue };
                    self.held.extend_from_slice(&data);
                    if let Some(given) = self.give() {
                        return Poll::Ready(Some(given));
                    }
                    if self.held.len() > LONGEST {
                        let why = "the answer is too long for its Secrets to be masked; ask for fewer at once (--chunk-size)";
                        return Poll::Ready(Some(Err(why.into())));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;
    use crate::guard::secrets::mask;

    #[test]
    fn values_are_masked_wherever_a_chunk_ends() {
        let text = concat!(
            r#"{"type":"ADDED","object":{"kind":"Secret","data":{"p":"aHVudGVyMg=="},"metadata":{"name":"db","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"hunter2"}}}}"#,
            "\n",
            r#"{"kind":"SecretList","items":[{"data":{"p":"aHVudGVyMg=="}},{"stringData":{"q":"hunter2"}}]}"#,
        );
        for size in [1, 7, 64, 10_000] {
            let chunks = text
                .as_bytes()
                .chunks(size)
                .map(|chunk| Ok::<_, Error>(Frame::data(Bytes::copy_from_slice(chunk))));
            let body = Masked::new(StreamBody::new(Chunks(chunks.collect::<Vec<_>>().into_iter())), mask);
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let out = runtime.block_on(body.collect()).unwrap().to_bytes();
            let out = String::from_utf8(out.to_vec()).unwrap();
            assert!(!out.contains("aHVudGVyMg==") && !out.contains("hunter2"), "{out}");
            assert!(
                out.contains("KioqKioqKg==") && out.contains("*******") && out.contains("\"db\""),
                "{out}"
            );
            assert_eq!(out.lines().count(), 2);
        }
    }

    struct Chunks<I>(I);

    impl<I: Iterator + Unpin> futures_util::Stream for Chunks<I> {
        type Item = I::Item;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
            Poll::Ready(self.0.next())
        }
    }
}
