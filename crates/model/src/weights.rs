//! `model.safetensors`: named tensors, stored as f32, bfloat16 or 8-bit integers, always f32 in memory.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};

use crate::config::WeightFormat;
use crate::weight_file::{SCALE_SUFFIX, WeightFile};

/// Matrices below this size stay f32 in the int8 format: they save nothing and lose precision.
const MIN_INT8_ENTRIES: usize = 1024;

/// Why weights cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file system refuses.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Not a whole safetensors file.
    #[error("{path} is truncated or corrupt ({message}); copy or download it again")]
    Corrupt {
        /// The file.
        path: String,
        /// What the reader says.
        message: String,
    },
    /// A tensor of a type that students do not have.
    #[error("tensor {name} has type {dtype}; f32, f16, bf16 and i8 with {name}.scale are supported")]
    Dtype {
        /// The tensor.
        name: String,
        /// Its type.
        dtype: String,
    },
    /// The scales of an 8-bit matrix do not fit it.
    #[error("tensor {name} has shape {shape:?} but its scales {name}.scale have shape {scales:?}, one a row is needed")]
    Scales {
        /// The matrix.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// The shape of its scales.
        scales: Vec<usize>,
    },
    /// A tensor that the student needs is not there.
    #[error("tensor {name} of shape {expected:?} is missing")]
    Missing {
        /// The tensor.
        name: String,
        /// The shape it must have.
        expected: Vec<usize>,
    },
    /// There are more layers than the configuration knows.
    #[error(
        "the weights have a layer {first}, but config.json says num_hidden_layers = {first}; the files are of different students"
    )]
    Surplus {
        /// The first layer that is too much, from 0.
        first: usize,
    },
    /// A tensor has another shape than the configuration says.
    #[error("tensor {name} has shape {found:?}, expected {expected:?} by config.json")]
    Shape {
        /// The tensor.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape it must have.
        expected: Vec<usize>,
    },
}

/// One tensor, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// As many values as the product of the shape.
    pub values: Vec<f32>,
}

/// All tensors of a student by name, encoder names with the prefix `bert.`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights {
    tensors: BTreeMap<String, NamedTensor>,
}

impl NamedTensor {
    /// A tensor.
    ///
    /// # Panics
    /// Where `values` are not as many as the shape says.
    pub fn new(shape: Vec<usize>, values: Vec<f32>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "values of a tensor of shape {shape:?}");
        Self { shape, values }
    }
}

impl Weights {
    /// Reads a file of any of the formats. Folders of bi-encoders, whose names lack the prefix `bert.`, get it.
    pub fn read(path: &Path) -> Result<Self, WeightsError> {
        let file = WeightFile::open(path)?;
        let tensor = |name: &str| -> Result<(String, NamedTensor), WeightsError> {
            let shape = file.shape(name).unwrap_or_default().to_vec();
            Ok((name.to_owned(), NamedTensor { shape, values: file.decoded(name)? }))
        };
        file.names().map(tensor).collect()
    }

    /// Writes a safetensors file.
    pub fn write(&self, path: &Path, format: WeightFormat) -> Result<(), WeightsError> {
        let mut stored: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
        for (name, tensor) in &self.tensors {
            let shape = tensor.shape.clone();
            let is_matrix = shape.len() == 2;
            let small = tensor.values.len() < MIN_INT8_ENTRIES;
            match format {
                WeightFormat::Int8 if is_matrix && !small => {
                    let (bytes, scales) = to_int8(&tensor.values, shape[0]);
                    stored.push((format!("{name}{SCALE_SUFFIX}"), Dtype::F32, vec![shape[0]], to_f32_bytes(&scales)));
                    stored.push((name.clone(), Dtype::I8, shape, bytes));
                }
                WeightFormat::Bf16 if is_matrix => {
                    let bytes = tensor.values.iter().flat_map(|value| f32_to_bf16(*value).to_le_bytes()).collect();
                    stored.push((name.clone(), Dtype::BF16, shape, bytes));
                }
                WeightFormat::F32 | WeightFormat::Bf16 | WeightFormat::Int8 => {
                    stored.push((name.clone(), Dtype::F32, shape, to_f32_bytes(&tensor.values)));
                }
            }
        }
        let views = stored.iter().map(|(name, dtype, shape, bytes)| {
            let view = TensorView::new(*dtype, shape.clone(), bytes).expect("bytes were made for this type and shape");
            (name.as_str(), view)
        });
        // transformers refuses files that do not say which framework wrote them.
        let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
        let bytes =
            safetensors::serialize(views, Some(metadata)).expect("names are unique and shapes were checked above");
        std::fs::write(path, bytes).map_err(|source| WeightsError::File { path: path.display().to_string(), source })
    }

    /// Adds or replaces a tensor.
    pub fn insert(&mut self, name: impl Into<String>, tensor: NamedTensor) {
        self.tensors.insert(name.into(), tensor);
    }

    /// The tensor of that name.
    pub fn get(&self, name: &str) -> Option<&NamedTensor> {
        self.tensors.get(name)
    }

    /// Takes a tensor of a known shape out.
    pub fn take(&mut self, name: &str, expected: &[usize]) -> Result<Vec<f32>, WeightsError> {
        let missing = || WeightsError::Missing { name: name.to_owned(), expected: expected.to_vec() };
        let tensor = self.tensors.remove(name).ok_or_else(missing)?;
        if tensor.shape != expected {
            return Err(WeightsError::Shape {
                name: name.to_owned(),
                found: tensor.shape,
                expected: expected.to_vec(),
            });
        }
        Ok(tensor.values)
    }

