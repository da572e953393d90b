//! The input gradient of steps: a forward pass that keeps what the backward pass needs, and the
//! backward pass.

use super::buffers::Buffers;
use super::maps::MapBuffers;
use super::{FrozenConv, Step};
use crate::geometry::Shape;
use crate::layers::features::Features;
use crate::layers::join::Join;
use crate::layers::pass::Pass;
use burn::tensor::Device;
use receptive_kernels::frozen::{Conv2dGradient, max_pool_gradient, rectifier_gradient, uncrop};
use receptive_kernels::inference::Layout;
use receptive_kernels::{Rectifier, RectifierMask};

type FrozenStep = Step<FrozenConv>;
type Maps = super::maps::Maps<'static>;

/// What the backward pass of a step needs.
struct Record {
    /// The shape of the step's input.
    input: Shape,
    /// The output, if the step ends with a rectifier.
    output: Option<Maps>,
    within: Within,
}

/// What is done with a step's input gradient: `added` is added, and then the rectifier of the step
/// before is taken into account, in the same pass over memory where possible.
#[derive(Default)]
struct After {
    added: Option<Maps>,
    mask: Option<Mask>,
}

/// A step's rectifier and output.
struct Mask {
    rectifier: Rectifier,
    output: Maps,
}

/// What only some steps need.
enum Within {
    Nothing,
    /// The input of a max pool or an activation.
    Input(Maps),
    /// Of the shortcut and the body of a residual, and the shape of the last convolution's input.
    Residual([Vec<Record>; 2], Shape),
    /// Of each branch, and the shapes of their outputs.
    Branches(Vec<Vec<Record>>, Vec<Shape>),
    /// Input and output of a step that burn computes.
    Layer(Box<[Features; 2]>),
}

/// The gradient of the images, `[images, values]`, given that of the output.
///
/// # Shapes
/// - `images`: `[images, values]`, each of this shape
/// - `grad`: `[images, values]` of the output
pub(crate) fn input_gradient(
    steps: &[FrozenStep],
    images: &[f32],
    [input, output]: [Shape; 2],
    grad: &[f32],
    buffers: &mut Buffers,
    device: &Device,
) -> Vec<f32> {
    let count = images.len() / input.values().max(1);
    let mut passes = Passes(MapBuffers { buffers, device });
    let images = passes.0.copied(count, input, images);
    let (y, records) = passes.forward(steps, images);
    passes.0.free(y);
    let grad = passes.0.copied(count, output, grad);
    let dx = passes.backward(steps, records, grad, After::default());
    let dx = passes.0.in_planes(dx);
    let values = dx.get().to_vec();
    passes.0.free(dx);
    values
}

/// The two passes.
struct Passes<'a>(MapBuffers<'a>);

