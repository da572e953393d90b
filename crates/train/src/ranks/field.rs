//! Receptive fields whose samples are distributed among the ranks.

use super::{Kind, Ranks};
use crate::error::TrainError;
use receptive_erf::{ErfError, Peers};

impl Peers for Ranks {
    fn rank(&self) -> usize {
        Self::rank(self)
    }

    fn size(&self) -> usize {
        Self::size(self)
    }

    fn gather(&self, own: Result<Vec<u8>, ErfError>) -> Result<Vec<Vec<u8>>, ErfError> {
        let all = Self::gather(self, Kind::Field, own.map_err(TrainError::Field));
        all.map_err(|error| match error {
            TrainError::Field(own) => own,
            of_rank => ErfError::Peer {
                message: of_rank.to_string(),
                is_usage: of_rank.is_usage(),
            },
        })
    }
}

#[cfg(all(test, feature = "flex"))]
// The lint spares test functions, not what they call.
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::ranks::threads::on_ranks;
    use burn::tensor::Device;
    use receptive_erf::{
        Aggregate, ImageFunction, Inputs, MeasureOptions, MeasuredNetwork, Measurement, Method,
        Noise, Probe, Processors, measure_layer,
    };
    use receptive_model::{Activation, Conv2dLayer, FlattenLayer, LinearLayer, ModelConfig, Plan};

    fn plan() -> Plan {
        let config = ModelConfig::new(2, 15, 14)
            .with_classes(2)
            .layer(Conv2dLayer::new(3, 3))
            .layer(Activation::Relu)
            .layer(Conv2dLayer::new(3, 3))
            .layer(FlattenLayer::default())
            .layer(LinearLayer::classes());
        config.plan().unwrap()
    }

    fn measured(
        inputs: &dyn Inputs,
        method: Method,
        is_redrawn: bool,
        peers: Option<&dyn Peers>,
    ) -> Result<Measurement, ErfError> {
        let plan = plan();
        let given = plan.init_seeded(4, &Device::flex());
        let network = match is_redrawn {
            true => MeasuredNetwork::Redrawn(&plan, 4),
            false => MeasuredNetwork::Given(&given),
        };
        let options = MeasureOptions {
            samples: 170,
            noise: 0.3,
            method,
            ..MeasureOptions::default()
        };
        measure_layer(
            network,
            "3",
            &Probe::central(&plan, "3").unwrap(),
            inputs,
            &options,
            Processors::new(Device::flex()).with_peers(peers),
            &mut |_, _, _| (),
        )
    }

    #[test]
    fn a_field_measured_by_any_number_of_ranks_has_the_bits_of_one_process() {
        let noise = Noise {
            shape: [2, 15, 14],
            seed: 9,
        };
        for (method, is_redrawn) in [
            (Method::Cone, false),
            (Method::Cone, true),
            (Method::Plain, false),
            (Method::Tiles, false),
        ] {
            let alone = measured(&noise, method, is_redrawn, None).unwrap();
            for count in [1, 2, 3, 7] {
                let all = on_ranks(count, |_, ranks| {
                    measured(&noise, method, is_redrawn, Some(&*ranks)).unwrap()
                });
                for one in all {
                    assert_eq!(one.samples, alone.samples, "{count} ranks");
                    assert_eq!(one.outside, alone.outside);
                    for aggregate in Aggregate::ALL {
                        assert_eq!(one.map(aggregate), alone.map(aggregate), "{count} ranks");
                        assert_eq!(one.groups(aggregate), alone.groups(aggregate));
                    }
                }
            }
        }
    }

    #[test]
    fn an_image_that_one_rank_cannot_read_is_the_error_of_all() {
        let inputs = ImageFunction::new([2, 15, 14], Some(60), |image| match image {
            17 => Err("damaged.png: it ends early".into()),
            _ => Ok(vec![1.0; 2 * 15 * 14]),
        });
        let errors = on_ranks(3, |_, ranks| {
            let error = measured(&inputs, Method::Plain, false, Some(&*ranks)).unwrap_err();
            ranks.end(Some((error.to_string(), false))).unwrap();
            error.to_string()
        });
        // Batches of 8 images are dealt in turn: the third has this image.
        assert_eq!(errors[2], "input 17: damaged.png: it ends early");
        for error in &errors[..2] {
            assert_eq!(
                error,
                "rank 2 on here: input 17: damaged.png: it ends early"
            );
        }
    }

    #[test]
    fn ranks_with_another_task_are_rejected_by_name() {
        let errors = on_ranks(3, |rank, ranks| {
            let seed = (rank / 2).to_string();
            let parts = [("weights", "same".into()), ("arguments", seed)];
            ranks.check_task(&parts).unwrap_err().to_string()
        });
        for error in errors {
            assert_eq!(
                error,
                "rank 2 on here differs from rank 0 on here, so their results would differ: its \
                 arguments differ; start all ranks with the same arguments, on the same files"
            );
        }
    }
}
