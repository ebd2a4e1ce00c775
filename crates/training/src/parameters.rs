//! The trained tensors of a module by name, flattened: what is clipped, stepped, saved and loaded.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor, TensorData};

/// Flat tensors by the path of their field (`encoder.layers.0.qkv.low_rank.up`), without gradients.
pub type NamedTensors = BTreeMap<String, Tensor<1>>;

/// Takes the gradient of every trained tensor that the loss depends on.
pub fn gradients<M: Module>(module: &M, gradients: &mut Gradients) -> NamedTensors {
    let mut visitor = GradientsByName { path: Vec::new(), gradients, found: BTreeMap::new() };
    module.visit(&mut visitor);
    visitor.found
}

/// The values of every trained tensor.
pub fn trained<M: Module>(module: &M) -> NamedTensors {
    let mut visitor = ValuesByName { path: Vec::new(), found: BTreeMap::new() };
    module.visit(&mut visitor);
    visitor.found
}

/// The module with the trained tensors of `values` in place of its own; names it does not know are ignored.
#[must_use]
pub fn with_values<M: Module>(module: M, values: NamedTensors) -> M {
    module.map(&mut Replacement { path: Vec::new(), values })
}

/// The numbers of named tensors.
pub fn to_numbers(tensors: &NamedTensors) -> BTreeMap<String, Vec<f32>> {
    tensors.iter().map(|(name, tensor)| (name.clone(), numbers(tensor.clone()))).collect()
}

/// The numbers of one tensor.
pub fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// A flat tensor of numbers on the device of another.
pub fn tensor_like(numbers: Vec<f32>, other: &Tensor<1>) -> Tensor<1> {
    let count = numbers.len();
    Tensor::from_data(TensorData::new(numbers, [count]), &other.device())
}

fn flat<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    let count = tensor.shape().num_elements();
    tensor.reshape([count])
}

struct GradientsByName<'a> {
    path: Vec<String>,
    gradients: &'a mut Gradients,
    found: NamedTensors,
}

impl ModuleVisitor for GradientsByName<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = param.val().grad_remove(self.gradients) {
            self.found.insert(self.path.join("."), flat(gradient));
        }
    }
}

struct ValuesByName {
    path: Vec<String>,
    found: NamedTensors,
}

impl ModuleVisitor for ValuesByName {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() {
            self.found.insert(self.path.join("."), flat(param.val().inner()));
        }
    }
}

struct Replacement {
    path: Vec<String>,
    values: NamedTensors,
}

impl ModuleMapper for Replacement {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.values.remove(&self.path.join(".")) {
            Some(value) => param.map(|old| Tensor::from_inner(value.reshape(old.dims())).require_grad()),
            None => param,
        }
    }
}
