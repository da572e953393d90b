use super::{Field, Operation, PlannedLayer, Shape};

/// What flows between two layers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signal {
    pub(crate) shape: Shape,
    pub(crate) trf: [Field; 2],
    /// The map's height and width, which a row of values still comes from after `flatten`.
    extent: [usize; 2],
}

impl Signal {
    /// An image before the first layer.
    pub(crate) fn image(channels: usize, height: usize, width: usize) -> Self {
        let shape = Shape::Map {
            channels,
            height,
            width,
        };
        Self {
            shape,
            trf: [Field::PIXEL; 2],
            extent: [height, width],
        }
    }

    /// The same behind a layer.
    pub(crate) fn after(self, layer: &PlannedLayer) -> Self {
        let extent = match (layer.output, &layer.operation) {
            (Shape::Map { height, width, .. }, _) => [height, width],
            (_, Operation::GlobalAvgPool2d | Operation::Linear { .. }) => [1, 1],
            (
                _,
                Operation::Conv2d { .. }
                | Operation::MaxPool2d { .. }
                | Operation::AvgPool2d { .. }
                | Operation::BatchNorm { .. }
                | Operation::Activation(_)
                | Operation::Dropout { .. }
                | Operation::Residual { .. }
                | Operation::Crop { .. }
                | Operation::Flatten,
            ) => self.extent,
        };
        Self {
            shape: layer.output,
            trf: layer.trf,
            extent,
        }
    }

    /// What a unit sees that looks at the whole of this.
    pub(crate) fn whole(&self) -> [Field; 2] {
        [
            self.trf[0].whole(self.extent[0]),
            self.trf[1].whole(self.extent[1]),
        ]
    }
}
