//! Room for the bodies of requests: bounded in all, and for each rwenv, by the bytes that are really held.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Bytes};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::request::Refusal;

/// Largest body a client may send; the API server takes no larger one.
pub(super) const LARGEST: usize = 3 << 20;
/// Bytes of all bodies at the same time.
const TOTAL: usize = 64 << 20;
/// Bytes of one rwenv's: whoever has its token leaves room for the others.
const OF_ONE: usize = 32 << 20;
/// What is reserved for a body at first.
const FIRST: usize = 16 << 10;
/// Longest wait for a request's body.
const PATIENCE: Duration = Duration::from_secs(60);

/// The room there is.
pub(super) struct Room {
    total: Arc<Semaphore>,
    each: Mutex<BTreeMap<String, Arc<Semaphore>>>,
}

impl Default for Room {
    fn default() -> Self {
        Self { total: Arc::new(Semaphore::new(TOTAL)), each: Mutex::default() }
    }
}

/// A body, and the room it takes until it is dropped.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) bytes: Bytes,
    pub(super) held: Vec<OwnedSemaphorePermit>,
}

impl Room {
    /// Reads a body whole.
    pub(super) async fn collected<B>(&self, mut body: B, rwenv: &str) -> Result<Collected, Refusal>
    where
        B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
        B::Error: std::fmt::Display,
    {
        if body.is_end_stream() {
            return Ok(Collected::default());
        }
        let read = tokio::time::timeout(PATIENCE, self.read(&mut body, rwenv)).await;
        let read = read.unwrap_or_else(|_| refuse(408, "its body did not come in time".to_owned()));
        if read.is_err() {
            tokio::spawn(tokio::time::timeout(PATIENCE, passed_over(body)));
        }
        read
    }

    async fn read<B>(&self, body: &mut B, rwenv: &str) -> Result<Collected, Refusal>
    where
        B: HttpBody<Data = Bytes> + Unpin,
        B::Error: std::fmt::Display,
    {
        let mut held = Vec::new();
        // Copied, because a piece that came in keeps all of the buffer it came in.
        let mut bytes: Vec<u8> = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.or_else(|error| refuse(400, format!("its body cannot be read: {error}")))?;
            let Ok(data) = frame.into_data() else { continue };
            let wanted = bytes.len() + data.len();
            if wanted > LARGEST {
                return refuse(413, format!("its body is larger than {LARGEST} bytes"));
            }
            if wanted > bytes.capacity() {
                let grown = wanted.max(bytes.capacity() * 2).clamp(FIRST, LARGEST);
                held.extend(self.reserve(grown - bytes.capacity(), rwenv)?);
                bytes.reserve_exact(grown - bytes.len());
            }
            bytes.extend_from_slice(&data);
        }
        Ok(Collected { bytes: bytes.into(), held })
    }

    /// Takes so many bytes of the room, of the rwenv's and of all.
    fn reserve(&self, bytes: usize, rwenv: &str) -> Result<[OwnedSemaphorePermit; 2], Refusal> {
        let own = {
            let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(each.entry(rwenv.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(OF_ONE))))
        };
        let count = u32::try_from(bytes).unwrap_or(u32::MAX);
        let full = |of: &str, most: usize| Refusal {
            code: 429,
            why: format!(
                "the bodies of {of} that are on their way take {} MiB already; send it again when some have ended",
                most >> 20
            ),
        };
        let own = own.try_acquire_many_owned(count).map_err(|_| full(&format!("rwenv '{rwenv}'"), OF_ONE))?;
        let all =
            Arc::clone(&self.total).try_acquire_many_owned(count).map_err(|_| full("all rwenvs", TOTAL))?;
        Ok([own, all])
    }
}

/// Reads the rest of a body that is refused, and keeps nothing of it: a connection that is closed on a client that still sends takes
/// the answer with it.
async fn passed_over<B: HttpBody<Data = Bytes> + Unpin>(mut body: B) {
    let mut left = LARGEST;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(length) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

fn refuse<T>(code: u16, why: String) -> Result<T, Refusal> {
    Err(Refusal { code, why })
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;

    use super::*;

    type Piece = Result<Frame<Bytes>, std::convert::Infallible>;

    /// A body that has sent so much, and goes on or not.
    fn body(
        bytes: usize,
        ends: bool,
    ) -> impl HttpBody<Data = Bytes, Error = std::convert::Infallible> + Unpin {
        let pieces = (0..bytes)
            .step_by(FIRST)
            .map(move |at| -> Piece { Ok(Frame::data(Bytes::from(vec![b' '; FIRST.min(bytes - at)]))) });
        let sent = futures_util::stream::iter(pieces.collect::<Vec<_>>());
        let rest = futures_util::stream::poll_fn(move |_| {
            if ends { std::task::Poll::Ready(None) } else { std::task::Poll::Pending }
        });
        StreamBody::new(sent.chain(rest).boxed())
    }

    #[tokio::test]
    async fn bodies_that_do_not_end_take_no_more_than_there_is() {
        let room = Arc::new(Room::default());
        let slow = |rwenv: &'static str| {
            let room = Arc::clone(&room);
            tokio::spawn(async move { room.collected(body(LARGEST - 1, false), rwenv).await })
        };
        // Eleven times 3 MiB are more than one rwenv has.
        let mut of_one: Vec<_> = (0..11).map(|_| slow("a")).collect();
        tokio::task::yield_now().await;
        let over = of_one.pop().unwrap().await.unwrap().unwrap_err();
        assert!(
            over.code == 429 && over.why.contains("rwenv 'a'") && over.why.contains("32 MiB"),
            "{over:?}"
        );
        assert!(of_one.iter().all(|task| !task.is_finished()), "the others wait");
        let of_others: Vec<_> = (0..10).map(|_| slow("b")).collect();
        tokio::task::yield_now().await;
        let one_more = room.collected(body(LARGEST - 1, true), "c").await;
        assert_eq!(one_more.unwrap().bytes.len(), LARGEST - 1, "another rwenv has room");
        let one_more = slow("c");
        tokio::task::yield_now().await;
        let refused = room.collected(body(LARGEST - 1, true), "e").await.unwrap_err();
        assert!(refused.code == 429 && refused.why.contains("all rwenvs"), "{refused:?}");
        // Who goes away gives back what it took.
        for task in of_one.into_iter().chain(of_others).chain([one_more]) {
            task.abort();
            assert!(task.await.is_err_and(|error| error.is_cancelled()));
        }
        assert_eq!(room.total.available_permits(), TOTAL);
        let again = room.collected(body(LARGEST - 1, true), "a").await.unwrap();
        assert!(room.total.available_permits() <= TOTAL - LARGEST + 1, "what is held counts");
        drop(again);
        assert_eq!(room.total.available_permits(), TOTAL);
    }

    #[tokio::test]
    async fn small_bodies_come_whole_and_large_ones_do_not() {
        let room = Room::default();
        let small = room.collected(Full::new(Bytes::from_static(b"{}")), "a").await.unwrap();
        assert_eq!(small.bytes.as_ref(), b"{}");
        assert_eq!(room.total.available_permits(), TOTAL - FIRST);
        let large = room.collected(Full::new(Bytes::from(vec![0; LARGEST + 1])), "a").await.unwrap_err();
        assert_eq!(large.code, 413);
        let empty = room.collected(Full::new(Bytes::new()), "a").await.unwrap();
        assert!(empty.bytes.is_empty() && empty.held.is_empty());
    }
}
