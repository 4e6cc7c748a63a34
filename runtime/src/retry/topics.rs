//! The retry topics of a topic: their names, and that they fit it.
//!
//! A record waits in the partition with the number of its own, so that whoever reads a partition of the topic reads what waits of
//! it as well. A retry topic with another number of partitions is refused at start.

use rdkafka::error::RDKafkaErrorCode;

use crate::Error;
use crate::broker::{Admin, NewTopic};
use crate::error::Kind;

/// Returns the name of a retry topic, counted from 1, of a topic that has so many.
pub(crate) fn name(of: &str, tier: u32, topics: u32) -> String {
    if topics == 1 { format!("{of}_retry") } else { format!("{of}_retry_{tier}") }
}

/// Makes the retry topics that there are not yet.
///
/// # Errors
/// A topic that is not there, a retry topic with another number of partitions, or one that is not there and that we may not make.
pub(crate) async fn prepare(admin: &dyn Admin, topics: &[&str], retry_topics: u32) -> Result<(), Error> {
    for of in topics {
        let Some(partitions) = admin.partitions(of).await else {
            let text = format!(
                "the topic `{of}` is not there, and its retry topics must have as many partitions as it has; help: make it first"
            );
            return Err(Error::new(Kind::Broker, text).retriable());
        };
        let names: Vec<_> = (1..=retry_topics).map(|tier| name(of, tier, retry_topics)).collect();
        let new: Vec<_> =
            names.iter().map(|name| NewTopic { name: name.clone(), partitions: Some(partitions) }).collect();
        let refused = admin.create_topics(&new).await;
        for name in names {
            let refused = refused.iter().find(|(topic, _)| *topic == name).map(|(_, code)| *code);
            check(admin, (of, partitions), &name, refused).await?;
        }
    }
    Ok(())
}

async fn check(
    admin: &dyn Admin,
    (of, partitions): (&str, i32),
    name: &str,
    refused: Option<RDKafkaErrorCode>,
) -> Result<(), Error> {
    match (admin.partitions(name).await, refused) {
        (Some(found), _) if found == partitions => Ok(()),
        (Some(found), _) => Err(Error::settings(format!(
            "the retry topic `{name}` has {found} partitions, but `{of}` has {partitions}: a record waits in the partition with \
             the number of its own; help: give `{name}` {partitions} partitions"
        ))),
        // One that was made a moment ago may not be known to every broker yet; it has the partitions that were asked for.
        (None, None) => Ok(()),
        (None, Some(code)) => {
            let text = format!("the retry topic `{name}` is not there and cannot be made ({code}); help: make it");
            Err(Error::new(Kind::Broker, text))
        }
    }
}
