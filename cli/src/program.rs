//! Names the file that a command needs and the sandbox does not open.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::sandbox::SandboxError;

/// Longest chain of scripts and interpreters that is followed.
const INTERPRETERS: usize = 8;
/// Longest first line of a script that the kernel reads.
const FIRST_LINE: u64 = 256;

/// A command did not start, because the sandbox does not open one of its files.
#[derive(Debug, thiserror::Error)]
#[error("`{program}` needs `{file}`, which the sandbox does not open; add `--read {folder}`")]
pub(crate) struct Closed {
    program: String,
    file: String,
    folder: String,
    source: SandboxError,
}

/// Returns `error` with the missing file, if one of the program's files is closed. Call it
/// inside the sandbox.
pub(crate) fn explain(program: &OsStr, error: SandboxError) -> Box<dyn std::error::Error> {
    match closed_file(program) {
        Some(file) => Box::new(Closed {
            program: program.to_string_lossy().into_owned(),
            folder: folder_of(&file).display().to_string(),
            file: file.display().to_string(),
            source: error,
        }),
        None => error.into(),
    }
}

/// Follows the program, its links and its interpreters to the first file that cannot be read.
fn closed_file(program: &OsStr) -> Option<PathBuf> {
    let mut next = program.to_owned();
    for _ in 0..INTERPRETERS {
        let file = in_path(&next)?.canonicalize().ok()?;
        match File::open(&file) {
            Ok(opened) => next = interpreter(opened)?,
            Err(error) => return (error.kind() == ErrorKind::PermissionDenied).then_some(file),
        }
    }
    None
}

/// Returns the path of a program, as a shell finds it.
fn in_path(program: &OsStr) -> Option<PathBuf> {
    if program.as_bytes().contains(&b'/') {
        return Some(program.into());
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.exists())
}

/// Returns the interpreter of a script.
fn interpreter(script: File) -> Option<OsString> {
    let mut line = Vec::new();
    BufReader::new(script.take(FIRST_LINE)).read_until(b'\n', &mut line).ok()?;
    let mut words = line.strip_prefix(b"#!")?.split(u8::is_ascii_whitespace);
    words.find(|word| !word.is_empty()).map(|word| OsStr::from_bytes(word).to_owned())
}

/// Returns the installation of a file, such as `/opt/python` for `/opt/python/bin/python3`;
/// otherwise its folder.
fn folder_of(file: &Path) -> PathBuf {
    let folder = file.parent().unwrap_or(file);
    match folder.parent() {
        Some(root) if folder.ends_with("bin") && root.join("lib").is_dir() => root.to_owned(),
        _ => folder.to_owned(),
    }
}
