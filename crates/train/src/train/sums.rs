use burn::tensor::Tensor;

/// On a GPU, reading a number waits for all that was queued, so that is done this seldom.
const GPU_STEPS: usize = 50;

/// An epoch's losses and right answers, added up.
pub(super) struct Sums {
    on_cpu: bool,
    pending: Vec<(Tensor<1>, Tensor<1>, usize)>,
    newest_loss: f64,
    totals: Totals,
}

/// What an epoch's steps came to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Totals {
    pub(super) images: usize,
    pub(super) loss: f64,
    pub(super) correct: f64,
    pub(super) learning_rate: f64,
}

impl Sums {
    pub(super) fn new(on_cpu: bool) -> Self {
        Self {
            on_cpu,
            pending: Vec::new(),
            newest_loss: 0.0,
            totals: Totals::default(),
        }
    }

    /// Adds a step; returns its loss, on a GPU the newest that was read.
    pub(super) fn add(
        &mut self,
        loss: Tensor<1>,
        correct: Tensor<1>,
        images: usize,
        learning_rate: f64,
    ) -> f64 {
        self.totals.images += images;
        self.totals.learning_rate = learning_rate;
        self.pending.push((loss, correct, images));
        if self.on_cpu || self.pending.len() >= GPU_STEPS {
            self.read();
        }
        self.newest_loss
    }

    pub(super) fn images(&self) -> usize {
        self.totals.images
    }

    pub(super) fn finish(mut self) -> Totals {
        self.read();
        self.totals
    }

    fn read(&mut self) {
        for (loss, correct, images) in self.pending.drain(..) {
            let loss = f64::from(loss.into_scalar::<f32>());
            // One number that is none must not hide behind the next.
            if self.newest_loss.is_finite() {
                self.newest_loss = loss;
            }
            self.totals.loss += loss * images as f64;
            self.totals.correct += f64::from(correct.into_scalar::<f32>());
        }
    }
}
