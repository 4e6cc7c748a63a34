//! The main job on real Kafka, with the generated events of `schemas/`: v1 and v2 side by side, a restart, a writer that
//! nobody knew at build time, and Confluent's own client on the other side.

mod foreign;
mod outage;
mod restart;
mod side_by_side;
mod unknown_writer;
mod world;
