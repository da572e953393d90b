//! Functions of single values, composed of nodes such as `Add`, `Clip` and `Sigmoid`.

use super::network::ValueId;
use super::recognize::{Meaning, recognized};
use super::scalar::{Binary, Unary, binary, unary};
use std::collections::HashMap;

/// The largest number of nodes in a function; further nodes begin a new one.
const MAX_NODES: usize = 48;

/// A function in [`Functions`].
pub(super) type FunctionId = usize;

/// An operand of a binary function.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Operand {
    Function(FunctionId),
    Number(f64),
}

#[derive(Debug, Clone, Copy)]
enum Rule {
    /// The identity.
    Value,
    Unary(Unary, FunctionId),
    Binary(Binary, [Operand; 2]),
}

#[derive(Debug)]
struct Function {
    rule: Rule,
    /// The layer output that it is a function of.
    of: ValueId,
    /// The number of nodes in it.
    nodes: usize,
}

/// All functions of a graph.
#[derive(Debug, Default)]
pub(super) struct Functions {
    all: Vec<Function>,
    values: HashMap<ValueId, FunctionId>,
    /// Functions that a layer already computes.
    computed: HashMap<FunctionId, ValueId>,
}

impl Functions {
    /// The identity function of this value.
    pub(super) fn value(&mut self, of: ValueId) -> FunctionId {
        let next = self.all.len();
        let function = *self.values.entry(of).or_insert(next);
        if function == next {
            self.all.push(Function {
                rule: Rule::Value,
                of,
                nodes: 0,
            });
        }
        function
    }

    /// The value that this is a function of.
    pub(super) fn of(&self, function: FunctionId) -> ValueId {
        self.all[function].of
    }

    /// Whether no further node can be added to it.
    pub(super) fn is_full(&self, function: FunctionId) -> bool {
        self.all[function].nodes >= MAX_NODES
    }

    pub(super) fn unary(&mut self, rule: Unary, x: FunctionId) -> FunctionId {
        self.push(Rule::Unary(rule, x), [x, x])
    }

    /// A function of two functions of the same value, or of one and a number.
    pub(super) fn binary(&mut self, rule: Binary, x: [Operand; 2]) -> Option<FunctionId> {
        let functions = match x {
            [Operand::Function(a), Operand::Function(b)] if self.of(a) == self.of(b) => [a, b],
            [Operand::Function(a), Operand::Number(_)] => [a, a],
            [Operand::Number(_), Operand::Function(b)] => [b, b],
            _ => return None,
        };
        Some(self.push(Rule::Binary(rule, x), functions))
    }

    fn push(&mut self, rule: Rule, [a, b]: [FunctionId; 2]) -> FunctionId {
        // Overestimated if both share nodes, which only makes a function full earlier.
        let nodes = if a == b {
            self.all[a].nodes + 1
        } else {
            self.all[a].nodes + self.all[b].nodes + 1
        };
        self.all.push(Function {
            rule,
            of: self.all[a].of,
            nodes,
        });
        self.all.len() - 1
    }

    pub(super) fn computed(&self, function: FunctionId) -> Option<ValueId> {
        match self.all[function].rule {
            Rule::Value => Some(self.all[function].of),
            _ => self.computed.get(&function).copied(),
        }
    }

    pub(super) fn set_computed(&mut self, function: FunctionId, value: ValueId) {
        self.computed.insert(function, value);
    }

    /// The functions on every path from the value to this one, beginning next to the value and
    /// ending with this one.
    pub(super) fn stations(&self, function: FunctionId) -> Vec<FunctionId> {
        let mut between = self.between(function);
        between.retain(|station| !self.avoids(function, *station));
        between
    }

    fn arguments(&self, function: FunctionId) -> Vec<FunctionId> {
        match self.all[function].rule {
            Rule::Value => Vec::new(),
            Rule::Unary(_, x) => vec![x],
            Rule::Binary(_, x) => x
                .into_iter()
                .filter_map(|operand| match operand {
                    Operand::Function(function) => Some(function),
                    Operand::Number(_) => None,
                })
                .collect(),
        }
    }

    /// The functions it is composed of, from the value to itself: arguments have lower indices.
    fn between(&self, function: FunctionId) -> Vec<FunctionId> {
        self.reached(function, None)
    }

    /// Whether some path from the value to the function does not pass `station`.
    fn avoids(&self, function: FunctionId, station: FunctionId) -> bool {
        let reached = self.reached(function, Some(station));
        reached
            .iter()
            .any(|at| matches!(self.all[*at].rule, Rule::Value) && *at != station)
    }

