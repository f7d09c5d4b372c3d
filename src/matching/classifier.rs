//! Softmax regression (multinomial logistic regression), trained when a base is loaded.
//!
//! It starts from the entries' centroids (Rocchio 1971), which already classify well when there are few phrasings, and
//! improves them by stochastic gradient descent on the cross-entropy, one phrasing at a time. Steps are scaled per feature
//! as in AdaGrad (Duchi, Hazan & Singer 2011), with one sum of squares a feature instead of one a weight. The shuffles are
//! seeded with a constant: the same base always gives the same answers.

use super::dataset::Dataset;

/// How the classifier is trained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Training {
    /// Passes over the phrasings; early stopping is the only regularisation.
    pub epochs: usize,
    /// The learning rate: the step of a feature seen for the first time.
    pub rate: f32,
    /// The logit of a vector that is its entry's centroid, before training.
    pub prior: f32,
    /// The share of the target probability that is spread over all entries (label smoothing, Szegedy et al. 2016), since
    /// phrasings of two entries may overlap, and a few are in the wrong entry.
    pub smoothing: f32,
}

impl Default for Training {
    fn default() -> Self {
        Self {
            // More passes gain less than 0.2 points on held-out phrasings.
            epochs: 5,
            rate: 0.8,
            // Worth 2 points at 10 phrasings an entry, 4 at 5, half a point at 100.
            prior: 25.0,
            // Worth half a point, and 1 on recognising what is out of scope.
            smoothing: 0.1,
        }
    }
}

/// Above this many weights (80 MB while training) the centroids are kept: a base of so many entries has few phrasings for
/// each, and then centroids are as good and take little memory.
const MAX_WEIGHTS: usize = 20_000_000;
/// With fewer phrasings an entry the centroids are kept: training loses 2 to 5 points on one or two phrasings.
const MIN_PHRASINGS_PER_ENTRY: usize = 4;
/// Rows are padded to a multiple of this, for vector registers.
const LANES: usize = 8;
/// Below this squared gradient a phrasing is classified well already and is skipped.
const MIN_SQUARED_GRADIENT: f32 = 1e-3;

/// Weights of every class for every feature.
#[derive(Debug)]
pub struct Classifier {
    classes: usize,
    rows: Rows,
}

#[derive(Debug)]
enum Rows {
    /// A row of `stride` weights a feature, as bfloat16 (the upper half of an `f32`): half the memory, and two to three
    /// digits are enough.
    Dense { stride: usize, weights: Vec<u16> },
    /// For every feature, the classes it has a weight for; `starts` says where those of a feature begin.
    Sparse {
        starts: Vec<u32>,
        weights: Vec<(u32, f32)>,
    },
}

impl Classifier {
    /// Trains on a dataset whose classes are numbered below `classes` and its features below `features`.
    pub fn new(dataset: &Dataset, features: usize, classes: usize, training: Training) -> Self {
        let stride = classes.div_ceil(LANES) * LANES;
        let rows = if features * stride > MAX_WEIGHTS
            || dataset.len() < MIN_PHRASINGS_PER_ENTRY * classes
        {
            sparse_centroids(dataset, features, classes, training.prior)
        } else {
            let mut trainer = Trainer::new(dataset, features, classes, training);
            trainer.train(dataset);
            let weights = trainer.weights.iter().map(|weight| to_bfloat(*weight));
            Rows::Dense {
                stride,
                weights: weights.collect(),
            }
        };
        Self { classes, rows }
    }

    /// The classes' logits for a vector.
    pub fn logits(&self, vector: &[(u32, f32)]) -> Vec<f32> {
        let mut logits = match &self.rows {
            Rows::Dense { stride, weights } => dense_logits(*stride, weights, vector),
            Rows::Sparse { starts, weights } => {
                sparse_logits(self.classes, starts, weights, vector)
            }
        };
        logits.truncate(self.classes);
        logits
    }
}

fn sparse_logits(
    classes: usize,
    starts: &[u32],
    weights: &[(u32, f32)],
    vector: &[(u32, f32)],
) -> Vec<f32> {
    let mut logits = vec![0.0; classes];
    for &(feature, value) in vector {
        let range = starts[feature as usize] as usize..starts[feature as usize + 1] as usize;
        weights[range]
            .iter()
            .for_each(|&(class, weight)| logits[class as usize] += value * weight);
    }
    logits
}

