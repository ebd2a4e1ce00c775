//! What is fitted on held-out lists after the training: the similarity's weight, and the curves from logits to
//! probabilities and grades.

use r2r_model::config::Calibration;
use r2r_types::example::DistillationExample;

use crate::lists::has_order;

/// The name of those whose targets are judgments of people.
const HUMAN: &str = "human";
/// Newton steps: the fits have one or two parameters and converge in a handful once they are near.
const NEWTON_STEPS: usize = 100;
/// The least scale of the head beside which the similarity is weighed.
const LEAST_HEAD: f64 = 0.05;
/// Pulls the slope towards one where the labels are separable and no finite slope is best.
const RIDGE: f64 = 1e-3;

/// Platt scaling (Platt, 1999): the logistic regression of "has the list's top target" on the logit.
///
/// Lists judged by people count alone where there are any, because a teacher's best may still be irrelevant. `None`
/// where no list has an order.
pub fn fit_calibration(dev: &[DistillationExample], logits: &[Vec<f32>]) -> Option<Calibration> {
    let ordered = || dev.iter().zip(logits).filter(|(example, _)| has_order(example));
    let human = ordered().any(|(example, _)| example.teacher == HUMAN);
    let mut points: Vec<(f64, f64)> = Vec::new();
    for (example, logits) in ordered().filter(|(example, _)| !human || example.teacher == HUMAN) {
        let most = example.passages.iter().map(|passage| passage.target).fold(f32::NEG_INFINITY, f32::max);
        points.extend(example.passages.iter().zip(logits).map(|(passage, logit)| {
            let is_top = passage.target.total_cmp(&most).is_eq();
            (f64::from(*logit), if is_top { 1.0 } else { 0.0 })
        }));
    }
    (!points.is_empty()).then(|| logistic_regression(&points))
}

/// The weight of the similarity beside the head that makes the held-out lists likeliest: the least sum of the divergences
/// of [`listwise`](crate::loss::listwise::listwise), over all weights of the similarity and all scales of the head, in
/// which it is convex. `logits` are those of the head alone. `None` where no list has an order.
///
/// On the lists that it learned from, the head is better and surer than elsewhere, so that training gives the similarity
/// too little weight.
pub fn fit_similarity_weight(
    dev: &[DistillationExample],
    logits: &[Vec<f32>],
    similarities: &[Vec<f32>],
    temperature: f32,
) -> Option<f32> {
    let ordered = dev.iter().zip(logits.iter().zip(similarities)).filter(|(example, _)| has_order(example));
    // For each list what is taught, and of each passage the two signals.
    let lists: Vec<(Vec<f64>, Vec<[f64; 2]>)> = ordered
        .map(|(example, (logits, similarities))| {
            let targets = example.passages.iter().map(|passage| f64::from(passage.target / temperature));
            let signals = logits.iter().zip(similarities).map(|(head, similarity)| [*head, *similarity].map(f64::from));
            (softmax(targets), signals.collect())
        })
        .collect();
    if lists.is_empty() {
        return None;
    }
    let (mut head, mut similarity) = (1.0_f64, 0.0_f64);
    for _ in 0..NEWTON_STEPS {
        let (mut gradient, mut hessian) = ([0.0; 2], [RIDGE, 0.0, RIDGE]);
        for (taught, signals) in &lists {
            let found = softmax(signals.iter().map(|[h, s]| head * h + similarity * s));
            let mean = |shares: &[f64], signal: usize| -> f64 {
                shares.iter().zip(signals).map(|(share, signals)| share * signals[signal]).sum()
            };
            let means = [mean(&found, 0), mean(&found, 1)];
            for signal in 0..2 {
                gradient[signal] += means[signal] - mean(taught, signal);
            }
            for (share, [h, s]) in found.iter().zip(signals) {
                let (h, s) = (h - means[0], s - means[1]);
                hessian[0] += share * h * h;
                hessian[1] += share * h * s;
                hessian[2] += share * s * s;
            }
        }
        let step = newton_step(gradient, hessian);
        (head, similarity) = (head - step[0], similarity - step[1]);
        if step[0].hypot(step[1]) < 1e-9 {
            break;
        }
    }
    // A head that only misleads is not turned around: the similarity then outweighs it.
    Some((similarity.max(0.0) / head.max(LEAST_HEAD)) as f32)
}

/// The step of Newton's method in two dimensions, for a symmetric matrix `[xx, xy, yy]`: at most a unit long, since far
/// from the optimum the loss is not quadratic.
fn newton_step(gradient: [f64; 2], hessian: [f64; 3]) -> [f64; 2] {
    let determinant = hessian[0] * hessian[2] - hessian[1] * hessian[1];
    if determinant.abs() < 1e-12 {
        return [0.0; 2];
    }
    let x = (hessian[2] * gradient[0] - hessian[1] * gradient[1]) / determinant;
    let y = (hessian[0] * gradient[1] - hessian[1] * gradient[0]) / determinant;
    let length = x.hypot(y).max(1.0);
    [x / length, y / length]
}

