//! A fingerprint of a module's values.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use receptive_core::hash::Sha256;

/// The SHA-256 of all values of a module (weights and running statistics) as little-endian bytes
/// with each tensor's shape, in the module's order: equal exactly when two modules are
/// bit-identical. Parameter ids, which are random, are not included.
pub fn weights_sha256<M: Module>(module: &M) -> String {
    struct Visitor(Sha256);
    impl ModuleVisitor for Visitor {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let data = param.val().into_data();
            for size in data.shape().iter() {
                self.0.update((*size as u64).to_le_bytes());
            }
            self.0.update(data.as_bytes());
        }
    }
    let mut visitor = Visitor(Sha256::default());
    module.visit(&mut visitor);
    visitor.0.finish()
}