    fn reached(&self, function: FunctionId, closed: Option<FunctionId>) -> Vec<FunctionId> {
        let mut reached = vec![function];
        let mut next = 0;
        while let Some(at) = reached.get(next).copied() {
            next += 1;
            if Some(at) != closed {
                for argument in self.arguments(at) {
                    if !reached.contains(&argument) {
                        reached.push(argument);
                    }
                }
            }
        }
        reached.sort_unstable();
        reached
    }

    /// What `function` is as a function of `station`, which must be on every path to it; `None` if
    /// it is not a known function.
    pub(super) fn meaning(&self, function: FunctionId, station: FunctionId) -> Option<Meaning> {
        if function == station {
            return Some(Meaning::Identity);
        }
        let order = self.reached(function, Some(station));
        let constants = order.iter().filter(|at| **at != station);
        let constants: Vec<f64> = constants
            .flat_map(|at| match self.all[*at].rule {
                Rule::Unary(Unary::Clip(low, high), _) => vec![low, high],
                Rule::Binary(_, operands) => operands
                    .iter()
                    .filter_map(|operand| match operand {
                        Operand::Number(number) => Some(*number),
                        Operand::Function(_) => None,
                    })
                    .collect(),
                Rule::Unary(..) | Rule::Value => Vec::new(),
            })
            .collect();
        recognized(&constants, |x| {
            let mut values: HashMap<FunctionId, f64> = HashMap::from([(station, x)]);
            for at in order.iter().filter(|at| **at != station) {
                let value = |id: FunctionId| values.get(&id).copied().unwrap_or(f64::NAN);
                let operand = |operand| match operand {
                    Operand::Function(id) => value(id),
                    Operand::Number(number) => number,
                };
                let result = match self.all[*at].rule {
                    Rule::Value => f64::NAN,
                    Rule::Unary(rule, x) => unary(rule, value(x)),
                    Rule::Binary(rule, [a, b]) => binary(rule, operand(a), operand(b)),
                };
                values.insert(*at, result);
            }
            values.get(&function).copied().unwrap_or(f64::NAN)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use receptive_model::Activation;

    fn number(x: f64) -> Operand {
        Operand::Number(x)
    }

    #[test]
    fn activations_are_known_by_their_values() {
        let mut all = Functions::default();
        let x = all.value(0);
        let function = Operand::Function;
        // x * clip(x + 3, 0, 6) / 6
        let moved = all.binary(Binary::Add, [function(x), number(3.0)]).unwrap();
        let clipped = all.unary(Unary::Clip(0.0, 6.0), moved);
        let product = all
            .binary(Binary::Mul, [function(x), function(clipped)])
            .unwrap();
        let swish = all
            .binary(Binary::Div, [function(product), number(6.0)])
            .unwrap();
        assert_eq!(
            all.meaning(swish, x),
            Some(Meaning::Activation(Activation::HardSwish))
        );
        assert_eq!(all.stations(swish), [x, product, swish]);
        // x / 2 (1 + erf(x / sqrt 2)), with 32-bit constants.
        let root = f64::from(std::f32::consts::SQRT_2);
        let scaled = all
            .binary(Binary::Div, [function(x), number(root)])
            .unwrap();
        let erf = all.unary(Unary::Erf, scaled);
        let share = all
            .binary(Binary::Add, [function(erf), number(1.0)])
            .unwrap();
        let twice = all
            .binary(Binary::Mul, [function(x), function(share)])
            .unwrap();
        let gelu = all
            .binary(Binary::Mul, [number(0.5), function(twice)])
            .unwrap();
        assert_eq!(
            all.meaning(gelu, x),
            Some(Meaning::Activation(Activation::Gelu))
        );
        // 2 x + 1, and a function that is not an activation.
        let double = all.binary(Binary::Mul, [function(x), number(2.0)]).unwrap();
        let affine = all
            .binary(Binary::Add, [function(double), number(1.0)])
            .unwrap();
        assert_eq!(
            all.meaning(affine, x),
            Some(Meaning::Affine {
                scale: 2.0,
                shift: 1.0
            })
        );
        let sine = all.unary(Unary::Exp, affine);
        assert_eq!(all.meaning(sine, x), None);
        // ReLU of 2 x + 1, as a function of the latter.
        let relu = all.unary(Unary::Relu, affine);
        assert_eq!(
            all.meaning(relu, affine),
            Some(Meaning::Activation(Activation::Relu))
        );
        assert_eq!(all.stations(relu), [x, double, affine, relu]);
        // A function of two different values is not supported.
        let other = all.value(1);
        assert_eq!(
            all.binary(Binary::Mul, [function(x), function(other)]),
            None
        );
    }
}
