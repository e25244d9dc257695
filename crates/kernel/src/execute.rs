//! Executing a plan: each operation by the code of its noun.

use netstate::{Plan, Refusal};

use crate::execution::Execution;
use crate::namespaces::Namespaces;
use crate::noun;

/// Executes the operations in order, up to the first that fails.
pub(crate) fn execute(namespaces: &mut Namespaces, plan: &Plan) -> Result<(), Refusal> {
    let mut execution = Execution::of(namespaces, plan, noun::field);
    let carried_out = plan
        .ops
        .iter()
        .enumerate()
        .try_for_each(|(index, op)| noun::stage(&mut execution, index, op))
        .and_then(|()| execution.flush());
    carried_out.map_err(|failure| Refusal {
        index: failure.op,
        op: Box::new(plan.ops[failure.op].clone()),
        errno: failure.errno,
        message: failure.message,
        field: failure.field,
    })
}
