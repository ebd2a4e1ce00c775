//! A `model.safetensors` in memory as it is stored: tensors become f32 one by one, when they are asked for.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::weights::{WeightsError, bf16_to_f32};

/// Ends the name of the scales of an int8 matrix.
pub(crate) const SCALE_SUFFIX: &str = ".scale";

/// The tensors of a file by name, encoder names with the prefix `bert.`; every one can be decoded.
#[derive(Debug)]
pub struct WeightFile {
    bytes: Vec<u8>,
    tensors: BTreeMap<String, Stored>,
}

#[derive(Debug)]
struct Stored {
    shape: Vec<usize>,
    format: Format,
    bytes: Range<usize>,
}

#[derive(Clone, Debug)]
enum Format {
    F32,
    Bf16,
    F16,
    /// One scale a row.
    Int8(Vec<f32>),
}

/// A matrix of which only some rows are looked at, such as embeddings; it stays as it is stored.
#[derive(Clone, Debug)]
pub struct RowTable {
    bytes: Vec<u8>,
    width: usize,
    format: Format,
}

impl WeightFile {
    /// Reads a file of any of the formats. Folders of bi-encoders, whose names lack the prefix `bert.`, get it.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        let bytes =
            std::fs::read(path).map_err(|source| WeightsError::File { path: path.display().to_string(), source })?;
        let tensors = index(&bytes, &path.display().to_string())?;
        Ok(Self { bytes, tensors })
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Whether any name begins so.
    pub fn has_prefix(&self, prefix: &str) -> bool {
        self.tensors.range(prefix.to_owned()..).next().is_some_and(|(name, _)| name.starts_with(prefix))
    }

    /// The shape of a tensor; `None` where there is no such tensor.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|stored| stored.shape.as_slice())
    }

    /// A tensor of a known shape, row-major.
    pub fn tensor(&self, name: &str, expected: &[usize]) -> Result<Vec<f32>, WeightsError> {
        self.expect(name, expected)?;
        Ok(self.decoded(name))
    }

    /// A matrix of a known shape, to look single rows up in.
    pub fn table(&self, name: &str, expected: [usize; 2]) -> Result<RowTable, WeightsError> {
        let stored = self.expect(name, &expected)?;
        Ok(RowTable {
            bytes: self.bytes[stored.bytes.clone()].to_vec(),
            width: expected[1],
            format: stored.format.clone(),
        })
    }

    fn expect(&self, name: &str, expected: &[usize]) -> Result<&Stored, WeightsError> {
        let missing = || WeightsError::Missing { name: name.to_owned(), expected: expected.to_vec() };
        let stored = self.tensors.get(name).ok_or_else(missing)?;
        if stored.shape != expected {
            return Err(WeightsError::Shape {
                name: name.to_owned(),
                found: stored.shape.clone(),
                expected: expected.to_vec(),
            });
        }
        Ok(stored)
    }

    /// All values of a tensor; none where there is no such tensor.
    pub(crate) fn decoded(&self, name: &str) -> Vec<f32> {
        let Some(stored) = self.tensors.get(name) else { return Vec::new() };
        let bytes = &self.bytes[stored.bytes.clone()];
        match &stored.format {
            Format::F32 => decode(bytes, f32::from_le_bytes),
            Format::Bf16 => decode(bytes, |bytes| bf16_to_f32(u16::from_le_bytes(bytes))),
            Format::F16 => decode(bytes, |bytes| f16_to_f32(u16::from_le_bytes(bytes))),
            Format::Int8(scales) => {
                let mut values = Vec::with_capacity(bytes.len());
                for (row, scale) in bytes.chunks_exact(bytes.len() / scales.len().max(1)).zip(scales) {
                    values.extend(row.iter().map(|q| f32::from(q.cast_signed()) * scale));
                }
                values
            }
        }
    }
}

impl RowTable {
    /// How many rows.
    pub fn n_rows(&self) -> usize {
        let size = match self.format {
            Format::F32 => 4,
            Format::Bf16 | Format::F16 => 2,
            Format::Int8(_) => 1,
        };
        self.bytes.len() / (self.width * size).max(1)
    }

    /// Adds row `index` to `sum`.
    pub fn add_row(&self, index: usize, sum: &mut [f32]) {
        match &self.format {
            Format::F32 => self.add(index, sum, f32::from_le_bytes),
            Format::Bf16 => self.add(index, sum, |bytes| bf16_to_f32(u16::from_le_bytes(bytes))),
            Format::F16 => self.add(index, sum, |bytes| f16_to_f32(u16::from_le_bytes(bytes))),
            Format::Int8(scales) => {
                let scale = scales[index];
                self.add(index, sum, |[q]: [u8; 1]| f32::from(q.cast_signed()) * scale);
            }
        }
    }

    fn add<const N: usize>(&self, index: usize, sum: &mut [f32], value: impl Fn([u8; N]) -> f32) {
        let row = &self.bytes[index * self.width * N..(index + 1) * self.width * N];
        for (sum, bytes) in sum.iter_mut().zip(row.as_chunks::<N>().0) {
            *sum += value(*bytes);
        }
    }
}