fn dense_logits(stride: usize, weights: &[u16], vector: &[(u32, f32)]) -> Vec<f32> {
    let mut logits = vec![0.0; stride];
    for &(feature, value) in vector {
        let row = &weights[feature as usize * stride..][..stride];
        for (logit, weight) in logits.iter_mut().zip(row) {
            *logit += value * from_bfloat(*weight);
        }
    }
    logits
}

fn to_bfloat(value: f32) -> u16 {
    // Adding half of the last place kept rounds instead of truncating.
    (value.to_bits().saturating_add(0x8000) >> 16) as u16
}

fn from_bfloat(value: u16) -> f32 {
    f32::from_bits(u32::from(value) << 16)
}

/// The entries' mean vectors, scaled to length `scale`, as the classes each feature has a weight for.
fn sparse_centroids(dataset: &Dataset, features: usize, classes: usize, scale: f32) -> Rows {
    let triples = |(vector, class): (&'_ [(u32, f32)], usize)| -> Vec<(u32, u32, f32)> {
        vector
            .iter()
            .map(|&(feature, value)| (feature, class as u32, value))
            .collect()
    };
    let mut entries: Vec<(u32, u32, f32)> = dataset.iter().flat_map(triples).collect();
    entries.sort_by_key(|&(feature, class, _)| (feature, class));
    entries.dedup_by(|next, sum| {
        let same = (next.0, next.1) == (sum.0, sum.1);
        sum.2 += if same { next.2 } else { 0.0 };
        same
    });
    let mut squares = vec![0.0; classes];
    entries
        .iter()
        .for_each(|&(_, class, sum)| squares[class as usize] += sum * sum);
    let mut starts = vec![0; features + 1];
    entries
        .iter()
        .for_each(|&(feature, ..)| starts[feature as usize + 1] += 1);
    for feature in 0..features {
        starts[feature + 1] += starts[feature];
    }
    let scaled = |(_, class, sum): (u32, u32, f32)| {
        (class, scale * sum / f32::sqrt(squares[class as usize]))
    };
    Rows::Sparse {
        starts,
        weights: entries.into_iter().map(scaled).collect(),
    }
}

/// The entries' mean vectors, scaled to length `scale`, as rows of `stride` weights a feature.
fn dense_centroids(dataset: &Dataset, features: usize, stride: usize, scale: f32) -> Vec<f32> {
    let mut weights = vec![0.0; features * stride];
    for (vector, class) in dataset.iter() {
        vector
            .iter()
            .for_each(|&(feature, value)| weights[feature as usize * stride + class] += value);
    }
    let mut scales = vec![0.0; stride];
    for row in weights.chunks(stride.max(1)) {
        scales
            .iter_mut()
            .zip(row)
            .for_each(|(sum, weight)| *sum += weight * weight);
    }
    // The padding columns stay zero.
    scales
        .iter_mut()
        .filter(|sum| **sum > 0.0)
        .for_each(|sum| *sum = scale / f32::sqrt(*sum));
    for row in weights.chunks_mut(stride.max(1)) {
        row.iter_mut()
            .zip(&scales)
            .for_each(|(weight, scale)| *weight *= scale);
    }
    weights
}

/// The classifier during training.
struct Trainer {
    training: Training,
    classes: usize,
    stride: usize,
    weights: Vec<f32>,
    /// By feature: the sum of squared gradients so far.
    squares: Vec<f32>,
    /// Of the current phrasing: logits, then probabilities, then the gradient by logit.
    gradient: Vec<f32>,
}

impl Trainer {
    fn new(dataset: &Dataset, features: usize, classes: usize, training: Training) -> Self {
        let stride = classes.div_ceil(LANES) * LANES;
        Self {
            training,
            classes,
            stride,
            weights: dense_centroids(dataset, features, stride, training.prior),
            squares: vec![0.0; features],
            gradient: vec![0.0; stride],
        }
    }

    fn train(&mut self, dataset: &Dataset) {
        let mut order: Vec<u32> = (0..dataset.len() as u32).collect();
        let mut random = 0x9e37_79b9_7f4a_7c15;
        for _ in 0..self.training.epochs {
            shuffle(&mut order, &mut random);
            for &number in &order {
                let (vector, class) = dataset.get(number as usize);
                self.learn(vector, class);
            }
        }
    }

