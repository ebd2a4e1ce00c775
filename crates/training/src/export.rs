//! From a trained student to the tensors of its folder: Hugging Face names, low-rank terms merged.

use burn::tensor::Tensor;
use r2r_model::weights::{NamedTensor, Weights};

use crate::encoder::EncoderLayer;
use crate::evidence::EvidenceHead;
use crate::layers::{Linear, Norm};
use crate::parameters::numbers;
use crate::reason_decoder::ReasonDecoder;
use crate::student::Student;

/// All tensors of a student without gradients.
pub fn weights(student: &Student) -> Weights {
    let mut export = Export { weights: Weights::default() };
    let encoder = &student.encoder;
    export.tensor("bert.embeddings.word_embeddings.weight", encoder.word_embeddings.val());
    export.tensor("bert.embeddings.position_embeddings.weight", encoder.position_embeddings.val());
    export.tensor("bert.embeddings.token_type_embeddings.weight", encoder.token_type_embeddings.val());
    export.norm("bert.embeddings.LayerNorm", &encoder.norm);
    for (number, layer) in encoder.layers.iter().enumerate() {
        export.encoder_layer(number, layer);
    }
    export.linear("bert.pooler.dense", &student.head.pooler);
    export.linear("classifier", &student.head.classifier);
    if let Some(reasons) = &student.reasons {
        export.reasons(reasons);
    }
    if let Some(evidence) = &student.evidence {
        export.evidence(evidence);
    }
    export.weights
}

struct Export {
    weights: Weights,
}

impl Export {
    fn tensor<const D: usize>(&mut self, name: &str, tensor: Tensor<D>) {
        let shape = tensor.dims().to_vec();
        self.weights.insert(name, NamedTensor::new(shape, numbers(tensor)));
    }

    fn norm(&mut self, name: &str, norm: &Norm) {
        self.tensor(&format!("{name}.weight"), norm.gamma.val());
        self.tensor(&format!("{name}.bias"), norm.beta.val());
    }

    fn linear(&mut self, name: &str, linear: &Linear) {
        self.side_by_side(&[name.to_owned()], linear);
    }

    /// Maps that stand side by side in one product, each under its own name, and their low-rank terms.
    fn side_by_side(&mut self, names: &[String], linear: &Linear) {
        let [inputs, width] = linear.weight.dims();
        let outputs = width / names.len();
        for (block, name) in names.iter().enumerate() {
            let columns = block * outputs..(block + 1) * outputs;
            let mut weight = linear.weight.val().slice([0..inputs, columns.clone()]).transpose();
            if let Some(term) = &linear.low_rank {
                let [_, rank] = term.up.dims();
                let down = term.down.val().slice([block * rank..(block + 1) * rank, 0..inputs]);
                let up = term.up.val().slice([columns.clone(), 0..rank]).mul_scalar(term.scale());
                weight = weight + up.clone().matmul(down.clone());
                let similarity = name.replacen("bert.", "similarity.", 1);
                self.tensor(&format!("{similarity}.down"), down);
                self.tensor(&format!("{similarity}.up"), up);
            }
            self.tensor(&format!("{name}.weight"), weight);
            self.tensor(&format!("{name}.bias"), linear.bias.val().slice([columns]));
        }
    }

    fn encoder_layer(&mut self, number: usize, layer: &EncoderLayer) {
        let name = |part: &str| format!("bert.encoder.layer.{number}.{part}");
        let qkv = ["query", "key", "value"].map(|part| name(&format!("attention.self.{part}")));
        self.side_by_side(&qkv, &layer.qkv);
        self.linear(&name("attention.output.dense"), &layer.attention_output);
        self.norm(&name("attention.output.LayerNorm"), &layer.attention_norm);
        self.linear(&name("intermediate.dense"), &layer.intermediate);
        self.linear(&name("output.dense"), &layer.output);
        self.norm(&name("output.LayerNorm"), &layer.output_norm);
    }

    fn reasons(&mut self, reasons: &ReasonDecoder) {
        self.linear("reason.memory.project", &reasons.memory.project);
        self.tensor("reason.memory.segment.weight", reasons.memory.segment.val());
        self.tensor("reason.memory.mark.weight", reasons.memory.mark.val());
        self.norm("reason.memory.norm", &reasons.memory.norm);
        self.tensor("reason.words.weight", reasons.words.val());
        self.tensor("reason.vocabulary_bias", reasons.vocabulary_bias.val());
        self.tensor("reason.positions.weight", reasons.positions.val());
        self.norm("reason.embedding_norm", &reasons.embedding_norm);
        for (number, layer) in reasons.layers.iter().enumerate() {
            let name = |part: &str| format!("reason.layers.{number}.{part}");
            self.norm(&name("norm1"), &layer.norm1);
            self.side_by_side(&["query", "key", "value"].map(|part| name(&format!("self.{part}"))), &layer.self_qkv);
            self.linear(&name("self.output"), &layer.self_output);
            self.norm(&name("norm2"), &layer.norm2);
            self.linear(&name("cross.query"), &layer.cross_query);
            self.side_by_side(&["key", "value"].map(|part| name(&format!("cross.{part}"))), &layer.cross_kv);
            self.linear(&name("cross.output"), &layer.cross_output);
            self.norm(&name("norm3"), &layer.norm3);
            self.linear(&name("feed_forward.up"), &layer.up);
            self.linear(&name("feed_forward.down"), &layer.down);
        }
        self.norm("reason.norm", &reasons.norm);
        self.tensor("reason.copy.weight", reasons.copy.val().transpose());
        self.linear("reason.continuation", &reasons.continuation);
    }

    fn evidence(&mut self, evidence: &EvidenceHead) {
        self.linear("reason.evidence.dense", &evidence.dense);
        self.tensor("reason.evidence.score.weight", evidence.score.val().transpose());
    }
}
