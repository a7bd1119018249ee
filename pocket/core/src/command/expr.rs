//! `expr`: arithmetic, as `mod_expr` has it: `+ - * / ^`, `& | !`, assignments, and
//! functions; of several expressions, separated by `|` or `;`, the last counts.

use std::collections::HashMap;
use std::iter::Peekable;
use std::vec::IntoIter;

use bstr::ByteSlice;

use crate::log;
use crate::module::api::{Invocation, Reply};
use crate::place::here;

pub(super) fn expr(call: &Invocation<'_>) -> Reply {
    if call.argument.is_empty() {
        return "!err!".into();
    }
    let text = call.argument.to_str_lossy().replace('|', ";");
    if let Some(value) = evaluate(&text) {
        shown(value).into()
    } else {
        let text = format_args!("PARSE EXPR => {}", call.argument);
        call.core.say(log::ERROR, here!(), text);
        "!err!".into()
    }
}

/// Ten places, without the zeroes at the end.
fn shown(value: f64) -> String {
    let text = format!("{value:.10}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(f64),
    Name(String),
    Sign(char),
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if first.is_ascii_digit() || first == '.' {
            let end = rest.find(|byte: char| !byte.is_ascii_digit() && byte != '.');
            let end = end.unwrap_or(rest.len());
            tokens.push(Token::Number(rest[..end].parse().ok()?));
            end
        } else if first.is_ascii_alphabetic() || first == '_' {
            let end = rest.find(|byte: char| !byte.is_ascii_alphanumeric() && byte != '_');
            let end = end.unwrap_or(rest.len());
            tokens.push(Token::Name(rest[..end].to_owned()));
            end
        } else if "+-*/^&|!()=,;".contains(first) {
            tokens.push(Token::Sign(first));
            1
        } else {
            return None;
        };
        rest = rest[length..].trim_start();
    }
    Some(tokens)
}

fn evaluate(text: &str) -> Option<f64> {
    let mut parser = Parser {
        tokens: tokens(text)?.into_iter().peekable(),
        variables: HashMap::new(),
        depth: 0,
    };
    let mut last = None;
    while parser.tokens.peek().is_some() {
        last = Some(parser.assignment()?);
        while parser.takes(';') {}
    }
    last
}

/// Deeper parentheses are refused.
const DEEPEST: u32 = 50;

struct Parser {
    tokens: Peekable<IntoIter<Token>>,
    variables: HashMap<String, f64>,
    depth: u32,
}

impl Parser {
    fn takes(&mut self, sign: char) -> bool {
        self.tokens.next_if_eq(&Token::Sign(sign)).is_some()
    }

    fn assignment(&mut self) -> Option<f64> {
        let mut ahead = self.tokens.clone();
        if let (Some(Token::Name(name)), Some(Token::Sign('='))) = (ahead.next(), ahead.next()) {
            self.tokens = ahead;
            let value = self.assignment()?;
            self.variables.insert(name, value);
            return Some(value);
        }
        let value = self.either()?;
        (matches!(
            self.tokens.peek(),
            None | Some(Token::Sign(';' | ',' | ')'))
        ))
        .then_some(value)
    }

    fn either(&mut self) -> Option<f64> {
        let mut value = self.sum()?;
        while self.takes('&') {
            let other = self.sum()?;
            value = truth(value != 0.0 && other != 0.0);
        }
        Some(value)
    }

    fn sum(&mut self) -> Option<f64> {
        let mut value = self.product()?;
        loop {
            if self.takes('+') {
                value += self.product()?;
            } else if self.takes('-') {
                value -= self.product()?;
            } else {
                return Some(value);
            }
        }
    }

    fn product(&mut self) -> Option<f64> {
        let mut value = self.power()?;
        loop {
            if self.takes('*') {
                value *= self.power()?;
            } else if self.takes('/') {
                let by = self.power()?;
                if by == 0.0 {
                    return None;
                }
                value /= by;
            } else {
                return Some(value);
            }
        }
    }

    fn power(&mut self) -> Option<f64> {
        let base = self.signed()?;
        if self.takes('^') {
            return Some(base.powf(self.power()?));
        }
        Some(base)
    }