impl Passes<'_> {
    fn forward(&mut self, steps: &[FrozenStep], mut maps: Maps) -> (Maps, Vec<Record>) {
        let mut records = Vec::with_capacity(steps.len());
        for step in steps {
            let input = maps.shape;
            let (output, within) = self.step_forward(step, maps);
            records.push(Record {
                input,
                output: (rectifier(step) != Rectifier::None).then(|| output.clone()),
                within,
            });
            maps = output;
        }
        (maps, records)
    }

    fn step_forward(&mut self, step: &FrozenStep, x: Maps) -> (Maps, Within) {
        let y = match step {
            Step::Conv2d(conv) => self.0.convolve(&conv.forward, x, None),
            Step::MaxPool(options, output) => {
                let y = self.0.max_pool(&x, *options, *output);
                return (y, Within::Input(x));
            }
            Step::Affine {
                scale,
                shift,
                rectifier,
            } => self.0.affine(x, [scale, shift], *rectifier),
            Step::Rectify(rectifier) => self.0.rectify(x, *rectifier),
            Step::Crop(units, output) => self.0.crop(x, units, *output),
            Step::Residual {
                shortcut,
                body,
                last,
            } => {
                let (added, of_shortcut) = self.forward(shortcut, x.clone());
                let (before, of_body) = self.forward(body, x);
                let shape = before.shape;
                let y = self.0.convolve(&last.forward, before, Some(added));
                return (y, Within::Residual([of_shortcut, of_body], shape));
            }
            Step::Branches {
                branches,
                join,
                rectifier,
                output,
            } => {
                let each = branches
                    .iter()
                    .map(|branch| self.forward(branch, x.clone()));
                let (outputs, records): (Vec<Maps>, Vec<_>) = each.collect();
                self.0.free(x);
                let shapes = outputs.iter().map(|output| output.shape).collect();
                let y = self.0.join(outputs, *join, *output);
                let y = self.0.rectify(y, *rectifier);
                return (y, Within::Branches(records, shapes));
            }
            Step::Activation(activation) => {
                let mut y = self.0.own(x.clone());
                activation.nonlinearity().apply(y.get_mut());
                return (y, Within::Input(x));
            }
            Step::Layer(layer) => {
                let (layer, planned) = &**layer;
                let x = self.0.tracked(x);
                let y = layer.forward(x.clone(), planned, &mut Pass::new());
                return (self.0.maps(y.clone()), Within::Layer(Box::new([x, y])));
            }
            Step::Dense(_) | Step::GlobalAverage | Step::Reshape(_) | Step::LayerNorm { .. } => {
                unreachable!("steps with a gradient have none of these")
            }
        };
        (y, Within::Nothing)
    }

    /// The gradient of the steps' input.
    fn backward(
        &mut self,
        steps: &[FrozenStep],
        mut records: Vec<Record>,
        grad: Maps,
        after: After,
    ) -> Maps {
        let mask = mask(steps, &mut records);
        let grad = self.masked(grad, mask);
        self.backward_masked(steps, records, grad, after)
    }

    /// [`backward`](Self::backward) of a gradient that takes the last step's rectifier into account.
    fn backward_masked(
        &mut self,
        steps: &[FrozenStep],
        mut records: Vec<Record>,
        mut grad: Maps,
        mut after: After,
    ) -> Maps {
        while let Some(record) = records.pop() {
            let after = match records.len() {
                0 => std::mem::take(&mut after),
                before => After {
                    added: None,
                    mask: mask(&steps[..before], &mut records),
                },
            };
            grad = self.step_backward(&steps[records.len()], record, grad, after);
        }
        self.finished(grad, after)
    }

    fn step_backward(
        &mut self,
        step: &FrozenStep,
        record: Record,
        grad: Maps,
        after: After,
    ) -> Maps {
        let grad = match (step, record.within) {
            (Step::Conv2d(conv), _) => {
                return self.convolve_back(&conv.backward, record.input, grad, after);
            }
            (Step::MaxPool(options, _), Within::Input(x)) => {
                let grad = self.0.in_layout(grad, x.layout);
                let mut dx = self.0.new_maps(x.images, x.shape, x.layout);
                let (layout, dims) = (x.layout, x.dims());
                max_pool_gradient(layout, dims, *options, x.get(), grad.get(), dx.get_mut());
                self.0.free(x);
                self.0.free(grad);
                dx
            }
            (Step::Activation(activation), Within::Input(x)) => {
                let grad = self.0.in_layout(grad, x.layout);
                let mut dx = self.0.own(grad);
                activation.nonlinearity().gradient(x.get(), dx.get_mut());
                self.0.free(x);
                dx
            }
            (Step::Affine { scale, .. }, _) => {
                let shift = vec![0.0; scale.len()];
                self.0.affine(grad, [scale, &shift], Rectifier::None)
            }
            (Step::Crop(units, _), _) => {
                let mut dx = self.0.new_maps(grad.images, record.input, grad.layout);
                let size = record.input.map_size();
                uncrop(grad.layout, size, units, grad.get(), dx.get_mut());
                self.0.free(grad);
                dx
            }
            (
                Step::Residual {
                    shortcut,
                    body,
                    last,
                },
                Within::Residual([of_shortcut, mut of_body], before),
            ) => {
                let After { added, mask: outer } = after;
                let only_added = After { added, mask: None };
                let added = self.backward(shortcut, of_shortcut, grad.clone(), only_added);
                let after = After {
                    added: Some(added),
                    mask: outer,
                };
                if body.is_empty() {
                    return self.convolve_back(&last.backward, before, grad, after);
                }
                let of_last = After {
                    added: None,
                    mask: mask(body, &mut of_body),
                };
                let of_last = self.convolve_back(&last.backward, before, grad, of_last);
                return self.backward_masked(body, of_body, of_last, after);
            }
            (Step::Branches { branches, join, .. }, Within::Branches(records, shapes)) => {
                let grads = match join {
                    Join::Concat => self.0.parts(grad, &shapes),
                    _ => vec![grad; shapes.len()],
                };
                let After { mut added, mask } = after;
                for ((branch, of_branch), grad) in branches.iter().zip(records).zip(grads) {
                    let after = After { added, mask: None };
                    added = Some(self.backward(branch, of_branch, grad, after));
                }
                let Some(sum) = added else {
                    unreachable!("a plan has two branches or more");
                };
                return self.masked(sum, mask);
            }
            (_, Within::Layer(values)) => self.layer_gradient(*values, record.input, grad),
            _ => grad,
        };
        self.finished(grad, after)
    }

    fn finished(&mut self, grad: Maps, after: After) -> Maps {
        let grad = self.0.plus(grad, after.added);
        self.masked(grad, after.mask)
    }

    fn masked(&mut self, grad: Maps, mask: Option<Mask>) -> Maps {
        let Some(Mask { rectifier, output }) = mask else {
            return grad;
        };
        let grad = self.0.in_layout(grad, output.layout);
        let mut grad = self.0.own(grad);
        let mask = RectifierMask {
            rectifier,
            output: output.get(),
        };
        rectifier_gradient(mask, grad.get_mut());
        self.0.free(output);
        grad
    }

    /// The input gradient of a convolution.
    fn convolve_back(
        &mut self,
        conv: &Conv2dGradient,
        input: Shape,
        grad: Maps,
        After { added, mask }: After,
    ) -> Maps {
        let grad = self.0.in_layout(grad, conv.reads());
        let added = added.map(|added| self.0.in_layout(added, conv.writes()));
        let mut dx = self.0.new_maps(grad.images, input, conv.writes());
        let (own, other): (Option<Mask>, _) = match mask {
            Some(mask) if mask.output.layout == conv.writes() => (Some(mask), None),
            other => (None, other),
        };
        conv.forward(
            grad.images,
            grad.get(),
            added.as_ref().map(Maps::get),
            own.as_ref().map(|mask| RectifierMask {
                rectifier: mask.rectifier,
                output: mask.output.get(),
            }),
            dx.get_mut(),
        );
        self.0.free(grad);
        let used = added.into_iter().chain(own.map(|mask| mask.output));
        used.for_each(|maps| self.0.free(maps));
        self.masked(dx, other)
    }

    /// The input gradient of a step that burn computed.
    fn layer_gradient(&mut self, [x, y]: [Features; 2], input: Shape, grad: Maps) -> Maps {
        let images = grad.images;
        let product = match (y, self.0.tensor(grad)) {
            (Features::Map(y), Features::Map(grad)) => (y * grad).sum(),
            (Features::Flat(y), Features::Flat(grad)) => (y * grad).sum(),
            _ => unreachable!("a gradient has the shape of the output"),
        };
        let gradients = product.backward();
        let grad = match x {
            Features::Map(x) => x.grad(&gradients).map(Features::Map),
            Features::Flat(x) => x.grad(&gradients).map(Features::Flat),
        };
        match grad {
            Some(grad) => self.0.maps(grad),
            None => {
                let mut zeros = self.0.new_maps(images, input, Layout::Planes);
                zeros.get_mut().fill(0.0);
                zeros
            }
        }
    }
}

/// The mask of the last step, taken from its record, since it is needed only once.
fn mask(steps: &[FrozenStep], records: &mut [Record]) -> Option<Mask> {
    let (step, record) = (steps.last()?, records.last_mut()?);
    let output = record.output.take()?;
    Some(Mask {
        rectifier: rectifier(step),
        output,
    })
}

/// The rectifier that a step applies last.
fn rectifier(step: &FrozenStep) -> Rectifier {
    match step {
        Step::Conv2d(conv) => conv.forward.rectifier(),
        Step::MaxPool(options, _) => options.rectifier,
        Step::Residual { last, .. } => last.forward.rectifier(),
        Step::Affine { rectifier, .. }
        | Step::Rectify(rectifier)
        | Step::Branches { rectifier, .. } => *rectifier,
        _ => Rectifier::None,
    }
}
