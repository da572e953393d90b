//! The state that the live view shows: the latest values, and curves with a bounded number of points.

use receptive_core::text::Printable;
use receptive_train::{Epoch, Step};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Maximum number of epochs in the table: more than any terminal has rows.
const MAX_ROWS: usize = 500;
/// Time over which the speed is averaged.
const SPEED_WINDOW: Duration = Duration::from_secs(3);

pub(super) struct State {
    pub(super) title: String,
    pub(super) epoch: usize,
    pub(super) epochs: usize,
    /// Training images of an epoch, and how many are done.
    pub(super) images: (usize, usize),
    /// Steps of the run, and how many are done.
    pub(super) steps: (u64, u64),
    /// The split being evaluated: its name, images done, total images.
    pub(super) evaluating: Option<(String, usize, usize)>,
    pub(super) learning_rate: f64,
    pub(super) batch_loss: LiveCurve,
    pub(super) val_loss: LiveCurve,
    pub(super) train_top1: LiveCurve,
    pub(super) val_top1: LiveCurve,
    pub(super) rows: VecDeque<Epoch>,
    /// Whether validation selects the best epoch.
    marks_best: bool,
    best: Option<Epoch>,
    began: Instant,
    /// The first step of this process.
    first_step: Option<u64>,
    /// Recent steps of this epoch: their times, and the images done until then.
    recent: VecDeque<(Instant, usize)>,
}

impl State {
    pub(super) fn new(title: &str, marks_best: bool) -> Self {
        Self {
            title: title.printable().into_owned(),
            epoch: 0,
            epochs: 0,
            images: (0, 0),
            steps: (0, 0),
            evaluating: None,
            learning_rate: 0.0,
            batch_loss: LiveCurve::new(),
            val_loss: LiveCurve::new(),
            train_top1: LiveCurve::new(),
            val_top1: LiveCurve::new(),
            rows: VecDeque::new(),
            marks_best,
            best: None,
            began: Instant::now(),
            first_step: None,
            recent: VecDeque::new(),
        }
    }

    pub(super) fn epoch_begins(&mut self, epoch: usize, epochs: usize, images: usize) {
        if self.epoch == 0 {
            self.began = Instant::now();
        }
        (self.epoch, self.epochs) = (epoch, epochs);
        self.images = (images, 0);
        self.evaluating = None;
        self.recent.clear();
    }

    pub(super) fn step(&mut self, step: &Step) {
        let now = Instant::now();
        self.images.1 = step.images;
        self.steps = (step.steps, step.step);
        self.learning_rate = step.learning_rate;
        self.first_step.get_or_insert(step.step);
        let part = step.images as f64 / self.images.0.max(1) as f64;
        if let Some(loss) = step.loss {
            self.batch_loss.push(step.epoch as f64 - 1.0 + part, loss);
        }
        self.recent.push_back((now, step.images));
        // Keeps one step before the window, so that there is a speed even if a step takes longer than the
        // window.
        while self.recent.len() > 2 && now - self.recent[1].0 > SPEED_WINDOW {
            self.recent.pop_front();
        }
    }

    pub(super) fn epoch_ends(&mut self, epoch: &Epoch) {
        let at = epoch.epoch as f64;
        self.train_top1.push(at, 100.0 * epoch.train_top1);
        if let (Some(loss), Some(top1)) = (epoch.val_loss, epoch.val_top1) {
            self.val_loss.push(at, loss);
            self.val_top1.push(at, 100.0 * top1);
        }
        let epoch = epoch.marked(self.marks_best);
        if epoch.best {
            self.best = Some(epoch.clone());
        }
        self.rows.push_back(epoch);
        if self.rows.len() > MAX_ROWS {
            self.rows.pop_front();
        }
        self.evaluating = None;
    }

    /// Adds the earlier epochs of a resumed run.
    pub(super) fn resumes(&mut self, epochs: &[Epoch]) {
        for epoch in epochs {
            // The losses of its batches are not recorded, so their mean is shown at the middle of the epoch.
            self.batch_loss
                .push(epoch.epoch as f64 - 0.5, epoch.train_loss);
            self.epoch_ends(epoch);
        }
    }

    pub(super) fn evaluating(&mut self, split: &str, done: usize, total: usize) {
        self.evaluating = (done < total).then(|| (split.into(), done, total));
    }

    /// Recent training images per second.
    pub(super) fn speed(&self) -> Option<f64> {
        let lately = || {
            let ((from, before), (to, after)) = (self.recent.front()?, self.recent.back()?);
            let seconds = (*to - *from).as_secs_f64();
            (seconds > 0.0).then(|| (after - before) as f64 / seconds)
        };
        // At the first step of an epoch, the speed of the previous epoch is the latest one available.
        lately().or(self.rows.back().map(|epoch| epoch.images_per_second))
    }

    pub(super) fn elapsed(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Estimated seconds until the last step, including validation, at the mean speed so far.
    pub(super) fn left(&self) -> Option<f64> {
        let (steps, done) = self.steps;
        let mine = done - self.first_step? + 1;
        Some(self.elapsed() / mine as f64 * (steps - done) as f64)
    }

    /// The epochs to keep on the normal screen: the best and the latest.
    pub(super) fn last_words(&self) -> impl Iterator<Item = &Epoch> {
        let newest = self.rows.back();
        let best = self.best.as_ref();
        let best = best.filter(|best| newest.is_some_and(|newest| newest.epoch != best.epoch));
        best.into_iter().chain(newest)
    }
}

/// Maximum number of points: more than any terminal has columns.
const MAX_POINTS: usize = 1024;

/// A curve with a bounded number of points for any number of values; each point is the mean of consecutive
/// values.
#[derive(Debug, Clone)]
pub(super) struct LiveCurve {
    points: Vec<(f64, f64)>,
    /// Number of values per point.
    every: usize,
    /// The next point: sums and count.
    sums: (f64, f64),
    count: usize,
}

impl LiveCurve {
    pub(super) fn new() -> Self {
        Self {
            points: Vec::new(),
            every: 1,
            sums: (0.0, 0.0),
            count: 0,
        }
    }

    pub(super) fn push(&mut self, x: f64, y: f64) {
        if !y.is_finite() {
            return;
        }
        self.sums = (self.sums.0 + x, self.sums.1 + y);
        self.count += 1;
        if self.count < self.every {
            return;
        }
        let count = self.count as f64;
        self.points.push((self.sums.0 / count, self.sums.1 / count));
        (self.sums, self.count) = ((0.0, 0.0), 0);
        if self.points.len() == MAX_POINTS {
            let halves = self.points.chunks_exact(2);
            let middle = |a: f64, b: f64| (a + b) / 2.0;
            self.points = halves
                .map(|pair| (middle(pair[0].0, pair[1].0), middle(pair[0].1, pair[1].1)))
                .collect();
            self.every *= 2;
        }
    }

    pub(super) fn points(&self) -> &[(f64, f64)] {
        &self.points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_values_keeps_its_mean_in_a_bounded_number_of_points() {
        let mut curve = LiveCurve::new();
        for i in 0..1_000_000 {
            curve.push(f64::from(i), f64::from(i % 2));
        }
        let points = curve.points();
        assert!(points.len() < MAX_POINTS && points.len() >= MAX_POINTS / 2);
        assert!(points.iter().all(|point| point.1 == 0.5), "{:?}", points[0]);
        assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0));
        curve.push(0.0, f64::NAN);
        assert!(curve.points().iter().all(|point| point.1.is_finite()));
    }
}
