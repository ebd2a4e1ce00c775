//! Connections that are misused.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::raw::{exchange, head};
use super::{Scene, Verdict};
use crate::Failure;

/// How long beyond its time limit the server may take to close a connection.
const GRACE: Duration = Duration::from_secs(5);

/// Large requests whose clients go away: their work must stop, or a good client would wait for minutes.
pub(super) async fn hang_ups(scene: &Scene<'_>) -> Result<Verdict, Failure> {
    let body = serde_json::to_vec(&scene.workload.request(1000, 0))?;
    let address = &scene.options.address;
    let request =
        [head(address, "/v1/rerank", &format!("content-length: {}\r\n", body.len())).as_bytes(), &body].concat();
    let mut open = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(&request).await?;
        open.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(open);
    Ok(Verdict::of(true, "20 connections closed while their documents were scored"))
}

/// Heads that never end: they are closed in time, and good clients do not notice.
pub(super) async fn slow_heads(scene: &Scene<'_>) -> Result<Verdict, Failure> {
    let head = head(&scene.options.address, "/v1/rerank", &format!("x-padding: {}\r\n", "x".repeat(10_000)));
    trickle(scene, "", &head).await
}

/// Bodies that never end.
pub(super) async fn slow_bodies(scene: &Scene<'_>) -> Result<Verdict, Failure> {
    let head = head(&scene.options.address, "/v1/rerank", "content-length: 100000\r\n");
    trickle(scene, &head, &"x".repeat(100_000)).await
}

/// 300 clients that send `begin` and then a byte of `rest` each 200 ms.
async fn trickle(scene: &Scene<'_>, begin: &str, rest: &str) -> Result<Verdict, Failure> {
    let limit = scene.options.read_timeout + GRACE;
    let start = Instant::now();
    let clients: Vec<_> = (0..300)
        .map(|_| {
            let (address, begin, rest) = (scene.options.address.clone(), begin.to_owned(), rest.to_owned());
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(&address).await?;
                stream.write_all(begin.as_bytes()).await?;
                let mut buffer = [0; 1024];
                for byte in rest.as_bytes() {
                    let pause = tokio::time::sleep(Duration::from_millis(200));
                    tokio::select! {
                        // Whatever the server says, it is the end.
                        _ = stream.read(&mut buffer) => break,
                        () = pause => {}
                    }
                    if start.elapsed() > limit || stream.write_all(&[*byte]).await.is_err() {
                        break;
                    }
                }
                Ok::<Duration, Failure>(start.elapsed())
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let meanwhile = scene.good_client().await;
    let mut longest = Duration::ZERO;
    for client in clients {
        longest = longest.max(client.await??);
    }
    let said = meanwhile.map_or_else(|| "not answered".to_owned(), |seconds| format!("{:.0} ms", seconds * 1e3));
    let came = format!("all closed after {:.1} s; a good client meanwhile: {said}", longest.as_secs_f64());
    Ok(Verdict::of(longest < limit && meanwhile.is_some(), came))
}

/// An answer that nobody takes off the socket must not be kept forever.
pub(super) async fn no_reader(scene: &Scene<'_>) -> Result<Verdict, Failure> {
    let mut request = scene.workload.request(400, 1);
    request["return_documents"] = true.into();
    let body = serde_json::to_vec(&request)?;
    let address = &scene.options.address;
    let socket = TcpSocket::new_v4()?;
    // A small window, so that the answer does not fit into the buffers of the system.
    socket.set_recv_buffer_size(2048)?;
    let mut stream = socket.connect(address.parse()?).await?;
    let head = head(address, "/v1/rerank", &format!("content-length: {}\r\n", body.len()));
    stream.write_all(&[head.as_bytes(), &body].concat()).await?;
    stream.readable().await?;
    tokio::time::sleep(scene.options.read_timeout + GRACE).await;
    let mut received = Vec::new();
    let ended = tokio::time::timeout(GRACE, stream.read_to_end(&mut received)).await;
    let announced = String::from_utf8_lossy(&received)
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned))
        .and_then(|length| length.parse::<usize>().ok());
    let was_cut = announced.is_none_or(|length| received.len() < length);
    let came = format!(
        "{} of {} bytes got through; {}",
        received.len(),
        announced.map_or_else(|| "?".to_owned(), |length| length.to_string()),
        if was_cut { "then it was cut off" } else { "the system's buffers took it all" }
    );
    Ok(Verdict::of(ended.is_ok(), came))
}

/// More connections than are taken at once: when the silent ones are closed, others get in.
pub(super) async fn silent(scene: &Scene<'_>) -> Result<Verdict, Failure> {
    let mut open = Vec::new();
    for _ in 0..2200 {
        match tokio::time::timeout(Duration::from_secs(2), TcpStream::connect(&scene.options.address)).await {
            Ok(Ok(stream)) => open.push(stream),
            _ => break,
        }
    }
    let start = Instant::now();
    let patience = scene.options.read_timeout + GRACE;
    let mut answered = None;
    while answered.is_none() && start.elapsed() < patience {
        answered = scene.good_client().await.map(|_| start.elapsed());
    }
    let came = match answered {
        Some(after) => {
            format!("{} were opened; a good client was answered after {:.1} s", open.len(), after.as_secs_f64())
        }
        None => format!("{} were opened; no good client was answered", open.len()),
    };
    Ok(Verdict::of(answered.is_some(), came))
}

/// A TLS greeting and other noise.
pub(super) async fn not_http(scene: &Scene<'_>) -> Result<Verdict, Failure> {
    let tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03random bytes of a greeting\r\n\r\n";
    let mut came = Vec::new();
    let mut holds = true;
    for noise in [&tls[..], b"GARBAGE\r\n\r\n", b"\0\0\0\0\r\n\r\n"] {
        let said = exchange(&scene.options.address, noise, scene.options.read_timeout + GRACE).await?;
        holds &= said.closed && said.status.is_none_or(|status| (400..500).contains(&status));
        came.push(said.in_words());
    }
    Ok(Verdict::of(holds, came.join(", ")))
}

/// A head that is larger than any honest one.
pub(super) async fn huge_head(scene: &Scene<'_>) -> Result<Verdict, Failure> {
    let address = &scene.options.address;
    let head = head(address, "/v1/rerank", &format!("x-padding: {}\r\n", "x".repeat(1 << 20)));
    let said = exchange(address, head.as_bytes(), scene.options.read_timeout + GRACE).await?;
    let holds = said.closed && said.status.is_none_or(|status| (400..500).contains(&status));
    Ok(Verdict::of(holds, said.in_words()))
}