    /// Whether any name begins so.
    pub fn has_prefix(&self, prefix: &str) -> bool {
        self.tensors.range(prefix.to_owned()..).next().is_some_and(|(name, _)| name.starts_with(prefix))
    }

    /// Keeps the tensors whose name satisfies the condition.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.tensors.retain(|name, _| keep(name));
    }

    /// Names and tensors, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &NamedTensor)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }
}

impl FromIterator<(String, NamedTensor)> for Weights {
    fn from_iter<I: IntoIterator<Item = (String, NamedTensor)>>(tensors: I) -> Self {
        Self { tensors: tensors.into_iter().collect() }
    }
}

fn to_f32_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// The f32 of a bfloat16.
pub fn bf16_to_f32(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// The nearest bfloat16, ties to even.
pub fn f32_to_bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    if value.is_nan() {
        return (bits >> 16) as u16 | 0x40;
    }
    ((bits + 0x7fff + (bits >> 16 & 1)) >> 16) as u16
}

/// Symmetric 8-bit integers with one scale for each of the matrix's rows: w = q · scale.
fn to_int8(values: &[f32], rows: usize) -> (Vec<u8>, Vec<f32>) {
    let mut bytes = Vec::with_capacity(values.len());
    let mut scales = Vec::with_capacity(rows);
    for row in values.chunks_exact(values.len() / rows) {
        let largest = row.iter().fold(0f32, |largest, value| largest.max(value.abs()));
        let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
        scales.push(scale);
        bytes.extend(row.iter().map(|value| ((value / scale).round_ties_even() as i8).cast_unsigned()));
    }
    (bytes, scales)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written_and_read(weights: &Weights, format: WeightFormat) -> Weights {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        weights.write(&path, format).unwrap();
        Weights::read(&path).unwrap()
    }

    fn ramp(rows: usize, columns: usize) -> NamedTensor {
        let values =
            (0..rows * columns).map(|i| ((i * 37 % 101) as f32 - 50.0) * 0.013 * (1 + i / columns) as f32).collect();
        NamedTensor::new(vec![rows, columns], values)
    }

    #[test]
    fn every_format_restores_within_its_precision() {
        let mut weights = Weights::default();
        weights.insert("bert.pooler.dense.weight", ramp(32, 40));
        weights.insert("bert.pooler.dense.bias", NamedTensor::new(vec![3], vec![0.1, -2.5, 1e-9]));
        weights.insert("similarity.encoder.layer.0.intermediate.dense.down", ramp(4, 300));
        assert_eq!(written_and_read(&weights, WeightFormat::F32), weights);
        for (format, relative) in [(WeightFormat::Bf16, 1.0 / 256.0), (WeightFormat::Int8, 0.5 / 127.0)] {
            let restored = written_and_read(&weights, format);
            assert_eq!(restored.get("bert.pooler.dense.bias"), weights.get("bert.pooler.dense.bias"));
            for (name, tensor) in weights.iter() {
                let columns = *tensor.shape.last().unwrap();
                let pairs = tensor.values.chunks(columns).zip(restored.get(name).unwrap().values.chunks(columns));
                for (row, restored) in pairs {
                    let largest = row.iter().fold(0f32, |largest, value| largest.max(value.abs()));
                    assert!(
                        row.iter().zip(restored).all(|(left, right)| (left - right).abs() <= largest * relative * 1.01)
                    );
                }
            }
        }
    }

    #[test]
    fn names_of_base_folders_are_completed() {
        let one = || NamedTensor::new(vec![1], vec![1.0]);
        let mut weights = Weights::default();
        for name in ["embeddings.LayerNorm.gamma", "encoder.layer.0.output.dense.bias", "pooler.dense.bias"] {
            weights.insert(name, one());
        }
        let read = written_and_read(&weights, WeightFormat::F32);
        let names: Vec<&str> = read.iter().map(|(name, _)| name).collect();
        let expected =
            ["bert.embeddings.LayerNorm.weight", "bert.encoder.layer.0.output.dense.bias", "bert.pooler.dense.bias"];
        assert_eq!(names, expected);
    }

    #[test]
    fn a_cut_file_is_called_corrupt() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        Weights::from_iter([("x".to_owned(), ramp(4, 4))]).write(&path, WeightFormat::F32).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for length in [0, 5, 20, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..length]).unwrap();
            let message = Weights::read(&path).unwrap_err().to_string();
            assert!(message.contains("truncated or corrupt"), "{message}");
        }
    }

    #[test]
    fn absent_and_misshapen_tensors_are_named() {
        let mut weights = Weights::from_iter([("x".to_owned(), ramp(2, 3))]);
        assert_eq!(weights.take("y", &[4]).unwrap_err().to_string(), "tensor y of shape [4] is missing");
        let message = weights.take("x", &[3, 2]).unwrap_err().to_string();
        assert_eq!(message, "tensor x has shape [2, 3], expected [3, 2] by config.json");
    }

    proptest! {
        #[test]
        fn bf16_is_the_nearest_value(value in -1e30f32..1e30) {
            let bits = f32_to_bf16(value);
            let error = (bf16_to_f32(bits) - value).abs();
            for other in [bits.wrapping_sub(1), bits + 1] {
                prop_assert!(error <= (bf16_to_f32(other) - value).abs() || bf16_to_f32(other).is_nan());
            }
        }
    }
}
