//! Bodies, read under limits: how many bytes, how long, and how many bytes of all requests together.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use http_body_util::BodyExt;
use hyper::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::compute::admission::Full;
use crate::config::Limits;
use crate::problem::Problem;

/// How long, and how much of, a body that is refused is read and thrown away, so that its sender hears the answer.
const DRAIN: (Duration, usize) = (Duration::from_secs(3), 256 << 20);

/// A body with the room that it takes, which is free again when this is dropped.
pub(crate) struct Received {
    /// The body.
    pub(crate) bytes: Vec<u8>,
    /// Its room.
    pub(crate) room: Room,
}

/// Room among the bytes of all requests.
#[derive(Debug, Default)]
pub(crate) struct Room(Option<OwnedSemaphorePermit>);

/// Reads a body, or says why not.
pub(crate) async fn receive(mut body: Body, limits: &Limits, room: &Arc<Semaphore>) -> Result<Received, Problem> {
    let within = limits.read_timeout;
    let problem = match timeout(within, collect(&mut body, limits, room)).await {
        Ok(Ok(received)) => return Ok(received),
        Ok(Err(problem)) => problem,
        Err(_) => return Err(Problem::SlowBody { within }),
    };
    // Many clients look for an answer only after they have sent everything.
    let _ = timeout(DRAIN.0, drain(body)).await;
    Err(problem)
}

async fn collect(body: &mut Body, limits: &Limits, room: &Arc<Semaphore>) -> Result<Received, Problem> {
    let max = limits.max_body_bytes;
    // Refused before anything is read, where the client says how long it is.
    if body.size_hint().lower() > max as u64 {
        return Err(Problem::BodyTooLarge { max });
    }
    let announced = body.size_hint().exact().map_or(max, |length| length as usize);
    let mut received = Received { bytes: Vec::new(), room: Room::default() };
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Problem::NotJson(format!("the body broke off: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        if received.bytes.len() + data.len() > max {
            return Err(Problem::BodyTooLarge { max });
        }
        received.room.grow(room, data.len())?;
        reserve(&mut received.bytes, data.len(), announced);
        received.bytes.extend_from_slice(&data);
    }
    Ok(received)
}

/// Makes place for more bytes: as many again as have come, but not beyond what was announced, which alone takes nothing.
fn reserve(bytes: &mut Vec<u8>, more: usize, announced: usize) {
    if bytes.capacity() - bytes.len() < more {
        let missing = announced.saturating_sub(bytes.len());
        bytes.reserve_exact(more.max(missing.min(bytes.len())));
    }
}

async fn drain(mut body: Body) {
    let mut rest = DRAIN.1;
    while let Some(Ok(frame)) = body.frame().await {
        let read = frame.data_ref().map_or(0, Bytes::len);
        let Some(left) = rest.checked_sub(read) else { return };
        rest = left;
    }
}

impl Room {
    /// Takes room for more bytes, or says that there is none.
    pub(crate) fn grow(&mut self, room: &Arc<Semaphore>, bytes: usize) -> Result<(), Problem> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let more =
            Arc::clone(room).try_acquire_many_owned(bytes).map_err(|_| Problem::Full(Full { retry_after: 1 }))?;
        match &mut self.0 {
            Some(taken) => taken.merge(more),
            None => self.0 = Some(more),
        }
        Ok(())
    }

    /// An answer that keeps the room of its request until the last byte of it is sent: whoever reads slowly has others
    /// wait, and not the server's memory.
    pub(crate) fn keep(self, answer: String) -> Bytes {
        Bytes::from_owner(Kept { answer, _room: self })
    }
}

struct Kept {
    answer: String,
    _room: Room,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        self.answer.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn limits() -> Limits {
        Limits { max_body_bytes: 10, read_timeout: Duration::from_millis(50), ..Limits::default() }
    }

    /// A body of chunks whose length is not known beforehand.
    fn chunks(chunks: &[&'static str]) -> Body {
        let chunks: Vec<Result<&'static str, std::io::Error>> = chunks.iter().map(|&chunk| Ok(chunk)).collect();
        Body::from_stream(stream::iter(chunks))
    }

    #[tokio::test]
    async fn bodies_are_read_up_to_the_limit() {
        let room = Arc::new(Semaphore::new(1000));
        let received = receive(chunks(&["12345", "67890"]), &limits(), &room).await.unwrap();
        assert_eq!(received.bytes, b"1234567890");
        assert_eq!(room.available_permits(), 990);
        drop(received);
        assert_eq!(room.available_permits(), 1000);
        for body in [chunks(&["12345", "678901"]), Body::from("12345678901")] {
            let problem = receive(body, &limits(), &room).await.err();
            assert_eq!(problem, Some(Problem::BodyTooLarge { max: 10 }));
        }
        assert_eq!(room.available_permits(), 1000);
    }

    #[test]
    fn what_is_announced_takes_no_memory_before_it_comes() {
        let mut bytes = Vec::new();
        for _ in 0..1000 {
            reserve(&mut bytes, 10, 10_000);
            bytes.extend_from_slice(b"ten bytes.");
            assert!(bytes.capacity() <= 2 * bytes.len());
        }
        assert_eq!(bytes.capacity(), 10_000);
    }

    #[tokio::test]
    async fn an_answer_keeps_the_room_of_its_request() {
        let room = Arc::new(Semaphore::new(1000));
        let received = receive(chunks(&["12345"]), &limits(), &room).await.unwrap();
        let answer = received.room.keep("54321".to_owned());
        assert_eq!((&answer[..], room.available_permits()), (&b"54321"[..], 995));
        drop(answer);
        assert_eq!(room.available_permits(), 1000);
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_given_up() {
        let room = Arc::new(Semaphore::new(1000));
        let never = Body::from_stream(stream::pending::<Result<&'static str, std::io::Error>>());
        let problem = receive(never, &limits(), &room).await.err();
        assert_eq!(problem, Some(Problem::SlowBody { within: Duration::from_millis(50) }));
    }

    #[tokio::test]
    async fn bodies_of_all_requests_share_their_room() {
        let room = Arc::new(Semaphore::new(8));
        let _first = receive(chunks(&["12345"]), &limits(), &room).await.unwrap();
        let problem = receive(chunks(&["1234"]), &limits(), &room).await.err();
        assert_eq!(problem, Some(Problem::Full(Full { retry_after: 1 })));
    }
}
