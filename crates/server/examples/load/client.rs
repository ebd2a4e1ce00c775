//! One HTTP connection that is kept and used again, as clients with a pool do.

use std::time::Instant;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::Failure;

/// A connection to the server.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The status code.
    pub status: u16,
    /// Whether the server said when to come again.
    pub has_retry_after: bool,
    /// The body, whole.
    pub body: Bytes,
    /// From the request's first byte to the body's last.
    pub seconds: f64,
}

impl Connection {
    /// Connects to `HOST:PORT`.
    pub(crate) async fn open(address: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // It ends when the sender is dropped; what breaks it is seen by the request that waits.
        tokio::spawn(connection);
        Ok(Self { sender, host: address.to_owned() })
    }

    /// Sends JSON and waits for the whole answer.
    pub(crate) async fn post(&mut self, path: &str, body: Bytes) -> Result<Reply, Failure> {
        self.send(Method::POST, path, body).await
    }

    /// Asks for a resource.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Reply, Failure> {
        self.send(Method::GET, path, Bytes::new()).await
    }

    async fn send(&mut self, method: Method, path: &str, body: Bytes) -> Result<Reply, Failure> {
        let start = Instant::now();
        self.sender.ready().await?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.host)
            .header("content-type", "application/json")
            .body(Full::new(body))?;
        let response = self.sender.send_request(request).await?;
        let status = response.status().as_u16();
        let has_retry_after = response.headers().contains_key("retry-after");
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Reply { status, has_retry_after, body, seconds: start.elapsed().as_secs_f64() })
    }
}

/// One request on a connection of its own.
pub(crate) async fn post_once(address: &str, path: &str, body: Bytes) -> Result<Reply, Failure> {
    let start = Instant::now();
    let mut reply = Connection::open(address).await?.post(path, body).await?;
    reply.seconds = start.elapsed().as_secs_f64();
    Ok(reply)
}