/// Where each tensor lies in the file.
fn index(bytes: &[u8], path: &str) -> Result<BTreeMap<String, Stored>, WeightsError> {
    let file = SafeTensors::deserialize(bytes)
        .map_err(|error| WeightsError::Corrupt { path: path.to_owned(), message: error.to_string() })?;
    let views: HashMap<String, TensorView<'_>> = file.tensors().into_iter().collect();
    let prefixed = views.keys().any(|name| name.starts_with("bert."));
    let mut tensors = BTreeMap::new();
    for (name, view) in &views {
        let is_scale = name.strip_suffix(SCALE_SUFFIX).is_some_and(|matrix| views.contains_key(matrix));
        // Buffers that old versions of transformers saved: the numbers 0, 1, 2, ...
        if is_scale || name.ends_with("position_ids") {
            continue;
        }
        let format = match view.dtype() {
            Dtype::F32 => Format::F32,
            Dtype::BF16 => Format::Bf16,
            Dtype::F16 => Format::F16,
            Dtype::I8 => Format::Int8(scales_of(name, view, views.get(&format!("{name}{SCALE_SUFFIX}")))?),
            other => return Err(WeightsError::Dtype { name: name.clone(), dtype: format!("{other:?}") }),
        };
        // Both point into the same memory.
        let start = view.data().as_ptr() as usize - bytes.as_ptr() as usize;
        let stored = Stored { shape: view.shape().to_vec(), format, bytes: start..start + view.data().len() };
        tensors.insert(canonical_name(name, prefixed), stored);
    }
    Ok(tensors)
}

fn scales_of(name: &str, view: &TensorView<'_>, scales: Option<&TensorView<'_>>) -> Result<Vec<f32>, WeightsError> {
    let scales = scales.filter(|scales| scales.dtype() == Dtype::F32);
    let scales =
        scales.ok_or_else(|| WeightsError::Dtype { name: name.to_owned(), dtype: "I8 without scales".to_owned() })?;
    let shape = view.shape();
    if shape.len() != 2 || scales.shape() != [shape[0]] || shape[1] == 0 {
        return Err(WeightsError::Scales {
            name: name.to_owned(),
            shape: shape.to_vec(),
            scales: scales.shape().to_vec(),
        });
    }
    Ok(decode(scales.data(), f32::from_le_bytes))
}

/// The name in today's spelling: with prefix, and `weight`/`bias` for the `gamma`/`beta` of the first BERT files.
fn canonical_name(name: &str, prefixed: bool) -> String {
    let of_encoder = ["embeddings.", "encoder.", "pooler."].iter().any(|part| name.starts_with(part));
    let name = if !prefixed && of_encoder { format!("bert.{name}") } else { name.to_owned() };
    match (name.strip_suffix("LayerNorm.gamma"), name.strip_suffix("LayerNorm.beta")) {
        (Some(stem), _) => format!("{stem}LayerNorm.weight"),
        (None, Some(stem)) => format!("{stem}LayerNorm.bias"),
        (None, None) => name,
    }
}

fn decode<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks::<N>().0.iter().map(|chunk| value(*chunk)).collect()
}

/// The f32 of an IEEE half.
fn f16_to_f32(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, mantissa) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    match exponent {
        0 => sign * mantissa * 2f32.powi(-24),
        31 if mantissa == 0.0 => sign * f32::INFINITY,
        31 => f32::NAN,
        _ => sign * (1024.0 + mantissa) * 2f32.powi(exponent - 25),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::WeightFormat;
    use crate::weights::{NamedTensor, Weights};

    use super::*;

    #[test]
    fn halves_are_read_exactly() {
        for (bits, value) in
            [(0x3c00, 1f32), (0xc000, -2.0), (0x3555, 0.333_251_95), (1, 5.960_464_5e-8), (0x7c00, f32::INFINITY)]
        {
            assert_eq!(f16_to_f32(bits).to_bits(), value.to_bits());
        }
    }

    #[test]
    fn a_table_has_the_rows_of_its_tensor_in_every_format() {
        let values: Vec<f32> = (0..40 * 32).map(|i| (i * 37 % 101) as f32 * 0.01 - 0.5).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        for format in [WeightFormat::F32, WeightFormat::Bf16, WeightFormat::Int8] {
            let weights = Weights::from_iter([("x".to_owned(), NamedTensor::new(vec![40, 32], values.clone()))]);
            weights.write(&path, format).unwrap();
            let file = WeightFile::open(&path).unwrap();
            let (all, table) = (file.tensor("x", &[40, 32]).unwrap(), file.table("x", [40, 32]).unwrap());
            assert_eq!(table.n_rows(), 40);
            let mut row = vec![0f32; 32];
            table.add_row(7, &mut row);
            assert_eq!(row, all[7 * 32..8 * 32]);
        }
    }
}
