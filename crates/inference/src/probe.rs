//! A product of the size of an encoder's, to see how fast this machine multiplies. The clock is the caller's.

use r2r_model::precision::Precision;

use crate::kernels::{Epilogue, Instructions, Kernel, Operand, PackedMatrix, RowsOf};

/// Inputs of the probe's map, as many as the states of a small encoder have entries.
const INPUTS: usize = 384;
/// Outputs: its feed-forward width.
const OUTPUTS: usize = 1536;
/// Rows that are multiplied together.
const ROWS: usize = 96;

/// A matrix and rows to multiply it with.
pub struct Probe {
    matrix: PackedMatrix,
    rows: Vec<f32>,
    out: Vec<f32>,
    operand: Operand,
}

impl Probe {
    /// The operations of one product: a multiplication and an addition for each weight and row.
    pub const OPERATIONS: f64 = 2.0 * (INPUTS * OUTPUTS * ROWS) as f64;

    /// A probe of the kernel for a number format within an instruction set.
    pub fn new(instructions: Instructions, precision: Precision) -> Self {
        let number = |i: usize| ((i * 7919 % 2003) as f32 - 1001.0) / 1000.0;
        let weight: Vec<f32> = (0..INPUTS * OUTPUTS).map(number).collect();
        let kernel = Kernel::of(instructions, precision);
        Self {
            matrix: PackedMatrix::of_linear(instructions, kernel, &weight, &[0.0; OUTPUTS], INPUTS),
            rows: (0..INPUTS * ROWS).map(number).collect(),
            out: vec![0.0; OUTPUTS * ROWS],
            operand: Operand::default(),
        }
    }

    /// The kernel's name.
    pub fn kernel(&self) -> String {
        format!("{:?}", self.matrix.kernel())
    }

    /// Multiplies once, the conversion of the rows to the number format included; returns one value of the result.
    pub fn run(&mut self) -> f32 {
        let rows = RowsOf::dense(&self.rows, INPUTS);
        self.matrix.multiply(rows, &mut self.out, OUTPUTS, Epilogue::Store, &mut self.operand);
        self.out[0]
    }
}
