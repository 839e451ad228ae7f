//! A bucket with one object, behind HTTP on this machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use extraction::Sources;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The name of the bucket.
pub const BUCKET: &str = "documents";

/// A server that gives the same answer to every request.
pub struct Bucket {
    endpoint: String,
    requests: Arc<AtomicUsize>,
}

impl Bucket {
    /// Serves `content`.
    pub async fn serving(content: Vec<u8>) -> Self {
        let mut answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", content.len()).into_bytes();
        answer.extend(content);
        Self::answering(answer).await
    }

    /// Sends `answer` to every request and closes the connection.
    pub async fn answering(answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::new(AtomicUsize::new(0));
        let (answer, count) = (Arc::new(answer), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(answer_one(stream, Arc::clone(&answer)));
            }
        });
        Self { endpoint, requests }
    }

    /// Returns the URL of the object.
    pub fn url(&self) -> String {
        format!("{}/{BUCKET}/t/one/source?X-Amz-Signature=0", self.endpoint)
    }

    /// Returns the server without a path.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns what `extraction` may read.
    pub fn sources(&self) -> Sources {
        Sources::new(BUCKET, "us-east-1", Some(&self.endpoint))
    }

    /// Returns how many requests arrived.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn answer_one(mut stream: TcpStream, answer: Arc<Vec<u8>>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_buf(&mut request).await {
            Ok(count) if count > 0 => {}
            _ => return,
        }
    }
    // Fails if the client leaves early.
    let _ = stream.write_all(&answer).await;
}
