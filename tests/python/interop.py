"""Confluent's own Python client on the other side: writes what Rust must read, and reads what Rust has written.

    interop.py write BOOTSTRAP REGISTRY PREFIX SCHEMAS    an order of each version and a payment
    interop.py read BOOTSTRAP REGISTRY PREFIX SCHEMAS     an order of each version and a payment, as JSON lines
"""

import datetime
import decimal
import importlib
import json
import pathlib
import sys
import tempfile
import uuid

import grpc_tools
from confluent_kafka import Consumer, Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from grpc_tools import protoc

mode, bootstrap, registry_url, prefix, schemas = sys.argv[1:6]
schemas = pathlib.Path(schemas)
registry = SchemaRegistryClient({"url": registry_url})
placed = datetime.datetime(2026, 2, 3, 4, 5, 6, 789000, tzinfo=datetime.timezone.utc)


def payment_class():
    """Compiles the newest .proto of the payment and returns its message class."""
    out = tempfile.mkdtemp()
    well_known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    folder = schemas / "payment_settled"
    status = protoc.main(["protoc", f"-I{folder}", f"-I{well_known}", f"--python_out={out}", str(folder / "v2.proto")])
    assert status == 0, f"protoc ended with {status}"
    sys.path.insert(0, out)
    return importlib.import_module("v2_pb2")


def value_context(topic):
    return SerializationContext(topic, MessageField.VALUE)


def order(version):
    fields = {
        "order_id": uuid.UUID(int=version),
        "customer_id": "customer-é",
        "product_id": "product-1",
        "quantity": 3,
        "price": decimal.Decimal("-19.99"),
        "currency": "GBP",
        "created_at": placed,
    }
    if version == 2:
        item = {"product_id": "product-2", "quantity": 1, "unit_price": decimal.Decimal("1234567890123456.78")}
        fields |= {"items": [item], "discount_code": "WELCOME10", "correlation_id": None}
    return fields


def write():
    producer = Producer({"bootstrap.servers": bootstrap})
    reports = []
    report = lambda error, message: reports.append(error)
    topic = f"{prefix}orders"
    for version in (1, 2):
        text = (schemas / "order_created" / f"v{version}.avsc").read_text()
        value = AvroSerializer(registry, text)(order(version), value_context(topic))
        producer.produce(topic, value, str(uuid.UUID(int=version)), on_delivery=report)

    pb2 = payment_class()
    payment = pb2.PaymentSettled(payment_id="p-1", order_id="o-1", method=pb2.PAYMENT_METHOD_TRANSFER)
    payment.amount.CopyFrom(pb2.Money(currency="EUR", minor_units=-1999, exponent=2))
    payment.settled_at.FromDatetime(placed.replace(tzinfo=None))
    payment.bank_reference = "bank-1"
    topic = f"{prefix}payments"
    value = ProtobufSerializer(pb2.PaymentSettled, registry)(payment, value_context(topic))
    producer.produce(topic, value, "o-1", on_delivery=report)
    assert producer.flush(30) == 0 and reports == [None] * 3, reports


def plain(value):
    """What JSON has no type for, as text."""
    return value.isoformat() if isinstance(value, datetime.datetime) else str(value)


def read():
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"{prefix}python", "auto.offset.reset": "earliest"})
    orders, payments = f"{prefix}orders", f"{prefix}payments"
    consumer.subscribe([orders, payments])
    avro = AvroDeserializer(registry)
    pb2 = payment_class()
    protobuf = ProtobufDeserializer(pb2.PaymentSettled, {"use.deprecated.format": False}, registry)
    found = []
    deadline = datetime.datetime.now() + datetime.timedelta(seconds=60)
    while len(found) < 3 and datetime.datetime.now() < deadline:
        message = consumer.poll(1)
        if message is None or message.error():
            continue
        headers = {name: value.decode() for name, value in message.headers() or []}
        if message.topic() == orders:
            value = avro(message.value(), value_context(orders))
        else:
            payment = protobuf(message.value(), value_context(payments))
            value = {
                "payment_id": payment.payment_id,
                "minor_units": payment.amount.minor_units,
                "method": pb2.PaymentMethod.Name(payment.method),
                "settled_at": payment.settled_at.ToJsonString(),
                "bank_reference": payment.bank_reference,
                "fees": len(payment.fees),
            }
        found.append({"key": message.key().decode(), "version": headers["ew-schema-version"], "value": value})
    consumer.close()
    found.sort(key=lambda record: (len(record["value"]), record["key"]))
    for record in found:
        print(json.dumps(record, default=plain, ensure_ascii=False))


{"write": write, "read": read}[mode]()
