//! E-mail messages: who wrote to whom, when, and the text.

use mail_parser::{Address, HeaderName, Message, MessageParser, MimeHeaders, PartType};

use super::{html, text};
use crate::content::{Content, Kind, Warning};
use crate::{DocumentError, Format, Options};

/// Messages within messages that are read.
const MAX_INNER: u8 = 3;

/// Returns the content of a message. Attachments are only named.
pub(crate) fn content(bytes: &[u8]) -> Result<Content, DocumentError> {
    let message = MessageParser::default().parse(bytes).ok_or(DocumentError::Broken(Format::Mail))?;
    // Any text with a colon parses as a message with headers that no standard knows.
    if message.headers().iter().all(|header| matches!(header.name, HeaderName::Other(_))) {
        return Err(DocumentError::Broken(Format::Mail));
    }
    let mut content = Content { title: message.subject().map(str::to_owned), ..Content::default() };
    write(&message, 0, &mut content)?;
    Ok(content)
}

fn write(message: &Message<'_>, depth: u8, content: &mut Content) -> Result<(), DocumentError> {
    let mut head = vec![];
    for (name, address) in [("From", message.from()), ("To", message.to()), ("Cc", message.cc())] {
        head.extend(
            address.map(addresses).filter(|list| !list.is_empty()).map(|list| format!("{name}: {list}")),
        );
    }
    head.extend(message.date().map(|date| format!("Date: {}", date.to_rfc822())));
    head.extend(message.subject().map(|subject| format!("Subject: {}", subject.trim())));
    content.push(Kind::Paragraph, head.join("\n"));
    for part in message.text_bodies() {
        match &part.body {
            PartType::Text(body) => content.push(Kind::Paragraph, text::clean(body.to_string()).trim()),
            PartType::Html(body) => {
                let page = html::page(body, Options { keep_boilerplate: true })?;
                content.blocks.extend(page.blocks);
                content.warnings.extend(page.warnings);
            }
            _ => {}
        }
    }
    let mut names = vec![];
    for part in message.attachments() {
        match &part.body {
            PartType::Message(inner) if depth < MAX_INNER => {
                let subject = inner.subject().unwrap_or("message").to_owned();
                content.push(Kind::Heading(depth + 1), subject);
                write(inner, depth + 1, content)?;
            }
            _ => names.push(part.attachment_name().unwrap_or("without a name").to_owned()),
        }
    }
    if !names.is_empty() {
        let names = names.join(", ");
        content.push(Kind::Paragraph, format!("Attachments: {names}"));
        content.warnings.push(Warning::LeftOut(format!("attachments ({names})")));
    }
    Ok(())
}

/// Returns names and addresses in one line.
fn addresses(list: &Address<'_>) -> String {
    let one = |address: &mail_parser::Addr<'_>| match (address.name(), address.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (name, address) => name.or(address).unwrap_or_default().to_owned(),
    };
    list.iter().map(one).filter(|one| !one.is_empty()).collect::<Vec<_>>().join(", ")
}
