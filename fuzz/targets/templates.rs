//! Whatever text claims to be a template: it is refused, or it renders within its limits.

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
