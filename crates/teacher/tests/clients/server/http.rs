//! As much of HTTP/1.1 as the clients need, so that every byte of a fault is in our hands.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::State;
use super::faults::Fault;

#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self { status, headers: Vec::new(), body: body.to_string().into_bytes() }
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Serves one connection until it is closed or cut.
pub(crate) async fn serve(stream: TcpStream, state: Arc<State>) {
    let _ = stream.set_nodelay(true);
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    while let Some(request) = read_request(&mut read).await {
        let (reply, fault) = state.reply(&request);
        let mut head = format!("HTTP/1.1 {} X\r\ncontent-length: {}\r\n", reply.status, reply.body.len());
        for (name, value) in &reply.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&reply.body);
        let sent = match fault {
            Some(Fault::Cut) => {
                write.write_all(&bytes[..bytes.len() / 2]).await.and(Err(std::io::ErrorKind::Other.into()))
            }
            Some(Fault::CutAtOnce) => Err(std::io::ErrorKind::Other.into()),
            Some(Fault::Slow(wait)) => slowly(&mut write, &bytes, wait).await,
            _ => write.write_all(&bytes).await,
        };
        let paid = sent.is_ok()
            && reply.status == 200
            && request.method == "POST"
            && fault.is_none_or(|fault| fault.is_paid());
        state.written(&request, paid && super::wire::Kind::of_path(&request.path).is_some());
        if sent.is_err() {
            return;
        }
    }
}

/// The first half at once, the second after the wait.
async fn slowly(write: &mut (impl AsyncWriteExt + Unpin), bytes: &[u8], wait: Duration) -> std::io::Result<()> {
    write.write_all(&bytes[..bytes.len() / 2]).await?;
    tokio::time::sleep(wait).await;
    write.write_all(&bytes[bytes.len() / 2..]).await
}

async fn read_request(read: &mut (impl AsyncReadExt + Unpin)) -> Option<Request> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(read.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let mut request = Request { method, path, headers, body: Vec::new() };
    if request.header("transfer-encoding") == Some("chunked") {
        request.body = read_chunks(read).await?;
    } else {
        let length = request.header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
        request.body = vec![0; length];
        read.read_exact(&mut request.body).await.ok()?;
    }
    Some(request)
}

async fn read_chunks(read: &mut (impl AsyncReadExt + Unpin)) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(read.read_u8().await.ok()?);
        }
        let length = usize::from_str_radix(String::from_utf8_lossy(&line).trim(), 16).ok()?;
        let mut chunk = vec![0; length + 2];
        read.read_exact(&mut chunk).await.ok()?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(&chunk[..length]);
    }
}
