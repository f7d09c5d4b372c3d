//! Softmax regression (multinomial logistic regression), trained when a base is loaded.
//!
//! Stochastic gradient descent on the cross-entropy, one phrasing at a time, in a fixed order of shuffles, so that the
//! same base always gives the same answers. Steps are scaled per feature as in AdaGrad (Duchi, Hazan & Singer 2011), with
//! one sum of squares a feature instead of one a weight: rare features learn as much from their few phrasings as common ones.

use super::features::Sparse;

/// How the classifier is trained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Training {
    /// Passes over the phrasings.
    pub epochs: usize,
    /// Step of a feature seen for the first time.
    pub rate: f32,
    /// Shrinks weights a little at each step on their feature.
    pub decay: f32,
}

impl Default for Training {
    fn default() -> Self {
        Self {
            epochs: 8,
            rate: 4.0,
            decay: 0.0,
        }
    }
}

/// Weights of every class for every feature.
#[derive(Debug, Default)]
pub struct Classifier {
    classes: usize,
    /// Floats from one row to the next: `classes`, filled up for vector instructions.
    stride: usize,
    /// Row by row, a feature's weights for the classes.
    rows: Vec<f32>,
}

const LANES: usize = 8;

impl Classifier {
    /// Trains on vectors with their classes.
    pub fn new(
        examples: &[(Sparse, usize)],
        features: usize,
        classes: usize,
        training: Training,
    ) -> Self {
        let stride = classes.div_ceil(LANES) * LANES;
        let mut trained = Self {
            classes,
            stride,
            rows: vec![0.0; features * stride],
        };
        let mut squares = vec![1e-6f32; features];
        let mut order: Vec<u32> = (0..examples.len() as u32).collect();
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let mut slope = vec![0.0; stride];
        for _ in 0..training.epochs {
            shuffle(&mut order, &mut random);
            for &number in &order {
                let (vector, class) = &examples[number as usize];
                trained.step(vector, *class, training, &mut squares, &mut slope);
            }
        }
        trained
    }

    fn step(
        &mut self,
        vector: &Sparse,
        class: usize,
        training: Training,
        squares: &mut [f32],
        slope: &mut [f32],
    ) {
        self.logits_into(vector, slope);
        softmax(&mut slope[..self.classes]);
        slope[self.classes..].fill(0.0);
        slope[class] -= 1.0;
        let steep: f32 = slope.iter().map(|value| value * value).sum();
        if steep < 1e-6 {
            return;
        }
        for &(feature, value) in vector {
            let sum = &mut squares[feature as usize];
            *sum += value * value * steep;
            let step = -training.rate * value / sum.sqrt();
            let row = &mut self.rows[feature as usize * self.stride..][..self.stride];
            let keep = 1.0 - training.decay;
            for (weight, slope) in row.iter_mut().zip(&*slope) {
                *weight = *weight * keep + step * slope;
            }
        }
    }

    /// The classes' logits for a vector.
    pub fn logits(&self, vector: &Sparse) -> Vec<f32> {
        let mut out = vec![0.0; self.stride];
        self.logits_into(vector, &mut out);
        out.truncate(self.classes);
        out
    }

    fn logits_into(&self, vector: &Sparse, out: &mut [f32]) {
        out.fill(0.0);
        for &(feature, value) in vector {
            let row = &self.rows[feature as usize * self.stride..][..self.stride];
            for (sum, weight) in out.iter_mut().zip(row) {
                *sum += value * weight;
            }
        }
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

fn shuffle(order: &mut [u32], random: &mut u64) {
    for last in (1..order.len()).rev() {
        // xorshift64 (Marsaglia 2003)
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        order.swap(last, (*random % (last as u64 + 1)) as usize);
    }
}
