//! The retry topics of a topic: that they fit it. Their names are in `topics`.
//!
//! A record waits in the partition with the number of its own, so that whoever reads a partition of the topic reads what waits of
//! it as well. A retry topic with another number of partitions is refused at start.

use std::time::Duration;

use rdkafka::error::RDKafkaErrorCode;
use tokio::time::{Instant, sleep};

use crate::broker::{Admin, NewTopic};
use crate::error::Kind;
use crate::{Error, topics};

/// How long a topic that is not there is looked for.
const NEW_TOPIC: Duration = Duration::from_secs(2);

/// The pause before it is looked for again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Makes the retry topics that there are not yet; `topics` are the main ones, with their partitions where they are there.
///
/// # Errors
/// A topic that is not there, a retry topic with another number of partitions, or one that is not there and that we may not make.
pub(crate) async fn prepare(admin: &dyn Admin, topics: &[(&str, Option<i32>)], count: u32) -> Result<(), Error> {
    let mut all = Vec::new();
    for (of, partitions) in topics {
        let Some(partitions) = known(admin, of, *partitions).await else {
            let text = format!(
                "the topic `{of}` is not there, and its retry topics must have as many partitions as it has; help: make it \
                 first, with `eventwright topics apply`"
            );
            return Err(Error::new(Kind::Broker, text).retriable());
        };
        all.extend(topics::retry(of, count).into_iter().map(|name| (*of, partitions, name)));
    }
    let new = |(_, partitions, name): &(_, i32, String)| NewTopic { name: name.clone(), partitions: Some(*partitions) };
    let refused = admin.create_topics(&all.iter().map(new).collect::<Vec<_>>()).await;
    for (of, partitions, name) in all {
        let refused = refused.iter().find(|(topic, _)| *topic == name).map(|(_, code)| *code);
        check(admin, (of, partitions), &name, refused).await?;
    }
    Ok(())
}

/// Returns the partitions of a topic; one that was made a moment ago may not be known to every broker yet.
async fn known(admin: &dyn Admin, topic: &str, mut partitions: Option<i32>) -> Option<i32> {
    let until = Instant::now() + NEW_TOPIC;
    while partitions.is_none() && Instant::now() < until {
        sleep(LOOK_AGAIN).await;
        partitions = admin.partitions(topic).await;
    }
    partitions
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
            let text = format!(
                "the retry topic `{name}` is not there and cannot be made ({code}); help: make it with `eventwright topics apply`"
            );
            Err(Error::new(Kind::Broker, text))
        }
    }
}
