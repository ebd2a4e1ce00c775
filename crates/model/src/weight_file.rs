//! A `model.safetensors` as it is stored: tensors are read from the file one by one, when they are asked for.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::path::Path;

use safetensors::tensor::{Dtype, Metadata, TensorInfo};

use crate::weights::{WeightsError, bf16_to_f32};

/// Ends the name of the scales of an int8 matrix.
pub(crate) const SCALE_SUFFIX: &str = ".scale";
/// Bytes in front of the header that say how long it is.
const LENGTH_BYTES: u64 = 8;
/// The longest header that the format allows.
const MAX_HEADER: u64 = 100_000_000;

/// The tensors of a file by name, encoder names with the prefix `bert.`; every one can be decoded.
#[derive(Debug)]
pub struct WeightFile {
    file: File,
    path: String,
    tensors: BTreeMap<String, Stored>,
}

#[derive(Debug)]
struct Stored {
    shape: Vec<usize>,
    format: StoredFormat,
    place: Place,
}

/// Bytes of the file.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: u64,
    length: usize,
}

#[derive(Clone, Copy, Debug)]
enum StoredFormat {
    F32,
    Bf16,
    F16,
    /// With the place of the scales, one a row.
    Int8(Place),
}

/// A matrix whose rows are looked at one by one; it stays as it is stored.
#[derive(Clone, Debug)]
pub struct RowTable {
    bytes: Vec<u8>,
    width: usize,
    format: RowFormat,
}

#[derive(Clone, Debug)]
enum RowFormat {
    F32,
    Bf16,
    F16,
    /// One scale a row.
    Int8(Vec<f32>),
}

impl WeightFile {
    /// Opens a file of any of the formats. Folders of bi-encoders, whose names lack the prefix `bert.`, get it.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        let name = path.display().to_string();
        let at_fault = |source| WeightsError::File { path: name.clone(), source };
        let file = File::open(path).map_err(at_fault)?;
        let length = file.metadata().map_err(at_fault)?.len();
        let header = read_header(&file, length, &name)?;
        let tensors = index(&header.metadata, header.data_start)?;
        Ok(Self { file, path: name, tensors })
    }

    /// Where it is.
    pub fn path(&self) -> &str {
        &self.path
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
        self.decode(self.expect(name, expected)?)
    }

    /// A matrix of a known shape, to look at its rows one by one.
    pub fn table(&self, name: &str, expected: [usize; 2]) -> Result<RowTable, WeightsError> {
        let stored = self.expect(name, &expected)?;
        self.rows(stored, expected[1])
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
    pub(crate) fn decoded(&self, name: &str) -> Result<Vec<f32>, WeightsError> {
        self.tensors.get(name).map_or_else(|| Ok(Vec::new()), |stored| self.decode(stored))
    }

    fn decode(&self, stored: &Stored) -> Result<Vec<f32>, WeightsError> {
        let n = stored.shape.iter().product();
        let mut values = vec![0f32; n];
        let width = stored.shape.last().copied().unwrap_or(1).max(1);
        let table = self.rows(stored, width)?;
        for (index, row) in values.chunks_exact_mut(width).enumerate() {
            table.read_row(index, row);
        }
        Ok(values)
    }

    fn rows(&self, stored: &Stored, width: usize) -> Result<RowTable, WeightsError> {
        let format = match stored.format {
            StoredFormat::F32 => RowFormat::F32,
            StoredFormat::Bf16 => RowFormat::Bf16,
            StoredFormat::F16 => RowFormat::F16,
            StoredFormat::Int8(scales) => {
                let bytes = self.read(scales)?;
                RowFormat::Int8(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
            }
        };
        Ok(RowTable { bytes: self.read(stored.place)?, width, format })
    }

    fn read(&self, place: Place) -> Result<Vec<u8>, WeightsError> {
        read_at(&self.file, place).map_err(|source| WeightsError::File { path: self.path.clone(), source })
    }
}

impl RowTable {
    /// How many rows.
    pub fn n_rows(&self) -> usize {
        let size = match self.format {
            RowFormat::F32 => 4,
            RowFormat::Bf16 | RowFormat::F16 => 2,
            RowFormat::Int8(_) => 1,
        };
        self.bytes.len() / (self.width * size).max(1)
    }

    /// Values of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Adds row `index` to `sum`.
    pub fn add_row(&self, index: usize, sum: &mut [f32]) {
        self.visit_row(index, sum, |sum, value| *sum += value);
    }

    /// Puts row `index` into `row`.
    pub fn read_row(&self, index: usize, row: &mut [f32]) {
        self.visit_row(index, row, |place, value| *place = value);
    }

    fn visit_row(&self, index: usize, row: &mut [f32], visit: impl Fn(&mut f32, f32)) {
        match &self.format {
            RowFormat::F32 => self.visit(index, row, visit, f32::from_le_bytes),
            RowFormat::Bf16 => self.visit(index, row, visit, |bytes| bf16_to_f32(u16::from_le_bytes(bytes))),
            RowFormat::F16 => self.visit(index, row, visit, |bytes| f16_to_f32(u16::from_le_bytes(bytes))),
            RowFormat::Int8(scales) => {
                let scale = scales[index];
                self.visit(index, row, visit, |[q]: [u8; 1]| f32::from(q.cast_signed()) * scale);
            }
        }
    }

    fn visit<const N: usize>(
        &self,
        index: usize,
        row: &mut [f32],
        visit: impl Fn(&mut f32, f32),
        value: impl Fn([u8; N]) -> f32,
    ) {
        let stored = &self.bytes[index * self.width * N..(index + 1) * self.width * N];
        for (place, bytes) in row.iter_mut().zip(stored.as_chunks::<N>().0) {
            visit(place, value(*bytes));
        }
    }
}

/// What stands in front of the tensors.
struct Header {
    metadata: Metadata,
    /// Where the first tensor begins.
    data_start: u64,
}

/// Reads the header, and compares what it promises with the length of the file.
fn read_header(file: &File, length: u64, path: &str) -> Result<Header, WeightsError> {
    let corrupt = |message: String| WeightsError::Corrupt { path: path.to_owned(), message };
    let read = |start, length| {
        read_at(file, Place { start, length }).map_err(|source| WeightsError::File { path: path.to_owned(), source })
    };
    if length < LENGTH_BYTES {
        return Err(corrupt(format!("{length} bytes are no header")));
    }
    let length_bytes = read(0, LENGTH_BYTES as usize)?;
    let header = length_bytes.as_chunks().0.first().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    if header > MAX_HEADER.min(length - LENGTH_BYTES) {
        return Err(corrupt(format!("a header of {header} bytes in a file of {length}")));
    }
    let json = read(LENGTH_BYTES, header as usize)?;
    let metadata: Metadata = serde_json::from_slice(&json).map_err(|error| corrupt(error.to_string()))?;
    let data_start = LENGTH_BYTES + header;
    let expected = data_start + metadata.data_len() as u64;
    if expected != length {
        return Err(corrupt(format!("{length} bytes instead of {expected}")));
    }
    Ok(Header { metadata, data_start })
}

/// Reads bytes of a file without moving its cursor, so that threads can read at the same time.
fn read_at(file: &File, place: Place) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; place.length];
    #[cfg(unix)]
    std::os::unix::fs::FileExt::read_exact_at(file, &mut bytes, place.start)?;
    #[cfg(windows)]
    {
        let mut done = 0;
        while done < bytes.len() {
            let at = place.start + done as u64;
            match std::os::windows::fs::FileExt::seek_read(file, &mut bytes[done..], at)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => done += n,
            }
        }
    }
    Ok(bytes)
}

