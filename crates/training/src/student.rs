//! The student that is trained: encoder, rank head and, where it writes reasons, decoder and evidence head.

use burn::module::Module;
use burn::tensor::Tensor;
use r2r_model::config::{EncoderConfig, ReasonsConfig};
use r2r_model::weights::{Weights, WeightsError};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::batch::Batch;
use crate::compute::{Compute, Place};
use crate::encoder::{Encoder, Loader, PackedPieces};
use crate::evidence::EvidenceHead;
use crate::head::Head;
use crate::layers::{Adaptation, Pass};
use crate::loss::LossConfig;
use crate::loss::evidence::evidence;
use crate::loss::generation::generation;
use crate::loss::listwise::listwise;
use crate::loss::pairwise::pairwise;
use crate::reason_decoder::ReasonDecoder;

/// A student in training.
#[derive(Module, Debug)]
pub struct Student {
    /// Reads query and passage together.
    pub encoder: Encoder,
    /// Scores them.
    pub head: Head,
    /// Explains the score; absent for a student that only ranks.
    pub reasons: Option<ReasonDecoder>,
    /// Points at the sentence that answers; there where `reasons` is.
    pub evidence: Option<EvidenceHead>,
}

/// What a student is built from.
#[derive(Clone, Copy, Debug)]
pub struct StudentShape<'a> {
    /// Shape of the encoder.
    pub encoder: &'a EncoderConfig,
    /// Which tensors of the encoder are trained.
    pub adaptation: Adaptation,
    /// Whether the base's similarity is part of the score.
    pub with_similarity: bool,
    /// Shape of the reason decoder.
    pub reasons: Option<ReasonsConfig>,
    /// Decides about every fresh tensor.
    pub seed: u64,
}

/// The losses of one pass; `None` where nothing in it can be learned from.
pub struct Losses {
    /// [`pairwise`].
    pub pairwise: Option<Tensor<1>>,
    /// [`listwise`].
    pub listwise: Option<Tensor<1>>,
    /// [`generation`].
    pub generation: Option<Tensor<1>>,
    /// [`evidence`].
    pub evidence: Option<Tensor<1>>,
}

/// What a student says about a batch.
pub struct Outputs {
    /// One logit for each pair, `[pairs]`.
    pub logits: Tensor<1>,
    /// Last-layer states of all pieces, `[rows, hidden]`.
    pub states: Tensor<2>,
}

impl Student {
    /// Takes the base's tensors out of `weights`; what the base lacks is fresh.
    pub fn load(weights: &mut Weights, shape: &StudentShape<'_>, place: &Place) -> Result<Self, WeightsError> {
        let mut random = ChaCha8Rng::seed_from_u64(shape.seed);
        let random = &mut random;
        let device = &place.device;
        let (hidden, epsilon) = (shape.encoder.hidden_size, shape.encoder.layer_norm_eps);
        let encoder = Encoder::load(weights, shape.encoder, shape.adaptation, random, device)?;
        let mut loader = Loader { weights, device, epsilon };
        let head = Head::load(&mut loader, shape.encoder, shape.with_similarity, random)?;
        let reasons = shape.reasons.map(|config| ReasonDecoder::fresh(&config, hidden, epsilon, random, device));
        let evidence = shape.reasons.map(|_| EvidenceHead::fresh(hidden, random, device));
        Ok(Self { encoder, head, reasons, evidence })
    }

    /// The joint pass and the rank head; `similarities` is `[pairs]`.
    pub fn forward(&self, pieces: &PackedPieces, similarities: &[f32], compute: Compute) -> Outputs {
        let states = self.encoder.forward(pieces, Pass::Adapted, compute);
        let logits = self.head.forward(states.clone(), &pieces.packing, similarities, compute);
        Outputs { logits, states }
    }

    /// Mean-pooled states of the base, one vector for each text, `[texts][hidden]`.
    pub fn base_vectors(&self, texts: &PackedPieces, compute: Compute) -> Vec<Vec<f32>> {
        let states = self.encoder.forward(texts, Pass::Base, compute);
        let spans: Vec<_> = texts.packing.ranges().collect();
        let means = compute.span_mean(states, &spans);
        let [_, hidden] = means.dims();
        let means: Vec<f32> = means.into_data().iter::<f32>().collect();
        means.chunks_exact(hidden).map(<[f32]>::to_vec).collect()
    }

    /// All losses of a batch; those with weight 0 are not computed.
    pub fn losses(&self, batch: &Batch, config: &LossConfig, compute: Compute) -> Losses {
        let outputs = self.forward(&batch.pieces, &batch.similarities, compute);
        self.losses_of(outputs, batch, config, compute)
    }

    /// The losses of reasons and evidence, without a gradient for the encoder.
    pub fn reason_losses(&self, batch: &Batch, config: &LossConfig, compute: Compute) -> Losses {
        let Outputs { logits, states } = self.valid().forward(&batch.pieces, &batch.similarities, compute);
        let outputs = Outputs { logits: Tensor::from_inner(logits), states: Tensor::from_inner(states) };
        self.losses_of(outputs, batch, &LossConfig { pairwise: 0.0, listwise: 0.0, ..*config }, compute)
    }

    fn losses_of(&self, outputs: Outputs, batch: &Batch, config: &LossConfig, compute: Compute) -> Losses {
        let Outputs { logits, states } = outputs;
        let decoder = self.reasons.as_ref().filter(|_| config.generation > 0.0);
        let generated = decoder.zip(batch.reasons.as_ref()).and_then(|(decoder, reasons)| {
            let scores = decoder.forward(states.clone(), &reasons.inputs, compute);
            generation(scores, &reasons.targets)
        });
        let head = self.evidence.as_ref().filter(|_| config.evidence > 0.0 && !batch.gold_sentences.is_empty());
        let pointed = head
            .and_then(|head| evidence(&head.forward(states.clone(), &batch.sentences, compute), &batch.gold_sentences));
        let wanted = |weight: f64| weight > 0.0;
        Losses {
            pairwise: wanted(config.pairwise).then(|| pairwise(&logits, &batch.targets, &batch.lists)).flatten(),
            listwise: wanted(config.listwise)
                .then(|| listwise(&logits, &batch.targets, &batch.lists, config.temperature))
                .flatten(),
            generation: generated,
            evidence: pointed,
        }
    }
}

impl Losses {
    /// The weighted sum; `None` where no loss is there.
    pub fn total(&self, config: &LossConfig) -> Option<Tensor<1>> {
        let weighted = [
            (&self.pairwise, config.pairwise),
            (&self.listwise, config.listwise),
            (&self.generation, config.generation),
            (&self.evidence, config.evidence),
        ];
        weighted
            .into_iter()
            .filter_map(|(loss, weight)| loss.clone().map(|loss| loss.mul_scalar(weight)))
            .reduce(|sum, loss| sum + loss)
    }
}