    fn learn(&mut self, vector: &[(u32, f32)], class: usize) {
        self.compute_gradient(vector, class);
        let squared: f32 = self.gradient.iter().map(|slope| slope * slope).sum();
        if squared < MIN_SQUARED_GRADIENT {
            return;
        }
        for &(feature, value) in vector {
            let sum = &mut self.squares[feature as usize];
            *sum += value * value * squared;
            let step = self.training.rate * value / sum.sqrt();
            let row = &mut self.weights[feature as usize * self.stride..][..self.stride];
            for (weight, slope) in row.iter_mut().zip(&self.gradient) {
                *weight -= step * slope;
            }
        }
    }

    /// The gradient of the cross-entropy by logit: the probability found minus the target.
    fn compute_gradient(&mut self, vector: &[(u32, f32)], class: usize) {
        self.gradient.fill(0.0);
        for &(feature, value) in vector {
            let row = &self.weights[feature as usize * self.stride..][..self.stride];
            for (logit, weight) in self.gradient.iter_mut().zip(row) {
                *logit += value * weight;
            }
        }
        let gradient = &mut self.gradient[..self.classes];
        softmax(gradient);
        let spread = self.training.smoothing / self.classes as f32;
        gradient.iter_mut().for_each(|slope| *slope -= spread);
        gradient[class] -= 1.0 - self.training.smoothing;
    }
}

/// Logits to probabilities, in place.
pub fn softmax(values: &mut [f32]) {
    let highest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for value in values.iter_mut() {
        *value = (*value - highest).exp();
        sum += *value;
    }
    values.iter_mut().for_each(|value| *value /= sum);
}

/// Fisher–Yates with xorshift64 (Marsaglia 2003).
fn shuffle(order: &mut [u32], random: &mut u64) {
    for last in (1..order.len()).rev() {
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        order.swap(last, (*random % (last as u64 + 1)) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(features: &[u32]) -> Vec<(u32, f32)> {
        features
            .iter()
            .map(|&feature| (feature, 1.0 / (features.len() as f32).sqrt()))
            .collect()
    }

    #[test]
    fn what_tells_classes_apart_outweighs_what_they_share() {
        // 0 is "card", in all; 1 is "bind", 2 is "unbind"
        let examples = [
            (vector(&[0, 1]), 0),
            (vector(&[0, 2]), 1),
            (vector(&[0, 2]), 1),
            (vector(&[0, 1]), 0),
        ];
        for often in [1, MIN_PHRASINGS_PER_ENTRY] {
            let examples = std::iter::repeat_n(examples.clone(), often)
                .flatten()
                .collect();
            let classifier = Classifier::new(&examples, 3, 2, Training::default());
            let logits = classifier.logits(&vector(&[0, 2]));
            assert!(logits[1] > logits[0] + 3.0, "{often}: {logits:?}");
        }
    }

    #[test]
    fn training_twice_gives_the_same() {
        let examples: Dataset = (0..60)
            .map(|n| (vector(&[n % 7, 7 + n % 3, 10 + n % 5]), n as usize % 3))
            .collect();
        let logits =
            || Classifier::new(&examples, 15, 3, Training::default()).logits(&vector(&[1, 8, 12]));
        assert_eq!(logits(), logits());
    }

    #[test]
    fn nothing_to_learn_from_gives_no_opinion() {
        let classifier = Classifier::new(&Dataset::default(), 0, 0, Training::default());
        assert!(classifier.logits(&[]).is_empty());
    }

    #[test]
    fn probabilities_sum_to_one_even_for_huge_logits() {
        let mut values = [1e30, 0.0, -1e30];
        softmax(&mut values);
        assert_eq!(values, [1.0, 0.0, 0.0]);
    }

    #[test]
    fn half_floats_keep_two_digits() {
        for value in [0.0, 1.0, -3.137, 1e-9, 12345.6] {
            let kept = from_bfloat(to_bfloat(value));
            assert!(
                (kept - value).abs() <= value.abs() / 200.0,
                "{value} became {kept}"
            );
        }
    }
}
