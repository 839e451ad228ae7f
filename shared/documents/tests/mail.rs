//! E-mail messages.

mod kinds;

use bulkhead_documents::{DocumentError, Format, Options, extract};
use kinds::{assert_text, read, text};

const HEAD: &str = "From: =?utf-8?q?Ada_M=C3=BCller?= <ada@example.com>\r\nTo: Harbour <office@example.com>, bob@example.com\r\n\
    Cc: \"Carol\" <carol@example.com>\r\nDate: Wed, 1 May 2024 09:30:00 +0200\r\nSubject: =?iso-8859-1?q?Geb=FChren?= 2024\r\nMIME-Version: 1.0\r\n";

fn mail(rest: &str) -> String {
    text(format!("{HEAD}{rest}").as_bytes(), Format::Mail)
}

#[test]
fn plain_messages_name_people_and_date() {
    let found = mail(
        "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nThe f=E4hre leaves=\r\n at noon.\r\n",
    );
    let expected = [
        "From: Ada Müller <ada@example.com>",
        "To: Harbour <office@example.com>, bob@example.com",
        "Cc: Carol <carol@example.com>",
        "1 May 2024",
        "Subject: Gebühren 2024",
        "The fähre leaves at noon.",
    ];
    assert_text(&found, &expected, &["=?", "quoted"]);
    let base64 = mail(
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nRsOkaHJlIHVtIHp3w7ZsZg==\r\n",
    );
    assert_text(&base64, &["Fähre um zwölf"], &[]);
    let japanese =
        [HEAD.as_bytes(), b"Content-Type: text/plain; charset=shift_jis\r\n\r\n\x8d\x60\r\n"].concat();
    assert_text(&text(&japanese, Format::Mail), &["港"], &[]);
}

#[test]
fn text_wins_over_html_and_attachments_are_named() {
    let found = read(
        format!(
            "{HEAD}Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: multipart/alternative; boundary=i\r\n\r\n\
             --i\r\nContent-Type: text/plain\r\n\r\nThe plain text.\r\n--i\r\nContent-Type: text/html\r\n\r\n<p>The <b>HTML</b> text.</p>\r\n--i--\r\n\
             --o\r\nContent-Type: application/pdf; name=\"dues.pdf\"\r\nContent-Disposition: attachment; filename=\"dues.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\n--o--\r\n"
        )
        .as_bytes(),
        "message/rfc822",
    );
    assert_eq!(found.title.as_deref(), Some("Gebühren 2024"));
    assert_text(
        &found.passages[0].text,
        &["Gebühren 2024\nFrom:", "The plain text.", "Attachments: dues.pdf"],
        &["HTML", "JVBER"],
    );
    assert_eq!(found.warnings, ["not read: attachments (dues.pdf)"]);
}

#[test]
fn html_messages_are_read_as_pages() {
    let found = mail(
        "Content-Type: text/html; charset=utf-8\r\n\r\n<p>Dues:</p><table><tr><th>Port<th>EUR<tr><td>North<td>12</table><p style='display:none'>HACKED</p>",
    );
    assert_text(&found, &["Dues:\nPort | EUR\nNorth | 12"], &["HACKED", "<p>"]);
}

#[test]
fn messages_within_messages_are_read() {
    let found = mail(
        "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n\
         From: bob@example.com\r\nSubject: Old dues\r\nContent-Type: text/plain\r\n\r\nThey were 9 EUR.\r\n--o--\r\n",
    );
    assert_text(&found, &["See below.", "Old dues", "From: bob@example.com", "They were 9 EUR."], &[]);
}

#[test]
fn messages_without_sender_subject_and_date_are_read() {
    let found =
        text(b"To: office@example.com\r\nContent-Type: text/plain\r\n\r\nThe pier is closed.", Format::Mail);
    assert_text(&found, &["To: office@example.com", "The pier is closed."], &[]);
}

#[test]
fn other_bytes_are_no_message() {
    for bytes in [&b"no header here"[..], b"\r\n\r\n", b"X: y\r\n\r\nbody"] {
        assert_eq!(
            extract(bytes, "message/rfc822", Options::default()),
            Err(DocumentError::Broken(Format::Mail))
        );
    }
}
