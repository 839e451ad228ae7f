//! Prints the passages of a file, separated by lines of dashes.
//!
//! ```text
//! cargo run -p bulkhead-documents --features parsers --example passages -- application/pdf manual.pdf
//! ```

use std::io::Write;
use std::process::ExitCode;

use bulkhead_documents::{Options, extract};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(content_type), Some(file), None) = (arguments.next(), arguments.next(), arguments.next())
    else {
        eprintln!("usage: passages <content type> <file>");
        return ExitCode::from(2);
    };
    match print(&content_type, &file) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{file}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print(content_type: &str, file: &str) -> Result<(), Box<dyn std::error::Error>> {
    let extracted = extract(&std::fs::read(file)?, content_type, Options::default())?;
    for warning in &extracted.warnings {
        eprintln!("{file}: {warning}");
    }
    let mut output = std::io::stdout().lock();
    for (number, passage) in extracted.passages.iter().enumerate() {
        let separator = if number == 0 { "" } else { "--------\n" };
        writeln!(output, "{separator}{}", passage.text)?;
    }
    Ok(())
}
