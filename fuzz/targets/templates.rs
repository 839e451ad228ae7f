//! Any text as a prompt template: it is rejected, or renders within the limits.
//!
//! The functions render in a child process, because the engine itself can panic on an overflow and compute or allocate
//! without end. Here the engine runs in this process, so its panics are ignored, and the length of the inputs keeps
//! the rest within libFuzzer's limits. Panics elsewhere and stack overflows are findings.

#![no_main]

use std::panic::{catch_unwind, set_hook, take_hook};
use std::sync::Once;

use bulkhead_prompts::{Template, Variables};
use libfuzzer_sys::fuzz_target;

static HOOK: Once = Once::new();

/// Lets panics of the engine unwind. All other panics end the process, as libFuzzer expects.
fn ignore_panics_of_the_engine() {
    HOOK.call_once(|| {
        let abort = take_hook();
        set_hook(Box::new(move |panic| {
            if !panic.location().is_some_and(|location| location.file().contains("/minijinja")) {
                abort(panic);
            }
        }));
    });
}

fuzz_target!(|texts: (&str, &str)| {
    ignore_panics_of_the_engine();
    let (source, value) = texts;
    // Repeated, so that a short input reaches the limits for nesting.
    for source in [source.to_owned(), source.repeat(Template::MAX_BYTES / source.len().max(1))] {
        let variables: Variables = [("reader".to_owned(), value.into())].into_iter().collect();
        let rendered = catch_unwind(|| Template::parse(&source)?.render(&variables));
        if let Ok(Ok(text)) = rendered {
            assert!(text.len() <= Template::MAX_RENDERED_BYTES);
        }
    }
});
