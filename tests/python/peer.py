"""Confluent's own Python client on the other side of a test: does the steps of a job and prints what came of each.

    peer.py < JOB > RESULTS

JOB      {"bootstrap": ADDRESS, "registry": URL, "steps": [STEP, ...]}
STEP     {"do": "write", "topic": NAME, "codec": CODEC, "records": [{"key": TEXT, "value": VALUE}, ...]}
         {"do": "read", "topic": NAME, "codec": CODEC, "count": NUMBER}    from the beginning of the topic
         with "key_codec": CODEC, keys are VALUEs of a schema in place of TEXT
CODEC    {"format": "avro", "schema": TEXT or null, "config": {...}, "subject": NAME, "references": [REFERENCE, ...]}
         {"format": "protobuf", "file": TEXT, "message": NAME, "config": {...}}
         schema: the writer's, or the reader's if the reader has one; config: of Confluent's (de)serializer; subject: in
         place of what the client would choose by itself; references: what the writer's schema refers to, each as
         {"name": NAME, "subject": NAME, "version": NUMBER}
VALUE    JSON; what it has no type for is an object of one key, such as {"$decimal": "1.50"}
RESULTS  a JSON list of a list for each step: of nothing, or of {"key", "headers", "value"} by partition and offset

All Protobuf steps of one job must have the same file: Python keeps one message of each name.
"""

import datetime
import decimal
import functools
import importlib
import json
import pathlib
import sys
import tempfile
import time
import uuid

import confluent_kafka
import grpc_tools
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import json_format
from grpc_tools import protoc

PATIENCE = 60

# How a type is written in JSON, and read from it.
TYPES = {
    "$decimal": (decimal.Decimal, str, decimal.Decimal),
    "$uuid": (uuid.UUID, str, uuid.UUID),
    "$time": (datetime.datetime, datetime.datetime.isoformat, datetime.datetime.fromisoformat),
    "$bytes": (bytes, bytes.hex, bytes.fromhex),
}


def from_json(fields):
    """Turns a tagged object into the value that it stands for; the hook of `json.loads`."""
    if len(fields) == 1:
        tag, text = next(iter(fields.items()))
        if tag in TYPES:
            return TYPES[tag][2](text)
    return fields


def to_json(value):
    """Turns a value that JSON has no type for into a tagged object; the hook of `json.dumps`."""
    for tag, (kind, write, _) in TYPES.items():
        if isinstance(value, kind):
            return {tag: write(value)}
    raise TypeError(f"no tag for {type(value)}: {value!r}")


@functools.cache
def message_class(text, name):
    """Compiles a .proto file with protoc and returns the class of one of its messages."""
    folder = pathlib.Path(tempfile.mkdtemp())
    (folder / "peer_file.proto").write_text(text)
    well_known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    arguments = ["protoc", f"-I{folder}", f"-I{well_known}", f"--python_out={folder}", "peer_file.proto"]
    if protoc.main(arguments) != 0:
        raise ValueError("protoc refused the file")
    sys.path.insert(0, str(folder))
    return getattr(importlib.import_module("peer_file_pb2"), name.rsplit(".")[-1])


def encoder(codec, registry):
    config = dict(codec.get("config", {}))
    if codec.get("subject"):
        config["subject.name.strategy"] = lambda context, record_name: codec["subject"]
    if codec["format"] == "avro":
        references = [SchemaReference(**reference) for reference in codec.get("references", [])]
        return AvroSerializer(registry, Schema(codec["schema"], "AVRO", references), conf=config)
    kind = message_class(codec["file"], codec["message"])
    encode = ProtobufSerializer(kind, registry, config)
    return lambda value, context: encode(json_format.ParseDict(value, kind()), context)


def decoder(codec, registry):
    config = codec.get("config", {})
    if codec["format"] == "avro":
        return AvroDeserializer(registry, codec["schema"], conf=config)
    decode = ProtobufDeserializer(message_class(codec["file"], codec["message"]), config, registry)
    return lambda value, context: json_format.MessageToDict(decode(value, context), preserving_proto_field_name=True)


def write(job, step, registry):
    encode = encoder(step["codec"], registry)
    context = SerializationContext(step["topic"], MessageField.VALUE)
    encode_key = encoder(step["key_codec"], registry) if "key_codec" in step else lambda key, _: key
    key_context = SerializationContext(step["topic"], MessageField.KEY)
    producer = confluent_kafka.Producer({"bootstrap.servers": job["bootstrap"]})
    errors = []
    for record in step["records"]:
        key, value = encode_key(record["key"], key_context), encode(record["value"], context)
        # Partition 0, so that the order is known to the test.
        producer.produce(
            step["topic"], value, key, partition=0, on_delivery=lambda error, _: error and errors.append(error)
        )
    if producer.flush(PATIENCE) or errors:
        raise RuntimeError(f"not written: {errors}")
    return []


def read(job, step, registry):
    decode = decoder(step["codec"], registry)
    context = SerializationContext(step["topic"], MessageField.VALUE)
    decode_key = decoder(step["key_codec"], registry) if "key_codec" in step else lambda key, _: key.decode()
    key_context = SerializationContext(step["topic"], MessageField.KEY)
    consumer = confluent_kafka.Consumer({"bootstrap.servers": job["bootstrap"], "group.id": "unused"})
    partitions = consumer.list_topics(step["topic"], PATIENCE).topics[step["topic"]].partitions
    beginning = confluent_kafka.OFFSET_BEGINNING
    consumer.assign([confluent_kafka.TopicPartition(step["topic"], number, beginning) for number in partitions])
    messages = []
    deadline = time.monotonic() + PATIENCE
    while len(messages) < step["count"]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(messages)} of {step['count']} records came")
        message = consumer.poll(1)
        if message is not None and not message.error():
            messages.append(message)
    consumer.close()
    messages.sort(key=lambda message: (message.partition(), message.offset()))
    return [
        {
            "key": decode_key(message.key(), key_context),
            "headers": {name: value.decode() for name, value in message.headers() or []},
            "value": decode(message.value(), context),
        }
        for message in messages
    ]


def main():
    job = json.load(sys.stdin, object_hook=from_json)
    registry = SchemaRegistryClient({"url": job["registry"]})
    results = [{"write": write, "read": read}[step["do"]](job, step, registry) for step in job["steps"]]
    json.dump(results, sys.stdout, default=to_json)


main()
