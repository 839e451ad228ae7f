//! The deployed program parses valid and hostile documents, each in a child process.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod bucket;
#[path = "../../../shared/documents/tests/samples/mod.rs"]
mod samples;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bucket::Bucket;
use bulkhead_confinement::ConfinementError;
use bulkhead_documents::{MAX_BYTES, Options, READERS, extract};
use extraction::{DEADLINE, DownloadError, Extraction, ExtractionAnswer, ExtractionError, ExtractionRequest};

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const PDF: &str = "application/pdf";

async fn ask(
    program: PathBuf,
    deadline: Duration,
    content_type: &str,
    content: Vec<u8>,
) -> Result<ExtractionAnswer, ExtractionError> {
    let bucket = Bucket::serving(content).await;
    Extraction::new(program, bucket.sources(), deadline)
        .expect("certificates")
        .handle(request(content_type, bucket.url(), 0))
        .await
}

fn request(content_type: &str, url: String, first: u32) -> ExtractionRequest {
    let options = Options::default();
    ExtractionRequest { content_type: content_type.to_owned(), options, url, first, within_ms: 60_000 }
}

/// Returns the function with the real program, reading from `bucket`.
fn program(bucket: &Bucket) -> Extraction {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_extraction"));
    Extraction::new(program, bucket.sources(), DEADLINE).expect("certificates")
}

async fn read(content_type: &str, content: Vec<u8>) -> ExtractionAnswer {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_extraction"));
    ask(program, DEADLINE, content_type, content).await.expect("an answer")
}

/// Runs a shell script instead of the program.
async fn script(text: &str, content: Vec<u8>) -> Result<ExtractionAnswer, ExtractionError> {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("program");
    fs::write(&program, format!("#!/bin/sh\n{text}\n")).expect("a file");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a program");
    loop {
        match ask(program.clone(), Duration::from_secs(2), "text/plain", content.clone()).await {
            // A child process that another test forked while this file was open for writing
            // keeps it open until its own `exec`.
            Err(ExtractionError::Confinement(ConfinementError::Process(error)))
                if error.kind() == io::ErrorKind::ExecutableFileBusy =>
            {
                tokio::task::yield_now().await;
            }
            other => break other,
        }
    }
}

fn reason(answer: ExtractionAnswer) -> String {
    match answer {
        ExtractionAnswer::Unreadable(reason) => reason,
        other => panic!("{other:?}"),
    }
}

fn passages(answer: ExtractionAnswer) -> Vec<String> {
    match answer {
        ExtractionAnswer::Page { page, .. } => {
            page.passages.into_iter().map(|passage| passage.text).collect()
        }
        ExtractionAnswer::Unreadable(reason) => panic!("{reason}"),
        ExtractionAnswer::Unavailable => panic!("the bytes could not be fetched"),
    }
}

#[tokio::test]
async fn reads_every_format() {
    let line = || vec!["Open from nine to five.".to_owned()];
    for (content_type, content) in [
        ("text/plain", b"Open from nine to five.".to_vec()),
        ("text/markdown; charset=utf-8", b"Open from nine to five.".to_vec()),
        ("text/html", b"<p>Open from <b>nine</b> to five.".to_vec()),
        (PDF, samples::pdf(&[line()])),
        (DOCX, samples::docx(&line())),
    ] {
        assert_eq!(passages(read(content_type, content).await), line(), "{content_type}");
    }
}

#[tokio::test]
async fn invalid_document_is_an_answer() {
    assert_eq!(reason(read(PDF, b"hello".to_vec()).await), "the document is not a PDF");
    assert!(reason(read("image/png", vec![]).await).starts_with("the content type is not one of"));
    assert!(reason(read("text/plain", vec![b'a'; MAX_BYTES + 1]).await).contains("larger"));
}

