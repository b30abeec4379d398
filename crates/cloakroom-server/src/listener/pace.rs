//! How slow a client may be.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::config::Limits;

/// Sent to a client that began a request and did not go on; the connection closes after it.
const TOO_SLOW: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\
      Content-Type: text/plain\r\nContent-Length: 43\r\n\r\n\
      The request took too long. Send it at once.";

/// Counts the turns of one connection: odd while a request is being answered.
#[derive(Debug, Default)]
pub(super) struct Turns(AtomicUsize);

/// From the head of a request to the end of its answer.
#[derive(Debug)]
pub(super) struct Turn(Arc<Turns>);

impl Turns {
    /// A request has come.
    pub(super) fn begin(self: &Arc<Self>) -> Turn {
        self.0.fetch_add(1, Ordering::Relaxed);
        Turn(self.clone())
    }

    /// How often a request has come or an answer has ended.
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A stream that fails when its client is too slow: in sending the head of a request, in sending
/// another one, or in taking an answer. While a request is answered reading has no limit here:
/// forms have their own.
#[derive(Debug)]
pub(super) struct Paced<S> {
    stream: S,
    limits: Limits,
    turns: Arc<Turns>,
    /// The count of turns when last looked at.
    seen: usize,
    /// Whether a part of a head has come.
    in_head: bool,
    /// Until when the client must have sent something.
    reading: Deadline,
    /// Until when the client must have taken something.
    writing: Deadline,
}

impl<S> Paced<S> {
    pub(super) fn new(stream: S, limits: Limits, turns: Arc<Turns>) -> Self {
        let (reading, writing) = (Deadline::default(), Deadline::default());
        Self { stream, limits, turns, seen: 0, in_head: false, reading, writing }
    }

    /// Forgets the request before when another turn has come.
    fn catch_up(&mut self) {
        let now = self.turns.count();
        if now != self.seen {
            (self.seen, self.in_head) = (now, false);
            self.reading.clear();
        }
    }

    /// Nobody waits for a request while one is being answered.
    const fn is_answering(&self) -> bool {
        self.seen % 2 == 1
    }

    fn patience(&self) -> Duration {
        // Who connects has something to say; a proxy keeps used connections for later.
        let is_first = self.seen == 0;
        if is_first || self.in_head {
            self.limits.header_timeout
        } else {
            self.limits.keepalive_timeout
        }
    }

    fn written<T>(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.writing.clear();
            return outcome;
        }
        ready!(self.writing.poll(cx, self.limits.send_timeout));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.catch_up();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buffer);
        if this.is_answering() {
            return read;
        }
        if read.is_ready() {
            if !this.in_head && buffer.filled().len() > before {
                this.in_head = true;
                if this.seen != 0 {
                    this.reading.clear();
                }
            }
            // From the first byte on, so that a byte now and then gains nothing.
            this.reading.start(this.patience());
            return read;
        }
        ready!(this.reading.poll(cx, this.patience()));
        if this.in_head && !this.writing.is_running() {
            // Whoever does not take it has been cut all the same.
            let _ = Pin::new(&mut this.stream).poll_write(cx, TOO_SLOW);
        }
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.written(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.written(cx, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.written(cx, outcome)
    }
}

/// A moment that may or may not be set. Its timer is made once for a connection.
#[derive(Debug, Default)]
struct Deadline {
    timer: Option<Pin<Box<Sleep>>>,
    is_running: bool,
}

impl Deadline {
    const fn is_running(&self) -> bool {
        self.is_running
    }

    const fn clear(&mut self) {
        self.is_running = false;
    }

    /// Sets it from now, unless it is set.
    fn start(&mut self, patience: Duration) {
        if std::mem::replace(&mut self.is_running, true) {
            return;
        }
        match &mut self.timer {
            Some(timer) => timer.as_mut().reset(Instant::now() + patience),
            None => self.timer = Some(Box::pin(tokio::time::sleep(patience))),
        }
    }

    /// Ready once it has passed.
    fn poll(&mut self, cx: &mut Context<'_>, patience: Duration) -> Poll<()> {
        self.start(patience);
        self.timer.as_mut().map_or(Poll::Pending, |timer| timer.as_mut().poll(cx))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;
    use crate::config::Config;

    fn pair(buffered: usize) -> (Paced<DuplexStream>, DuplexStream, Arc<Turns>) {
        let (near, far) = duplex(buffered);
        let turns = Arc::new(Turns::default());
        (Paced::new(near, Config::default().limits, turns.clone()), far, turns)
    }

    async fn cut_after(read: impl Future<Output = io::Result<usize>>) -> u64 {
        let start = Instant::now();
        assert_eq!(read.await.unwrap_err().kind(), ErrorKind::TimedOut);
        start.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn who_connects_and_says_nothing_is_cut_after_the_header_timeout() {
        let (mut near, mut far, _turns) = pair(1_024);
        assert_eq!(cut_after(near.read(&mut [0; 64])).await, 10);
        drop(near);
        let mut told = String::new();
        far.read_to_string(&mut told).await.unwrap();
        assert_eq!(told, "", "a connection that was opened in advance is no mistake");
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_comes_byte_by_byte_is_cut_and_told_so() {
        let (mut near, mut far, _turns) = pair(1_024);
        let client = tokio::spawn(async move {
            while far.write_all(b"x").await.is_ok() {
                tokio::time::advance(Duration::from_secs(1)).await;
            }
            let mut told = String::new();
            far.read_to_string(&mut told).await.unwrap();
            told
        });
        let start = Instant::now();
        let mut byte = [0; 1];
        while near.read(&mut byte).await.is_ok() {}
        assert!((9..=12).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
        drop(near);
        let told = client.await.unwrap();
        assert!(told.starts_with("HTTP/1.1 408 "), "{told}");
        let (_, body) = told.split_once("\r\n\r\n").unwrap();
        assert!(told.contains(&format!("Content-Length: {}\r\n", body.len())), "{told}");
    }

    #[tokio::test(start_paused = true)]
    async fn between_requests_a_connection_may_be_idle_for_longer() {
        let (mut near, mut far, turns) = pair(1_024);
        for _ in 0..3 {
            far.write_all(b"GET").await.unwrap();
            near.read_exact(&mut [0; 3]).await.unwrap();
            drop(turns.begin());
            tokio::time::advance(Duration::from_secs(60)).await;
        }
        assert_eq!(cut_after(near.read(&mut [0; 64])).await, 75);
    }

    #[tokio::test(start_paused = true)]
    async fn while_a_request_is_answered_reading_is_not_cut() {
        let (mut near, _far, turns) = pair(1_024);
        let _turn = turns.begin();
        let long = Duration::from_secs(3_600);
        assert!(tokio::time::timeout(long, near.read(&mut [0; 64])).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_takes_is_cut_and_one_that_is_taken_slowly_is_not() {
        let (mut near, mut far, _turns) = pair(8);
        let reader = tokio::spawn(async move {
            for _ in 0..4 {
                tokio::time::advance(Duration::from_secs(20)).await;
                far.read_exact(&mut [0; 8]).await.unwrap();
            }
            far
        });
        near.write_all(&[0; 40]).await.unwrap();
        let _far = reader.await.unwrap();
        assert_eq!(cut_after(near.write(&[0; 8])).await, 30);
    }
}
