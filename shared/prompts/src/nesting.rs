//! Limits the nesting of a prompt template before it is parsed.
//!
//! The parser, the compiler and the destructor of the syntax tree recurse once per operator of an expression and once
//! per branch of a block. Only some of these recursions have a limit of their own. This check reads tokens in a loop.

use minijinja::machinery::{Span, Token, tokenize};
use minijinja::syntax::SyntaxConfig;

use crate::TemplateError;

/// Maximum operators and brackets that can enclose one value of an expression.
pub(crate) const EXPRESSION: usize = 250;
/// Maximum blocks that can enclose one line, with one for each `elif` before it.
pub(crate) const BLOCKS: usize = 150;

/// Fails if an expression or the blocks nest too deeply. Ignores what the lexer cannot read: the parser reports it.
pub(crate) fn check(source: &str) -> Result<(), TemplateError> {
    let (mut expression, mut blocks) = (Expression::default(), Blocks::default());
    let mut starts_block = false;
    for (token, span) in tokenize(source, false, SyntaxConfig::default()).map_while(Result::ok) {
        match token {
            Token::VariableStart | Token::BlockStart => expression = Expression::default(),
            _ => {}
        }
        if starts_block && let Token::Ident(name) = token {
            blocks.read(name);
            if blocks.depth() > BLOCKS {
                return Err(TemplateError::BlocksTooDeep { line: line(source, span) });
            }
        }
        starts_block = matches!(token, Token::BlockStart);
        expression.read(&token);
        if expression.depth() > EXPRESSION {
            return Err(TemplateError::ExpressionTooDeep { line: line(source, span) });
        }
    }
    Ok(())
}

/// Returns the line of `span`, the first line being 1. Counted, because the lexer's own count stops at 65,535.
pub(crate) fn line(source: &str, span: Span) -> usize {
    let before = source.as_bytes().get(..span.start_offset as usize).unwrap_or_default();
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

/// The operators of the current item of each open bracket. Their sum bounds the depth of the syntax tree.
#[derive(Default)]
struct Expression {
    outer: usize,
    open: Vec<usize>,
    current: usize,
}

impl Expression {
    fn depth(&self) -> usize {
        self.outer + self.current
    }

    fn read(&mut self, token: &Token<'_>) {
        match token {
            Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => {
                // Counts also as an operator: a call or a subscript nests what is before it.
                self.outer += self.current + 1;
                self.open.push(self.current + 1);
                self.current = 0;
            }
            Token::ParenClose | Token::BracketClose | Token::BraceClose => {
                if let Some(before) = self.open.pop() {
                    self.outer -= before;
                    self.current = before;
                }
            }
            // The items of a list are beside each other.
            Token::Comma => self.current = 0,
            Token::Ident(name) if !matches!(*name, "and" | "else" | "if" | "in" | "is" | "not" | "or") => {}
            Token::TemplateData(_)
            | Token::VariableStart
            | Token::VariableEnd
            | Token::BlockStart
            | Token::BlockEnd
            | Token::Str(_)
            | Token::String(_)
            | Token::Int(_)
            | Token::Int128(_)
            | Token::Float(_)
            | Token::Colon
            | Token::Assign => {}
            _ => self.current += 1,
        }
    }
}

/// The branches of each open block.
#[derive(Default)]
struct Blocks {
    open: Vec<usize>,
    total: usize,
}

impl Blocks {
    fn depth(&self) -> usize {
        self.total
    }

    fn read(&mut self, name: &str) {
        match name {
            "autoescape" | "call" | "filter" | "for" | "if" | "macro" | "with" => {
                self.open.push(1);
                self.total += 1;
            }
            "elif" => {
                if let Some(branches) = self.open.last_mut() {
                    *branches += 1;
                    self.total += 1;
                }
            }
            // A block without an end tag nests deeper here than in the parser. `set` blocks have a limit in the parser.
            "endautoescape" | "endcall" | "endfilter" | "endfor" | "endif" | "endmacro" | "endwith" => {
                self.total -= self.open.pop().unwrap_or_default();
            }
            _ => {}
        }
    }
}