    fn signed(&mut self) -> Option<f64> {
        if self.takes('-') {
            return Some(-self.signed()?);
        }
        if self.takes('+') {
            return self.signed();
        }
        if self.takes('!') {
            return Some(truth(self.signed()? == 0.0));
        }
        match self.tokens.next()? {
            Token::Number(number) => Some(number),
            Token::Sign('(') => {
                self.deeper()?;
                let value = self.assignment()?;
                self.depth -= 1;
                self.takes(')').then_some(value)
            }
            Token::Name(name) if self.takes('(') => {
                self.deeper()?;
                let mut arguments = Vec::new();
                if !self.takes(')') {
                    loop {
                        arguments.push(self.assignment()?);
                        if self.takes(')') {
                            break;
                        }
                        if !self.takes(',') {
                            return None;
                        }
                    }
                }
                self.depth -= 1;
                function(&name, &arguments)
            }
            Token::Name(name) => match name.as_str() {
                "M_PI" => Some(std::f64::consts::PI),
                "M_E" => Some(std::f64::consts::E),
                // A variable that was not set is 0.
                _ => Some(self.variables.get(&name).copied().unwrap_or(0.0)),
            },
            Token::Sign(_) => None,
        }
    }

    fn deeper(&mut self) -> Option<()> {
        self.depth += 1;
        (self.depth <= DEEPEST).then_some(())
    }
}

fn truth(value: bool) -> f64 {
    if value { 1.0 } else { 0.0 }
}

#[expect(clippy::float_cmp, reason = "`equal` compares as the core does")]
fn function(name: &str, arguments: &[f64]) -> Option<f64> {
    let value = match (name, arguments) {
        ("abs", &[a]) => a.abs(),
        ("mod", &[a, b]) => a % b,
        ("ipart", &[a]) => a.trunc(),
        ("fpart", &[a]) => a.fract(),
        ("min", [_, ..]) => arguments.iter().copied().fold(f64::INFINITY, f64::min),
        ("max", [_, ..]) => arguments.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        ("avg", [_, ..]) => arguments.iter().sum::<f64>() / arguments.len() as f64,
        ("pow", &[a, b]) => a.powf(b),
        ("sqrt", &[a]) => a.sqrt(),
        ("sin", &[a]) => a.sin(),
        ("cos", &[a]) => a.cos(),
        ("tan", &[a]) => a.tan(),
        ("asin", &[a]) => a.asin(),
        ("acos", &[a]) => a.acos(),
        ("atan", &[a]) => a.atan(),
        ("atan2", &[a, b]) => a.atan2(b),
        ("sinh", &[a]) => a.sinh(),
        ("cosh", &[a]) => a.cosh(),
        ("tanh", &[a]) => a.tanh(),
        ("log", &[a]) => a.log10(),
        ("ln", &[a]) => a.ln(),
        ("exp", &[a]) => a.exp(),
        ("pow10", &[a]) => 10f64.powf(a),
        ("logn", &[a, b]) => a.log(b),
        ("ceil", &[a]) => a.ceil(),
        ("floor", &[a]) => a.floor(),
        ("deg", &[a]) => a.to_degrees(),
        ("rad", &[a]) => a.to_radians(),
        ("if", &[condition, yes, no]) => {
            if condition == 0.0 {
                no
            } else {
                yes
            }
        }
        ("select", &[a, below, zero]) => {
            if a < 0.0 {
                below
            } else {
                zero
            }
        }
        ("select", &[a, below, zero, above]) => {
            if a < 0.0 {
                below
            } else if a == 0.0 {
                zero
            } else {
                above
            }
        }
        ("equal", &[a, b]) => truth(a == b),
        ("above", &[a, b]) => truth(a > b),
        ("below", &[a, b]) => truth(a < b),
        ("and" | "land", &[a, b]) => truth(a != 0.0 && b != 0.0),
        ("or" | "lor", &[a, b]) => truth(a != 0.0 || b != 0.0),
        ("not", &[a]) => truth(a == 0.0),
        ("clip" | "clamp", &[a, low, high]) if low <= high => a.clamp(low, high),
        _ => return None,
    };
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<String> {
        evaluate(text).map(shown)
    }

    #[test]
    fn arithmetic_is_that_of_school() {
        assert_eq!(of("1+2*3").as_deref(), Some("7"));
        assert_eq!(of("2*(3+4)-10/4").as_deref(), Some("11.5"));
        assert_eq!(of("2^3^2;").as_deref(), Some("512"));
        assert_eq!(of("-3+5").as_deref(), Some("2"));
        assert_eq!(of("1/3").as_deref(), Some("0.3333333333"));
    }

    #[test]
    fn names_are_functions_and_variables() {
        assert_eq!(of("x=4;y=x*2;y+1").as_deref(), Some("9"));
        assert_eq!(of("if(above(3,2),10,20)").as_deref(), Some("10"));
        assert_eq!(of("max(1,7,3)+mod(7,4)").as_deref(), Some("10"));
    }

    #[test]
    fn what_is_no_expression_has_no_value() {
        for text in ["1+", "(1", "1/0", "nothing(1)", "1 2", "$", ")"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
