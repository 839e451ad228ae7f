//! Any text as a prompt template: it is rejected, or renders within the limits.

#![no_main]

use bulkhead_prompts::{Template, Variables};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|texts: (&str, &str)| {
    let (source, value) = texts;
    let Ok(template) = Template::parse(source) else { return };
    let variables: Variables = [("reader".to_owned(), value.into())].into_iter().collect();
    if let Ok(text) = template.render(&variables) {
        assert!(text.len() <= Template::MAX_RENDERED_BYTES);
    }
});