fn softmax(logits: impl Iterator<Item = f64>) -> Vec<f64> {
    let logits: Vec<f64> = logits.collect();
    let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exponentials: Vec<f64> = logits.iter().map(|logit| (logit - most).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    exponentials.into_iter().map(|exponential| exponential / sum).collect()
}

/// Newton's method on the penalized likelihood of `sigmoid(scale * x + offset)`.
fn logistic_regression(points: &[(f64, f64)]) -> Calibration {
    let (mut scale, mut offset) = (1.0_f64, 0.0_f64);
    let ridge = RIDGE * points.len() as f64;
    for _ in 0..NEWTON_STEPS {
        let (mut gradient, mut hessian) = ([ridge * (scale - 1.0), 0.0], [ridge, 0.0, 1e-9]);
        for (x, label) in points {
            let probability = 1.0 / (1.0 + (-(scale * x + offset)).exp());
            let (error, weight) = (probability - label, probability * (1.0 - probability));
            gradient[0] += error * x;
            gradient[1] += error;
            hessian[0] += weight * x * x;
            hessian[1] += weight * x;
            hessian[2] += weight;
        }
        let step = newton_step(gradient, hessian);
        (scale, offset) = (scale - step[0], offset - step[1]);
        if step[0].hypot(step[1]) < 1e-10 {
            break;
        }
    }
    // A falling curve would turn the order around; such a student is better left uncalibrated.
    if scale > 0.0 && offset.is_finite() {
        Calibration { scale: scale as f32, offset: offset as f32 }
    } else {
        Calibration::default()
    }
}

/// Logits at which grades 1 to 4 begin: the quintiles of the logits of lists taught by a model, of all lists where
/// there is none. `None` without logits.
pub fn fit_grades(dev: &[DistillationExample], logits: &[Vec<f32>]) -> Option<[f32; 4]> {
    let taught = |example: &DistillationExample| example.teacher != HUMAN;
    let any_taught = dev.iter().any(taught);
    let lists = dev.iter().zip(logits).filter(|(example, _)| !any_taught || taught(example));
    let mut sorted: Vec<f32> = lists.flat_map(|(_, logits)| logits.iter().copied()).collect();
    if sorted.is_empty() {
        return None;
    }
    sorted.sort_by(f32::total_cmp);
    Some([1, 2, 3, 4].map(|fifth| sorted[(sorted.len() - 1) * fifth / 5]))
}

#[cfg(test)]
mod tests {
    use r2r_types::document::Query;
    use r2r_types::example::ExamplePassage;

    use super::*;

    #[test]
    fn the_fit_finds_the_curve_that_drew_the_labels() {
        let mut points = Vec::new();
        for step in -40..=40 {
            let x = f64::from(step) * 0.1;
            let probability = 1.0 / (1.0 + (-(2.0 * x - 0.5)).exp());
            // Each x stands for 1,000 draws.
            points.extend((0..1000).map(|draw| (x, if f64::from(draw) < probability * 1000.0 { 1.0 } else { 0.0 })));
        }
        let fitted = logistic_regression(&points);
        assert!((fitted.scale - 2.0).abs() < 0.1 && (fitted.offset + 0.5).abs() < 0.05, "{fitted:?}");
    }

    #[test]
    fn the_similarity_gets_the_weight_that_the_targets_were_made_with() {
        let (mut dev, mut logits, mut similarities) = (Vec::new(), Vec::new(), Vec::new());
        for list in 0..5 {
            let head: Vec<f32> = (0..4).map(|place| ((list * 4 + place) as f32 * 1.7).sin()).collect();
            let similar: Vec<f32> = (0..4).map(|place| ((list * 4 + place) as f32 * 0.9).cos()).collect();
            let passage = |place: usize| ExamplePassage {
                doc: "d".into(),
                title: String::new(),
                text: String::new(),
                target: 2.0 * 0.5 * (head[place] + 3.0 * similar[place]),
                evidence: None,
                direct: None,
                comparison: None,
            };
            let query = Query { id: "q".into(), text: "query".to_owned() };
            let passages = (0..4).map(passage).collect();
            dev.push(DistillationExample { query, teacher: HUMAN.to_owned(), passages });
            logits.push(head);
            similarities.push(similar);
        }
        let fitted = fit_similarity_weight(&dev, &logits, &similarities, 2.0).unwrap();
        assert!((fitted - 3.0).abs() < 1e-3, "{fitted}");
        assert!(fit_similarity_weight(&[], &[], &[], 1.0).is_none());
    }

    #[test]
    fn separable_labels_give_a_finite_slope() {
        let fitted = logistic_regression(&[(-1.0, 0.0), (-2.0, 0.0), (1.0, 1.0), (3.0, 1.0)]);
        assert!(fitted.scale.is_finite() && fitted.scale > 1.0, "{fitted:?}");
    }
}