/// Where each tensor lies in the file.
fn index(metadata: &Metadata, data_start: u64) -> Result<BTreeMap<String, Stored>, WeightsError> {
    let infos: HashMap<String, &TensorInfo> = metadata.tensors();
    let prefixed = infos.keys().any(|name| name.starts_with("bert."));
    let place = |info: &TensorInfo| Place {
        start: data_start + info.data_offsets.0 as u64,
        length: info.data_offsets.1 - info.data_offsets.0,
    };
    let mut tensors = BTreeMap::new();
    for (name, info) in &infos {
        let is_scale = name.strip_suffix(SCALE_SUFFIX).is_some_and(|matrix| infos.contains_key(matrix));
        // Buffers that old versions of transformers saved: the numbers 0, 1, 2, ...
        if is_scale || name.ends_with("position_ids") {
            continue;
        }
        let format = match info.dtype {
            Dtype::F32 => StoredFormat::F32,
            Dtype::BF16 => StoredFormat::Bf16,
            Dtype::F16 => StoredFormat::F16,
            Dtype::I8 => {
                let scales = infos.get(&format!("{name}{SCALE_SUFFIX}")).copied();
                StoredFormat::Int8(place(checked_scales(name, info, scales)?))
            }
            other => return Err(WeightsError::Dtype { name: name.clone(), dtype: format!("{other:?}") }),
        };
        let stored = Stored { shape: info.shape.clone(), format, place: place(info) };
        tensors.insert(canonical_name(name, prefixed), stored);
    }
    Ok(tensors)
}

fn checked_scales<'a>(
    name: &str,
    matrix: &TensorInfo,
    scales: Option<&'a TensorInfo>,
) -> Result<&'a TensorInfo, WeightsError> {
    let scales = scales.filter(|scales| scales.dtype == Dtype::F32);
    let scales =
        scales.ok_or_else(|| WeightsError::Dtype { name: name.to_owned(), dtype: "I8 without scales".to_owned() })?;
    let shape = &matrix.shape;
    if shape.len() != 2 || scales.shape != [shape[0]] || shape[1] == 0 {
        return Err(WeightsError::Scales { name: name.to_owned(), shape: shape.clone(), scales: scales.shape.clone() });
    }
    Ok(scales)
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
            table.read_row(8, &mut row);
            assert_eq!(row, all[8 * 32..9 * 32]);
        }
    }
}