/// Input and output are larger than the pipe buffers.
#[tokio::test]
async fn large_documents_do_not_block_the_pipes() {
    let text = "one two three four five six seven eight nine ten\n\n".repeat(20_000);
    let read = passages(read("text/plain", text.clone().into_bytes()).await);
    assert_eq!(read.join("\n\n").len(), text.trim_end().len());
    let content = vec![b'a'; 4_000_000];
    let closes_input = "exec 0<&-; echo '{\"unreadable\":\"no\"}'";
    assert_eq!(reason(script(closes_input, content.clone()).await.expect("an answer")), "no");
    let begin =
        r#"{"page":{"title":null,"total":1,"warnings":[],"passages":[{"headings":[],"page":null,"text":""#;
    let echo = &format!(r#"printf '%s' '{begin}'; cat; printf '"}}]}}}}'"#);
    assert_eq!(passages(script(echo, content).await.expect("an answer")).concat().len(), 4_000_000);
}

#[tokio::test]
async fn pages_together_are_the_whole_document() {
    let text: String = (0..250_000).map(|n| format!("Sentence number {n} tells of the pier.\n")).collect();
    let expected = extract(text.as_bytes(), "text/plain", Options::default()).expect("text").passages;
    let hash = bulkhead_documents::ContentHash::default();
    let bucket = Bucket::serving(text.clone().into_bytes()).await;
    let function = program(&bucket);
    let (mut found, mut pages) = (vec![], 0);
    while found.len() < expected.len() {
        let first = u32::try_from(found.len()).expect("a number");
        let answer = function.handle(request("text/plain", bucket.url(), first)).await.expect("an answer");
        let ExtractionAnswer::Page { sha256, readers, page } = answer else { panic!("{answer:?}") };
        let mut hash = hash.clone();
        hash.update(text.as_bytes());
        assert_eq!((sha256, readers), (hash.finish(), READERS));
        assert_eq!(page.total as usize, expected.len());
        assert!(!page.passages.is_empty());
        // One response of Lambda.
        assert!(serde_json::to_vec(&page).expect("JSON").len() < 6_000_000);
        found.extend(page.passages);
        pages += 1;
    }
    assert_eq!((found == expected, bucket.requests()), (true, pages));
    assert!(pages > 1, "{pages}");
    let after = request("text/plain", bucket.url(), u32::try_from(expected.len()).expect("a number"));
    assert_eq!(passages(function.handle(after).await.expect("an answer")), [""; 0]);
}

#[tokio::test]
async fn reads_only_from_the_bucket_of_its_tier() {
    let (bucket, other) = (Bucket::serving(b"mine".to_vec()).await, Bucket::serving(b"other".to_vec()).await);
    let function = program(&bucket);
    let read = async |url: &str| function.handle(request("text/plain", url.to_owned(), 0)).await;
    assert_eq!(passages(read(&bucket.url()).await.expect("an answer")), ["mine"]);
    let endpoint = bucket.endpoint();
    for url in [
        other.url(),
        format!("{endpoint}/others/t/one/source"),
        format!("{endpoint}/documents-others/t/one/source"),
        format!("{endpoint}@{}/documents/x", other.endpoint().trim_start_matches("http://")),
        endpoint.to_owned(),
        "https://documents.s3.us-east-1.amazonaws.com/t/one/source".to_owned(),
        "file:///etc/passwd".to_owned(),
        String::new(),
    ] {
        let answer = read(&url).await;
        assert!(
            matches!(answer, Err(ExtractionError::Download(DownloadError::Elsewhere))),
            "{url}: {answer:?}"
        );
    }
    assert_eq!((bucket.requests(), other.requests()), (1, 0));
}

#[tokio::test]
async fn broken_download_is_no_document() {
    let ask = async |answer: String| {
        let bucket = Bucket::answering(answer.into_bytes()).await;
        let answer = program(&bucket).handle(request("text/plain", bucket.url(), 0)).await;
        (answer, bucket.requests())
    };
    let text = "Open from nine to five.";
    let (whole, _) = ask(format!("HTTP/1.1 200 OK\r\ncontent-length: 23\r\n\r\n{text}")).await;
    assert_eq!(passages(whole.expect("an answer")), [text]);
    let (part, _) = ask(format!("HTTP/1.1 200 OK\r\ncontent-length: 24\r\n\r\n{text}")).await;
    assert!(matches!(part, Ok(ExtractionAnswer::Unavailable)), "{part:?}");
    let elsewhere = Bucket::serving(b"other".to_vec()).await;
    let location = elsewhere.url();
    for status in ["403 Forbidden", "404 Not Found", "500 Internal Server Error", "307 Temporary Redirect"] {
        let refusal = format!("HTTP/1.1 {status}\r\nlocation: {location}\r\ncontent-length: 4\r\n\r\ntext");
        let (refused, requests) = ask(refusal).await;
        assert!(matches!(refused, Ok(ExtractionAnswer::Unavailable)), "{status}: {refused:?}");
        assert_eq!(requests, 1);
    }
    assert_eq!(elsewhere.requests(), 0);
    let missing = ask(String::new()).await.0;
    assert!(matches!(missing, Ok(ExtractionAnswer::Unavailable)), "{missing:?}");
}

#[tokio::test]
async fn kills_hanging_child() {
    let started = Instant::now();
    for hanging in ["exec sleep 60", "exec 1>&-; exec sleep 60", "while :; do :; done"] {
        let answer = script(hanging, vec![]).await.expect("an answer");
        assert_eq!(reason(answer), "reading the document takes too long", "{hanging}");
    }
    let answer = script("exec yes", vec![]).await.expect("an answer");
    assert!(reason(answer).contains("more text than can be read"));
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn exit_status_gives_reason() {
    let of = async |text| reason(script(text, vec![]).await.expect("an answer"));
    assert_eq!(of("kill -XCPU $$").await, "reading the document takes too long");
    let memory = "reading the document takes too much memory, or the document is broken";
    for exit in ["kill -ABRT $$", "kill -SEGV $$", "kill -KILL $$", "exit 101"] {
        assert_eq!(of(exit).await, memory, "{exit}");
    }
    let forbidden = "reading the document attempted a forbidden operation; the document is broken";
    assert_eq!(of("kill -SYS $$").await, forbidden);
    let confinement = async |text| match script(text, vec![]).await {
        Err(ExtractionError::Confinement(error)) => error,
        other => panic!("{other:?}"),
    };
    assert!(matches!(confinement("exit 70").await, ConfinementError::NotConfined));
    assert!(matches!(confinement("exit 74").await, ConfinementError::Process(_)));
    assert!(matches!(script("echo no", vec![]).await, Err(ExtractionError::NoAnswer(_))));
    assert!(matches!(script("echo '{\"tenant\":1}'", vec![]).await, Err(ExtractionError::NoAnswer(_))));
    let missing = ask("/nowhere".into(), DEADLINE, "text/plain", vec![]).await;
    assert!(matches!(missing, Err(ExtractionError::Confinement(ConfinementError::Process(_)))));
}

/// Two bytes of a run become 128, and the filter below it makes two bytes of almost nothing.
#[tokio::test]
async fn memory_limit_stops_child_not_function() {
    let runs = samples::zlib(&b"\x81 ".repeat(15_000_000));
    let page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R >>";
    let objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        page.into(),
        samples::stream("/Filter [/FlateDecode /RunLengthDecode]", &runs),
    ];
    let bomb = samples::pdf_of(&objects, "");
    let program = PathBuf::from(env!("CARGO_BIN_EXE_extraction"));
    // A busy machine may take long; the CPU time is limited separately.
    let answer = ask(program, Duration::from_secs(120), PDF, bomb).await.expect("an answer");
    let reason = reason(answer);
    assert_eq!(reason, "reading the document takes too much memory, or the document is broken");
    assert_eq!(passages(read("text/plain", b"and the next".to_vec()).await), ["and the next"]);
}

/// The child inherits no environment variables.
#[tokio::test]
async fn child_inherits_no_environment() {
    let answer =
        script("printf '{\"unreadable\":\"'; env -u PWD -u SHLVL -u _ | tr '\\n' ' '; printf '\"}'", vec![]);
    assert_eq!(reason(answer.await.expect("an answer")), "");
}
