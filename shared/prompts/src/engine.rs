//! The template engine with the filters, functions and methods that prompt templates may use.

use minijinja::value::{Kwargs, Rest, ValueOrKwargs, from_args};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior, Value};
use minijinja_contrib::{filters, globals, pycompat};

/// Maximum steps per render. The engine charges most allocations as well.
const FUEL: u64 = 50_000;
/// Maximum recursion depth.
const RECURSION: usize = 32;
/// Maximum width of an indentation, in characters.
const WIDTH: usize = 100;
/// Maximum distance of the numbers of a range from zero. Prevents overflows.
const FARTHEST: i64 = 1 << 53;

/// Returns a new environment. One per use, so a template never sees another's definitions.
pub(crate) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(RECURSION);
    environment.set_unknown_method_callback(pycompat::unknown_method_callback);
    environment.add_filter("filesizeformat", filters::filesizeformat);
    environment.add_filter("pluralize", filters::pluralize);
    environment.add_filter("striptags", filters::striptags);
    environment.add_filter("tojson", to_json);
    environment.add_filter("truncate", truncate);
    environment.add_filter("wordcount", filters::wordcount);
    environment.add_filter("wordwrap", word_wrap);
    environment.add_function("cycler", globals::cycler);
    environment.add_function("joiner", globals::joiner);
    environment.add_function("range", range);
    environment
}

/// The engine's filter, with a limit: the engine charges the indentation only after it has allocated it.
fn to_json(
    state: &State<'_, '_>,
    value: &Value,
    indent: Option<Value>,
    named: Kwargs,
) -> Result<Value, Error> {
    let indent = match indent {
        Some(indent) => Some(indent),
        None => named.get("indent")?,
    };
    named.assert_all_used()?;
    if indent.as_ref().and_then(Value::as_i64).is_some_and(|width| width > WIDTH as i64) {
        return Err(invalid(format!("`indent` must be at most {WIDTH}")));
    }
    let text = minijinja::filters::tojson(value, indent, Kwargs::from_iter::<[(String, Value); 0]>([]))?;
    state.consume_fuel(text.as_str().map_or(0, str::len) as u64 / 64)?;
    Ok(text)
}

/// The engine's function, without the numbers whose difference overflows.
fn range(lower: i64, upper: Option<i64>, step: Option<i64>) -> Result<Value, Error> {
    for number in [Some(lower), upper, step].into_iter().flatten() {
        if number.unsigned_abs() > FARTHEST.unsigned_abs() {
            return Err(invalid(format!("a number of a range must be between -{FARTHEST} and {FARTHEST}")));
        }
    }
    let size = |number: i64| isize::try_from(number).map_err(|error| invalid(error.to_string()));
    minijinja::functions::range(size(lower)?, upper.map(size).transpose()?, step.map(size).transpose()?)
}

/// `truncate` with Jinja2's positional arguments.
fn truncate(
    state: &mut State<'_, '_>,
    value: &Value,
    arguments: Rest<ValueOrKwargs>,
) -> Result<Value, Error> {
    filters::truncate(state, value, named(arguments, &["length", "killwords", "end", "leeway"])?)
}

/// `wordwrap` with Jinja2's positional arguments.
fn word_wrap(value: &Value, arguments: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    filters::wordwrap(
        value,
        named(arguments, &["width", "break_long_words", "wrapstring", "break_on_hyphens"])?,
    )
}

/// Names positional arguments in the order of Jinja2, because the crate's filters only take named ones.
fn named(arguments: Rest<ValueOrKwargs>, names: &[&str]) -> Result<Kwargs, Error> {
    let arguments = arguments.into_values();
    let (positional, given): (&[Value], Kwargs) = from_args(&arguments)?;
    if positional.len() > names.len() {
        return Err(Error::from(ErrorKind::TooManyArguments));
    }
    let given = given.args().map(|name| Ok((name.to_owned(), given.get::<Value>(name)?)));
    let positional =
        names.iter().zip(positional).map(|(name, value)| Ok(((*name).to_owned(), value.clone())));
    positional.chain(given).collect::<Result<Vec<_>, Error>>().map(Kwargs::from_iter)
}

fn invalid(problem: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, problem)
}
