//! Finds filters, tests, functions and methods that do not exist, when a prompt template is saved.

use std::collections::HashSet;

use minijinja::Environment;
use minijinja::machinery::Span;
use minijinja::machinery::ast::{Call, CallArg, CallType, Expr, Filter, Macro, Spanned, Stmt};

use crate::{NameKind, TemplateError, nesting};

/// Names for suggestions. What exists is decided by the engine, except for methods, which it cannot list.
const FILTERS: &[&str] = &[
    "abs",
    "attr",
    "batch",
    "bool",
    "capitalize",
    "chain",
    "count",
    "d",
    "default",
    "dictsort",
    "e",
    "escape",
    "filesizeformat",
    "first",
    "float",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "pluralize",
    "pprint",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "striptags",
    "sum",
    "title",
    "tojson",
    "trim",
    "truncate",
    "unique",
    "upper",
    "urlencode",
    "wordcount",
    "wordwrap",
    "zip",
];
const TESTS: &[&str] = &[
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "escaped",
    "even",
    "false",
    "filter",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "int",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "safe",
    "sameas",
    "sequence",
    "startingwith",
    "string",
    "test",
    "true",
    "undefined",
    "upper",
];
const FUNCTIONS: &[&str] = &["cycler", "debug", "dict", "joiner", "namespace", "range"];
/// Methods of strings, dicts and lists, then those of `loop` and of `cycler`.
const METHODS: &[&str] = &[
    "capitalize",
    "count",
    "endswith",
    "find",
    "format",
    "get",
    "isalnum",
    "isalpha",
    "isascii",
    "isdigit",
    "islower",
    "isnumeric",
    "isspace",
    "isupper",
    "items",
    "join",
    "keys",
    "lower",
    "lstrip",
    "replace",
    "rfind",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "title",
    "upper",
    "values",
    "changed",
    "cycle",
    "next",
    "reset",
];
const STATEMENTS: &[&str] = &[
    "autoescape",
    "break",
    "call",
    "continue",
    "do",
    "elif",
    "else",
    "endautoescape",
    "endcall",
    "endfilter",
    "endfor",
    "endif",
    "endmacro",
    "endraw",
    "endset",
    "endwith",
    "filter",
    "for",
    "if",
    "macro",
    "raw",
    "set",
    "with",
];

/// Fails at the first use of a filter, test, function or method that cannot exist when the template is rendered.
///
/// A value is never a function, so only names that the template itself defines can be called.
pub(crate) fn check(
    environment: &Environment<'_>,
    source: &str,
    tree: &Stmt<'_>,
) -> Result<(), TemplateError> {
    let mut names = Names::default();
    names.statement(tree);
    let exists = |name: &str, test: &'static str| {
        let expression = environment.compile_expression(test);
        expression.and_then(|it| it.eval(minijinja::context!(name))).is_ok_and(|found| found.is_true())
    };
    let globals: HashSet<_> = environment.globals().map(|(name, _)| name.to_owned()).collect();
    for (kind, name, span) in &names.used {
        let name = name.as_str();
        let (known, candidates) = match kind {
            NameKind::Filter => (exists(name, "name is filter"), FILTERS),
            NameKind::Test => (exists(name, "name is test"), TESTS),
            NameKind::Function => (globals.contains(name) || names.defined.contains(name), FUNCTIONS),
            NameKind::Method => (METHODS.contains(&name) || names.defined.contains(name), METHODS),
        };
        if !known {
            return Err(TemplateError::Unknown {
                line: nesting::line(source, *span),
                kind: *kind,
                name: name.to_owned(),
                suggestion: nearest(name, candidates),
            });
        }
    }
    Ok(())
}

/// Returns the statement that `name` may be a misspelling of.
pub(crate) fn nearest_statement(name: &str) -> Option<String> {
    nearest(name, STATEMENTS)
}

/// Returns the candidate that differs from `name` in the fewest letters, at most one third of them.
fn nearest(name: &str, candidates: &[&str]) -> Option<String> {
    let most = name.chars().count().div_ceil(3);
    candidates
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), *candidate))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

/// The names that a template calls, and the names that it defines anywhere.
#[derive(Default)]
struct Names {
    used: Vec<(NameKind, String, Span)>,
    defined: HashSet<String>,
}

impl Names {
    fn uses(&mut self, kind: NameKind, name: &str, span: Span) {
        self.used.push((kind, name.to_owned(), span));
    }

    fn defines(&mut self, name: &str) {
        self.defined.insert(name.to_owned());
    }

