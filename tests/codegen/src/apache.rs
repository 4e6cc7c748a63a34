//! apache-avro as the other opinion: between its values and the JSON form of events.
