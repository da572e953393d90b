use crate::plan::Plan;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A plan that clones of a module share. burn prints a module with all its fields: this one is
/// a line, not every number of every layer.
#[derive(Clone)]
pub(super) struct SharedPlan(Arc<Plan>);

impl From<Plan> for SharedPlan {
    fn from(plan: Plan) -> Self {
        Self(Arc::new(plan))
    }
}

impl Deref for SharedPlan {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        &self.0
    }
}

impl fmt::Debug for SharedPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let input = self.input();
        write!(
            f,
            "{}x{}x{} to {} classes in {} layers",
            input.channels,
            input.height,
            input.width,
            self.classes,
            self.layers.len()
        )
    }
}