    fn statement(&mut self, statement: &Stmt<'_>) {
        match statement {
            Stmt::Template(it) => self.body(&it.children),
            Stmt::EmitExpr(it) => self.expression(&it.expr),
            Stmt::ForLoop(it) => {
                self.defines("loop");
                self.target(&it.target);
                self.expression(&it.iter);
                self.optional(it.filter_expr.as_ref());
                self.body(&it.body);
                self.body(&it.else_body);
            }
            Stmt::IfCond(it) => {
                self.expression(&it.expr);
                self.body(&it.true_body);
                self.body(&it.false_body);
            }
            Stmt::WithBlock(it) => {
                for (target, value) in &it.assignments {
                    self.target(target);
                    self.expression(value);
                }
                self.body(&it.body);
            }
            Stmt::Set(it) => {
                self.target(&it.target);
                self.expression(&it.expr);
            }
            Stmt::SetBlock(it) => {
                self.target(&it.target);
                self.optional(it.filter.as_ref());
                self.body(&it.body);
            }
            Stmt::AutoEscape(it) => {
                self.expression(&it.enabled);
                self.body(&it.body);
            }
            Stmt::FilterBlock(it) => {
                self.expression(&it.filter);
                self.body(&it.body);
            }
            Stmt::Macro(it) => self.definition(it),
            Stmt::CallBlock(it) => {
                self.defines("caller");
                self.call(&it.call);
                self.definition(&it.macro_decl);
            }
            Stmt::Do(it) => self.call(&it.call),
            _ => {}
        }
    }

    fn body(&mut self, statements: &[Stmt<'_>]) {
        for statement in statements {
            self.statement(statement);
        }
    }

    fn definition(&mut self, it: &Macro<'_>) {
        self.defines(it.name);
        self.defines("caller");
        for argument in &it.args {
            self.target(argument);
        }
        for default in &it.defaults {
            self.expression(default);
        }
        self.body(&it.body);
    }

    /// Records what an assignment defines.
    fn target(&mut self, target: &Expr<'_>) {
        match target {
            Expr::Var(it) => self.defines(it.id),
            Expr::GetAttr(it) => self.defines(it.name),
            Expr::List(it) => it.items.iter().for_each(|item| self.target(item)),
            Expr::Tuple(it) => it.items.iter().for_each(|item| self.target(item)),
            _ => {}
        }
    }

    fn optional(&mut self, expression: Option<&Expr<'_>>) {
        if let Some(expression) = expression {
            self.expression(expression);
        }
    }

    fn expression(&mut self, expression: &Expr<'_>) {
        match expression {
            Expr::Var(_) | Expr::Const(_) => {}
            Expr::Slice(it) => {
                self.expression(&it.expr);
                self.optional(it.start.as_ref());
                self.optional(it.stop.as_ref());
                self.optional(it.step.as_ref());
            }
            Expr::UnaryOp(it) => self.expression(&it.expr),
            Expr::BinOp(it) => {
                self.expression(&it.left);
                self.expression(&it.right);
            }
            Expr::Compare(it) => {
                self.expression(&it.expr);
                it.ops.iter().for_each(|op| self.expression(&op.expr));
            }
            Expr::IfExpr(it) => {
                self.expression(&it.test_expr);
                self.expression(&it.true_expr);
                self.optional(it.false_expr.as_ref());
            }
            Expr::Filter(it) => {
                self.optional(it.expr.as_ref());
                self.uses(NameKind::Filter, it.name, it.span());
                self.named_by_text(it);
                self.arguments(&it.args);
            }
            Expr::Test(it) => {
                self.expression(&it.expr);
                self.uses(NameKind::Test, it.name, it.span());
                self.arguments(&it.args);
            }
            Expr::GetAttr(it) => self.expression(&it.expr),
            Expr::GetItem(it) => {
                self.expression(&it.expr);
                self.expression(&it.subscript_expr);
            }
            Expr::Call(it) => self.call(it),
            Expr::List(it) => it.items.iter().for_each(|item| self.expression(item)),
            Expr::Tuple(it) => it.items.iter().for_each(|item| self.expression(item)),
            Expr::Map(it) => {
                for key in it.keys.iter().filter_map(text) {
                    // The value may be a macro.
                    self.defines(&key);
                }
                it.keys.iter().chain(&it.values).for_each(|item| self.expression(item));
            }
        }
    }

    /// Records the filter or test that `map`, `select` and similar filters take as text.
    fn named_by_text(&mut self, filter: &Filter<'_>) {
        let (kind, position) = match filter.name {
            "map" => (NameKind::Filter, 0),
            "select" | "reject" => (NameKind::Test, 0),
            "selectattr" | "rejectattr" => (NameKind::Test, 1),
            _ => return,
        };
        if let Some(CallArg::Pos(argument)) = filter.args.get(position)
            && let Some(name) = text(argument)
        {
            self.uses(kind, &name, argument.span());
        }
    }

    fn call(&mut self, call: &Spanned<Call<'_>>) {
        match call.identify_call() {
            CallType::Function(name) => self.uses(NameKind::Function, name, call.span()),
            CallType::Method(on, name) => {
                self.expression(on);
                self.uses(NameKind::Method, name, call.span());
            }
            _ => self.expression(&call.expr),
        }
        self.arguments(&call.args);
    }

    fn arguments(&mut self, arguments: &[CallArg<'_>]) {
        for argument in arguments {
            match argument {
                CallArg::Pos(value) | CallArg::PosSplat(value) | CallArg::KwargSplat(value) => {
                    self.expression(value);
                }
                CallArg::Kwarg(name, value) => {
                    // `namespace(f=…)` and `dict(f=…)` define an attribute that may be called.
                    self.defines(name);
                    self.expression(value);
                }
            }
        }
    }
}

/// Returns the text of a literal.
fn text(expression: &Expr<'_>) -> Option<String> {
    match expression {
        Expr::Const(it) => it.value.as_str().map(str::to_owned),
        _ => None,
    }
}
