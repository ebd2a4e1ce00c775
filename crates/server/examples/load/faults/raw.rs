//! Bytes on a socket, for what a well-behaved HTTP client would never send.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Failure;

/// A head of a request whose connection the server is to close.
pub(super) fn head(address: &str, path: &str, rest: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\nconnection: close\r\n{rest}\r\n"
    )
}

/// What a server said before it closed the connection.
#[derive(Debug)]
pub(super) struct Said {
    /// The status code; none where it said nothing that is HTTP.
    pub status: Option<u16>,
    /// All of its words.
    pub text: String,
    /// Whether it closed the connection in time.
    pub closed: bool,
}

/// Sends bytes and reads until the server closes the connection or patience ends. A server may answer and close before
/// it has read everything, so that writing fails: its answer counts.
pub(super) async fn exchange(address: &str, bytes: &[u8], patience: Duration) -> Result<Said, Failure> {
    let mut stream = TcpStream::connect(address).await?;
    let (mut reader, mut writer) = stream.split();
    let mut said = Vec::new();
    let write = async {
        let _ = writer.write_all(bytes).await;
    };
    let read = async {
        let mut buffer = vec![0; 1 << 14];
        loop {
            match reader.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(n) => said.extend_from_slice(&buffer[..n]),
            }
        }
    };
    let closed = tokio::time::timeout(patience, async { tokio::join!(write, read) }).await.is_ok();
    let text = String::from_utf8_lossy(&said).into_owned();
    let status = text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok());
    Ok(Said { status, text, closed })
}

impl Said {
    /// The status in words.
    pub(super) fn in_words(&self) -> String {
        match (self.status, self.closed) {
            (Some(status), _) => status.to_string(),
            (None, true) => "closed without a word".to_owned(),
            (None, false) => "nothing, and not closed".to_owned(),
        }
    }
}
